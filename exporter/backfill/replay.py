"""Calculate how a bot's live series would have looked in the past, from the platform's report of today.

The daemon's own functions decide what is shown. Step by step, they get the report as it would have been at that moment.
Only the final record of an hour is known. So an hour appears when it settles, which is exact unless its record came
later, and the counters grow evenly during the hour.

Where the past meets live series, the last or first live values are not known. Prometheus would take a counter that
seems to fall for one that was reset, and would count the whole day twice. So there are no counters

- before the end of the hour in which the gap begins: by then they have reached all values shown before the gap;
- in the day that is counted when the gap ends, after the last hour that had ended ``empty_hour_delay`` before: the
  values shown after the gap may contain only the hours until then.

There are no samples before the first known record of a bot: the platform may have forgotten that time, or the bot did not
exist. All moments are epoch seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from exporter.polling.calendar import (
    find_day_before,
    find_hour_start,
    find_local_date,
    find_midnight,
    find_next_day,
    list_hours,
)
from exporter.polling.snapshot import Snapshot
from exporter.polling.windows import Day, Rules, ShowingZero, State, count, fold, wants_day_before
from exporter.upstream.reports import Kind, Parsed, Record, Report

_RECORD_SECONDS: Final = 3600.0


class Span(NamedTuple):
    """A time from ``begin`` to before ``end``, in whole epoch seconds."""

    begin: int
    end: int

    def within(self, other: "Span") -> "Span":
        """Return the intersection; if it is empty, its end is not after its beginning."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


class Tally(NamedTuple):
    """The number of hours that begin in a span, by what is known of them."""

    recorded: int = 0
    empty: int = 0
    """Hours without a record that count as hours without calls."""
    unknown: int = 0


def list_days(span: Span, rules: Rules, step: int) -> Sequence[date]:
    """Return the local dates whose reports ``replay`` and ``count_hours`` need for a span."""
    # An exporter that has just started begins with the day before: the day before may still be counted, or have the last complete hour.
    day, last = (
        find_day_before(find_local_date(span.begin - step, rules.zone)),
        find_local_date(span.end - 1, rules.zone),
    )
    days = [day]
    while day < last:
        day = find_next_day(day)
        days.append(day)
    return days


def find_first_record(reports: Mapping[date, Parsed], rules: Rules) -> float | None:
    """Return when the first local hour with a record began (epoch seconds); None without a record."""
    starts = [min(day.records) for of in reports if (day := _fold_final(reports, rules, of)).records]
    return min(starts, default=None)


def list_hours_in(span: Span, rules: Rules) -> Iterator[tuple[date, float]]:
    """Yield the local hours that begin in a span: the date and the start of each."""
    day = find_local_date(span.begin, rules.zone)
    while find_midnight(day, rules.zone) < span.end:
        yield from ((day, start) for start, _ in list_hours(day, rules.zone) if span.begin <= start < span.end)
        day = find_next_day(day)


def count_hours(reports: Mapping[date, Parsed], rules: Rules, span: Span, known_since: float | None) -> Tally:
    """Count the recorded, empty and unknown hours that begin in a span, from the final reports of ``list_days``."""
    days = {of: _fold_final(reports, rules, of) for of in reports}
    recorded = empty = unknown = 0
    for of, start in list_hours_in(span, rules):
        if start in days[of].records:
            recorded += 1
        elif days[of].may_infer and known_since is not None and start > known_since:
            empty += 1
        else:
            unknown += 1
    return Tally(recorded, empty, unknown)


def replay(
    reports: Mapping[date, Parsed], rules: Rules, span: Span, *, gap: Span, step: int, known_since: float | None
) -> Iterator[tuple[int, Snapshot]]:
    """Replay the samples of a span of a gap, at every multiple of ``step`` (seconds).

    Args:
        reports: The final reports of ``list_days`` the span.
        rules: When the tenant's hours are complete.
        span: The part of the gap to replay. All parts of a gap together have the same samples as the whole gap.
        gap: The time without live series.
        step: The simulated poll interval in seconds. A new day's 0 begins with a poll, so it is shown.
        known_since: The start of the first hour with a record, in this span or before; None without one.
    """
    if known_since is None:
        return
    joint = _Joint(reports, rules, gap)
    state = State()
    first = -(-span.begin // step)
    # From a step earlier, so that a day that has just begun begins here, too.
    for moment in range((first - 1) * step, span.end, step):
        state = _poll(state, reports, rules, moment)
        if moment >= span.begin:
            hour = state.hour if state.hour and state.hour.start >= known_since else None
            counted = moment >= known_since and joint.allows(state, moment)
            yield moment, Snapshot(hour=hour, totals=state.shown_totals if counted else None)


class _Joint:
    """The limits of a gap's counters, next to live ones."""

    def __init__(self, reports: Mapping[date, Parsed], rules: Rules, gap: Span) -> None:
        begun = find_hour_start(gap.begin, rules.zone)
        self._begun_on = find_local_date(gap.begin, rules.zone)
        self._from = gap.begin if begun == gap.begin else begun + _RECORD_SECONDS
        yesterday = find_day_before(find_local_date(gap.end, rules.zone))
        state = _fold_report(State(), reports, rules, yesterday, gap.end) if yesterday in reports else State()
        self._ended_on = count(state, rules, gap.end).counted
        self._until = find_hour_start(gap.end - rules.empty_hour_delay, rules.zone)

    def allows(self, state: State, moment: float) -> bool:
        """Return whether the counters can be shown without seeming to fall at either end of the gap."""
        if isinstance(state.phase, ShowingZero):
            return True
        if state.counted == self._begun_on and moment < self._from:
            return False
        return state.counted != self._ended_on or moment <= self._until


def _poll(state: State, reports: Mapping[date, Parsed], rules: Rules, moment: float) -> State:
    """Return the state after a poll."""
    today = find_local_date(moment, rules.zone)
    state = _fold_report(state, reports, rules, today, moment)
    if wants_day_before(state, rules, moment):
        state = _fold_report(state, reports, rules, find_day_before(today), moment)
    return count(state, rules, moment)


def _fold_report(state: State, reports: Mapping[date, Parsed], rules: Rules, of: date, moment: float) -> State:
    return fold(state, rules, of, _cut_report(reports[of], rules.report, moment), moment).state


def _fold_final(reports: Mapping[date, Parsed], rules: Rules, of: date) -> Day:
    day = fold(State(), rules, of, reports[of], float("inf")).state.day(of)
    assert day is not None  # noqa: S101 - it has just been folded in
    return day


def _cut_report(parsed: Parsed, report: Report, moment: float) -> Parsed:
    """Return a report as it would have been at a moment."""
    records = [
        record if record.start + _RECORD_SECONDS <= moment else _scale_record(record, report, moment)
        for record in parsed.records
        if record.start < moment
    ]
    return Parsed(records, parsed.anomalies)


def _scale_record(record: Record, report: Report, moment: float) -> Record:
    """Return a record as it would have been during its hour. Only its counts are known, and only they are shown."""
    share = (moment - record.start) / _RECORD_SECONDS
    values = tuple(
        None if value is None or field.kind is not Kind.COUNT else int(value * share)
        for field, value in zip(report.fields, record.values, strict=True)
    )
    return record._replace(values=values)
