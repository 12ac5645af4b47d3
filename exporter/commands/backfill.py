"""``oifde-exporter backfill``: the past, as far as the platform knows it, in a form that Prometheus takes."""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import click
from structlog.typing import FilteringBoundLogger

from exporter import config, logs, signals
from exporter.backfill.backfill import Backfill, NothingRead, Outcome, Source
from exporter.backfill.journal import Journal, JournalError
from exporter.backfill.replay import Span
from exporter.clock import SystemClock
from exporter.commands.advice import advice
from exporter.commands.help import Command
from exporter.commands.options import (
    Interval,
    Moment,
    MomentType,
    Name,
    OneALine,
    config_option,
    config_source,
    flag,
    format_option,
    log_options,
    tenant_option,
    told_to_the_user,
)
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import Chosen, named, only, title, with_tenant
from exporter.config import Config
from exporter.config.types import RESERVED_LABELS
from exporter.console.output import Output, stdout
from exporter.console.progress import progress
from exporter.polling.roster import choose_bots
from exporter.polling.snapshot import BotId
from exporter.polling.windows import Rules
from exporter.upstream.bindings import list_bindings
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import REPORTS, Report

NEWEST: Final = 3 * 3600
"""Seconds; what is newer Prometheus may have in memory only, where no block must reach."""

_MAX_STEP: Final = 240
"""Seconds; Prometheus takes a series for gone that has had no sample for five minutes."""

_MOST_DAYS: Final = 10
"""How many are named."""

_HOURLY: Final = tuple(name for name, report in REPORTS.items() if report.type == "hour")
_LABEL_NAME: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


class BackfillError(Exception):
    """What keeps a backfill from being made or completed, in a line for the user."""


class Label(OneALine, click.ParamType[tuple[str, str]]):
    """A label for every series."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, equals, text = value.partition("=")
        if not equals or not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            return self.fail(f"{value!r} is not NAME=VALUE with the name of a label, like job=oifde", param, ctx)
        if name in RESERVED_LABELS:
            return self.fail(f"the series have a label {name} of their own", param, ctx)
        return name, text


def _step(ctx: click.Context, param: click.Parameter, value: float) -> int:
    if not 1 <= value <= _MAX_STEP or value != int(value):
        raise click.BadParameter(
            f"{value:g} s is not between 1s and 4m, in whole seconds; Prometheus gives up a series after 5m", ctx, param
        )
    return int(value)


class _Wanted(NamedTuple):
    """What the flags say."""

    begin: Moment
    end: Moment | None
    bots: Sequence[str]
    report: Report
    labels: Mapping[str, str]
    step: int
    directory: Path

    def gap(self, zone: ZoneInfo, limit: int) -> Span:
        """What they say to a tenant of a time zone, up to ``limit`` (epoch seconds)."""
        end = limit if self.end is None else min(limit, int(self.end.on(zone)))
        return Span(int(self.begin.on(zone)), end)

    def is_cut(self, sources: Sequence[Source]) -> bool:
        """Whether the history of some bot ends before it was to."""
        return self.end is None or any(each.gap.end < int(self.end.on(each.rules.zone)) for each in sources)

    def plan(self, loaded: Config, bots: Sequence[BotId]) -> dict[str, object]:
        """All that decides what is written, as JSON."""
        return {
            "from": self.begin.written.isoformat(),
            "to": self.end.written.isoformat() if self.end else None,
            "bots": [asdict(bot) for bot in bots],
            "report": self.report.name,
            "labels": dict(self.labels),
            "step": self.step,
            "settle_delay": loaded.settle_delay,
            "empty_hour_delay": loaded.empty_hour_delay,
        }


class _Summary(NamedTuple):
    """What a history holds and lacks."""

    directory: Path
    parts: int
    left: Sequence[str]
    outcomes: Sequence[tuple[Source, Outcome]]
    cut: datetime | None
    """Where it ends because what came after is too new; None if it ends where it was to."""

    @property
    def total(self) -> Outcome:
        """All bots together."""
        return sum((outcome for _, outcome in self.outcomes), Outcome())


@click.command(
    cls=Command,
    short_help="Write history for Prometheus, as the live series would have looked.",
    examples="""
oifde-exporter backfill --from=2026-05-01 --label=job=oifde \\
  --label=instance=exporter:10230
oifde-exporter backfill --from=2026-05-20T09:12 \\
  --to=2026-05-20T17:40 --output=gap
