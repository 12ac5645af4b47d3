import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Counts, Hours, Past, pack, unpack
from exporter.judging.judge import SIGNALS, Signal, judge
from exporter.judging.replay import EVIDENCE
from exporter.judging.usual import Baseline, Straying, expect, learn, pool

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 7, 7)
"""A Tuesday."""
MakeHour = Callable[..., Counts]
MakeDay = Callable[..., Hours]


def _at(hour: float, day: date = TODAY) -> float:
    """Epoch seconds of a local hour."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() + hour * 3600


@pytest.fixture
def make_hour() -> MakeHour:
    """An hour of about so many calls."""
    rng = random.Random(1)

    def make(calls: float, autonomy: float = 0.7, success: float = 0.98) -> Counts:
        came = max(0, round(rng.gauss(calls, calls**0.5)))
        contained = sum(rng.random() < autonomy for _ in range(came))
        direct = (came - contained) // 2
        successes = sum(rng.random() < success for _ in range(came))
        return Counts(came, direct, came - contained - direct, contained, came, successes)

    return make


@pytest.fixture
def make_day(make_hour: MakeHour) -> MakeDay:
    """A day of an office with 100 calls an hour ``until`` an hour; what is changed is so ``since`` another."""

    def make(until: int = 24, since: int = 0, **changed: float) -> Hours:
        usual = {"calls": 100.0}
        return pack(
            make_hour(**(usual | changed if hour >= since else usual)) if 8 <= hour < 20 else Counts()
            for hour in range(until)
        )

    return make


@pytest.fixture
def past(make_day: MakeDay) -> Past:
    """35 days with the same calls every day."""
    return {TODAY - timedelta(days): make_day() for days in range(35, 0, -1)}


def _usual(past: Past, calendar: Calendar | None = None) -> Baseline:
    baseline = learn(past, calendar or Calendar(), ZONE, TODAY)
    assert baseline is not None
    return baseline


def _signals(past: Past, today: Hours, hour: float, known_until: float | None = None) -> dict[str, Signal]:
    return judge(_usual(past), past, today, _at(hour), known_until)


def _found(judged: dict[str, Signal]) -> set[str]:
    return {name for name, signal in judged.items() if signal.score > EVIDENCE}


def test_an_ordinary_day_raises_nothing(past: Past, make_day: MakeDay) -> None:
    """Chance alone is no anomaly, at any hour."""
    today = list(unpack(make_day()))

    assert all(not _found(_signals(past, pack(today[: hour + 1]), hour + 0.99)) for hour in range(24))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"autonomy": 0.4}, {"autonomy_drop"}),
        ({"success": 0.5}, {"interface_success_drop"}),
        ({"calls": 0}, {"calls_drop"}),
        ({"calls": 15}, {"calls_drop"}),
        ({"calls": 400}, {"calls_rise"}),
    ],
)
def test_each_incident_is_found_within_three_hours(
    past: Past, make_day: MakeDay, changed: dict[str, float], expected: set[str]
) -> None:
    """What began at noon is known by three in the afternoon."""
    judged = _found(_signals(past, make_day(until=15, since=12, **changed), 15))

    assert expected <= judged <= expected | {"direct_transfers_rise"}


def test_a_total_loss_is_found_before_its_hour_ends(past: Past, make_day: MakeDay) -> None:
    """The part of the hour that has passed counts."""
    assert "calls_drop" in _found(_signals(past, make_day(until=13, since=12, calls=0), 12.8))


def test_a_late_report_is_no_loss_of_calls(past: Past, make_day: MakeDay) -> None:
    """Calls after the moment up to which reports reach are not missed."""
    today = make_day(until=16, since=12, calls=0)

    assert "calls_drop" in _found(_signals(past, today, 16))
    assert not _found(_signals(past, today, 16, known_until=_at(12)))


def test_the_score_falls_back_when_an_incident_is_over(past: Past, make_day: MakeDay) -> None:
    """Hours after the recovery say that it is over, though longer windows still contain the incident."""
    hours = list(unpack(make_day(until=14, since=12, autonomy=0.2))) + list(unpack(make_day()))[14:18]

    assert "autonomy_drop" in _found(_signals(past, pack(hours[:14]), 14))
    assert not _found(_signals(past, pack(hours), 18))


def test_an_unknown_yesterday_is_no_loss_of_calls(past: Past, make_day: MakeDay) -> None:
    """A gap in what is known never pages."""
    known = {day: hours for day, hours in past.items() if day != TODAY - timedelta(1)}

    assert not _found(_signals(known, make_day(until=10), 9.9))


def test_a_long_outage_in_the_past_does_not_change_what_is_usual(past: Past, make_day: MakeDay) -> None:
    """After 36 hours without calls a further loss is found as before."""
    for days in (2, 3):
        past = {**past, TODAY - timedelta(days): make_day(calls=0)}

    assert "calls_drop" in _found(_signals(past, make_day(until=14, since=12, calls=0), 14))


@pytest.mark.parametrize(("days", "expected"), [(1, True), (4, False)])
def test_a_lasting_change_becomes_usual_after_some_days(
    past: Past, make_day: MakeDay, days: int, expected: bool
) -> None:
    """A release that changes the autonomy rate for good stops paging."""
    for before in range(days, 0, -1):
        past = {**past, TODAY - timedelta(before): make_day(since=0, autonomy=0.45)}

    assert expected == ("autonomy_drop" in _found(_signals(past, make_day(until=12, since=0, autonomy=0.45), 12)))


def _open(hours: Hours, opens: int, closes: int = 24) -> Hours:
    """Return the calls of a day on which the bot opens later, or closes earlier."""
    return pack(row if opens <= hour < closes else Counts() for hour, row in enumerate(unpack(hours)))


@pytest.mark.parametrize(("opens", "closes", "hour"), [(10, 24, 10), (11, 24, 11), (8, 18, 20), (9, 18, 19)])
def test_new_opening_hours_are_found_on_their_first_day_alone(
    past: Past, make_day: MakeDay, opens: int, closes: int, hour: int
) -> None:
    """Hours that lacked their calls yesterday may be closed, also when a weekend lies between."""
    today = make_day()
    changed = _open(today, opens, closes)
    until = pack(list(unpack(changed))[:hour])
    since_yesterday = {**past, TODAY - timedelta(1): changed}
    few_at_weekends = {day: make_day(calls=3) if day.weekday() >= 5 else hours for day, hours in past.items()}
    monday = TODAY - timedelta(1)
    since_friday = {**few_at_weekends, monday - timedelta(3): changed}

    assert "calls_drop" in _found(_signals(past, until, hour))
    assert not _found(_signals(since_yesterday, until, hour))
    baseline = learn(since_friday, Calendar(), ZONE, monday)
    assert baseline is not None
    assert not _found(judge(baseline, since_friday, until, _at(hour, monday)))


def test_new_opening_hours_do_not_page_in_the_night_that_follows(past: Past, make_day: MakeDay) -> None:
    """Yesterday's closed hours are not missed when they were closed on the day before, too."""
    changed = _open(make_day(), 8, 18)
    first = {**past, TODAY - timedelta(1): changed}
    second = {**first, TODAY - timedelta(2): changed}

    assert "calls_drop" in _found(_signals(first, pack([]), 0.5))
    assert not _found(_signals(second, pack([]), 0.5))


