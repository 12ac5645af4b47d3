"""Which tenant and which bot of a configuration a command is about, from what was typed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, NamedTuple

import click

from exporter.config import Bot, Config, Platform, Tenant
from exporter.polling.snapshot import BotId

_MOST_NAMED: Final = 10


class Chosen(NamedTuple):
    """A bot in its place."""

    platform: Platform
    tenant: Tenant
    bot: Bot

    @property
    def id(self) -> BotId:
        """The bot as its series name it."""
        return BotId.of(self.platform.name, self.tenant, self.bot)


def title(tenant: Tenant) -> str:
    """A tenant as people know it."""
    return f"{tenant.name} ({tenant.tenant_id})" if tenant.name else tenant.tenant_id


def with_tenant(config: Config, wanted: str | None) -> Config:
    """The configuration with only the tenants of a name or an id; None: with all. Raises click.UsageError without any."""
    if wanted is None:
        return config
    platforms = [
        replace(platform, tenants=tuple(each for each in platform.tenants if wanted in (each.name, each.tenant_id)))
        for platform in config.platforms
    ]
    chosen = tuple(platform for platform in platforms if platform.tenants)
    if not chosen:
        names = [name for _, tenant in config.tenants() for name in (tenant.name, tenant.tenant_id) if name]
        raise click.UsageError(
            f"no tenant has the name or the id {wanted!r}{_instead(wanted, names)};"
            f" {_there_are(title(tenant) for _, tenant in config.tenants())}"
        )
    return replace(config, platforms=chosen)


def bots_of(config: Config) -> Iterator[Chosen]:
    """Every configured bot."""
    for platform, tenant in config.tenants():
        for bot in tenant.bots:
            yield Chosen(platform, tenant, bot)


def named(bots: Iterable[Chosen], wanted: str) -> list[Chosen]:
    """The bots with a name or, before those, an access code."""
    listed = list(bots)
    by_code = [each for each in listed if each.bot.access_code == wanted]
    return by_code or [each for each in listed if each.bot.name == wanted]


def only(found: Sequence[Chosen], wanted: str | None, of: Sequence[Chosen]) -> Chosen:
    """The one bot found. Raises click.UsageError, with what to write instead, if there is none or there are several."""
    if len(found) == 1:
        return found[0]
    if found:
        several = _listed(
            f"{each.bot.access_code} of tenant {title(each.tenant)} on {each.platform.name}" for each in found
        )
        say = "say which" if wanted is None else f"{wanted!r} is the name of several bots"
        raise click.UsageError(f"{say}, with --bot=ACCESS_CODE or --tenant=NAME: {several}")
    names = [name for each in of for name in (each.bot.name, each.bot.access_code)]
    raise click.UsageError(
        f"no bot has the name or the access code {wanted!r}{_instead(wanted or '', names)};"
        f" {_there_are(each.bot.name for each in of)}. With --tenant=NAME, any access code may be asked for;"
        " oifde-exporter discover lists those there are."
    )


def _instead(wanted: str, names: Sequence[str]) -> str:
    close = get_close_matches(wanted, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _there_are(words: Iterable[str]) -> str:
    each = list(words)
    return f"there {'is' if len(each) == 1 else 'are'} {_listed(each) or 'none'}"


def _listed(words: Iterable[str]) -> str:
    each = list(words)
    more = f" and {len(each) - _MOST_NAMED} more" if len(each) > _MOST_NAMED else ""
    return ", ".join(each[:_MOST_NAMED]) + more
