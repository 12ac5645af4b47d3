"""``oifde-exporter discover``: list the bots that a platform has bound to a tenant."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final, Literal, NamedTuple

import click
from structlog.typing import FilteringBoundLogger

from exporter.clock import SystemClock
from exporter.commands.advice import complain
from exporter.commands.help import Command
from exporter.commands.options import format_option, lang_option, log_options
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import locate, tenants_option
from exporter.config import Bot, Config
from exporter.console.output import Output, open_stdout
from exporter.language import Language, Text
from exporter.polling.roster import choose_bots
from exporter.upstream.bindings import Binding, IncompleteListing, list_bindings
from exporter.upstream.errors import UpstreamError

_KINDS: Final[Mapping[int | None, str]] = {
    1: Text("voice navigation"),
    2: Text("outbound"),
    3: Text("chatbot"),
    4: Text("IVR flow"),
    None: "",
}
_STATES: Final = {
    "configured": Text("configured"),
    "discovered": Text("discovered"),
    "not polled": Text("not polled"),
}


_YAML_INDENT: Final = 8


class _Listing(NamedTuple):
    """The bots that the platform lists for a tenant, and the error if there are none or some may be missing."""

    tenant: TenantAccess
    bindings: Sequence[Binding] = ()
    unusable: Sequence[str] = ()
    error: UpstreamError | None = None

    def list_states(self) -> Sequence[Literal["configured", "discovered", "not polled"]]:
        """Return for each bot whether the daemon polls it, and why."""
        tenant = self.tenant.tenant
        configured = {bot.access_code for bot in tenant.bots}
        names = {binding.access_code: binding.name for binding in self.bindings}
        polled = {bot.access_code for bot in choose_bots(tenant.bots, names, tenant.discovery)}
        return [
            "configured" if code in configured else "discovered" if code in polled else "not polled" for code in names
        ]

    @property
    def unbound(self) -> Sequence[str]:
        """Return the access codes that are configured but not listed."""
        listed = {binding.access_code for binding in self.bindings}
        return [bot.access_code for bot in self.tenant.tenant.bots if not self.error and bot.access_code not in listed]


@click.command(
    cls=Command,
    short_help="List the bots bound to a tenant, also as YAML.",
    examples="""
oifde-exporter discover                        the bots of every tenant
oifde-exporter discover --tenant=acme --format=yaml
oifde-exporter discover --format=json | jq -r '.tenants[].bots[].name'
""",
)
@tenants_option
@format_option("table", "yaml", "json")
@lang_option
@log_options("error")
async def discover(loaded: Config, format: str, lang: Language, log: FilteringBoundLogger) -> int:
    """List the bots that the platform has bound to a tenant, and show which of them are polled.

    The configuration of the tenant needs a login, but no bots: write "discovery: {}" in place of "bots:". The output
    of --format=yaml replaces the "bots:" of the tenant. It keeps the names and labels of configured bots.

    Exit status: 0 on success, 1 if listing a tenant's bots failed, 2 for wrong flags.
    """
    async with open_tenants(loaded, clock=SystemClock(), log=log) as tenants:
        listings = await asyncio.gather(*(_list_one(tenant) for tenant in tenants))
    _SHOW[format](open_stdout(lang), listings)
    for listing in listings:
        if listing.error:
            complain(listing.error, lang, locate(listing.tenant))
    return int(any(listing.error for listing in listings))


async def _list_one(tenant: TenantAccess) -> _Listing:
    unusable: list[str] = []
    try:
        bindings = await list_bindings(tenant.session, tenant.tenant.tenant_id, on_unusable=unusable.append)
    except UpstreamError as error:
        found = error.bindings if isinstance(error, IncompleteListing) else ()
        return _Listing(tenant, found, unusable, error)
    return _Listing(tenant, bindings, unusable)


def _show_table(output: Output, listings: Sequence[_Listing]) -> None:
    for number, listing in enumerate(listings):
        if listing.error and not listing.bindings:
            continue
        if number:
            output.line()
        output.line(locate(listing.tenant), "bold")
        states = listing.list_states()
        output.table(
            list(zip(listing.bindings, states, strict=True)),
            [
                (Text("access code"), "name", lambda row: row[0].access_code),
                (Text("bot"), "left", lambda row: row[0].name),
                (Text("source"), "name", lambda row: row[0].source),
                (Text("kind"), "left", lambda row: _KINDS[row[0].dialog_type]),
                (Text("state"), "name", lambda row: _STATES[row[1]]),
            ],
            lambda row: "yellow" if row[1] == "not polled" else "",
        )
        output.line(
            Text("%(bound)s bound, %(others)s not polled.", bound=len(states), others=states.count("not polled"))
        )
        for access_code in listing.unbound:
            output.line(Text("%(code)s is configured, but not bound. Check the access code.", code=access_code), "red")
        for reason in sorted(set(listing.unusable)):
            ignored = Text("Ignored %(rows)s rows: %(reason)s.", rows=listing.unusable.count(reason), reason=reason)
            output.line(ignored, "yellow")


def _show_yaml(output: Output, listings: Sequence[_Listing]) -> None:
    """Print one document for each tenant, with the indent of a tenant's keys. Discovered bots are comments."""
    listed = [listing for listing in listings if listing.bindings or not listing.error]
    for number, listing in enumerate(listed):
        if number:
            output.verbatim("---")
        output.verbatim(f"# {locate(listing.tenant)}")
        named = [(binding, state) for binding, state in zip(listing.bindings, listing.list_states(), strict=True)]
        new = [Bot(binding.access_code, binding.name) for binding, state in named if state == "not polled"]
        if bots := [*listing.tenant.tenant.bots, *new]:
            output.verbatim("bots:", indent=_YAML_INDENT)
        for bot in bots:
            output.verbatim(f"- access_code: {_quote(bot.access_code)}", indent=_YAML_INDENT + 2)
            if bot.name != bot.access_code:
                output.verbatim(f"name: {_quote(bot.name)}", indent=_YAML_INDENT + 4)
            if bot.labels:
                labels = ", ".join(f"{_quote(name)}: {_quote(value)}" for name, value in bot.labels.items())
                output.verbatim(f"labels: {{{labels}}}", indent=_YAML_INDENT + 4)
        for binding, state in named:
            if state == "discovered":
                code, name = _quote(binding.access_code), _quote(binding.name)
                output.verbatim(f"# discovered: {code} {name}", indent=_YAML_INDENT + 2)


def _quote(text: str) -> str:
    """Return a text as YAML for a configuration, which would replace ${NAME}."""
    quoted = json.dumps(text.replace("$", "$$"), ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def _show_json(output: Output, listings: Sequence[_Listing]) -> None:
    output.json({"tenants": [_convert_listing(listing) for listing in listings]})


def _convert_listing(listing: _Listing) -> dict[str, object]:
    return {
        "platform": listing.tenant.platform.name,
        "tenant_id": listing.tenant.tenant.tenant_id,
        "tenant": listing.tenant.tenant.name,
        "error": str(listing.error) if listing.error else None,
        "bots": [
            asdict(binding) | {"state": state}
            for binding, state in zip(listing.bindings, listing.list_states(), strict=True)
        ],
        "configured_but_not_bound": listing.unbound,
    }


_SHOW: Final = {"table": _show_table, "yaml": _show_yaml, "json": _show_json}