def test_a_long_outage_yesterday_is_no_change_of_the_opening_hours(past: Past, make_day: MakeDay) -> None:
    """Nothing follows from a day that lacks a third of its calls."""
    known = {**past, TODAY - timedelta(1): _open(make_day(), 14)}

    assert "calls_drop" in _found(_signals(known, make_day(until=10, calls=0), 10))


def test_a_total_loss_is_found_after_the_hours_in_which_the_bot_may_have_closed(past: Past, make_day: MakeDay) -> None:
    """Only the hours that were silent yesterday are uncertain."""
    known = {**past, TODAY - timedelta(1): _open(make_day(), 10)}

    assert "calls_drop" in _found(_signals(known, make_day(until=11, calls=0), 11))


def test_hours_that_were_silent_between_others_are_no_closed_ones(past: Past, make_day: MakeDay) -> None:
    """An outage at noon yesterday does not excuse another one today."""
    noon = pack(Counts() if hour in {12, 13} else row for hour, row in enumerate(unpack(make_day())))
    known = {**past, TODAY - timedelta(1): noon}

    assert "calls_drop" in _found(_signals(known, make_day(until=13, since=12, calls=0), 13))


def test_a_weekday_with_shorter_hours_says_nothing_about_the_next(past: Past, make_day: MakeDay) -> None:
    """A bot that opens late every Monday has no new opening hours."""
    known = {day: _open(hours, 10) if day.weekday() == 0 else hours for day, hours in past.items()}

    assert "calls_drop" in _found(_signals(known, make_day(until=10, calls=0), 10))


