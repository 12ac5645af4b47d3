"""A bot's day by hour, beside the day before."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from exporter.polling.calendar import find_day_before, find_local_date, list_hours
from exporter.polling.snapshot import Snapshot
from exporter.upstream.reports import Record, Value


class Slot(NamedTuple):
    """An hour of the clock, with its records of today and yesterday; None without a record."""

    clock: str
    """Such as 14:00."""
    start: float | None
    """Today, in epoch seconds; None if only yesterday had this hour."""
    today: Record | None
    yesterday: Record | None
    begun: bool
    """Whether the hour has begun today."""
    over: bool
    """Whether the hour is over today."""


class Course(NamedTuple):
    """The hours of a day, in order."""

    date: date
    slots: Sequence[Slot]

    def today(self, index: int) -> list[Value]:
        """Return a field's values of today; ``index`` is its place in the report's fields."""
        return [slot.today.values[index] if slot.today else None for slot in self.slots]

    def yesterday(self, index: int) -> list[Value]:
        """Return a field's values of yesterday."""
        return [slot.yesterday.values[index] if slot.yesterday else None for slot in self.slots]


def arrange_day(snapshot: Snapshot, timezone: str, now: float) -> Course:
    """Arrange the local day of ``now``. An hour that only one of the two days has gets its own slot."""
    zone = ZoneInfo(timezone)
    today = find_local_date(now, zone)
    # The snapshot may date from before midnight.
    records = {**snapshot.yesterday, **snapshot.records}
    starts, before = _find_hours(today, zone), _find_hours(find_day_before(today), zone)
    slots = []
    for name in sorted({*starts, *before}):
        start, end = starts.get(name, (None, None))
        slots.append(
            Slot(
                name[0],
                start,
                None if start is None else records.get(start),
                records.get(before[name][0]) if name in before else None,
                begun=start is not None and start <= now,
                over=end is not None and end <= now,
            )
        )
    return Course(today, slots)


@lru_cache(maxsize=1024)
def _find_hours(day: date, zone: ZoneInfo) -> Mapping[tuple[str, int], tuple[float, float]]:
    """Return the start and end of a day's hours, by the clock's time and whether the clock shows it a second time."""
    named = {}
    for start, end in list_hours(day, zone):
        local = datetime.fromtimestamp(start, zone)
        named[f"{local:%H:%M}", local.fold] = (start, end)
    return named
