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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, NamedTuple, Self, TypeAlias
from zoneinfo import ZoneInfo

from exporter.config import Config, Tenant
from exporter.polling.calendar import day_before, day_start, hour_end, hour_start, hours, local_date, midnight, next_day
from exporter.polling.snapshot import Hour
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import Kind, Parsed, Record, Report, Value

ZERO_SHOWN: Final = 120.0
"""Seconds for which a new day's counters show 0: a scrape a minute then sees the reset even of a quiet bot."""

_DAYS_KEPT: Final = 2
_DAYS_EXPECTED: Final = 28
"""A report by day has 30. They may be the platform's days rather than the tenant's, so the outermost are not expected."""
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
    """How a tenant's hours are judged; delays in seconds."""

    report: Report
    zone: ZoneInfo
    settle_delay: float
    empty_hour_delay: float

    @classmethod
    def of(cls, config: Config, tenant: Tenant, report: Report) -> Self:
        """The rules that a configuration sets for a tenant's report."""
        return cls(report, tenant.timezone, config.settle_delay, config.empty_hour_delay)


@dataclass(frozen=True, slots=True)
class Day:
    """All that is known of one local date; of a report by day, of the day shown and of those after it up to the date."""

    date: date
    asked: float
    records: Mapping[float, Record]
    """By the start of their local hour, or day."""
    may_infer: bool
    """Whether an hour without a record may be taken for one without calls."""
    sums: tuple[Value, ...] = ()
    """Of each count over the day's records, in the order of the report's fields; a report by day has none."""
    anomalies: Sequence[Anomaly] = ()
    """Those in its latest report."""
    vanished: frozenset[float] = frozenset()
    """The hours, or days, whose records its latest report no longer had."""


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


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of a bot's report."""

    days: tuple[Day, ...] = ()
    """The date asked for last, and the one nearest to it; none for a report by day."""
    hour: Hour | None = None
    live: Record | None = None
    phase: Phase | None = None
    """None until it is known which day to count: a process that starts shortly after midnight needs both days' reports."""
    totals: tuple[Value, ...] | None = None
    """Sums in the order of the report's fields; None for a field that is no count or never had a value."""
    by_day: Day | None = None
    """What a report by day last said."""
    last_day: Record | None = None
    """The newest record of a day that is over."""

    def day(self, of: date) -> Day | None:
        """Return what is known of a date."""
        return next((day for day in self.days if day.date == of), None)

    @property
    def counted(self) -> date | None:
        """The date that ``totals`` are of."""
        return self.phase.day if self.phase else None

    @property
    def shown_totals(self) -> tuple[Value, ...] | None:
        """The counters to show."""
        return _zeros(self.totals) if isinstance(self.phase, ShowingZero) else self.totals


class Folded(NamedTuple):
    """A new state, and what its report brought up for the first time."""

    state: State
    anomalies: Sequence[Anomaly]
    revisions: int
    """Settled hours (or days) whose record was changed, or came after all."""


