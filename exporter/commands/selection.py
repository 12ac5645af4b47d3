"""Find the tenant and the bot that a flag names."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, NamedTuple

import click

from exporter.commands.platforms import TenantAccess
from exporter.config import Bot, Config, Tenant
from exporter.polling.snapshot import BotId

_MAX_LISTED: Final = 10


class Chosen(NamedTuple):
    """A bot, and the access to its tenant."""

    access: TenantAccess
    bot: Bot

    @property
    def id(self) -> BotId:
        """Return the bot's identity on the metrics page."""
        return BotId.of(self.access.platform.name, self.access.tenant, self.bot)


def describe_tenant(tenant: Tenant) -> str:
    """Return a tenant's name and id."""
    return f"{tenant.name} ({tenant.tenant_id})" if tenant.name else tenant.tenant_id


def locate(access: TenantAccess) -> str:
    """Return a tenant's name and id, and its platform."""
    return f"{describe_tenant(access.tenant)} on {access.platform.name}"


def keep_tenant(config: Config, wanted: str | None) -> Config:
    """Return a configuration with only the tenants that have a name or an id; None keeps all.

    Raises:
        click.UsageError: there is no such tenant.
    """
    if wanted is None:
        return config
    platforms = tuple(
        replace(platform, tenants=kept)
        for platform in config.platforms
        if (kept := tuple(tenant for tenant in platform.tenants if wanted in (tenant.name, tenant.tenant_id)))
    )
    if not platforms:
        tenants = [tenant for _, tenant in config.tenants()]
        names = [name for tenant in tenants for name in (tenant.name, tenant.tenant_id) if name]
        raise click.UsageError(
            f"no tenant has the name or id {wanted!r}{_suggest(wanted, names)}; {_list_known('tenants', map(describe_tenant, tenants))}"
        )
    return replace(config, platforms=platforms)


def list_configured(tenants: Iterable[TenantAccess]) -> list[Chosen]:
    """Return every configured bot."""
    return [Chosen(access, bot) for access in tenants for bot in access.tenant.bots]


def find_bots(bots: Iterable[Chosen], wanted: str) -> list[Chosen]:
    """Return the bots with an access code or, if there are none, with a name."""
    listed = list(bots)
    by_code = [chosen for chosen in listed if chosen.bot.access_code == wanted]
    return by_code or [chosen for chosen in listed if chosen.bot.name == wanted]


def choose_one(found: Sequence[Chosen], wanted: str | None, known: Sequence[Chosen]) -> Chosen:
    """Return the only bot found.

    Raises:
        click.UsageError: there is none, or there are several; the message says what to type.
    """
    if len(found) == 1:
        return found[0]
    if found:
        several = _join(f"{chosen.bot.access_code} of tenant {locate(chosen.access)}" for chosen in found)
        problem = "there are several bots" if wanted is None else f"several bots have the name {wanted!r}"
        raise click.UsageError(f"{problem}; choose one with --bot=ACCESS_CODE or --tenant=NAME: {several}")
    names = [name for chosen in known for name in (chosen.bot.name, chosen.bot.access_code)]
    raise click.UsageError(
        f"no bot has the name or access code {wanted!r}{_suggest(wanted or '', names)};"
        f" {_list_known('bots', (chosen.bot.name for chosen in known))}. With --tenant=NAME, any access code works;"
        " oifde-exporter discover lists them."
    )


def _suggest(wanted: str, names: Sequence[str]) -> str:
    close = get_close_matches(wanted, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _list_known(kind: str, names: Iterable[str]) -> str:
    return f"the {kind} are: {_join(names) or 'none'}"


def _join(words: Iterable[str]) -> str:
    listed = list(words)
    more = f" and {len(listed) - _MAX_LISTED} more" if len(listed) > _MAX_LISTED else ""
    return ", ".join(listed[:_MAX_LISTED]) + more
