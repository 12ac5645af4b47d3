"""A bot's past as its live series would have looked, from what the platform's report says of it today.

The functions that decide in the daemon what is shown decide it here. They are given, step after step, what the report
would have said at that moment, as far as that is known: of an hour only its final record is. So an hour is shown from
the moment it settles, which is exact unless the record came later, and the counters grow evenly during the hour.

Where the past meets live series their last or first values are not known. A counter that seems to fall there would be
taken for one that was reset, and the whole day be counted twice. Hence there are no counters

- before the end of the hour in which the gap begins: by then they have reached whatever was shown before the gap;
- in the day that is counted when the gap ends, after the last hour that had ended ``empty_hour_delay`` before: the
  values shown after the gap may have no more than the hours until then.

Nothing is said of the time before the first record that is known of a bot: the platform may have forgotten it, or the
bot did not exist. All moments are epoch seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from exporter.polling.calendar import day_before, hour_start, hours, local_date, midnight, next_day
from exporter.polling.snapshot import Snapshot
from exporter.polling.windows import Day, Rules, ShowingZero, State, count, fold, wants_day_before
from exporter.upstream.reports import Kind, Parsed, Record, Report

_RECORD_SECONDS: Final = 3600.0


class Span(NamedTuple):
    """A time from ``begin`` up to, but without, ``end``, in whole seconds."""

    begin: int
    end: int

    def within(self, other: "Span") -> "Span":
        """Return the intersection; if it is empty, its end is not after its beginning."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


class Tally(NamedTuple):
    """The hours that begin in a span, by what is known of them."""

    recorded: int = 0
    empty: int = 0
    """Without a record, and taken to be without calls."""
    unknown: int = 0


def days_of(span: Span, rules: Rules, step: int) -> Sequence[date]:
    """The local dates whose reports ``replay`` and ``tally`` need for a span."""
    # An exporter that has just started begins with the day before: the day before may still be counted, or have the last complete hour.
    day, last = day_before(local_date(span.begin - step, rules.zone)), local_date(span.end - 1, rules.zone)
    days = [day]
    while day < last:
        day = next_day(day)
        days.append(day)
    return days


def first_known(reports: Mapping[date, Parsed], rules: Rules) -> float | None:
    """When the first local hour with a record began; None if there is no record."""
    starts = [min(day.records) for of in reports if (day := _final(reports, rules, of)).records]
    return min(starts, default=None)


def begun_in(span: Span, rules: Rules) -> Iterator[tuple[date, float]]:
    """The local hours that begin in a span: their dates and starts."""
    day = local_date(span.begin, rules.zone)
    while midnight(day, rules.zone) < span.end:
        yield from ((day, start) for start, _ in hours(day, rules.zone) if span.begin <= start < span.end)
        day = next_day(day)


def tally(reports: Mapping[date, Parsed], rules: Rules, span: Span, known_since: float | None) -> Tally:
    """Count the recorded, empty and unknown hours that begin in a span, from the final reports of ``days_of``."""
    days = {of: _final(reports, rules, of) for of in reports}
    recorded = empty = unknown = 0
    for of, start in begun_in(span, rules):
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
        reports: The final reports of ``days_of`` the span.
        rules: How the tenant's hours are judged.
        span: The part of the gap to replay. The parts of a gap together give what the whole of it gives.
        gap: The time without live series.
        step: Seconds. It is as if the bot had been polled so often; a new day's 0 begins with a poll, so it is shown.
        known_since: The start of the first hour that has a record, in this span or before; None if none has.
    """
    if known_since is None:
        return
    joint = _Joint(reports, rules, gap)
    state = State()
    first = -(-span.begin // step)
    # A step early, so that a day that has just turned does so here too.
    for moment in range((first - 1) * step, span.end, step):
        state = _polled(state, reports, rules, moment)
        if moment >= span.begin:
            hour = state.hour if state.hour and state.hour.start >= known_since else None
            counted = moment >= known_since and joint.allows(state, moment)
            yield moment, Snapshot(hour=hour, totals=state.shown_totals if counted else None)


class _Joint:
    """The limits of a gap's counters, next to live ones."""

    def __init__(self, reports: Mapping[date, Parsed], rules: Rules, gap: Span) -> None:
        begun = hour_start(gap.begin, rules.zone)
        self._begun_on = local_date(gap.begin, rules.zone)
        self._from = gap.begin if begun == gap.begin else begun + _RECORD_SECONDS
        yesterday = day_before(local_date(gap.end, rules.zone))
        state = _folded(State(), reports, rules, yesterday, gap.end) if yesterday in reports else State()
        self._ended_on = count(state, rules, gap.end).counted
        self._until = hour_start(gap.end - rules.empty_hour_delay, rules.zone)

    def allows(self, state: State, moment: float) -> bool:
        """Whether the counters can be shown without seeming to fall at either end of the gap."""
        if isinstance(state.phase, ShowingZero):
            return True
        if state.counted == self._begun_on and moment < self._from:
            return False
        return state.counted != self._ended_on or moment <= self._until


def _polled(state: State, reports: Mapping[date, Parsed], rules: Rules, moment: float) -> State:
    """The state after a poll."""
    today = local_date(moment, rules.zone)
    state = _folded(state, reports, rules, today, moment)
    if wants_day_before(state, rules, moment):
        state = _folded(state, reports, rules, day_before(today), moment)
    return count(state, rules, moment)


def _folded(state: State, reports: Mapping[date, Parsed], rules: Rules, of: date, moment: float) -> State:
    return fold(state, rules, of, _as_of(reports[of], rules.report, moment), moment).state


def _final(reports: Mapping[date, Parsed], rules: Rules, of: date) -> Day:
    day = fold(State(), rules, of, reports[of], float("inf")).state.day(of)
    assert day is not None  # noqa: S101 - it has just been folded in
    return day


def _as_of(parsed: Parsed, report: Report, moment: float) -> Parsed:
    """A report as it would have been at a moment."""
    records = [
        record if record.start + _RECORD_SECONDS <= moment else _grown(record, report, moment)
        for record in parsed.records
        if record.start < moment
    ]
    return Parsed(records, parsed.anomalies)


def _grown(record: Record, report: Report, moment: float) -> Record:
    """A record as it would have been during its hour. Only its counts are known, and only they are shown of it."""
    share = (moment - record.start) / _RECORD_SECONDS
    values = tuple(
        None if value is None or field.kind is not Kind.COUNT else int(value * share)
        for field, value in zip(report.fields, record.values, strict=True)
    )
    return record._replace(values=values)