def fold(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    """Takes in the report of the local date ``of`` (by day: of the days up to it), asked for at ``asked``."""
    return (_fold_day if rules.report.type == "day" else _fold_hours)(state, rules, of, parsed, asked)


def _fold_hours(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    first, last = midnight(of, rules.zone), midnight(next_day(of), rules.zone)
    present = list(parsed.anomalies)
    chosen, duplicates = _one_each(parsed.records, hour_start, rules)
    inside = {start: record for start, record in chosen.items() if first <= start < last}
    outside = [record for start, record in chosen.items() if start not in inside]
    present += duplicates
    present += [Anomaly(AnomalyKind.OUTSIDE_DATE, _at(record.start), f"asked for {of}") for record in outside]

    known = state.day(of) or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, lambda: _settled(known, rules), rules.report)
    # A record that cannot be placed may be the one that is missing.
    may_infer = not outside and not any(anomaly.kind in _UNPLACED for anomaly in parsed.anomalies)
    day = Day(
        of,
        asked,
        merged.records,
        may_infer=may_infer,
        sums=_sums(merged.records, rules.report, may_infer=may_infer),
        anomalies=tuple(present),
        vanished=frozenset(known.records.keys() - inside.keys()),
    )
    others = [each for each in state.days if each.date != of]
    near = [record for record in outside if first - _FARTHEST <= record.start < last + _FARTHEST]
    candidates = [*([state.live] if state.live else []), *near, *day.records.values()]
    after = replace(
        state,
        # By nearness, not by when they were asked for: yesterday may have been asked for last before midnight.
        days=tuple(sorted((day, *others), key=lambda each: abs(each.date - of)))[:_DAYS_KEPT],
        hour=_last_complete(state.hour, day, rules),
        live=_newest([record for record in candidates if record.start <= asked + _FARTHEST]) or state.live,
    )
    return Folded(after, _news(state.days, known, day, merged), merged.revisions)


def _fold_day(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    last = midnight(next_day(of), rules.zone)
    chosen, duplicates = _one_each(parsed.records, day_start, rules)
    first = midnight(of - _FARTHEST_DAY, rules.zone)
    outside = [
        Anomaly(AnomalyKind.OUTSIDE_DATE, _at(start), f"asked for {of}")
        for start in chosen
        if not first <= start < last
    ]
    since = day_start(state.last_day.start, rules.zone) if state.last_day else first
    inside = {start: record for start, record in chosen.items() if max(first, since) <= start < last}

    known = state.by_day or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, lambda: _days_over(known.records, rules, known.asked), rules.report)
    shown = max([since, *_days_over(merged.records, rules, asked)])  # never back, whatever the clock does
    expected = midnight(of - timedelta(days=_DAYS_EXPECTED), rules.zone)
    day = Day(
        of,
        asked,
        {start: record for start, record in merged.records.items() if start >= shown},
        may_infer=False,
        anomalies=(*parsed.anomalies, *duplicates, *outside),
        vanished=frozenset(start for start in known.records.keys() - inside.keys() if start >= expected),
    )
    after = replace(state, by_day=day, last_day=merged.records.get(shown))
    return Folded(after, _news([known], known, day, merged), merged.revisions)


def can_confirm(state: State, of: date) -> bool:
    """Return whether a report of a date that comes again byte for byte can go to `confirm` instead of `fold`.

    Not a report by day, and not one with records that could not be placed.
    """
    day = state.day(of)
    return day is not None and day.may_infer


def confirm(state: State, rules: Rules, of: date, asked: float) -> State:
    """Take in that the report of a date came again byte for byte: `fold` would change only what depends on the time."""
    known = state.day(of)
    assert known is not None  # noqa: S101 - `can_confirm` says so
    day = replace(known, asked=asked)
    days = tuple(day if other is known else other for other in state.days)
    return replace(state, days=days, hour=_last_complete(state.hour, day, rules))


def count(state: State, rules: Rules, now: float) -> State:
    """Bring the counters up to ``now``: the phase and the totals. A report by day has no counters."""
    if rules.report.type == "day":
        return state
    today = local_date(now, rules.zone)
    phase = state.phase or _first_phase(state, rules, today, now)
    if phase is None:
        return state
    if isinstance(phase, ShowingZero):
        if phase.until - ZERO_SHOWN <= now < phase.until:
            return replace(state, phase=phase, totals=_add_up(state, phase.day))
        # Over, or the clock was set. The totals appear only now: if their day is over, they still have to be seen.
        phase = Held(phase.day, grown=now)
    totals = _add_up(state, phase.day)
    if phase.day >= today:
        return replace(state, phase=Counting(phase.day), totals=totals)
    grown = phase.grown if isinstance(phase, Held) else -math.inf
    # The last hour's record may come after the hour has settled; its calls have to be seen, too. After the deadline
    # new calls no longer delay the new day.
    if totals != state.totals and now < _deadline(next_day(phase.day), rules):
        grown = now
    if _awaits_hours(state, rules, phase.day, now) or _just_grown(grown, now):
        return replace(state, phase=Held(phase.day, grown), totals=totals)
    # If a day is held for as long as the next one lasts, that one is over by now, and is held in its turn.
    yesterday = day_before(today)
    new = yesterday if phase.day < yesterday and _awaits_hours(state, rules, yesterday, now) else today
    zeros = replace(state, totals=_zeros(totals))
    return replace(state, phase=ShowingZero(new, now + ZERO_SHOWN), totals=_add_up(zeros, new))


def changes_at(state: State, rules: Rules, now: float) -> float | None:
    """Return when `count` next changes the counters even without a poll, or None for never."""
    if rules.report.type == "day":
        return None
    match state.phase:
        case None:
            return _deadline(local_date(now, rules.zone), rules)
        case ShowingZero(until=until):
            return until
        case Held(grown=grown) if _just_grown(grown, now):
            return grown + ZERO_SHOWN
        case phase:
            return _deadline(next_day(phase.day), rules)


def wants_day_before(state: State, rules: Rules, now: float) -> bool:
    """Return whether yesterday's report is still needed: for the counters, or as no hour of today is complete yet."""
    if rules.report.type == "day":
        return False
    today = local_date(now, rules.zone)
    if state.hour is None or state.hour.start < midnight(today, rules.zone):
        return True
    if state.counted is None:
        return now < _deadline(today, rules) + ZERO_SHOWN
    return state.counted < today and now < _deadline(today, rules)


def lacks_day_before(state: State, rules: Rules, today: date) -> bool:
    """Return whether nothing is known of yesterday's hours."""
    return rules.report.type == "hour" and state.day(day_before(today)) is None


class _Merged(NamedTuple):
    records: Mapping[float, Record]
    revisions: int
    decreased: list[Anomaly]


def _one_each(
    records: Sequence[Record], start_of: Callable[[float, ZoneInfo], float], rules: Rules
) -> tuple[dict[float, Record], list[Anomaly]]:
    """The record that counts of each local hour, or day, by its start."""
    chosen: dict[float, Record] = {}
    duplicates: list[Anomaly] = []
    for record in records:
        start = start_of(record.start, rules.zone)
        other = chosen.get(start)
        if other is not None:
            duplicates.append(Anomaly(AnomalyKind.DUPLICATE_RECORD, _at(start)))
        chosen[start] = record if other is None else max(other, record, key=_precedence)
    return chosen, duplicates


def _precedence(record: Record) -> tuple[float, ...]:
    """Order records by all they have, so that the order of the rows decides nothing. The first value is the calls."""
    return record.stored, *(-1 if value is None else value for value in record.values), record.start


def choose_records(records: Sequence[Record], rules: Rules) -> Mapping[float, Record]:
    """The record that counts of each local hour (by day: of each local day), by its start."""
    return _one_each(records, day_start if rules.report.type == "day" else hour_start, rules)[0]


def _merge(
    known: Day, came: Mapping[float, Record], find_settled: Callable[[], Collection[float]], report: Report
) -> _Merged:
    """What is known of a day after a further report of it. A record once seen stays until a changed one comes."""
    changed = {start: record for start, record in came.items() if record != known.records.get(start)}
    # Without a change the objects stay the same: others recognise this by identity, and thousands of new objects a second
    # would keep the garbage collector busy.
    if not changed:
        return _Merged(known.records, 0, [])
    settled = find_settled()
    revisions = 0
    decreased: list[Anomaly] = []
    for start, record in changed.items():
        former = known.records.get(start)
        if former is None:
            revisions += start in settled
        elif record.values != former.values:
            revisions += start in settled
            if fell := _fallen(report, former, record):
                decreased.append(Anomaly(AnomalyKind.DECREASED, _at(start), fell))
    return _Merged({**known.records, **changed}, revisions, decreased)


def _news(days: Sequence[Day], known: Day, day: Day, merged: _Merged) -> list[Anomaly]:
    """What a report brought up that the latest reports of ``days``, and what was ``known`` of its own, do not have."""
    seen: Counter[Anomaly] = Counter()
    for each in days:
        seen |= Counter(each.anomalies)
    return [
        *(Counter(day.anomalies) - seen).elements(),
        *(Anomaly(AnomalyKind.VANISHED_RECORD, _at(start)) for start in sorted(day.vanished - known.vanished)),
        *merged.decreased,
    ]


def _fallen(report: Report, former: Record, record: Record) -> str:
    """The first count, if any, that is lower than it was."""
    for each, before, after in zip(report.fields, former.values, record.values, strict=True):
        if each.kind is Kind.COUNT and before is not None and after is not None and after < before:
            return f"{each.name} {before} -> {after}"
    return ""


def settles_at(record: Record, rules: Rules) -> float:
    """Return when the hour of a record is complete (by day: the day)."""
    if rules.report.type == "day":
        return _day_settles_at(day_start(record.start, rules.zone), record, rules)
    return _hour_settles_at(hour_end(record.start, rules.zone), record, rules)


def empty_hour_settles_at(day: Day, rules: Rules, end: float) -> float:
    """Return when an hour without a record counts as one without calls; infinity while that cannot be inferred."""
    return end + rules.empty_hour_delay if day.may_infer else math.inf


# The platform's hours and days may begin at other moments than the local ones, if its time zone differs from the
# configured one. They are complete by their own end.


def _hour_settles_at(end: float, record: Record, rules: Rules) -> float:
    return max(end, record.start + _RECORD_SECONDS) + rules.settle_delay


def _day_settles_at(start: float, record: Record, rules: Rules) -> float:
    return midnight(next_day(local_date(start, rules.zone)), rules.zone) + (record.start - start) + rules.settle_delay


def _settle_times(day: Day, rules: Rules, *, newest_first: bool = False) -> Iterator[tuple[float, float]]:
    """Yield the start of each hour of a day, and when it settles as far as is known."""
    for start, end in hours(day.date, rules.zone)[:: -1 if newest_first else 1]:
        record = day.records.get(start)
        yield start, _hour_settles_at(end, record, rules) if record else empty_hour_settles_at(day, rules, end)


def _settled(day: Day, rules: Rules) -> list[float]:
    """Return the starts of a day's settled hours, in order, according to its latest report."""
    return [start for start, due in _settle_times(day, rules) if due <= day.asked]


def _all_settled_at(day: Day, rules: Rules) -> float:
    """Return when the last hour of a day settles as far as is known."""
    return max(due for _, due in _settle_times(day, rules))


def _days_over(records: Mapping[float, Record], rules: Rules, asked: float) -> list[float]:
    """Return the starts of the days whose record was complete when a report was requested."""
    return [start for start, record in records.items() if _day_settles_at(start, record, rules) <= asked]


def _last_complete(shown: Hour | None, day: Day, rules: Rules) -> Hour | None:
    """Return the newest settled hour of a day, or the hour shown before if that is newer."""
    start = next((start for start, due in _settle_times(day, rules, newest_first=True) if due <= day.asked), None)
    if shown is not None and (start is None or start < shown.start):
        start = shown.start
    if start is None:
        return None
    record = day.records.get(start)
    if shown is not None and start == shown.start and record in (None, shown.record):
        return shown
    return Hour(start, record)


def _newest(records: Sequence[Record]) -> Record | None:
    """The newest record; of two that start together, the later one in the list."""
    return max(reversed(records), key=lambda record: record.start, default=None)


def _deadline(today: date, rules: Rules) -> float:
    """Return until when yesterday's counters are held at the latest."""
    return midnight(today, rules.zone) + rules.empty_hour_delay


def _awaits_hours(state: State, rules: Rules, over: date, now: float) -> bool:
    """Return whether hours of a day that is over may still come."""
    if now >= _deadline(next_day(over), rules):
        return False
    day = state.day(over)
    return day is None or _all_settled_at(day, rules) > day.asked


def _just_grown(grown: float, now: float) -> bool:
    """Return whether totals that grew at ``grown`` may not have been scraped yet."""
    return grown <= now < grown + ZERO_SHOWN


def _add_up(state: State, of: date) -> tuple[Value, ...] | None:
    """Return the totals with all that is known of a day."""
    day = state.day(of)
    return _at_least(state.totals, day.sums) if day else state.totals


def _first_phase(state: State, rules: Rules, today: date, now: float) -> Phase | None:
    """Return the phase that a process which had never stopped would be in."""
    deadline = _deadline(today, rules)
    yesterday = state.day(day_before(today))
    if now < deadline:
        if yesterday is None:
            return None
        if _all_settled_at(yesterday, rules) > yesterday.asked:
            return Held(yesterday.date)
    turned = deadline if yesterday is None else min(deadline, _all_settled_at(yesterday, rules))
    return ShowingZero(today, turned + ZERO_SHOWN) if now < turned + ZERO_SHOWN else Counting(today)


def _sums(records: Mapping[float, Record], report: Report, *, may_infer: bool) -> tuple[Value, ...]:
    """Return the sum of each count over a day's records; None if none of them has a value.

    A day without records is one without calls so far, unless a record could not be placed.
    """
    if not records:
        return tuple(0 if field.kind is Kind.COUNT and may_infer else None for field in report.fields)
    sums: list[Value] = []
    for field, column in zip(
        report.fields, zip(*(record.values for record in records.values()), strict=True), strict=True
    ):
        known = [value for value in column if value is not None] if field.kind is Kind.COUNT else []
        sums.append(sum(known) if known else None)
    return tuple(sums)


def _at_least(held: tuple[Value, ...] | None, sums: tuple[Value, ...]) -> tuple[Value, ...]:
    """Sums that have not gone down.

    A 0 of which the day's records say nothing is given up: it was assumed before there were any.
    """
    if held is None:
        return sums
    return tuple(new if not old else old if new is None else max(old, new) for old, new in zip(held, sums, strict=True))


def _zeros(totals: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
    return None if totals is None else tuple(None if value is None else 0 for value in totals)


def _at(start: float) -> str:
    return f"recordTime={start * 1000:.0f}"
