"""Local days and hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.polling.calendar import (
    find_day_before,
    find_day_start,
    find_hour_end,
    find_hour_start,
    find_local_date,
    find_midnight,
    find_next_day,
    format_offset,
    list_hours,
)


def _utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("zone", "day", "begins", "number"),
    [
        ("UTC", date(2021, 8, 13), _utc(2021, 8, 13), 24),
        ("Africa/Abidjan", date(2021, 8, 13), _utc(2021, 8, 13), 24),
        ("Europe/London", date(2021, 3, 28), _utc(2021, 3, 28), 23),
        ("Asia/Shanghai", date(2021, 8, 13), _utc(2021, 8, 12, 16), 24),
        ("Asia/Kolkata", date(2021, 8, 13), _utc(2021, 8, 12, 18, 30), 24),
        ("Europe/Berlin", date(2024, 3, 31), _utc(2024, 3, 30, 23), 23),
        ("Europe/Berlin", date(2024, 10, 27), _utc(2024, 10, 26, 22), 25),
        # The clock skips midnight: the day begins at the change, at 01:00.
        ("America/Sao_Paulo", date(2018, 11, 4), _utc(2018, 11, 4, 3), 23),
        # The hour from 23:00 comes twice.
        ("America/Sao_Paulo", date(2018, 2, 17), _utc(2018, 2, 17, 2), 25),
        # 00:00 comes twice: the day begins at the first.
        ("America/Havana", date(2024, 11, 3), _utc(2024, 11, 3, 4), 25),
    ],
)
def test_days_begin_and_last_as_their_zone_says(zone: str, day: date, begins: float, number: int) -> None:
    """A day has 23, 24 or 25 hours of an hour each, without a gap."""
    local = ZoneInfo(zone)

    assert begins == find_midnight(day, local)
    starts, ends = zip(*list_hours(day, local), strict=True)
    assert [begins + 3600 * index for index in range(number)] == list(starts)
    assert [begins + 3600 * (index + 1) for index in range(number)] == list(ends)
    assert {day} == {find_local_date(start, local) for start in starts}


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (date(2024, 10, 6), [60, 60, 30, 60]),  # from 02:00 on to 02:30
        (date(2024, 4, 7), [60, 60, 30, 60]),  # from 02:00 back to 01:30
    ],
)
def test_half_hour_changes_leave_no_gap(day: date, minutes: list[int]) -> None:
    """If clocks change by half an hour, the day's hours still cover all of it once; one of them has half the length."""
    lord_howe = ZoneInfo("Australia/Lord_Howe")

    spans = list_hours(day, lord_howe)

    assert (find_midnight(day, lord_howe), find_midnight(day + timedelta(days=1), lord_howe)) == (
        spans[0][0],
        spans[-1][1],
    )
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert minutes == [(end - start) / 60 for start, end in spans[:4]]
    assert {60} == {(end - start) / 60 for start, end in spans[4:]}


def test_hours_start_on_the_zones_own_hour() -> None:
    """10:40 in Kolkata belongs to the local hour from 10:00, which is at half past in UTC."""
    kolkata = ZoneInfo("Asia/Kolkata")

    assert _utc(2026, 1, 1, 4, 30) == find_hour_start(_utc(2026, 1, 1, 5, 10), kolkata)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Abidjan", "Asia/Kolkata", "America/Sao_Paulo"])
def test_an_hour_ends_an_hour_after_it_began(zone: str) -> None:
    """Its first moment belongs to it, its end to the next one; so in zones whose time is that of UTC."""
    local = ZoneInfo(zone)
    start = find_hour_start(_utc(2026, 1, 1, 5, 10), local)

    assert start <= _utc(2026, 1, 1, 5, 10) < start + 3600
    assert {(start, start + 3600)} == {
        (find_hour_start(moment, local), find_hour_end(moment, local)) for moment in (start, start + 1, start + 3599)
    }
    assert (start + 3600, start + 7200) == (find_hour_start(start + 3600, local), find_hour_end(start + 3600, local))


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("Asia/Shanghai", _utc(2026, 5, 19, 15, 59), _utc(2026, 5, 18, 16)),
        ("Asia/Shanghai", _utc(2026, 5, 19, 16), _utc(2026, 5, 19, 16)),
        ("UTC", _utc(2026, 5, 19, 16), _utc(2026, 5, 19)),
        ("America/Sao_Paulo", _utc(2018, 11, 4, 12), _utc(2018, 11, 4, 3)),
    ],
)
def test_a_moment_belongs_to_the_local_day(zone: str, moment: float, expected: float) -> None:
    """A day begins at local midnight, or where the clock skips that."""
    assert expected == find_day_start(moment, ZoneInfo(zone))


def test_days_follow_one_another() -> None:
    """Over a month's end and a year's end."""
    assert (date(2024, 2, 29), date(2024, 2, 28)) == (
        find_day_before(date(2024, 3, 1)),
        find_day_before(date(2024, 2, 29)),
    )
    assert (date(2026, 1, 1), date(2026, 1, 2)) == (find_next_day(date(2025, 12, 31)), find_next_day(date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("zone", "text"),
    [("UTC", "UTC"), ("Asia/Shanghai", "UTC+08:00"), ("Asia/Kolkata", "UTC+05:30"), ("America/Sao_Paulo", "UTC-03:00")],
)
def test_an_offset_from_utc(zone: str, text: str) -> None:
    """It has a sign and minutes, and zero is left out."""
    assert text == format_offset(datetime(2021, 8, 13, 12, 30, 15, 250, ZoneInfo(zone)))
