"""From a bot's reports to what is shown of them: the last complete hour, the live hour, the day's counters, the last day.

Pure functions over immutable states. ``fold`` takes in a report, ``count`` moves the counters along with the time.
All moments are epoch seconds; the time of a report is when it was asked for, since it says nothing of what came later. What a
report never decides is taken back: neither the hour shown nor the day counted ever goes back.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from exporter.config import Config, Tenant
from exporter.polling.calendar import day_before, day_start, hour_start, hours, local_date, midnight, next_day
from exporter.polling.snapshot import Hour
from exporter.upstream.reports import Anomaly, Kind, Parsed, Record, Report, Value

ZERO_SHOWN: Final = 120.0
"""Seconds for which a new day's counters show 0, so that a scrape a minute sees the reset of even a quiet bot."""

_DAYS_KEPT: Final = 2
_DAYS_EXPECTED: Final = 28
"""A report by day has 30; whose days those are, the platform's or the tenant's, is not known."""
_RECORD_SECONDS: Final = 3600.0
_MOST_AHEAD: Final = 86400.0
"""Seconds; clocks and zones are hours off at most, and a record that begins later would be the newest for ever."""
_UNPLACED: Final = frozenset({"invalid_record", "foreign_record"})


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
    anomalies: Sequence[Anomaly] = ()
    """Those in its latest report."""
    vanished: frozenset[float] = frozenset()
    """The hours, or days, whose records its latest report no longer had."""


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of a bot's report."""

    days: tuple[Day, ...] = ()
    """The date asked for last, and the one nearest to it; none for a report by day."""
    hour: Hour | None = None
    live: Record | None = None
    counted: date | None = None
    """The date that ``totals`` are of."""
    totals: tuple[Value, ...] | None = None
    """Sums in the order of the report's fields; None for a field that is no count or never had a value."""
    zero_until: float = 0.0
    """Until when 0 is shown in place of ``totals``; 0 when it is over."""
    grown: float = float("-inf")
    """When ``totals`` last grew while their day was over."""
    by_day: Day | None = None
    """What a report by day last said."""
    last_day: Record | None = None
    """The newest record of a day that is over."""

    def day(self, of: date) -> Day | None:
        """What is known of a date."""
        return next((day for day in self.days if day.date == of), None)

    @property
    def shown_totals(self) -> tuple[Value, ...] | None:
        """The counters to show."""
        return _zeros(self.totals) if self.zero_until else self.totals


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
    present += [Anomaly("outside_date", _at(record.start), f"asked for {of}") for record in outside]

    known = state.day(of) or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, frozenset(_settled(known, rules)), rules.report)
    day = Day(
        of,
        asked,
        merged.records,
        # What could not be placed may be the record that is missing.
        may_infer=not outside and not any(each.reason in _UNPLACED for each in parsed.anomalies),
        anomalies=tuple(present),
        vanished=frozenset(known.records.keys() - inside.keys()),
    )
    others = [each for each in state.days if each.date != of]
    candidates = [*([state.live] if state.live else []), *outside, *day.records.values()]
    after = replace(
        state,
        # By nearness, not by when they were asked for: yesterday may have been asked for last before midnight.
        days=tuple(sorted((day, *others), key=lambda each: abs(each.date - of)))[:_DAYS_KEPT],
        hour=_last_complete(state.hour, day, rules),
        live=_newest([each for each in candidates if each.start <= asked + _MOST_AHEAD] or candidates),
    )
    return Folded(after, _news(state.days, known, day, merged), merged.revisions)


def _fold_day(state: State, rules: Rules, of: date, parsed: Parsed, asked: float) -> Folded:
    last = midnight(next_day(of), rules.zone)
    chosen, duplicates = _one_each(parsed.records, day_start, rules)
    outside = [Anomaly("outside_date", _at(start), f"asked for {of}") for start in chosen if start >= last]
    since = day_start(state.last_day.start, rules.zone) if state.last_day else -math.inf
    inside = {start: record for start, record in chosen.items() if since <= start < last}

    known = state.by_day or Day(of, asked, {}, may_infer=False)
    merged = _merge(known, inside, frozenset(_days_over(known.records, rules, known.asked)), rules.report)
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


