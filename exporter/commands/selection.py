"""Find the tenant and the bot that a flag names."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from exporter.commands.options import config_option, flag, load_config
from exporter.commands.platforms import TenantAccess
from exporter.config import Bot, Config, Tenant
from exporter.language import Text, join
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
    return Text("%(name)s (%(id)s)", name=tenant.name, id=tenant.tenant_id) if tenant.name else tenant.tenant_id


def locate(access: TenantAccess) -> Text:
    """Return a tenant's name and id, and its platform."""
    return Text("%(tenant)s on %(platform)s", tenant=describe_tenant(access.tenant), platform=access.platform.name)


def tenants_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config.file`` and ``--tenant``. The command gets the configuration of these tenants as ``loaded``."""

    @click.pass_context
    @wraps(command)
    def run(ctx: click.Context, /, *arguments: Any, config_file: Path, tenant: str | None, **others: Any) -> Any:
        return command(*arguments, loaded=keep_tenant(load_config(ctx, config_file), tenant), **others)

    return config_option(
        flag("--tenant", metavar="NAME|ID", help="Only the tenant with this name or id. Default: all.")(run)
    )


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
            Text(
                "no tenant has the name or id %(name)s; the tenants are: %(known)s",
                name=_suggest(wanted, names),
                known=_join(map(describe_tenant, tenants)),
            )
        )
    return replace(config, platforms=platforms)


def find_bots(bots: Iterable[Chosen], wanted: str | None) -> list[Chosen]:
    """Return the bots with an access code or, if there are none, with a name; None: all."""
    listed = list(bots)
    if wanted is None:
        return listed
    by_code = [chosen for chosen in listed if chosen.bot.access_code == wanted]
    return by_code or [chosen for chosen in listed if chosen.bot.name == wanted]


def choose_one(known: Sequence[Chosen], wanted: str | None) -> Chosen:
    """Return the only bot with an access code or a name; None: the only bot.

    Raises:
        click.UsageError: there is none, or there are several; the message says what to type.
    """
    found = find_bots(known, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        several = _join(
            Text("%(code)s of tenant %(tenant)s", code=chosen.bot.access_code, tenant=locate(chosen.access))
            for chosen in found
        )
        raise click.UsageError(
            Text(
                "there are several bots; choose one with --bot=ACCESS_CODE or --tenant=NAME: %(bots)s"
                if wanted is None
                else "several bots have the name %(name)r; choose one with --bot=ACCESS_CODE or --tenant=NAME: %(bots)s",
                name=wanted,
                bots=several,
            )
        )
    names = [name for chosen in known for name in (chosen.bot.name, chosen.bot.access_code)]
    raise click.UsageError(
        Text(
            "no bot has the name or access code %(name)s; the bots are: %(known)s. With --tenant=NAME, any access code works;"
            " oifde-exporter discover lists them.",
            name=_suggest(wanted, names),
            known=_join(chosen.bot.name for chosen in known),
        )
    )


def _suggest(wanted: str | None, names: Sequence[str]) -> Text:
    """Quote a name, and name a similar one that exists."""
    close = get_close_matches(wanted or "", names, n=1)
    if close:
        return Text("%(name)r (did you mean %(similar)r?)", name=wanted, similar=close[0])
    return Text("%(name)r", name=wanted)


def _join(names: Iterable[str]) -> str:
    return join(names, _MAX_LISTED) or Text("none")
