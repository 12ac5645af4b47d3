"""Turns a bot's reports into what is shown: the last complete hour, the live hour, the day's counters, the last day.

Pure functions over immutable states. `fold` takes in a report; `count` moves the counters along with the time.
All moments are epoch seconds. The time of a report is when it was requested, since it says nothing of what came later.
Neither the hour shown nor the day counted ever goes back.

The counters go through three phases:

    Counting ── midnight ──▶ Held ── its last hour is complete ──▶ ShowingZero ── 2 minutes ──▶ Counting
    day D                    day D                                 day D + 1                    day D + 1

A day is held for two more minutes after its totals last grew, so that a scrape sees them. It is held until
``empty_hour_delay`` after midnight at the latest. A process that starts finds its phase from the reports of both days.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Final, NamedTuple, Self, TypeAlias
from zoneinfo import ZoneInfo

from exporter.config import Config, Tenant
from exporter.language import Text
from exporter.polling.calendar import (
    find_day_before,
    find_day_start,
    find_hour_end,
    find_hour_start,
    find_local_date,
    find_midnight,
    find_next_day,
    list_hours,
)
from exporter.polling.snapshot import Hour
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import Kind, Parsed, Record, Report, Value

ZERO_SHOWN: Final = 120.0
"""Seconds for which a new day's counters show 0: a scrape a minute then sees the reset even of a quiet bot."""

_DAYS_KEPT: Final = 2
_DAYS_EXPECTED: Final = 28
"""A report by day has 30 days. If they are days of the platform's time zone, the outermost may differ."""
_RECORD_SECONDS: Final = 3600.0
_FARTHEST: Final = 86400.0
"""Seconds by which an hour may lie outside the date asked for and still be shown as the live hour.

Clocks and time zones are hours off at most. A record farther off has a wrong unit or date: it would appear in 1970, or
be the newest record for ever.
"""
_FARTHEST_DAY: Final = timedelta(days=60)
"""The same for a report by day, counted back from the date asked for."""
_UNPLACED: Final = frozenset({AnomalyKind.INVALID_RECORD, AnomalyKind.FOREIGN_RECORD})


@dataclass(frozen=True, slots=True)
class Rules:
    """When a tenant's hours and days are complete; delays in seconds."""

    report: Report
    zone: ZoneInfo
    settle_delay: float
    empty_hour_delay: float

    @classmethod
    def of(cls, config: Config, tenant: Tenant, report: Report) -> Self:
        """Build the rules that a configuration sets for a tenant's report."""
        return cls(report, tenant.timezone, config.settle_delay, config.empty_hour_delay)


class Day(NamedTuple):
    """What is known about a local date. For a report by day: about the day shown, and all days from it to the date."""

    date: date
    asked: float
    records: Mapping[float, Record]
    """By the start of their local hour (or day)."""
    may_infer: bool
    """Whether an hour without a record can be assumed to have no calls."""
    sums: tuple[Value, ...] = ()
    """The sum of each count over the day's records, in the order of the report's fields; a report by day has none."""
    anomalies: Sequence[Anomaly] = ()
    """The anomalies of its latest report."""
    vanished: frozenset[float] = frozenset()
    """The starts of the hours (or days) whose records its latest report no longer had."""


@dataclass(frozen=True, slots=True)
class Counting:
    """The counters are of a day and grow with it."""

    day: date


@dataclass(frozen=True, slots=True)
class Held:
    """The counters stay on a day that is over, since its last hours may still come."""

    day: date
    grown: float = -math.inf
    """When the totals shown last grew."""


@dataclass(frozen=True, slots=True)
class ShowingZero:
    """The counters are of a new day, and show 0 until a moment whatever its totals are."""

    day: date
    until: float


Phase: TypeAlias = Counting | Held | ShowingZero


class State(NamedTuple):
    """All that is known about a bot's report."""

    days: tuple[Day, ...] = ()
    """The date requested last, and the one nearest to it; none for a report by day."""
    hour: Hour | None = None
    live: Record | None = None
    phase: Phase | None = None
    """None until it is known which day to count: a process that starts shortly after midnight needs both days' reports."""
    totals: tuple[Value, ...] | None = None
    """The day's sums in the order of the report's fields; None for a field that is no count or never had a value."""
    by_day: Day | None = None
    """The latest report by day."""
    last_day: Record | None = None
    """The newest record of a day that is complete."""

    def day(self, of: date) -> Day | None:
        """Return what is known about a date."""
        for day in self.days:
            if day.date == of:
                return day
        return None

    @property
    def counted(self) -> date | None:
        """The date that ``totals`` are of."""
        return self.phase.day if self.phase else None

    @property
    def shown_totals(self) -> tuple[Value, ...] | None:
        """The counters to show."""
        return _to_zero(self.totals) if isinstance(self.phase, ShowingZero) else self.totals


