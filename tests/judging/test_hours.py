from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.judging.hours import Counts, Past, add_day, clock_hours, pack, rows

DAY = date(2026, 6, 1)


@pytest.mark.parametrize("calls", [7, 65_535, 65_536, 2**32, 2**53])
def test_counts_of_every_size_come_back_unchanged(calls: int) -> None:
    """Small counts take little memory, large ones are not cut off."""
    counts = Counts(calls, 1, 2, 3, 4, 4)

    assert [counts, Counts(), counts] == list(rows(pack([counts, Counts(), counts])))


def test_35_days_take_less_than_30_kib() -> None:
    """Ten thousand bots fit into memory."""
    past: Past = {}
    for number in range(40):
        past = add_day(past, DAY + timedelta(number), pack([Counts(900, 100, 100, 600, 900, 890)] * 24), 35)

    assert 35 == len(past)
    assert 30 * 1024 > past.__sizeof__() + sum(day.__sizeof__() + hours.__sizeof__() for day, hours in past.items())


def test_a_restated_day_replaces_the_former_one() -> None:
    """Adding a day changes neither the former past nor other days."""
    before = add_day({}, DAY, pack([Counts(1)]), 35)
    after = add_day(before, DAY, pack([Counts(2)]), 35)

    assert ([Counts(1)], [Counts(2)]) == (list(rows(before[DAY])), list(rows(after[DAY])))


def test_a_day_older_than_those_kept_is_dropped_at_once() -> None:
    """History may arrive in any order."""
    past = add_day({}, DAY, pack([]), 7)

    assert [DAY] == list(add_day(past, DAY - timedelta(days=7), pack([]), 7))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Kolkata", DAY, 24),
    ],
)
def test_hours_go_by_the_local_clock(zone: str, day: date, hours: int) -> None:
    """A day has 23, 24 or 25 hours, each at the hour its clock shows."""
    clock = clock_hours(day, ZoneInfo(zone))

    assert hours == len(clock)
    assert set(clock) == set(range(24)) - ({2} if hours == 23 else set())