for day in history/*.om; do
  promtool tsdb create-blocks-from openmetrics $day /var/lib/prometheus; done
""",
)
@config_option
@flag(
    "--from", type=MomentType(), required=True, help="Where the history begins; a time without offset is the tenant's."
)
@flag(
    "--to", type=MomentType(), help="Where it ends, exclusive. It ends 3 hours ago at the latest, which is the default."
)
@tenant_option
@flag("--bot", type=Name(), multiple=True, metavar="NAME|ACCESS_CODE", help="Only this bot; repeatable.")
@flag("--report", type=click.Choice(_HOURLY), default="hour", help="The report whose series are written.")
@flag("--label", type=Label(), multiple=True, help="A label that Prometheus gave the live series; repeatable.")
@flag("--step", type=Interval(), default="4m", callback=_step, help="Time from one sample to the next, at most 4m.")
@flag(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="history",
    metavar="DIR",
    help="Where the files go, one for each day (UTC). The same command goes on where it was interrupted.",
)
@format_option("table", "json")
@log_options("error")
@click.pass_context
def backfill(
    ctx: click.Context,
    /,
    config_file: Path,
    log_level: str,
    log_format: str,
    format: str,
    output: Path,
    tenant: str | None,
    **asked: Any,
) -> None:
    """Write the past, as far as the platform knows it, as OpenMetrics files for promtool.

    What is written looks as the live series would have looked, and joins them where --from is the last moment before
    the gap that has live series, --to the first one after it, and each --label is one of theirs (job and instance).

    Exit status: 0 if everything is written, 1 if not, 2 for flags that are wrong. After 1 the same command goes on.
    """
    log = logs.configure(level=log_level, format=log_format)
    with told_to_the_user():
        loaded = with_tenant(config.load(config_source(ctx, config_file), os.environ), tenant)
    labels = dict(asked["label"])
    if len(labels) < len(asked["label"]):
        raise click.BadParameter("the same label is given twice", param_hint="--label=job=...")
    wanted = _Wanted(
        begin=asked["from"],
        end=asked["to"],
        bots=asked["bot"],
        report=REPORTS[asked["report"]],
        labels=labels,
        step=asked["step"],
        directory=output,
    )
    try:
        complete = signals.run(_run(loaded, wanted, _SHOW[format], log))
    except signals.Interrupted:
        click.echo(
            "oifde-exporter: interrupted; the same command goes on with the first day that is not complete", err=True
        )
        raise
    except NothingRead as error:
        told = f"oifde-exporter: no bot can be read: {error}. {advice(error.error)}"
        click.echo(logs.printable(told), err=True)
        sys.exit(1)
    except (BackfillError, JournalError) as error:
        click.echo(logs.printable(f"oifde-exporter: {error}"), err=True)
        sys.exit(1)
    sys.exit(0 if complete else 1)


async def _run(
    loaded: Config, wanted: _Wanted, show: Callable[[Output, _Summary], None], log: FilteringBoundLogger
) -> bool:
    """Writes what is wanted and tells what came of it; gives whether it is complete."""
    clock = SystemClock()
    async with open_tenants(loaded, clock=clock, log=log) as tenants:
        bots = _select(await _bots(tenants), wanted.bots)
        if not bots:
            raise BackfillError("there is no bot; oifde-exporter discover lists those that the platform has")
        limit = int(clock.now()) - NEWEST
        if all(begin >= end for begin, end in (wanted.gap(each.tenant.timezone, limit) for each, _ in bots)):
            raise BackfillError("--from is not before --to, which is 3 hours ago at the latest")
        plan = wanted.plan(loaded, [each.id for each, _ in bots])
        with Journal(wanted.directory, plan, limit) as journal:
            sources = [_source(loaded, wanted, each, access, journal.limit) for each, access in bots]
            work = Backfill(
                sources,
                wanted.directory,
                journal,
                step=wanted.step,
                labels=tuple(wanted.labels.items()),
                clock=clock,
            )
            try:
                with progress("days of bots", work.steps) as advance:
                    await work.run(advance)
            except OSError as error:
                raise BackfillError(f"cannot write to {wanted.directory}: {error.strerror}") from error
            finally:
                cut = datetime.fromtimestamp(journal.limit, UTC) if wanted.is_cut(sources) else None
                show(stdout(), _Summary(wanted.directory, len(work.parts), work.left, work.outcomes(), cut))
            return not work.left


async def _bots(tenants: Sequence[TenantAccess]) -> list[tuple[Chosen, TenantAccess]]:
    """Every bot that the daemon would poll."""
    bots: list[tuple[Chosen, TenantAccess]] = []
    for access in tenants:
        tenant, of_tenant = access.tenant, access.tenant.bots
        if tenant.discovery:
            try:
                listed = await list_bindings(access.session, tenant.tenant_id)
            except UpstreamError as error:
                told = f"{title(tenant)} on {access.platform.name}: its bots cannot be listed: {error}"
                raise BackfillError(f"{told}. {advice(error)}") from error
            of_tenant = choose_bots(of_tenant, {each.access_code: each.name for each in listed}, tenant.discovery)
        bots += ((Chosen(access.platform, tenant, bot), access) for bot in of_tenant)
    return bots


def _select(
    bots: Sequence[tuple[Chosen, TenantAccess]], wanted: Sequence[str]
) -> Sequence[tuple[Chosen, TenantAccess]]:
    """Those wanted, in the order of the configuration; all if none is named."""
    if not wanted:
        return bots
    all_ = [each for each, _ in bots]
    found = [only(named(all_, each), each, all_) for each in wanted]
    return [each for each in bots if each[0] in found]


def _source(loaded: Config, wanted: _Wanted, chosen_: Chosen, access: TenantAccess, limit: int) -> Source:
    zone = chosen_.tenant.timezone
    return Source(
        chosen_.id,
        Rules.of(loaded, chosen_.tenant, wanted.report),
        wanted.gap(zone, limit),
        partial(access.ask, wanted.report, chosen_.bot.access_code),
    )


def _show_table(output: Output, summary: _Summary) -> None:
    missing = [(source, outcome) for source, outcome in summary.outcomes if outcome.tally.unknown or outcome.failed]
    if missing:
        columns = ("recorded", "empty", "unknown", "failed")
        output.table(
            [("bot", "left"), *((column, "right") for column in columns), ("first record", "left")],
            [
                (source.bot.bot, *map(str, (*outcome.tally, outcome.failed)), _first_record(source, outcome) or "none")
                for source, outcome in missing
            ],
            ["red" if outcome.failed else "" for _, outcome in missing],
        )
        output.line()
    total = summary.total
    output.line(
        f"Hours of {_counted(len(summary.outcomes), 'bot')}: {total.tally.recorded} with a record,"
        f" {total.tally.empty} taken to be without calls, {total.tally.unknown} unknown, {total.failed} failed."
    )
    for error in sorted({outcome.error for _, outcome in summary.outcomes if outcome.error}):
        output.line(f"Failed: {error}", "red")
    if total.tally.unknown:
        output.line(
            "Nothing is written of unknown hours: the platform has no record of them, and none from before;"
            " or the report has records that cannot be placed.",
            "yellow",
        )
    done = summary.parts - len(summary.left)
    output.line(f"{done} of {_counted(summary.parts, 'day')} (UTC) complete in {summary.directory}.")
    if summary.left:
        first, more = ", ".join(summary.left[:_MOST_DAYS]), len(summary.left) - _MOST_DAYS
        days = f"{first} and {more} more, up to {summary.left[-1]}" if more > 0 else first
        output.line(f"Left: {days}. The same command goes on with them.", "red")
    if summary.cut:
        end = f"{summary.cut:%Y-%m-%dT%H:%M:%SZ}"
        output.line(
            f"The history ends at {end}. What came after is too new: fetch it three hours after the first live sample,"
            f" with --from={end}, --to and another --output.",
            "yellow",
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _show_json(output: Output, summary: _Summary) -> None:
    output.json(
        {
            "directory": str(summary.directory),
            "complete": not summary.left,
            "days_left": summary.left,
            "bots": [
                {
                    "platform": source.bot.platform,
                    "tenant_id": source.bot.tenant_id,
                    "access_code": source.bot.access_code,
                    "bot": source.bot.bot,
                    "from": _iso(source, source.gap.begin),
                    "to": _iso(source, source.gap.end),
                    "first_record": _first_record(source, outcome),
                    "hours": {**outcome.tally._asdict(), "failed": outcome.failed},
                    "error": outcome.error or None,
                }
                for source, outcome in summary.outcomes
            ],
        }
    )


_SHOW: Final = {"table": _show_table, "json": _show_json}


def _first_record(source: Source, outcome: Outcome) -> str | None:
    return None if outcome.known_since is None else _iso(source, outcome.known_since)


def _iso(source: Source, moment: float) -> str:
    return datetime.fromtimestamp(moment, source.rules.zone).isoformat(timespec="minutes")
