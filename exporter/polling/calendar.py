"""Local days and hours as moments in epoch seconds, whatever daylight saving does to them."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_HOUR = 3600
_DAY = timedelta(days=1)


def local_date(moment: float, zone: ZoneInfo) -> date:
    """The date in ``zone`` at a moment."""
    return datetime.fromtimestamp(moment, zone).date()


@lru_cache(maxsize=4096)
def midnight(day: date, zone: ZoneInfo) -> float:
    """When a local date begins; where a clock change skips 00:00, that is the change itself."""
    return datetime.combine(day, time(), zone).timestamp()


def day_start(moment: float, zone: ZoneInfo) -> float:
    """When the local day of a moment began."""
    return midnight(local_date(moment, zone), zone)


def next_day(day: date) -> date:
    """The day after."""
    return day + _DAY


def day_before(day: date) -> date:
    """The day before."""
    return day - _DAY


@lru_cache(maxsize=4096)
def hour_start(moment: float, zone: ZoneInfo) -> float:
    """When the local hour of a moment began: on the half hour of UTC in Asia/Kolkata, say."""
    shift = _offset(moment, zone)
    start = (moment + shift) // _HOUR * _HOUR - shift
    half = start + _HOUR // 2
    # Where clocks change by half an hour, one half belongs to another hour.
    return half if half <= moment and _offset(half - 1, zone) != shift else start


def hour_end(moment: float, zone: ZoneInfo) -> float:
    """When the local hour of a moment ends: an hour after its start, unless a clock change cuts it."""
    return next(end for _, end in hours(local_date(moment, zone), zone) if moment < end)


def _offset(moment: float, zone: ZoneInfo) -> float:
    """How far the zone is ahead of UTC at a moment, in seconds."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


@lru_cache(maxsize=1024)
def hours(day: date, zone: ZoneInfo) -> Sequence[tuple[float, float]]:
    """The (start, end) of each hour of a local date, in order: 23, 24 or 25 of them."""
    first, last = midnight(day, zone), midnight(next_day(day), zone)
    # In half-hour steps, for the zones whose clocks change by half an hour.
    starts = sorted({max(first, hour_start(first + step, zone)) for step in range(0, int(last - first), _HOUR // 2)})
    return tuple(zip(starts, [*starts[1:], last], strict=True))
