"""``oifde-exporter check``: validate the configuration, calculate the load and, with --live, test the requests."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import click
from structlog.typing import FilteringBoundLogger

from exporter import config, signals
from exporter.clock import SystemClock
from exporter.commands.capture import Capture, capture_option, capture_to
from exporter.commands.check_findings import Finding, Level, check_config, merge
from exporter.commands.check_live import Live, check_live
from exporter.commands.check_plan import Plan, plan
from exporter.commands.check_watch import watch_reports
from exporter.commands.help import Command
from exporter.commands.options import (
    at_option,
    choose_source,
    config_option,
    exit_on_config_error,
    flag,
    format_option,
    lang_option,
    log_options,
    shard_options,
)
from exporter.commands.parameters import Moment, parse_interval
from exporter.config import CONFIG_VARIABLE, Config, ConfigError, Shard, Source, take_shard
from exporter.console.output import Output, Style, open_stdout
from exporter.console.progress import show_progress
from exporter.language import Language, Text, join

_STATUS: Final = {Level.PROBLEM: 1, Level.WARNING: 3, Level.NOTE: 0}
_LEVELS: Final = {Level.PROBLEM: Text("problem"), Level.WARNING: Text("warning"), Level.NOTE: Text("note")}
_MAX_BOTS: Final = 3
"""The number of bots that a finding names."""
_MINUTES_FROM: Final = 100
"""Seconds from which a time is shown in minutes."""
_STYLES: Final[dict[Level, Style]] = {Level.PROBLEM: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


@click.command(
    cls=Command,
    short_help="Validate the configuration and test it.",
    examples="""
