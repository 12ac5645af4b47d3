"""The last day, from a report by day and the time."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.polling import windows
from exporter.polling.calendar import find_local_date, find_midnight, find_next_day
from exporter.polling.windows import Folded, Rules, State
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import DAY, Parsed, Record, Value
from harness.records import make_record, read_field

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Rules(DAY, ZONE, settle_delay=600, empty_hour_delay=7200)
TODAY = date(2026, 5, 20)


def at(clock: str, day: date = TODAY) -> float:
    """Return a local time of day in epoch seconds."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).timestamp()


def record(ago: int, calls: int | None, *, clock: str = "00:00", stored: float = float("-inf")) -> Record:
    """Build the record of a day some days before today."""
    return make_record(DAY, at(clock, TODAY - timedelta(days=ago)), stored=stored, callCount=calls)


def fold(state: State, clock: str, *records: Record, day: date = TODAY) -> Folded:
    """Fold a report requested at a time of day."""
    return windows.fold(state, RULES, day, Parsed(list(records), []), at(clock, day))


def shown(state: State) -> tuple[str, Value] | None:
    """Return the local start of the day shown, and its calls."""
    last = state.last_day
    return last and (
        f"{datetime.fromtimestamp(last.start, ZONE):%m-%d %H:%M}",
        read_field(DAY, last.values, "callCount"),
    )


def reasons(folded: Folded) -> list[str]:
    """Why something was counted as an anomaly."""
    return [anomaly.kind for anomaly in folded.anomalies]


@pytest.mark.parametrize(
    ("clock", "expected"), [("00:09", "05-18 00:00"), ("00:10", "05-19 00:00"), ("23:59", "05-19 00:00")]
)
def test_a_day_is_shown_once_it_has_settled(clock: str, expected: str) -> None:
    """Ten minutes after its end, as an hour is; today is never shown."""
    state = fold(State(), clock, record(0, 5), record(1, 19), record(2, 18)).state

    assert shown(state) == (expected, int(expected[3:5]))


def test_a_day_without_a_record_is_never_inferred() -> None:
    """The day before stays; a bot without records has no day."""
    assert None is shown(fold(State(), "12:00").state)
    assert ("05-17 00:00", 17) == shown(fold(State(), "12:00", record(3, 17)).state)


def test_the_same_answer_again_is_folded_again() -> None:
    """The time alone may show another day, so it cannot be confirmed without the records."""
    assert not windows.can_confirm(State(), TODAY)
    assert not windows.can_confirm(fold(State(), "12:00", record(1, 19)).state, TODAY)


def test_a_record_that_comes_late_is_shown_when_it_comes() -> None:
    """Unless a later day is shown already."""
    state = fold(State(), "12:00", record(2, 18)).state
    assert ("05-19 00:00", 19) == shown(fold(state, "12:10", record(2, 18), record(1, 19)).state)

    overtaken = fold(State(), "12:00", record(1, 19)).state
    late = fold(overtaken, "12:10", record(2, 18), record(1, 19))
    assert (("05-19 00:00", 19), 0, []) == (shown(late.state), late.revisions, list(late.anomalies))


def test_the_day_never_goes_back() -> None:
    """Neither if the clock is set back, nor if the platform loses records."""
    state = fold(State(), "12:00", record(1, 19), record(2, 18)).state

    assert ("05-19 00:00", 19) == shown(fold(state, "12:00", record(2, 18), day=date(2026, 5, 19)).state)
    assert ("05-19 00:00", 19) == shown(fold(state, "12:10", record(2, 18)).state)
    assert ("05-19 00:00", 19) == shown(fold(state, "12:00", day=date(2026, 7, 20)).state)


def test_a_revised_day_is_shown() -> None:
    """It is one revision. A change of the day in progress, or of a day before the one shown, is none."""
    state = fold(State(), "12:00", record(0, 5), record(1, 19), record(2, 18)).state

    restated = fold(state, "12:10", record(0, 6), record(1, 20), record(2, 17))
    again = fold(restated.state, "12:20", record(0, 6), record(1, 20), record(2, 17))

    assert ("05-19 00:00", 20) == shown(restated.state)
    assert ((1, []), (0, [])) == (
        (restated.revisions, list(restated.anomalies)),
        (again.revisions, list(again.anomalies)),
    )


def test_a_vanished_record_stays_in_use() -> None:
    """It is an anomaly each time it vanishes. A day that leaves the report after a month has not vanished."""
    state = fold(State(), "12:00", record(1, 19)).state
    gone = fold(state, "12:10")
    still = fold(gone.state, "12:20")
    back = fold(still.state, "12:30", record(1, 19))
    again = fold(back.state, "12:40")

    assert [["vanished_record"], [], [], ["vanished_record"]] == [
        reasons(folded) for folded in (gone, still, back, again)
    ]
    assert ("05-19 00:00", 19) == shown(again.state)

    assert ["vanished_record"] == reasons(fold(state, "12:00", day=TODAY + timedelta(days=27)))
    left = fold(state, "12:00", day=TODAY + timedelta(days=28))
    assert (("05-19 00:00", 19), []) == (shown(left.state), reasons(left))


