"""``oifde-exporter discover``: the bots that a platform has bound to a tenant."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import click
from structlog.typing import FilteringBoundLogger

from exporter import config, logs, signals
from exporter.clock import SystemClock
from exporter.commands.advice import advice
from exporter.commands.help import Command
from exporter.commands.options import (
    config_option,
    config_source,
    format_option,
    log_options,
    tenant_option,
    told_to_the_user,
)
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import title, with_tenant
from exporter.config import Config
from exporter.console.output import Output, stdout
from exporter.polling.roster import choose_bots
from exporter.upstream.bindings import Binding, list_bindings
from exporter.upstream.errors import UpstreamError

_KINDS: Final[Mapping[int | None, str]] = {
    1: "voice navigation",
    2: "outbound",
    3: "chatbot",
    4: "IVR flow",
    None: "",
}


_YAML_INDENT: Final = 8


class _Listing(NamedTuple):
    """What came of a tenant's listing."""

    tenant: TenantAccess
    bindings: Sequence[Binding] = ()
    unusable: Sequence[str] = ()
    error: UpstreamError | None = None

    def states(self) -> Sequence[Literal["configured", "discovered", "not polled"]]:
        """Of each bot, whether the daemon polls it, and why."""
        tenant = self.tenant.tenant
        configured = {bot.access_code for bot in tenant.bots}
        names = {binding.access_code: binding.name for binding in self.bindings}
        polled = (
            {bot.access_code for bot in choose_bots(tenant.bots, names, tenant.discovery)} if tenant.discovery else ()
        )
        return [
            "configured" if code in configured else "discovered" if code in polled else "not polled" for code in names
        ]

    @property
    def unbound(self) -> Sequence[str]:
        """The access codes that are configured and not listed."""
        listed = {binding.access_code for binding in self.bindings}
        return [bot.access_code for bot in self.tenant.tenant.bots if not self.error and bot.access_code not in listed]


@click.command(
    cls=Command,
    short_help="List the bots bound to a tenant, ready to paste.",
    examples="""
oifde-exporter discover                        the bots of every tenant
oifde-exporter discover --tenant=acme --format=yaml
oifde-exporter discover --format=json | jq -r '.tenants[].bots[].name'
""",
)
@config_option
@tenant_option
@format_option("table", "yaml", "json")
@log_options("error")
@click.pass_context
def discover(
    ctx: click.Context, /, config_file: Path, tenant: str | None, format: str, log_level: str, log_format: str
) -> None:
    """List the bots that the platform has bound to a tenant, and say which of them are polled.

    A tenant needs a login to be asked, but no bots: with "discovery: {}" in place of "bots:" its configuration is
    valid. Paste what --format=yaml prints into the tenant, or leave it to discovery.

    Exit status: 0, or 1 if a tenant's bots could not be listed, 2 for flags that are wrong.
    """
    log = logs.configure(level=log_level, format=log_format)
    with told_to_the_user():
        loaded = with_tenant(config.load(config_source(ctx, config_file), os.environ), tenant)
    listings = signals.run(_list(loaded, log))
    _SHOW[format](stdout(), listings)
    for listing in listings:
        if listing.error:
            told = f"{title(listing.tenant.tenant)} on {listing.tenant.platform.name}: {listing.error}"
            click.echo(logs.printable(f"oifde-exporter: {told}. {advice(listing.error)}"), err=True)
    sys.exit(any(listing.error for listing in listings))


async def _list(loaded: Config, log: FilteringBoundLogger) -> list[_Listing]:
    async with open_tenants(loaded, clock=SystemClock(), log=log) as tenants:
        return await asyncio.gather(*(_list_one(tenant) for tenant in tenants))


async def _list_one(tenant: TenantAccess) -> _Listing:
    unusable: list[str] = []
    try:
        bindings = await list_bindings(tenant.session, tenant.tenant.tenant_id, on_unusable=unusable.append)
    except UpstreamError as error:
        return _Listing(tenant, error=error)
    return _Listing(tenant, bindings, unusable)


def _show_table(output: Output, listings: Sequence[_Listing]) -> None:
    for number, listing in enumerate(listings):
        if listing.error:
            continue
        if number:
            output.line()
        output.line(f"{title(listing.tenant.tenant)} on {listing.tenant.platform.name}", "bold")
        states = listing.states()
        output.table(
            [("access code", "name"), ("bot", "left"), ("source", "name"), ("kind", "left"), ("state", "name")],
            [
                (each.access_code, each.name, each.source, _KINDS[each.dialog_type], state)
                for each, state in zip(listing.bindings, states, strict=True)
            ],
            ["yellow" if state == "not polled" else "" for state in states],
        )
        output.line(f"{len(states)} bound, {states.count('not polled')} of them not polled.")
        for access_code in listing.unbound:
            output.line(f"{access_code} is configured, but not bound: is its access code mistyped?", "red")
        for reason in sorted(set(listing.unusable)):
            output.line(f"Left out: {reason} ({listing.unusable.count(reason)} of them).", "yellow")


def _show_yaml(output: Output, listings: Sequence[_Listing]) -> None:
    """A document for each tenant, indented as a tenant's keys are; bots that are polled already are comments."""
    listed = [listing for listing in listings if not listing.error]
    for number, listing in enumerate(listed):
        if number:
            output.verbatim("---")
        output.verbatim(f"# {title(listing.tenant.tenant)} on {listing.tenant.platform.name}")
        states = listing.states()
        if "not polled" in states:
            output.verbatim("bots:", indent=_YAML_INDENT)
        for binding, state in sorted(
            zip(listing.bindings, states, strict=True), key=lambda each: each[1] != "not polled"
        ):
            code, name = _quoted(binding.access_code), _quoted(binding.name)
            if state == "not polled":
                output.verbatim(f"- access_code: {code}", indent=_YAML_INDENT + 2)
                output.verbatim(f"name: {name}", indent=_YAML_INDENT + 4)
            else:
                output.verbatim(f"# {state}: {code} {name}", indent=_YAML_INDENT + 2)


def _quoted(text: str) -> str:
    """A text as YAML, for a configuration, in which ${NAME} would be replaced."""
    quoted = json.dumps(text.replace("$", "$$"), ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)


def _show_json(output: Output, listings: Sequence[_Listing]) -> None:
    output.json({"tenants": [_as_json(listing) for listing in listings]})


def _as_json(listing: _Listing) -> dict[str, object]:
    return {
        "platform": listing.tenant.platform.name,
        "tenant_id": listing.tenant.tenant.tenant_id,
        "tenant": listing.tenant.tenant.name,
        "error": str(listing.error) if listing.error else None,
        "bots": [
            {
                "access_code": each.access_code,
                "name": each.name,
                "state": state,
                "source": each.source,
                "dialog_type": each.dialog_type,
                "flow_code": each.flow_code,
                "flow_name": each.flow_name,
                "description": each.description,
            }
            for each, state in zip(listing.bindings, listing.states(), strict=True)
        ],
        "configured_but_not_bound": listing.unbound,
    }


_SHOW: Final = {"table": _show_table, "yaml": _show_yaml, "json": _show_json}
