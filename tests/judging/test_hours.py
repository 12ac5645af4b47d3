from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.judging.hours import Counts, Past, list_clock_hours, pack, unpack, unpack_calls, unpack_newest

DAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("calls", "size"), [(7, 12), (65_535, 12), (65_536, 24), (2**32 - 1, 24), (2**32, 48), (2**53, 48)]
)
def test_counts_of_every_size_come_back_unchanged(calls: int, size: int) -> None:
    """Small counts take little memory, large ones are not cut off. ``size`` is the bytes of an hour."""
    counts = Counts(calls, 1, 2, 3, 4, 4)
    packed = pack([counts, Counts(), counts])

    assert [counts, (0, 0, 0, 0, 0, 0), counts] == list(unpack(packed))
    assert [calls, 0, calls] == list(unpack_calls(packed))
    assert 3 * size == packed.itemsize * len(packed)


def test_a_day_in_progress_has_no_calls_yet_in_its_later_hours() -> None:
    """They come first, since the newest hour does, and push out the oldest hours of the day before."""
    before, today = pack([Counts(9), Counts(8, 5)]), [7, 1, 2, 3, 4, 4]

    assert [[0, 7, 8], [0, 1, 5], [0, 2, 0], [0, 3, 0], [0, 4, 0], [0, 4, 0]] == unpack_newest(
        [(before, 2), (today, 2)], 3
    )


def test_35_days_take_less_than_30_kib() -> None:
    """Ten thousand bots fit into memory."""
    hours = [Counts(900, 100, 100, 600, 900, 890)] * 24
    past: Past = {DAY + timedelta(number): pack(hours) for number in range(35)}

    assert 30 * 1024 > past.__sizeof__() + sum(day.__sizeof__() + hours.__sizeof__() for day, hours in past.items())


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
    clock = list_clock_hours(day, ZoneInfo(zone))

    assert hours == len(clock)
    assert set(clock) == set(range(24)) - ({2} if hours == 23 else set())