def test_a_day_that_decreases_is_an_anomaly() -> None:
    """The lower value is shown: there is no counter."""
    state = fold(State(), "12:00", record(1, 19)).state
    fallen = fold(state, "12:10", record(1, 7))

    assert (("05-19 00:00", 7), ["decreased"], 1) == (shown(fallen.state), reasons(fallen), fallen.revisions)
    assert [] == reasons(fold(fallen.state, "12:20", record(1, 7)))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_of_two_records_of_one_day_the_later_counts(order: slice) -> None:
    """In any order of the rows; it is one anomaly."""
    rows = [record(1, 7, stored=2.0), record(1, 9, stored=1.0)]
    folded = fold(State(), "12:00", *rows[order])

    assert (("05-19 00:00", 7), ["duplicate_record"]) == (shown(folded.state), reasons(folded))
    assert [] == reasons(fold(folded.state, "12:10", *rows))


def test_a_day_after_the_requested_one_is_outside() -> None:
    """It is not shown, even when the clock passes its end; a day of last month is no anomaly."""
    folded = fold(State(), "12:00", record(-1, 21), record(1, 19), record(45, 1))

    assert (("05-19 00:00", 19), ["outside_date"]) == (shown(folded.state), reasons(folded))


def test_a_day_of_long_ago_is_outside() -> None:
    """With ``recordTime`` in seconds the day shown would be one of January 1970."""
    folded = fold(State(), "12:00", record(20_000, 1))

    assert (None, ["outside_date"]) == (shown(folded.state), reasons(folded))


@pytest.mark.parametrize(
    ("ago", "found"), [(60, []), (61, [("outside_date", "recordTime=1773936000000", "asked for 2026-05-20")])]
)
def test_long_ago_is_more_than_sixty_days(ago: int, found: list[tuple[str, str, str]]) -> None:
    """The anomaly names the record and the date asked for."""
    folded = fold(State(), "12:00", record(ago, 1))

    assert bool(found) == (folded.state.last_day is None)
    assert found == [(anomaly.kind, anomaly.where, anomaly.detail) for anomaly in folded.anomalies]


def test_an_anomaly_is_counted_once() -> None:
    """On whatever day the report is requested."""
    bad = Anomaly(AnomalyKind.INVALID_FIELD, "a")
    state = State()
    found: list[Anomaly] = []
    for day in range(3):
        of = TODAY + timedelta(days=day)
        folded = windows.fold(state, RULES, of, Parsed([], [bad]), at("12:00", of))
        state = folded.state
        found += folded.anomalies

    assert [bad] == found


def test_old_days_are_not_kept() -> None:
    """The state keeps only the day shown and the days after it, since there may be ten thousand bots."""
    state = fold(State(), "12:00", *(record(ago, ago) for ago in range(30))).state

    assert state.by_day
    assert {at("00:00"), at("00:00", TODAY - timedelta(days=1))} == state.by_day.records.keys()
    assert () == state.days


def test_a_day_off_the_local_day_settles_by_its_own_end() -> None:
    """The platform's days begin at 08:00, since its time zone differs: no day in progress appears as complete."""
    rows = record(1, 19, clock="08:00"), record(2, 18, clock="08:00")

    assert ("05-18 08:00", 18) == shown(fold(State(), "08:09", *rows).state)
    assert ("05-19 08:00", 19) == shown(fold(State(), "08:10", *rows).state)
    assert at("08:10") == windows.settles_at(rows[0], RULES)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Asia/Shanghai", date(2026, 5, 19), 24),
        ("Asia/Kolkata", date(2026, 5, 19), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # begins at 01:00
        ("America/Sao_Paulo", date(2018, 2, 17), 25),
        ("America/Havana", date(2024, 11, 3), 25),  # 00:00 comes twice
        ("Europe/Berlin", date(2024, 3, 31), 23),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, day: date, length: float) -> None:
    """A day of 23 or 25 hours is complete after the next one begins."""
    rules = Rules(DAY, ZoneInfo(zone), settle_delay=600, empty_hour_delay=7200)
    begun = find_midnight(day, rules.zone)
    row = make_record(DAY, begun)

    def last(asked: float) -> Record | None:
        of = find_local_date(asked, rules.zone)
        return windows.fold(State(), rules, of, Parsed([row], []), asked).state.last_day

    assert length * 3600 == find_midnight(find_next_day(day), rules.zone) - begun
    assert None is last(begun + length * 3600 + 599)
    assert row == last(begun + length * 3600 + 600)


def test_it_needs_neither_a_timer_nor_yesterdays_report_nor_counters() -> None:
    """These are for reports by hour only."""
    state = fold(State(), "00:20", record(1, 19)).state

    assert state is windows.count(state, RULES, at("03:00"))
    assert None is windows.changes_at(state, RULES, at("00:20"))
    assert not windows.wants_day_before(state, RULES, at("00:20"))
    assert not windows.lacks_day_before(state, RULES, TODAY)
    assert None is state.shown_totals


_REPORTS = st.dictionaries(st.integers(-2, 40), st.integers(0, 50), max_size=10)


@given(polls=st.lists(st.tuples(st.integers(-3 * 1440, 3 * 1440), _REPORTS), min_size=1, max_size=12))
def test_nothing_shown_ever_goes_back(polls: Sequence[tuple[int, dict[int, int]]]) -> None:
    """For any answers and any jumps of the clock; and the day shown was complete when it was requested."""
    state, latest = State(), 0.0
    for minute, days in polls:
        asked = at("00:00") + minute * 60
        latest = max(latest, asked)
        parsed = Parsed([record(ago, calls) for ago, calls in days.items()], [])
        after = windows.fold(state, RULES, find_local_date(asked, ZONE), parsed, asked).state

        if state.last_day:
            assert after.last_day
            assert after.last_day.start >= state.last_day.start
        if after.last_day:
            assert after.last_day.start + 86400 + 600 <= latest
        state = after