class Folded(NamedTuple):
    """A new state, with the anomalies and revisions that are new in it."""

    state: State
    anomalies: Sequence[Anomaly]
    revisions: int
    """The number of settled hours (or days) whose record changed, or came late."""


def fold(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    """Take in the report of the local date ``of`` (by day: of the days up to it), requested at ``asked``."""
    return (_fold_day if rules.report.type == "day" else _fold_hours)(state, rules, of, parsed, asked)


def _fold_hours(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    inside, outside, duplicates, may_infer = place_in_day(parsed, rules, of)
    known = state.day(of) or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, rules)
    misplaced = [
        Anomaly(AnomalyKind.OUTSIDE_DATE, _describe_start(record.start), Text("asked for %(date)s", date=of))
        for record in outside
    ]
    day = Day(
        of,
        asked,
        merged.records,
        may_infer=may_infer,
        sums=_sum_records(merged.records, rules.report, may_infer=may_infer),
        anomalies=(*parsed.anomalies, *duplicates, *misplaced),
        vanished=frozenset(known.records.keys() - inside.keys()),
    )
    others = [other for other in state.days if other.date != of]
    first, last = find_midnight(of, rules.zone), find_midnight(find_next_day(of), rules.zone)
    near = [record for record in outside if first - _FARTHEST <= record.start < last + _FARTHEST]
    candidates = [*([state.live] if state.live else []), *near, *day.records.values()]
    after = state._replace(
        # By nearness, not by when they were asked for: yesterday may have been asked for last before midnight.
        days=tuple(sorted((day, *others), key=lambda kept: abs(kept.date - of)))[:_DAYS_KEPT],
        hour=_find_last_complete(state.hour, day, rules),
        live=_find_newest([record for record in candidates if record.start <= asked + _FARTHEST]) or state.live,
    )
    return Folded(after, _find_new_anomalies(state.days, known, day, merged), merged.revisions)


class Placed(NamedTuple):
    """The records of a report by hour, and whether they are in the date asked for."""

    inside: Mapping[float, Record]
    """By the start of their local hour."""
    outside: Sequence[Record]
    duplicates: Sequence[Anomaly]
    may_infer: bool
    """Whether an hour without a record can be assumed to have no calls."""


def place_in_day(parsed: Parsed, rules: Rules, of: date) -> Placed:
    """Find the local hour of each record of a report, which was requested for the local date ``of``."""
    first, last = find_midnight(of, rules.zone), find_midnight(find_next_day(of), rules.zone)
    chosen, duplicates = _choose_records(parsed.records, find_hour_start, rules)
    inside = {start: record for start, record in chosen.items() if first <= start < last}
    outside = [record for start, record in chosen.items() if start not in inside]
    # A record that cannot be placed may be the one that is missing.
    may_infer = not outside and not any(anomaly.kind in _UNPLACED for anomaly in parsed.anomalies)
    return Placed(inside, outside, duplicates, may_infer)


def _fold_day(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    last = find_midnight(find_next_day(of), rules.zone)
    chosen, duplicates = _choose_records(parsed.records, find_day_start, rules)
    first = find_midnight(of - _FARTHEST_DAY, rules.zone)
    outside = [
        Anomaly(AnomalyKind.OUTSIDE_DATE, _describe_start(start), Text("asked for %(date)s", date=of))
        for start in chosen
        if not first <= start < last
    ]
    since = find_day_start(state.last_day.start, rules.zone) if state.last_day else first
    inside = {start: record for start, record in chosen.items() if max(first, since) <= start < last}

    known = state.by_day or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, rules)
    shown = max([since, *_list_days_over(merged.records, rules, asked)])  # never back, whatever the clock does
    expected = find_midnight(of - timedelta(days=_DAYS_EXPECTED), rules.zone)
    day = Day(
        of,
        asked,
        {start: record for start, record in merged.records.items() if start >= shown},
        may_infer=False,
        anomalies=(*parsed.anomalies, *duplicates, *outside),
        vanished=frozenset(start for start in known.records.keys() - inside.keys() if start >= expected),
    )
    after = state._replace(by_day=day, last_day=merged.records.get(shown))
    return Folded(after, _find_new_anomalies([known], known, day, merged), merged.revisions)


def can_confirm(state: State, of: date) -> bool:
    """Return whether `confirm` can replace `fold` if the report of a date comes again byte for byte.

    It cannot for a report by day, nor for one with records that could not be assigned to an hour.
    """
    day = state.day(of)
    return day is not None and day.may_infer


def confirm(state: State, rules: Rules, of: date, asked: float) -> State:
    """Take in the same report of a date once more: only what depends on the time changes."""
    known = state.day(of)
    assert known is not None  # noqa: S101 - `can_confirm` has checked it
    day = known._replace(asked=asked)
    days = tuple(day if other is known else other for other in state.days)
    return state._replace(days=days, hour=_find_last_complete(state.hour, day, rules))


def count(state: State, rules: Rules, now: float) -> State:
    """Bring the counters up to ``now``: the phase and the totals. A report by day has no counters."""
    if rules.report.type == "day":
        return state
    today = find_local_date(now, rules.zone)
    phase = state.phase or _find_first_phase(state, rules, today, now)
    if phase is None:
        return state
    if isinstance(phase, ShowingZero):
        if phase.until - ZERO_SHOWN <= now < phase.until:
            return state._replace(phase=phase, totals=_update_totals(state, phase.day))
        # Over, or the clock was set. The totals appear only now: if their day is over, they still have to be seen.
        phase = Held(phase.day, grown=now)
    totals = _update_totals(state, phase.day)
    if phase.day >= today:
        return state._replace(phase=Counting(phase.day), totals=totals)
    grown = phase.grown if isinstance(phase, Held) else -math.inf
    # The last hour's record may come after the hour has settled; its calls have to be seen, too. After the deadline
    # new calls no longer delay the new day.
    if totals != state.totals and now < _holds_until(find_next_day(phase.day), rules):
        grown = now
    if _awaits_hours(state, rules, phase.day, now) or _just_grown(grown, now):
        return state._replace(phase=Held(phase.day, grown), totals=totals)
    # If a day is held for as long as the next one lasts, that one is over by now, and is held in its turn.
    yesterday = find_day_before(today)
    new = yesterday if phase.day < yesterday and _awaits_hours(state, rules, yesterday, now) else today
    zeros = state._replace(totals=_to_zero(totals))
    return state._replace(phase=ShowingZero(new, now + ZERO_SHOWN), totals=_update_totals(zeros, new))


def changes_at(state: State, rules: Rules, now: float) -> float | None:
    """Return when `count` next changes the counters even without a poll, or None for never."""
    if rules.report.type == "day":
        return None
    match state.phase:
        case None:
            return _holds_until(find_local_date(now, rules.zone), rules)
        case ShowingZero(until=until):
            return until
        case Held(grown=grown) if _just_grown(grown, now):
            return grown + ZERO_SHOWN
        case phase:
            return _holds_until(find_next_day(phase.day), rules)


def wants_day_before(state: State, rules: Rules, now: float) -> bool:
    """Return whether yesterday's report is still needed: for the counters, or as no hour of today is complete yet."""
    if rules.report.type == "day":
        return False
    today = find_local_date(now, rules.zone)
    if state.hour is None or state.hour.start < find_midnight(today, rules.zone):
        return True
    if state.counted is None:
        return now < _holds_until(today, rules) + ZERO_SHOWN
    return state.counted < today and now < _holds_until(today, rules)


def lacks_day_before(state: State, rules: Rules, today: date) -> bool:
    """Return whether nothing is known about yesterday's hours."""
    return rules.report.type == "hour" and state.day(find_day_before(today)) is None


class _Merged(NamedTuple):
    records: Mapping[float, Record]
    revisions: int
    decreased: list[Anomaly]


def _choose_records(
    records: Sequence[Record], start_of: Callable[[float, ZoneInfo], float], rules: Rules
) -> tuple[dict[float, Record], list[Anomaly]]:
    """Choose one record for each local hour (or day), by its start, and report the duplicates."""
    chosen: dict[float, Record] = {}
    duplicates: list[Anomaly] = []
    for record in records:
        start = start_of(record.start, rules.zone)
        other = chosen.get(start)
        if other is None:
            chosen[start] = record
        else:
            duplicates.append(Anomaly(AnomalyKind.DUPLICATE_RECORD, _describe_start(start)))
            chosen[start] = max(other, record, key=_rank)
    return chosen, duplicates


def _rank(record: Record) -> tuple[float, ...]:
    """Compare duplicates by all their values, so that the order of the rows does not matter. The first value is the calls."""
    return record.stored, *(-1 if value is None else value for value in record.values), record.start


def choose_records(records: Sequence[Record], rules: Rules) -> Mapping[float, Record]:
    """Choose one record for each local hour (by day: for each local day), by its start."""
    return _choose_records(records, find_day_start if rules.report.type == "day" else find_hour_start, rules)[0]


def _merge(known: Day, came: Mapping[float, Record], rules: Rules) -> _Merged:
    """Merge a further report of a day into what is known. A record stays until a changed one comes."""
    changed = {start: record for start, record in came.items() if record != known.records.get(start)}
    # Keep the same objects: listeners recognise by identity that nothing changed, and thousands of new objects a second
    # would keep the garbage collector busy.
    if not changed:
        return _Merged(known.records, 0, [])
    revisions = 0
    decreased: list[Anomaly] = []
    for start, record in changed.items():
        former = known.records.get(start)
        if former is None:
            revisions += _was_assumed_empty(known, rules, start)
        elif record.values != former.values:
            revisions += settles_at(former, rules) <= known.asked
            if fell := _find_decrease(rules.report, former, record):
                decreased.append(Anomaly(AnomalyKind.DECREASED, _describe_start(start), fell))
    return _Merged({**known.records, **changed}, revisions, decreased)


def _find_new_anomalies(days: Sequence[Day], known: Day, day: Day, merged: _Merged) -> list[Anomaly]:
    """Return the anomalies of a report that are not in the latest reports of ``days``, nor known for its own day."""
    if not (day.anomalies or day.vanished or merged.decreased):
        return []
    seen: Counter[Anomaly] = Counter()
    for other in days:
        seen |= Counter(other.anomalies)
    return [
        *(Counter(day.anomalies) - seen).elements(),
        *(
            Anomaly(AnomalyKind.VANISHED_RECORD, _describe_start(start))
            for start in sorted(day.vanished - known.vanished)
        ),
        *merged.decreased,
    ]


def _find_decrease(report: Report, former: Record, record: Record) -> str:
    """Describe the first count that decreased, if any."""
    for field, before, after in zip(report.fields, former.values, record.values, strict=True):
        if field.kind is Kind.COUNT and before is not None and after is not None and after < before:
            return f"{field.name} {before} -> {after}"
    return ""


def settles_at(record: Record, rules: Rules) -> float:
    """Return when the hour of a record is complete (by day: the day)."""
    if rules.report.type == "day":
        return _day_settles_at(find_day_start(record.start, rules.zone), record, rules)
    return _hour_settles_at(find_hour_end(record.start, rules.zone), record, rules)


def empty_hour_settles_at(day: Day, rules: Rules, end: float) -> float:
    """Return when an hour without a record counts as an hour without calls; infinity if it cannot be assumed."""
    return end + rules.empty_hour_delay if day.may_infer else math.inf


# The platform's hours and days may begin at other moments than the local ones, if its time zone differs from the
# configured one. They are complete by their own end.


def _hour_settles_at(end: float, record: Record, rules: Rules) -> float:
    return max(end, record.start + _RECORD_SECONDS) + rules.settle_delay


def _day_settles_at(start: float, record: Record, rules: Rules) -> float:
    return (
        find_midnight(find_next_day(find_local_date(start, rules.zone)), rules.zone)
        + (record.start - start)
        + rules.settle_delay
    )


def _list_settle_times(day: Day, rules: Rules, *, newest_first: bool = False) -> Iterator[tuple[float, float]]:
    """Yield the start of each hour of a day, and when it settles according to what is known."""
    for start, end in list_hours(day.date, rules.zone)[:: -1 if newest_first else 1]:
        record = day.records.get(start)
        yield start, _hour_settles_at(end, record, rules) if record else empty_hour_settles_at(day, rules, end)


def _was_assumed_empty(day: Day, rules: Rules, start: float) -> bool:
    """Return whether an hour without a record had settled according to a day's latest report."""
    return (
        rules.report.type == "hour" and empty_hour_settles_at(day, rules, find_hour_end(start, rules.zone)) <= day.asked
    )


def is_settled(day: Day, rules: Rules) -> bool:
    """Tell whether all hours of a day are complete according to its latest report."""
    return _all_settled_at(day, rules) <= day.asked


def _all_settled_at(day: Day, rules: Rules) -> float:
    """Return when the last hour of a day settles according to what is known."""
    return max(due for _, due in _list_settle_times(day, rules))


def _list_days_over(records: Mapping[float, Record], rules: Rules, asked: float) -> list[float]:
    """Return the starts of the days whose record was complete when a report was requested."""
    return [start for start, record in records.items() if _day_settles_at(start, record, rules) <= asked]


def _find_last_complete(shown: Hour | None, day: Day, rules: Rules) -> Hour | None:
    """Return the newest settled hour of a day, or the hour shown before if that is newer."""
    start = next((start for start, due in _list_settle_times(day, rules, newest_first=True) if due <= day.asked), None)
    if shown is not None and (start is None or start < shown.start):
        start = shown.start
    if start is None:
        return None
    record = day.records.get(start)
    if shown is not None and start == shown.start and record in (None, shown.record):
        return shown
    return Hour(start, record)


def _find_newest(records: Sequence[Record]) -> Record | None:
    """Return the newest record; of two with the same start, the later one in the list."""
    return max(reversed(records), key=attrgetter("start"), default=None)


def _holds_until(today: date, rules: Rules) -> float:
    """Return until when yesterday's counters are held at the latest."""
    return find_midnight(today, rules.zone) + rules.empty_hour_delay


def _awaits_hours(state: State, rules: Rules, over: date, now: float) -> bool:
    """Return whether hours of a day that is over may still come."""
    if now >= _holds_until(find_next_day(over), rules):
        return False
    day = state.day(over)
    return day is None or _all_settled_at(day, rules) > day.asked


def _just_grown(grown: float, now: float) -> bool:
    """Return whether totals that grew at ``grown`` may not have been scraped yet."""
    return grown <= now < grown + ZERO_SHOWN


def _update_totals(state: State, of: date) -> tuple[Value, ...] | None:
    """Return the totals with all that is known about a day."""
    day = state.day(of)
    return _never_decrease(state.totals, day.sums) if day else state.totals


def _find_first_phase(state: State, rules: Rules, today: date, now: float) -> Phase | None:
    """Return the phase of a process that has run without a stop."""
    deadline = _holds_until(today, rules)
    yesterday = state.day(find_day_before(today))
    if now < deadline:
        if yesterday is None:
            return None
        if _all_settled_at(yesterday, rules) > yesterday.asked:
            return Held(yesterday.date)
    turned = deadline if yesterday is None else min(deadline, _all_settled_at(yesterday, rules))
    return ShowingZero(today, turned + ZERO_SHOWN) if now < turned + ZERO_SHOWN else Counting(today)


def _sum_records(records: Mapping[float, Record], report: Report, *, may_infer: bool) -> tuple[Value, ...]:
    """Return the sum of each count over a day's records; None if none of them has a value.

    A day without records has no calls so far, unless some record could not be assigned to an hour.
    """
    if not records:
        return tuple(0 if field.kind is Kind.COUNT and may_infer else None for field in report.fields)
    columns = zip(*(record.values for record in records.values()), strict=True)
    return tuple(
        _sum_known(column) if field.kind is Kind.COUNT else None
        for field, column in zip(report.fields, columns, strict=True)
    )


def _sum_known(values: Sequence[Value]) -> Value:
    try:
        return sum(values)  # type: ignore[arg-type]  # hardly ever is one missing
    except TypeError:
        known = [value for value in values if value is not None]
        return sum(known) if known else None


def _never_decrease(held: tuple[Value, ...] | None, sums: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the sums, or the former ones where they are higher.

    A former 0 gives way to None: it was assumed before the first record showed that the field is missing.
    """
    if held is None:
        return sums
    return tuple(new if not old else old if new is None else max(old, new) for old, new in zip(held, sums, strict=True))


def _to_zero(totals: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
    return None if totals is None else tuple(None if value is None else 0 for value in totals)


def _describe_start(start: float) -> str:
    return f"recordTime={start * 1000:.0f}"
