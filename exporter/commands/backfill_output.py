"""Show the result of a ``backfill``, as text or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from exporter.backfill.backfill import Outcome, Source
from exporter.console.output import Output

_MAX_DAYS: Final = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """The contents and the gaps of a history."""

    directory: Path
    parts: int
    left: Sequence[str]
    outcomes: Sequence[tuple[Source, Outcome]]
    cut: datetime | None
    """The end of a history that ends early, because later samples are too new; None: the history is whole."""


def show_table(output: Output, summary: Summary) -> None:
    """Print the bots with gaps, and the totals."""
    missing = [(source, outcome) for source, outcome in summary.outcomes if outcome.tally.unknown or outcome.failed]
    if missing:
        output.table(
            missing,
            [
                ("bot", "left", lambda row: row[0].bot.bot),
                ("recorded", "right", lambda row: str(row[1].tally.recorded)),
                ("empty", "right", lambda row: str(row[1].tally.empty)),
                ("unknown", "right", lambda row: str(row[1].tally.unknown)),
                ("failed", "right", lambda row: str(row[1].failed)),
                ("first record", "left", lambda row: _write_first(*row) or "none"),
            ],
            lambda row: "red" if row[1].failed else "",
        )
        output.line()
    total = sum((outcome for _, outcome in summary.outcomes), Outcome())
    output.line(
        f"Hours of {_count(len(summary.outcomes), 'bot')}: {total.tally.recorded} with a record,"
        f" {total.tally.empty} without calls, {total.tally.unknown} unknown, {total.failed} failed."
    )
    for error in sorted({outcome.error for _, outcome in summary.outcomes if outcome.error}):
        output.line(f"Failed: {error}", "red")
    if total.tally.unknown:
        output.line(
            "Unknown hours have no samples. The platform has no record of them or of earlier hours, or the report has"
            " unusable records.",
            "yellow",
        )
    done = summary.parts - len(summary.left)
    output.line(f"{done} of {_count(summary.parts, 'day')} (UTC) complete in {summary.directory}.")
    if summary.left:
        first, more = ", ".join(summary.left[:_MAX_DAYS]), len(summary.left) - _MAX_DAYS
        days = f"{first} and {more} more, up to {summary.left[-1]}" if more > 0 else first
        output.line(f"Missing: {days}. Repeat the same command to continue.", "red")
    if summary.cut:
        end = f"{summary.cut:%Y-%m-%dT%H:%M:%SZ}"
        output.line(
            f"The history ends at {end}, because later samples are too new. Fetch the rest three hours after the first"
            f" live sample, with --from={end}, --to and another --output.",
            "yellow",
        )


def show_json(output: Output, summary: Summary) -> None:
    """Print every bot as JSON."""
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
                    "from": _write_time(source, source.gap.begin),
                    "to": _write_time(source, source.gap.end),
                    "first_record": _write_first(source, outcome),
                    "hours": {**outcome.tally._asdict(), "failed": outcome.failed},
                    "error": outcome.error or None,
                }
                for source, outcome in summary.outcomes
            ],
        }
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write_first(source: Source, outcome: Outcome) -> str | None:
    return None if outcome.known_since is None else _write_time(source, outcome.known_since)


def _write_time(source: Source, moment: float) -> str:
    return datetime.fromtimestamp(moment, source.rules.zone).isoformat(timespec="minutes")
