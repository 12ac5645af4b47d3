"""``oifde-exporter backfill``: write past samples for Prometheus."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from structlog.typing import FilteringBoundLogger

from exporter import logs
from exporter.backfill.backfill import Backfill, NothingRead, Source
from exporter.backfill.journal import Journal, JournalError
from exporter.backfill.replay import Span
from exporter.clock import SystemClock
from exporter.commands.advice import advise
from exporter.commands.backfill_output import Summary, show_json, show_table
from exporter.commands.help import Command
from exporter.commands.options import flag, format_option, log_options
from exporter.commands.parameters import Moment, Multiline, parse_interval, parse_moment
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import Chosen, choose_one, locate, tenants_option
from exporter.config import Config
from exporter.config.types import RESERVED_LABELS
from exporter.console.output import Output, open_stdout
from exporter.console.progress import show_progress
from exporter.history.fetching import fetch_report
from exporter.polling.windows import Rules
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import REPORTS, Report

NEWEST: Final = 3 * 3600
"""Seconds; Prometheus may have newer samples in memory only, and a block must not overlap them."""

_MAX_STEP: Final = 240
"""Seconds; Prometheus considers a series gone after five minutes without a sample."""

_HOURLY: Final = tuple(name for name, report in REPORTS.items() if report.type == "hour")
_LABEL_NAME: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_SHOW: Final = {"table": show_table, "json": show_json}


class BackfillError(Exception):
    """The backfill cannot be made or completed. The message is one line for the user."""


def _parse_label(value: str) -> tuple[str, str]:
    name, equals, text = value.partition("=")
    if not equals or not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
        raise click.BadParameter(f"{value!r} is not NAME=VALUE; write a label like job=oifde")
    if name in RESERVED_LABELS:
        raise click.BadParameter(f"the series already have a label {name}")
    return name, text


def _parse_step(value: str) -> int:
    step = parse_interval(value)
    if not 1 <= step <= _MAX_STEP or step != int(step):
        raise click.BadParameter(
            f"{step:g} s is not a whole number of seconds from 1s to 4m; Prometheus drops a series after 5m"
        )
    return int(step)


@dataclass(frozen=True, slots=True)
class _Request:
    """The values of the flags."""

    begin: Moment
    end: Moment | None
    bots: Sequence[str]
    report: Report
    labels: Mapping[str, str]
    step: int
    directory: Path

    def find_gap(self, zone: ZoneInfo, limit: int) -> Span:
        """Return the span to fill in a time zone, up to ``limit`` (epoch seconds)."""
        end = limit if self.end is None else min(limit, int(self.end.on(zone)))
        return Span(int(self.begin.on(zone)), end)

    def is_cut(self, sources: Sequence[Source]) -> bool:
        """Return whether the history of a bot ends before --to."""
        return self.end is None or any(source.gap.end < int(self.end.on(source.rules.zone)) for source in sources)

    def describe(self, loaded: Config, bots: Sequence[Chosen]) -> dict[str, object]:
        """Return everything that determines the output, as JSON."""
        return {
            "from": self.begin.written.isoformat(),
            "to": self.end.written.isoformat() if self.end else None,
            "bots": [asdict(chosen.id) for chosen in bots],
            "report": self.report.name,
            "labels": dict(self.labels),
            "step": self.step,
            "settle_delay": loaded.settle_delay,
            "empty_hour_delay": loaded.empty_hour_delay,
        }

    def make_source(self, loaded: Config, chosen: Chosen, limit: int) -> Source:
        """Return the past of a bot, up to ``limit`` (epoch seconds)."""
        access = chosen.access
        rules = Rules.of(loaded, access.tenant, self.report)
        fetch = partial(fetch_report, access.session, rules, access.tenant.tenant_id, chosen.bot.access_code)
        return Source(chosen.id, rules, self.find_gap(access.tenant.timezone, limit), fetch)


@click.command(
    cls=Command,
    short_help="Write past samples for Prometheus, like the live series.",
    examples="""
oifde-exporter backfill --from=2026-05-01 --label=job=oifde \\
  --label=instance=exporter:10230
oifde-exporter backfill --from=2026-05-20T09:12 \\
  --to=2026-05-20T17:40 --output=gap