def count(state: State, rules: Rules, now: float) -> State:
    """Brings the counters up to ``now``: which day they are of, and whether they still show its 0.

    A report by day has none.
    """
    if rules.report.type == "day":
        return state
    today = local_date(now, rules.zone)
    counted, totals, zero_until = state.counted, state.totals, state.zero_until
    if not zero_until - ZERO_SHOWN <= now < zero_until:  # over, or the clock was set
        zero_until = 0.0
    if counted is None:
        counted, zero_until = _first_counted(state, rules, today, now)
    totals, grown = _added_up(state, rules, counted), state.grown
    if counted and counted < today:
        # The last hour's record may come when it is settled already: what it adds is to be seen, too. What comes after the
        # deadline puts the new day off no further.
        if totals != state.totals and now < _deadline(next_day(counted), rules):
            grown = now
        if not _held(state, rules, counted, now) and not _just(grown, now):
            # Where a day is held for as long as the next one lasts, that one is over by then, and is held in its turn.
            yesterday = day_before(today)
            counted = yesterday if counted < yesterday and _held(state, rules, yesterday, now) else today
            zero_until = now + ZERO_SHOWN
            totals = _added_up(replace(state, totals=_zeros(totals)), rules, counted)
    return replace(state, counted=counted, totals=totals, zero_until=zero_until, grown=grown)


def changes_at(state: State, rules: Rules, now: float) -> float | None:
    """When ``count`` will next have something to do even if no poll comes before; None for never."""
    if rules.report.type == "day":
        return None
    if state.zero_until:
        return state.zero_until
    if _just(state.grown, now):
        return state.grown + ZERO_SHOWN
    return _deadline(next_day(state.counted or day_before(local_date(now, rules.zone))), rules)


def wants_day_before(state: State, rules: Rules, now: float) -> bool:
    """Whether yesterday's report is still needed: the counters are of yesterday, or no hour of today is complete yet."""
    if rules.report.type == "day":
        return False
    today = local_date(now, rules.zone)
    if state.hour is None or state.hour.start < midnight(today, rules.zone):
        return True
    if state.counted is None:
        return now < _deadline(today, rules) + ZERO_SHOWN
    return state.counted < today and now < _deadline(today, rules)


def lacks_day_before(state: State, rules: Rules, today: date) -> bool:
    """Whether nothing is known of yesterday's hours."""
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
            duplicates.append(Anomaly("duplicate_record", _at(start)))
        chosen[start] = record if other is None else max(other, record, key=_precedence)
    return chosen, duplicates


def _precedence(record: Record) -> tuple[float, ...]:
    """Total, so that the order of the rows decides nothing; the first value is the number of calls."""
    return record.stored, *(-1 if value is None else value for value in record.values)


def choose_records(records: Sequence[Record], rules: Rules) -> Mapping[float, Record]:
    """The record that counts of each local hour (by day: of each local day), by its start."""
    return _one_each(records, day_start if rules.report.type == "day" else hour_start, rules)[0]


def _merge(known: Day, came: Mapping[float, Record], settled: frozenset[float], report: Report) -> _Merged:
    """What is known of a day after a further report of it. A record once seen stays until a changed one comes."""
    changed: dict[float, Record] = {}
    revisions = 0
    decreased: list[Anomaly] = []
    for start, record in came.items():
        former = known.records.get(start)
        if record == former:
            continue
        changed[start] = record
        if former is None:
            revisions += start in settled
        elif record.values != former.values:
            revisions += start in settled
            if fell := _fallen(report, former, record):
                decreased.append(Anomaly("decreased", _at(start), fell))
    # Without a change the objects stay the same: others recognise this by identity, and thousands of new objects a second
    # would keep the garbage collector busy.
    return _Merged({**known.records, **changed} if changed else known.records, revisions, decreased)


def _news(days: Sequence[Day], known: Day, day: Day, merged: _Merged) -> list[Anomaly]:
    """What a report brought up that the latest reports of ``days``, and what was ``known`` of its own, do not have."""
    seen: Counter[Anomaly] = Counter()
    for each in days:
        seen |= Counter(each.anomalies)
    return [
        *(Counter(day.anomalies) - seen).elements(),
        *(Anomaly("vanished_record", _at(start)) for start in sorted(day.vanished - known.vanished)),
        *merged.decreased,
    ]