oifde-exporter check                           send nothing
oifde-exporter check --live                    log in, request each bot once
oifde-exporter check --live --watch=2h         see when hours appear
oifde-exporter check --shard=0 --total-shards=3
oifde-exporter check --format=json | jq .series
""",
)
@config_option
@flag("--live", is_flag=True, help="Also log in, and request every report of every bot once.")
@flag(
    "--watch",
    type=parse_interval,
    metavar="DURATION",
    help="With --live: then look at a few bots for this long, and print when hours appear and change.",
)
@at_option
@capture_option
@format_option("table", "json")
@lang_option
@shard_options
@log_options("error")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    config_file: Path,
    live: bool,
    watch: float | None,
    at: Moment | None,
    capture: Path | None,
    format: str,
    lang: Language,
    shard: Shard,
    log: FilteringBoundLogger,
) -> None:
    """Validate a configuration, and print the load on the platforms and on Prometheus.

    The command warns if the requests exceed requests_per_second or max_concurrency. With --live it logs in and
    requests every report of every bot once, within these limits, for today or for the date of --at. It reports
    errors and likely mistakes, such as a bot without records. Each call with --live tries a wrong secret once; the
    platform locks an account after several tries.

    Exit status: 0 if all is OK, 1 if the configuration is not valid or something does not work, 3 if there are only
    warnings, 2 for wrong flags.
    """
    for name, given in (("--capture", capture), ("--watch", watch)):
        if given is not None and not live:
            raise click.BadParameter("works only with --live", param_hint=name)
    if watch is not None and format == "json":
        raise click.BadParameter("prints no JSON; use it without --format", param_hint="--watch")
    source = choose_source(ctx, config_file)
    with exit_on_config_error(lang):
        try:
            loaded = config.load(source, os.environ)
        except ConfigError as error:
            if format != "json":
                raise
            open_stdout().json({"valid": False, "errors": error.errors})
            sys.exit(1)
    loaded = take_shard(loaded, shard)
    with capture_to(capture, loaded, ctx) as recorder:
        lived = _check_live(loaded, at, log, recorder, lang) if live else None
        planned = lived.plan if lived else plan(loaded, SystemClock().now())
        findings = merge(_collect(loaded, planned, lived))
        output = open_stdout(lang)
        show = _show_json if format == "json" else _show_text
        show(output, source, planned, lived, findings)
        if watch is not None:
            output.line()
            signals.run(watch_reports(loaded, watch, output.verbatim, clock=SystemClock(), log=log, capture=recorder))
    sys.exit(_STATUS[findings[0].level] if findings else 0)


def _check_live(
    loaded: Config, at: Moment | None, log: FilteringBoundLogger, capture: Capture | None, lang: Language
) -> Live:
    tenants = [tenant for _, tenant in loaded.tenants()]
    known = not any(tenant.discovery for tenant in tenants)
    with show_progress(lang.text(Text("bots")), sum(len(tenant.bots) for tenant in tenants) if known else None) as step:
        live = check_live(loaded, at, clock=SystemClock(), log=log, on_bot=partial(step, 1), capture=capture)
        return signals.run(live)


def _collect(loaded: Config, planned: Plan, lived: Live | None) -> Sequence[Finding]:
    advice = Text("Raise poll_interval, or requests_per_second if the platform allows.")
    found = [
        *check_config(loaded),
        *(
            Finding(Level.WARNING, load.platform.name, load.problem, advice)
            for load in planned.platforms
            if load.problem
        ),
    ]
    if lived:
        found += [*lived.platforms, *(finding for tenant in lived.tenants for finding in tenant.findings)]
    return found


def _show_text(output: Output, source: Source, planned: Plan, lived: Live | None, findings: Sequence[Finding]) -> None:
    output.line(Text("%(name)s is valid.", name=_name_source(source)), "green")
    output.line()
    if planned.platforms:
        _show_plan(output, planned, lived)
    else:
        output.line(Text("This shard has no tenants."), "yellow")
    if lived:
        output.line()
        _show_live(output, lived)
    for finding in findings:
        _show_finding(output, finding)


def _show_plan(output: Output, planned: Plan, lived: Live | None) -> None:
    output.table(
        planned.platforms,
        [
            (Text("platform"), "left", lambda load: load.platform.name),
            (Text("tenants"), "right", lambda load: str(len(load.platform.tenants))),
            (Text("bots"), "right", lambda load: f"{load.bots}{'+' if load.discovering and not lived else ''}"),
            (Text("requests/s"), "right", lambda load: f"{load.rate:.2f}"),
            (Text("after\nmidnight"), "right", lambda load: f"{load.peak:.2f}"),
            (Text("allowed"), "right", lambda load: f"{load.platform.requests_per_second:g}"),
            (Text("requests\na day"), "right", lambda load: f"{load.per_day:,}"),
        ],
    )
    if not lived and any(load.discovering for load in planned.platforms):
        output.line(Text("+ discovery may add bots; --live counts them"), "dim")
    for load in planned.platforms:
        if load.slowest_answer is not None:
            slowest = min(load.slowest_answer, load.platform.request_timeout)
            output.line(
                Text(
                    "%(platform)s: the first round takes %(time)s; an answer may take %(slowest)s on average.",
                    platform=load.platform.name,
                    time=_format(load.first_round),
                    slowest=_format(slowest),
                )
            )
        if load.history:
            output.line(
                Text(
                    "%(platform)s: the history takes %(requests)s requests once, over at least %(time)s.",
                    platform=load.platform.name,
                    requests=f"{load.history:,}",
                    time=_format(load.history_seconds),
                )
            )
    output.line(
        Text(
            "Prometheus: up to %(series)s series, %(per_bot)s per bot.",
            series=f"{planned.series:,}",
            per_bot=planned.series_per_bot,
        )
    )


def _show_live(output: Output, lived: Live) -> None:
    output.table(
        lived.tenants,
        [
            (Text("tenant"), "left", lambda result: result.tenant.tenant.name or result.tenant.tenant.tenant_id),
            (Text("platform"), "left", lambda result: result.tenant.platform.name),
            (Text("bots"), "right", lambda result: str(len(result.bots))),
            (Text("ok"), "right", lambda result: str(len(result.bots) - result.failed)),
            (Text("failed"), "right", lambda result: str(result.failed)),
            (Text("no record"), "right", lambda result: str(result.silent)),
        ],
        lambda result: "red" if result.failed else "",
    )


def _show_finding(output: Output, finding: Finding) -> None:
    output.line()
    where = (
        Text("%(where)s (%(bots)s)", where=finding.where, bots=join(finding.bots, _MAX_BOTS))
        if finding.bots
        else finding.where
    )
    headline = Text("%(level)s: %(where)s: %(what)s", level=_LEVELS[finding.level], where=where, what=finding.what)
    output.line(headline, _STYLES[finding.level])
    if finding.example:
        output.line(Text("Example: %(example)s", example=finding.example), indent=2)
    output.line(finding.advice, indent=2)


def _format(seconds: float) -> Text:
    if seconds < _MINUTES_FROM:
        return Text("%(n)s s", n=f"{seconds:.2g}")
    return Text("%(n)s min", n=round(seconds / 60))


def _name_source(source: Source) -> str:
    return str(source) if isinstance(source, Path) else CONFIG_VARIABLE


def _show_json(output: Output, source: Source, planned: Plan, lived: Live | None, findings: Sequence[Finding]) -> None:
    data: dict[str, object] = {
        "valid": True,
        "config": _name_source(source),
        "platforms": [
            {
                "name": load.platform.name,
                "tenants": len(load.platform.tenants),
                "bots": load.bots,
                "tenants_with_discovery": load.discovering,
                "requests_per_second": round(load.rate, 3),
                "requests_per_second_after_midnight": round(load.peak, 3),
                "after_midnight_seconds": load.peak_seconds,
                "requests_per_second_allowed": load.platform.requests_per_second,
                "max_concurrency": load.platform.max_concurrency,
                "requests_per_day": load.per_day,
                "first_round_seconds": round(load.first_round, 3),
                "history_requests": load.history,
                "history_seconds": round(load.history_seconds, 3),
            }
            for load in planned.platforms
        ],
        "series": planned.series,
        "series_per_bot": planned.series_per_bot,
        "findings": [asdict(finding) | {"level": finding.level.name.lower()} for finding in findings],
    }
    if lived:
        data["live"] = [
            {
                "platform": result.tenant.platform.name,
                "tenant_id": result.tenant.tenant.tenant_id,
                "tenant": result.tenant.tenant.name,
                "bots": len(result.bots),
                "failed": result.failed,
                "without_record": result.silent,
            }
            for result in lived.tenants
        ]
    output.json(data)