for day in history/*.om; do
  promtool tsdb create-blocks-from openmetrics $day /var/lib/prometheus; done
""",
)
@flag(
    "--from",
    type=parse_moment,
    metavar="TIME",
    required=True,
    help="Start of the history. Without an offset, it is local to the tenant.",
)
@flag(
    "--to", type=parse_moment, metavar="TIME", help="End of the history, exclusive. Default and maximum: 3 hours ago."
)
@tenants_option
@flag("--bot", type=Multiline(str), multiple=True, metavar="NAME|ACCESS_CODE", help="Only this bot; repeatable.")
@flag("--report", type=click.Choice(_HOURLY), default="hour", help="The report of the series.")
@flag(
    "--label",
    type=Multiline(_parse_label),
    multiple=True,
    metavar="NAME=VALUE",
    help="A label that Prometheus adds to the live series; repeatable.",
)
@flag("--step", type=_parse_step, default="4m", metavar="DURATION", help="Time between two samples, at most 4m.")
@flag(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="history",
    metavar="DIR",
    help="Directory of the files, one per day (UTC). An interrupted command continues when repeated.",
)
@format_option("table", "json")
@log_options("error")
async def backfill(loaded: Config, log: FilteringBoundLogger, format: str, output: Path, **flags: Any) -> int:
    """Write past samples as OpenMetrics files for promtool.

    The samples look like those of the live series. They join the live series if --from is the last moment before the
    gap that has live samples, --to is the first one after it, and the --label flags repeat the labels of the live
    series (job and instance).

    Exit status: 0 if the history is complete, 1 if not, 2 for wrong flags. After 1, repeat the command to continue.
    """
    labels = dict(flags["label"])
    if len(labels) < len(flags["label"]):
        raise click.BadParameter("two values have the same label", param_hint="--label")
    request = _Request(
        begin=flags["from"],
        end=flags["to"],
        bots=flags["bot"],
        report=REPORTS[flags["report"]],
        labels=labels,
        step=flags["step"],
        directory=output,
    )
    try:
        return 0 if await _run(loaded, request, _SHOW[format], log) else 1
    except asyncio.CancelledError:
        click.echo("oifde-exporter: interrupted; repeat the same command to continue", err=True)
        raise
    except NothingRead as error:
        message = f"oifde-exporter: cannot read any bot: {error}. {advise(error.error)}"
    except (BackfillError, JournalError) as error:
        message = f"oifde-exporter: {error}"
    click.echo(logs.escape_text(message), err=True)
    return 1


async def _run(
    loaded: Config, request: _Request, show: Callable[[Output, Summary], None], log: FilteringBoundLogger
) -> bool:
    """Write the history and show the result. Return whether it is complete."""
    clock = SystemClock()
    async with open_tenants(loaded, clock=clock, log=log) as tenants:
        bots = _choose_bots(await _list_bots(tenants), request.bots)
        if not bots:
            raise BackfillError("there are no bots; oifde-exporter discover lists those on the platform")
        limit = int(clock.now()) - NEWEST
        gaps = [request.find_gap(chosen.access.tenant.timezone, limit) for chosen in bots]
        if all(gap.begin >= gap.end for gap in gaps):
            raise BackfillError("--from is not before --to, which is at most 3 hours ago")
        with Journal(request.directory, request.describe(loaded, bots), limit) as journal:
            sources = [request.make_source(loaded, chosen, journal.limit) for chosen in bots]
            work = Backfill(
                sources,
                request.directory,
                journal,
                step=request.step,
                labels=tuple(request.labels.items()),
                clock=clock,
            )
            try:
                with show_progress("days of bots", work.steps) as advance:
                    await work.run(advance)
            except OSError as error:
                raise BackfillError(f"cannot write to {request.directory}: {error.strerror}") from error
            finally:
                cut = datetime.fromtimestamp(journal.limit, UTC) if request.is_cut(sources) else None
                show(open_stdout(), Summary(request.directory, len(work.parts), work.left, work.list_outcomes(), cut))
            return not work.left


async def _list_bots(tenants: Sequence[TenantAccess]) -> list[Chosen]:
    """Return every bot that the daemon polls."""
    bots: list[Chosen] = []
    for access in tenants:
        try:
            bots += (Chosen(access, bot) for bot in await access.list_bots())
        except UpstreamError as error:
            raise BackfillError(f"{locate(access)}: cannot list the bots: {error}. {advise(error)}") from error
    return bots


def _choose_bots(bots: Sequence[Chosen], wanted: Sequence[str]) -> Sequence[Chosen]:
    """Return the bots of --bot in the order of the configuration, or all without the flag."""
    if not wanted:
        return bots
    found = [choose_one(bots, name) for name in wanted]
    return [chosen for chosen in bots if chosen in found]
