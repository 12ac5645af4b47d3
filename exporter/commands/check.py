"""``oifde-exporter check``: is a configuration right, does it fit, and, with --live, does it work."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
from structlog.typing import FilteringBoundLogger

from exporter import config, logs, signals
from exporter.clock import SystemClock
from exporter.commands.check_findings import Finding, Level, merged, of_configuration
from exporter.commands.check_live import Live, check_live
from exporter.commands.check_plan import Plan, plan
from exporter.commands.help import Command
from exporter.commands.options import (
    Moment,
    at_option,
    config_option,
    config_source,
    flag,
    format_option,
    log_options,
    shard_from,
    shard_options,
    told_to_the_user,
)
from exporter.config import Config, ConfigError, Source, take_shard
from exporter.console.output import Output, Style, stdout
from exporter.console.progress import progress

_STATUS: Final = {Level.PROBLEM: 1, Level.WARNING: 3, Level.NOTE: 0}
_STYLES: Final[dict[Level, Style]] = {Level.PROBLEM: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


@click.command(
    cls=Command,
    short_help="Is the configuration right, does it fit, does it work?",
    examples="""
oifde-exporter check                           nothing is sent
oifde-exporter check --live                    log in, ask once for each bot
oifde-exporter check --shard=0 --total-shards=3
oifde-exporter check --format=json | jq .series
""",
)
@config_option
@flag("--live", is_flag=True, help="Also log in, and ask once for every report of every bot.")
@at_option
@format_option("table", "json")
@shard_options
@log_options("error")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    config_file: Path,
    live: bool,
    at: Moment | None,
    format: str,
    shard: int,
    total_shards: int,
    log_level: str,
    log_format: str,
) -> None:
    """Validate a configuration, and print what it asks of the platforms and of Prometheus.

    It warns where the requests do not fit into requests_per_second and max_concurrency. With --live it logs in and
    asks once for every report of every bot, within these limits: for today, or for the date of --at. It then tells
    what went wrong and what looks wrong, such as a bot that never had a record, or one in the future. A wrong
    secret is tried once at each call; the platform locks an account after several.

    Exit status: 0, or 1 if the configuration is not valid or something does not work, 3 if there are warnings only,
    2 for flags that are wrong.
    """
    log = logs.configure(level=log_level, format=log_format)
    chosen = shard_from(shard=shard, total_shards=total_shards)
    source = config_source(ctx, config_file)
    if format == "json":
        loaded = _load_or_tell(source)
    else:
        with told_to_the_user():
            loaded = config.load(source, os.environ)
    loaded = take_shard(loaded, chosen)
    lived = _live(loaded, at, log) if live else None
    planned = lived.plan if lived else plan(loaded, SystemClock().now())
    findings = merged(_findings(loaded, planned, lived))
    show = _show_json if format == "json" else _show_text
    show(stdout(), source, planned, lived, findings)
    sys.exit(_STATUS[findings[0].level] if findings else 0)


def _load_or_tell(source: Source) -> Config:
    """The configuration; what is wrong with it is told on stdout, and the program ended."""
    try:
        return config.load(source, os.environ)
    except ConfigError as error:
        stdout().json({"valid": False, "errors": error.errors})
        sys.exit(1)


def _live(loaded: Config, at: Moment | None, log: FilteringBoundLogger) -> Live:
    tenants = [tenant for _, tenant in loaded.tenants()]
    known = not any(tenant.discovery for tenant in tenants)
    with progress("bots", sum(len(tenant.bots) for tenant in tenants) if known else None) as step:
        return signals.run(check_live(loaded, at, clock=SystemClock(), log=log, on_bot=partial(step, 1)))


def _findings(loaded: Config, planned: Plan, lived: Live | None) -> Sequence[Finding]:
    tight = [
        Finding(
            Level.WARNING,
            each.platform.name,
            each.problem,
            "Raise poll_interval, or requests_per_second if the platform allows.",
        )
        for each in planned.platforms
        if each.problem
    ]
    found = [*of_configuration(loaded), *tight]
    if lived:
        found += [*lived.platforms, *(finding for tenant in lived.tenants for finding in tenant.findings)]
    return found


def _show_text(output: Output, source: Source, planned: Plan, lived: Live | None, findings: Sequence[Finding]) -> None:
    output.line(f"{_name(source)} is valid.", "green")
    output.line()
    if planned.platforms:
        _show_plan(output, planned, lived)
    else:
        output.line("No tenant falls to this shard.", "yellow")
    if lived:
        output.line()
        _show_live(output, lived)
    for finding in findings:
        _show_finding(output, finding)


def _show_plan(output: Output, planned: Plan, lived: Live | None) -> None:
    output.table(
        [
            ("platform", "left"),
            ("tenants", "right"),
            ("bots", "right"),
            ("requests/s", "right"),
            ("after\nmidnight", "right"),
            ("allowed", "right"),
            ("requests\na day", "right"),
        ],
        [
            (
                each.platform.name,
                str(len(each.platform.tenants)),
                f"{each.bots}{'+' if each.discovering and not lived else ''}",
                f"{each.rate:.2f}",
                f"{each.peak:.2f}",
                f"{each.platform.requests_per_second:g}",
                f"{each.per_day:,}",
            )
            for each in planned.platforms
        ],
    )
    if not lived and any(each.discovering for each in planned.platforms):
        output.line("+ and what discovery finds; --live counts them", "dim")
    for each in planned.platforms:
        if each.slowest_answer is not None:
            slowest = min(each.slowest_answer, each.platform.request_timeout)
            output.line(
                f"{each.platform.name}: the first round takes {_seconds(each.first_round)}; answers may take"
                f" {_seconds(slowest)} on average."
            )
    output.line(f"Prometheus: up to {planned.series:,} series, {planned.series_per_bot} of them for each bot.")


def _show_live(output: Output, lived: Live) -> None:
    output.table(
        [
            ("tenant", "left"),
            ("platform", "left"),
            *((name, "right") for name in ("bots", "ok", "failed", "no record")),
        ],
        [
            (
                each.tenant.tenant.name or each.tenant.tenant.tenant_id,
                each.tenant.platform.name,
                str(len(each.bots)),
                str(len(each.bots) - each.failed),
                str(each.failed),
                str(each.silent),
            )
            for each in lived.tenants
        ],
        ["red" if each.failed else "" for each in lived.tenants],
    )


def _show_finding(output: Output, finding: Finding) -> None:
    output.line()
    concerned = f" ({finding.concerned})" if finding.bots else ""
    output.line(f"{finding.level.name.lower()}: {finding.where}{concerned}: {finding.what}", _STYLES[finding.level])
    if finding.example:
        output.line(f"for example {finding.example}", indent=2)
    output.line(finding.advice, indent=2)


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _name(source: Source) -> str:
    return str(source) if isinstance(source, Path) else "OIFDE_EXPORTER_CONFIG"


def _show_json(output: Output, source: Source, planned: Plan, lived: Live | None, findings: Sequence[Finding]) -> None:
    data: dict[str, object] = {
        "valid": True,
        "config": _name(source),
        "platforms": [
            {
                "name": each.platform.name,
                "tenants": len(each.platform.tenants),
                "bots": each.bots,
                "tenants_with_discovery": each.discovering,
                "requests_per_second": round(each.rate, 3),
                "requests_per_second_after_midnight": round(each.peak, 3),
                "after_midnight_seconds": each.peak_seconds,
                "requests_per_second_allowed": each.platform.requests_per_second,
                "max_concurrency": each.platform.max_concurrency,
                "requests_per_day": each.per_day,
                "first_round_seconds": round(each.first_round, 3),
            }
            for each in planned.platforms
        ],
        "series": planned.series,
        "series_per_bot": planned.series_per_bot,
        "findings": [
            {
                "level": each.level.name.lower(),
                "where": each.where,
                "bots": each.bots,
                "what": each.what,
                "example": each.example,
                "advice": each.advice,
            }
            for each in findings
        ],
    }
    if lived:
        data["live"] = [
            {
                "platform": each.tenant.platform.name,
                "tenant_id": each.tenant.tenant.tenant_id,
                "tenant": each.tenant.tenant.name,
                "bots": len(each.bots),
                "failed": each.failed,
                "without_record": each.silent,
            }
            for each in lived.tenants
        ]
    output.json(data)