def test_a_public_holiday_is_no_loss_of_calls(past: Past, make_day: MakeDay) -> None:
    """With the calendar a holiday with a quarter of the calls is usual."""
    baseline = _usual(past, Calendar(special_days=[TODAY]))

    assert not _found(judge(baseline, past, make_day(calls=25), _at(24) - 1))


def test_nothing_is_learned_from_fewer_than_three_days(past: Past) -> None:
    """A bot without a past is not judged."""
    assert learn(dict(list(past.items())[-2:]), Calendar(), ZONE, TODAY) is None
    assert learn(dict(list(past.items())[-3:]), Calendar(), ZONE, TODAY) is not None


def test_a_share_without_a_past_has_no_usual_value(past: Past) -> None:
    """A bot whose first requests to an interface fail is not compared with anything."""
    without = {day: pack(row._replace(requests=0, successes=0) for row in unpack(hours)) for day, hours in past.items()}
    hour = Counts(100, 15, 15, 70, 100, 0)

    assert expect(_usual(past), _at(12), hour).interface_success is not None
    assert expect(_usual(without), _at(12), hour).interface_success is None
    assert "interface_success_drop" not in _found(_signals(without, pack([hour] * 12), 12))


def test_one_day_of_calls_among_days_without(past: Past, make_day: MakeDay) -> None:
    """A bot that has no calls at weekends may have some once."""
    idle = {day: make_day(calls=0) if day.weekday() >= 5 else hours for day, hours in past.items()}
    once = next(day for day in idle if day.weekday() == 5)

    assert set() == _found(_signals({**idle, once: past[once]}, make_day(15), 15))


def test_a_tenant_strays_as_most_of_its_bots_do() -> None:
    """One bot that is unlike the others does not count."""
    bots = [Straying((day, 0.2, 0.3), (0.4, day, 0.6), day, 2 * day) for day in (0.01, 0.03, 9.0)]

    assert Straying((0.03, 0.2, 0.3), (0.4, 0.03, 0.6), 0.03, 0.06) == pool(bots)
    assert Straying() == pool([])


def test_what_comes_later_decides_nothing(past: Past, make_day: MakeDay) -> None:
    """Days from today on do not change what is usual today."""
    later = {**past, TODAY: make_day(calls=1), TODAY + timedelta(1): make_day(calls=1)}

    assert _usual(past).day(TODAY) == _usual(later).day(TODAY)


def test_the_order_of_the_days_decides_nothing(past: Past) -> None:
    """History may arrive in any order."""
    assert _usual(past).day(TODAY) == _usual(dict(reversed(list(past.items())))).day(TODAY)


def test_the_usual_range_contains_an_ordinary_hour(past: Past) -> None:
    """Calls and shares of an hour like all others lie inside the range that is shown."""
    expected = expect(_usual(past), _at(12), Counts(100, 15, 15, 70, 100, 98))

    assert expected.calls.low < 100 < expected.calls.high
    assert expected.autonomy is not None
    assert expected.autonomy.low < 0.7 < expected.autonomy.high
    assert expected.interface_success is not None
    assert expected.interface_success.low < 0.98 < expected.interface_success.high <= 1


@given(
    days=st.lists(st.lists(st.tuples(*[st.integers(0, 2**40)] * 6), min_size=0, max_size=25), min_size=0, max_size=8),
    hour=st.floats(0, 23.99),
)
def test_any_counts_give_finite_scores(days: list[list[tuple[int, ...]]], hour: float) -> None:
    """Empty, huge and contradictory records are judged without an error."""
    past = {TODAY - timedelta(number): pack(Counts(*row) for row in day) for number, day in enumerate(days)}
    baseline = learn(past, Calendar(), ZONE, TODAY)
    if baseline is not None:
        judged = judge(baseline, past, past.get(TODAY, pack([])), _at(hour))
        assert set(judged) <= set(SIGNALS)
        assert all(0 <= signal.score < 1e9 and 0 <= signal.size_ratio < 1e15 for signal in judged.values())


def test_a_day_of_its_own_is_found_alike_at_ten_times_the_calls(past: Past, make_day: MakeDay) -> None:
    """More calls never make the same drop less certain."""
    today = make_day(until=14, since=12, autonomy=0.5)
    tenfold = {
        day: pack(Counts(*(10 * value for value in row)) for row in unpack(hours)) for day, hours in past.items()
    }

    few = _signals(past, today, 14)["autonomy_drop"]
    many = _signals(tenfold, pack(Counts(*(10 * value for value in row)) for row in unpack(today)), 14)["autonomy_drop"]

    assert few.score < many.score
