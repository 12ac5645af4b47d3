"""A bot's day hour by hour, beside the day before."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from exporter.polling.calendar import day_before, hours, local_date
from exporter.polling.snapshot import Snapshot
from exporter.upstream.reports import Record, Value


class Slot(NamedTuple):
    """An hour of the clock, with its record of today and of yesterday; None where there is none."""

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
    """The hours of a day in their order."""

    date: date
    slots: Sequence[Slot]

    def today(self, index: int) -> list[Value]:
        """A field's values of today, by its place among the report's fields."""
        return [slot.today.values[index] if slot.today else None for slot in self.slots]

    def yesterday(self, index: int) -> list[Value]:
        """A field's values of yesterday."""
        return [slot.yesterday.values[index] if slot.yesterday else None for slot in self.slots]


def course(snapshot: Snapshot, timezone: str, now: float) -> Course:
    """The course of the local day of ``now``; an hour that only one of the two days has is a slot of its own."""
    zone = ZoneInfo(timezone)
    today = local_date(now, zone)
    # The snapshot may be of before midnight.
    records = {**snapshot.yesterday, **snapshot.records}
    starts, before = _starts(today, zone), _starts(day_before(today), zone)
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
def _starts(day: date, zone: ZoneInfo) -> Mapping[tuple[str, int], tuple[float, float]]:
    """When each hour of a day starts and ends, by what the clock shows, and whether it shows it for the second time."""
    named = {}
    for start, end in hours(day, zone):
        local = datetime.fromtimestamp(start, zone)
        named[f"{local:%H:%M}", local.fold] = (start, end)
    return named
