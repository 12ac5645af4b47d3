"""What a platform's reports teach when they are looked at again and again: pure functions of answers and times."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from exporter.language import Text
from exporter.polling.calendar import find_hour_end, find_local_date, find_midnight, list_hours
from exporter.upstream.reports import Record

_STEP: Final = 300
"""Seconds; suggested delays are multiples of this."""


@dataclass(slots=True)
class HourSeen:
    """What was seen of an hour of a bot; times in epoch seconds."""

    start: float
    end: float
    record: Record
    appeared: float | None
    """When its record was first seen; None if that was at the first look."""
    changed: float | None = None
    """When its record last changed after the end of the hour."""

    @property
    def settled_after(self) -> float:
        """Return how long after its end the record was final, in seconds; 0 if it was so at the end."""
        return max(0.0, *(moment - self.end for moment in (self.appeared, self.changed) if moment is not None), 0.0)


@dataclass(slots=True)
class BotWatch:
    """Compares the answers about one bot with those before."""

    name: str
    zone: ZoneInfo
    hours: dict[float, HourSeen] = field(default_factory=dict)
    """By start."""
    _first: float | None = None
    _last: float = 0.0
    _days: set[date] = field(default_factory=set)

    def observe(self, now: float, day: date, records: Sequence[Record]) -> Iterator[Text]:
        """Take an answer for a local date, and yield what is new.

        Args:
            now: The time of the answer.
            day: The date asked for.
            records: The usable records.
        """
        self._first = now if self._first is None else self._first
        self._last = now
        # Nobody knows when the records appeared that are there at the first look.
        first_look = day not in self._days and find_midnight(day, self.zone) <= self._first
        own = [record for record in records if find_local_date(record.start, self.zone) == day]
        if not first_look and day not in self._days:
            yield self._say(
                now,
                Text(
                    "the first answer for %(day)s has %(records)s records, %(others)s of another date",
                    day=day,
                    records=len(records),
                    others=len(records) - len(own),
                ),
            )
        self._days.add(day)
        for record in sorted(own, key=lambda record: record.start):
            yield from self._compare(now, record, first_look=first_look)

    def _compare(self, now: float, record: Record, *, first_look: bool) -> Iterator[Text]:
        seen = self.hours.get(record.start)
        hour = f"{datetime.fromtimestamp(record.start, self.zone):%H:%M}"
        if seen is None:
            end = find_hour_end(record.start, self.zone)
            self.hours[record.start] = HourSeen(record.start, end, record, None if first_look else now)
            if not first_look:
                delay = describe_delay(now - end)
                yield self._say(now, Text("the record of %(hour)s appeared, %(delay)s", hour=hour, delay=delay))
            return
        before, seen.record = seen.record, record
        if record.values != before.values and now >= seen.end:
            seen.changed = now
            delay = describe_delay(now - seen.end)
            yield self._say(now, Text("the record of %(hour)s changed, %(delay)s", hour=hour, delay=delay))

    def list_ended(self) -> Iterator[tuple[float, HourSeen | None]]:
        """Yield each hour that ended while it was watched: its end, and what was seen of it; None without a record."""
        if self._first is not None:
            for day in sorted(self._days):
                for start, end in list_hours(day, self.zone):
                    if self._first < end <= self._last:
                        yield end, self.hours.get(start)

    def _say(self, now: float, what: Text) -> Text:
        return describe_event(now, self.zone, self.name, what)


def describe_event(now: float, zone: ZoneInfo, where: str, what: str) -> Text:
    """Return a line about something that has just happened."""
    return Text(
        "%(time)s %(where)s: %(what)s",
        time=f"{datetime.fromtimestamp(now, zone):%m-%d %H:%M:%S}",
        where=where,
        what=what,
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """What a watch has taught about a tenant; delays in seconds."""

    hours: int
    """Hours of bots that ended while they were watched."""
    without_record: int
    """Those of them that had no record until the end of the watch."""
    early: int
    """Those of them whose record appeared before their end."""
    appeared_after: Sequence[float]
    """The delays of the others."""
    settled_after: float
    """The longest time from the end of an hour to the last change of its record."""

    @classmethod
    def of(cls, watches: Sequence[BotWatch]) -> "Learned":
        """Sum up the watches of a tenant's bots."""
        ended = [pair for watch in watches for pair in watch.list_ended()]
        known = [seen for _, seen in ended if seen]
        late = sorted(seen.appeared - seen.end for seen in known if seen.appeared and seen.appeared > seen.end)
        # An hour that ended before the watch may still change.
        everything = [seen.settled_after for watch in watches for seen in watch.hours.values()]
        return cls(len(ended), len(ended) - len(known), len(known) - len(late), late, max(everything, default=0.0))

    def describe(self, interval: float) -> Iterator[Text]:
        """Yield the results as sentences; ``interval`` is the time between two looks."""
        if self.hours == self.without_record:
            yield Text("No hour with calls ended during the watch. Watch for 2h or more, in the busy part of the day.")
            return
        yield Text(
            "%(hours)s hours of bots ended: %(early)s had a record before their end, %(late)s after it, %(none)s have none.",
            hours=self.hours,
            early=self.early,
            late=len(self.appeared_after),
            none=self.without_record,
        )
        if self.appeared_after:
            yield Text("Records appeared %(range)s.", range=_describe_range(self.appeared_after))
        if self.settled_after:
            yield Text("The last change came %(delay)s.", delay=describe_delay(self.settled_after))
        else:
            yield Text("No record changed after the end of its hour.")
        settle = _round_up(self.settled_after + interval)
        empty = max(settle, _round_up(2 * max(self.appeared_after, default=0.0) + interval))
        yield Text(
            "Use at least settle_delay: %(settle)sm and empty_hour_delay: %(empty)sm.",
            settle=settle // 60,
            empty=empty // 60,
        )


def describe_stored(records: Sequence[Record], zone: ZoneInfo) -> Text:
    """Say how long after their hours' ends the records were stored, by their ``dbRecordTime``."""
    delays = sorted(
        record.stored - find_hour_end(record.start, zone) for record in records if math.isfinite(record.stored)
    )
    if not delays:
        return Text("The records have no usable dbRecordTime.")
    return Text("By dbRecordTime, records were stored %(range)s.", range=_describe_range(delays))


def describe_reach(found: Mapping[int, int]) -> Text:
    """Say how far back the report by hour reaches; ``found`` has the number of records by the age in days."""
    with_records = [age for age, records in found.items() if records]
    if not with_records:
        ages = ", ".join(map(str, found))
        return Text("The report by hour has no record %(ages)s days ago.", ages=ages)
    reach = max(with_records)
    beyond = [age for age in found if age > reach]
    if not beyond:
        return Text("The report by hour has records %(reach)s days ago.", reach=reach)
    return Text(
        "The report by hour has records %(reach)s days ago, and none %(beyond)s days ago.",
        reach=reach,
        beyond=beyond[0],
    )


def describe_delay(seconds: float) -> Text:
    """Return a time relative to the end of an hour."""
    minutes = Text("%(n)s min", n=f"{abs(seconds) / 60:.1f}")
    return Text(
        "%(time)s after the end of the hour" if seconds >= 0 else "%(time)s before the end of the hour", time=minutes
    )


def _describe_range(delays: Sequence[float]) -> Text:
    first, last = (describe_delay(delay) for delay in (delays[0], delays[-1]))
    return first if first == last else Text("%(first)s to %(last)s", first=first, last=last)


def _round_up(seconds: float) -> int:
    return max(1, math.ceil(seconds / _STEP)) * _STEP
