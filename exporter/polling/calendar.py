"""Converts local days and hours to epoch seconds, also across changes of daylight saving time."""

import math
from bisect import bisect
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_HOUR = 3600
_DAY = timedelta(days=1)


def find_local_date(moment: float, zone: ZoneInfo) -> date:
    """Return the date in ``zone`` at a moment."""
    return datetime.fromtimestamp(moment, zone).date()


def find_local_time(moment: float, zone: ZoneInfo) -> datetime | None:
    """Return the time in ``zone`` at a moment; None beyond the calendar, where a token's expiry can be."""
    try:
        return datetime.fromtimestamp(moment, zone)
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=4096)
def find_midnight(day: date, zone: ZoneInfo) -> float:
    """Return when a local date begins: at the clock change itself if that skips 00:00."""
    return datetime.combine(day, time(), zone).timestamp()


def find_day_start(moment: float, zone: ZoneInfo) -> float:
    """Return when the local day of a moment began."""
    return find_midnight(find_local_date(moment, zone), zone)


def find_next_day(day: date) -> date:
    """Return the next date."""
    return day + _DAY


def find_day_before(day: date) -> date:
    """Return the previous date."""
    return day - _DAY


@lru_cache(maxsize=4096)
def find_hour_start(moment: float, zone: ZoneInfo) -> float:
    """Return when the local hour of a moment began: in Asia/Kolkata, for example, at half past an hour of UTC."""
    shift = _find_offset(moment, zone)
    start = (moment + shift) // _HOUR * _HOUR - shift
    half = start + _HOUR // 2
    # If clocks change by half an hour, one half belongs to another hour.
    return half if half <= moment and _find_offset(half - 1, zone) != shift else start


@lru_cache(maxsize=4096)
def find_hour_end(moment: float, zone: ZoneInfo) -> float:
    """Return when the local hour of a moment ends: an hour after its start, or earlier at a clock change."""
    return next(end for _, end in list_hours(find_local_date(moment, zone), zone) if moment < end)


def _find_offset(moment: float, zone: ZoneInfo) -> float:
    """Return how far the zone is ahead of UTC at a moment, in seconds."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


@lru_cache(maxsize=1024)
def list_hours(day: date, zone: ZoneInfo) -> Sequence[tuple[float, float]]:
    """Return the (start, end) of each hour of a local date, in order: 23, 24 or 25 hours."""
    first, last = find_midnight(day, zone), find_midnight(find_next_day(day), zone)
    # In steps of half an hour, since some zones change their clocks by that.
    starts = sorted(
        {max(first, find_hour_start(first + step, zone)) for step in range(0, int(last - first), _HOUR // 2)}
    )
    return tuple(zip(starts, [*starts[1:], last], strict=True))


def list_hours_begun(day: date, zone: ZoneInfo, now: float) -> Sequence[tuple[float, float]]:
    """Return those hours of a local date that have begun at ``now``."""
    every = list_hours(day, zone)
    return every[: bisect(every, (now, math.inf))]


def format_offset(moment: datetime) -> str:
    """Return a moment's offset from UTC, such as UTC+05:30; abbreviations such as CST are ambiguous."""
    return f"UTC{moment.isoformat(timespec='seconds')[19:].replace('+00:00', '')}"
