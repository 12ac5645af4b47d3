"""Local days and hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.polling.calendar import hour_start, hours, local_date, midnight


def _utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("zone", "day", "begins", "number"),
    [
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

    assert begins == midnight(day, local)
    starts, ends = zip(*hours(day, local), strict=True)
    assert [begins + 3600 * index for index in range(number)] == list(starts)
    assert [begins + 3600 * (index + 1) for index in range(number)] == list(ends)
    assert {day} == {local_date(start, local) for start in starts}


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

    spans = hours(day, lord_howe)

    assert (midnight(day, lord_howe), midnight(day + timedelta(days=1), lord_howe)) == (spans[0][0], spans[-1][1])
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert minutes == [(end - start) / 60 for start, end in spans[:4]]
    assert {60} == {(end - start) / 60 for start, end in spans[4:]}


def test_hours_start_on_the_zones_own_hour() -> None:
    """10:40 in Kolkata belongs to the local hour from 10:00, which is at half past in UTC."""
    kolkata = ZoneInfo("Asia/Kolkata")

    assert _utc(2026, 1, 1, 4, 30) == hour_start(_utc(2026, 1, 1, 5, 10), kolkata)
