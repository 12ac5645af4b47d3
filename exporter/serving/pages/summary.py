"""A bot's state in one word, and the values by which bots are sorted.

The overview makes a summary of every bot, thousands of them; only the visible rows get more than that.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.config import Config
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, Snapshot, TenantStatus
from exporter.serving.catalogue import LAYOUTS
from exporter.upstream.reports import REPORTS, Record, Value

MAIN: Final = REPORTS["hour"]
"""The report that represents a bot."""

_HOUR: Final = 3600.0
_POLL_SECONDS: Final = 600.0
"""Allowed for a poll that waits, or that follows a failed one."""
_DAY: Final = timedelta(days=1)

# Reports that always have a last complete hour.
_BY_HOUR: Final = frozenset(
    name for name, layout in LAYOUTS.items() if any(window.inferable for window in layout.shown.windows)
)


def find_field(metric: str, outcome: str = "") -> int:
    """Return the index of a metric in the main report's values."""
    return next(
        index
        for index, field in enumerate(MAIN.fields)
        if field.metric == metric and (not outcome or ("outcome", outcome) in field.labels)
    )


CALLS: Final = find_field("calls")
CONTAINED: Final = find_field("call_outcomes", "contained")
AUTONOMY: Final = find_field("autonomy_ratio")
INTERFACE_SUCCESS: Final = find_field("interface_success_ratio")
_TO_AGENTS: Final = (find_field("call_outcomes", "direct_transfer"), find_field("call_outcomes", "consulted_transfer"))


class Condition(IntEnum):
    """A bot's state, the worst first."""

    BLOCKED = 0
    """No request is sent, since the login was refused."""
    FAILING = 1
    """The last poll of a report failed."""
    STALE = 2
    """No poll has failed, but the newest complete hour is old, or the values have been removed."""
    WAITING = 3
    """A first poll has not ended yet."""
    OK = 4

    @property
    def word(self) -> str:
        """The name in links."""
        return self.name.lower()


class Moment(NamedTuple):
    """The present, in epoch seconds and on the clock that snapshots expire by.

    ``late_after`` is the age in seconds (from its start) from which the last complete hour is too old; None: unknown.
    """

    now: float
    elapsed: float
    late_after: float | None = None


class Summary(NamedTuple):
    """A bot's state, and the report that decided it."""

    condition: Condition
    report: str
    expired: bool
    """Whether the main report's values are too old to be shown."""
    verdict: Verdict | None = None
    calls: Value = None
    """Of the last complete hour."""
    autonomy: Value = None
    """Of the last complete hour, 0 to 1."""
    change: float | None = None
    """Of the autonomy, since the same hour of the day before."""
    lost: float = 0.0
    """How many more callers went to an agent in that hour than with the autonomy of the day before."""
    today: Value = None
    """Calls of the day that the counters show."""
    polled: float | None = None
    """The start of the last poll of the main report, in epoch seconds."""

    @property
    def score(self) -> float:
        """The highest anomaly score; 0 without a verdict."""
        worst = self.verdict.worst if self.verdict else None
        return worst[1].score if worst else 0.0


def compute_late_after(config: Config) -> float:
    """Return ``Moment.late_after``: the hour, its delay, the hour in progress, and the time until the next poll."""
    intervals = (tenant.poll_interval for _, tenant in config.tenants())
    return config.empty_hour_delay + 2 * _HOUR + max(intervals, default=0.0) + _POLL_SECONDS


def summarize(
    bot: BotId, reports: Mapping[str, Snapshot], tenant: TenantStatus | None, verdict: Verdict | None, at: Moment
) -> Summary:
    """Summarize the snapshots of a bot's reports, its tenant's login and the verdict on it."""
    condition, decisive = Condition.OK, MAIN.name
    for name, snapshot in reports.items():
        if (found := _find_condition(name, snapshot, tenant, at)) < condition:
            condition, decisive = found, name
    main = reports.get(MAIN.name)
    if main is None:
        polled = max((snapshot.last_attempt or 0.0 for snapshot in reports.values()), default=0.0) or None
        return Summary(condition, decisive, expired=False, polled=polled)
    if main.expires <= at.elapsed:
        return Summary(condition, decisive, main.last_success is not None, polled=main.last_attempt)
    today = main.totals[CALLS] if main.totals else None
    known = Summary(condition, decisive, expired=False, verdict=verdict, today=today, polled=main.last_attempt)
    if main.hour is None:
        return known
    record = main.hour.record
    if record is None:
        return known._replace(calls=0)
    autonomy = record.values[AUTONOMY]
    before = main.yesterday.get(subtract_day(main.hour.start, bot.timezone))
    then = before.values[AUTONOMY] if before else None
    change = None if autonomy is None or then is None else autonomy - then
    lost = -change * _count_consulting(record) if change and change < 0 else 0.0
    return known._replace(calls=record.values[CALLS], autonomy=autonomy, change=change, lost=lost)


@lru_cache(maxsize=1024)
def subtract_day(start: float, timezone: str) -> float:
    """Return the same local time of the day before, in epoch seconds."""
    return (datetime.fromtimestamp(start, ZoneInfo(timezone)) - _DAY).timestamp()


def _find_condition(name: str, snapshot: Snapshot, tenant: TenantStatus | None, at: Moment) -> Condition:
    if snapshot.last_attempt is None:
        return Condition.WAITING
    if not snapshot.up:
        return Condition.BLOCKED if tenant and tenant.login.blocked else Condition.FAILING
    if snapshot.expires <= at.elapsed:
        return Condition.STALE
    if name in _BY_HOUR and at.late_after is not None:
        hour = snapshot.hour
        if hour is None or hour.start + at.late_after < at.now:
            return Condition.STALE
    return Condition.OK


def _count_consulting(record: Record) -> float:
    """Return the denominator of the platform's autonomy."""
    return sum(record.values[index] or 0 for index in (*_TO_AGENTS, CONTAINED))