def _fallen(report: Report, former: Record, record: Record) -> str:
    """The first count, if any, that is lower than it was."""
    for each, before, after in zip(report.fields, former.values, record.values, strict=True):
        if each.kind is Kind.COUNT and before is not None and after is not None and after < before:
            return f"{each.name} {before} -> {after}"
    return ""


def _settled(day: Day, rules: Rules) -> list[float]:
    """The starts of a day's settled hours, in order, as its latest report shows them."""
    return [
        start
        for start, end in hours(day.date, rules.zone)
        if (due := settles_at(day, rules, start, end)) and due <= day.asked
    ]


def settles_at(day: Day, rules: Rules, start: float, end: float) -> float | None:
    """When an hour settles as far as is known; None for one that cannot without a record."""
    record = day.records.get(start)
    if record is not None:
        # The platform's hours may begin off the local ones, where its zone is not the one configured.
        return max(end, record.start + _RECORD_SECONDS) + rules.settle_delay
    return end + rules.empty_hour_delay if day.may_infer else None


def _days_over(records: Mapping[float, Record], rules: Rules, asked: float) -> list[float]:
    """The starts of the days with a record that had ended long enough before a report was asked for."""
    return [
        start
        for start, record in records.items()
        # The platform's days may begin off the local ones, where its zone is not the one configured.
        if midnight(next_day(local_date(start, rules.zone)), rules.zone) + (record.start - start) + rules.settle_delay
        <= asked
    ]


def _last_complete(shown: Hour | None, day: Day, rules: Rules) -> Hour | None:
    settled = _settled(day, rules)
    start = settled[-1] if settled else None
    if shown is not None and (start is None or start < shown.start):
        start = shown.start
    if start is None:
        return None
    record = day.records.get(start)
    if shown is not None and record is None and start == shown.start:
        return shown
    return Hour(start, record)


def _newest(records: Sequence[Record]) -> Record | None:
    """The newest record; of two that start together, the later one in the list."""
    return max(reversed(records), key=lambda record: record.start, default=None)


def _deadline(today: date, rules: Rules) -> float:
    """Until when yesterday's counters are held at the latest."""
    return midnight(today, rules.zone) + rules.empty_hour_delay


def _all_settled_at(day: Day, rules: Rules) -> float:
    """When the last hour of a day settles as far as is known."""
    dues = [settles_at(day, rules, start, end) for start, end in hours(day.date, rules.zone)]
    return max(float("inf") if due is None else due for due in dues)


def _held(state: State, rules: Rules, counted: date, now: float) -> bool:
    """Whether the counters stay on a day that is over."""
    if now >= _deadline(next_day(counted), rules):
        return False
    day = state.day(counted)
    return day is None or _all_settled_at(day, rules) > day.asked


def _just(grown: float, now: float) -> bool:
    """Whether counters that grew then may not have been seen yet."""
    return grown <= now < grown + ZERO_SHOWN


def _added_up(state: State, rules: Rules, counted: date | None) -> tuple[Value, ...] | None:
    """The counters with all that is known of the day counted."""
    day = state.day(counted) if counted else None
    return _at_least(state.totals, _sums(day, rules.report)) if day else state.totals


def _first_counted(state: State, rules: Rules, today: date, now: float) -> tuple[date | None, float]:
    """Where a process that has just started finds the counters: exactly where one that never stopped has them."""
    deadline = _deadline(today, rules)
    yesterday = state.day(day_before(today))
    if now < deadline:
        if yesterday is None:
            return None, 0.0
        if _all_settled_at(yesterday, rules) > yesterday.asked:
            return yesterday.date, 0.0
    turned = deadline if yesterday is None else min(deadline, _all_settled_at(yesterday, rules))
    zero_until = turned + ZERO_SHOWN
    return today, zero_until if now < zero_until else 0.0


def _sums(day: Day, report: Report) -> tuple[Value, ...]:
    """The sum of each count over the day's records; None when none of them has a value.

    A day without records is one without calls so far, unless some may be among what could not be placed.
    """
    sums: list[Value] = []
    for index, each in enumerate(report.fields):
        if each.kind is not Kind.COUNT:
            sums.append(None)
            continue
        values = [value for record in day.records.values() if (value := record.values[index]) is not None]
        known = bool(values) or (not day.records and day.may_infer)
        sums.append(sum(values) if known else None)
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
