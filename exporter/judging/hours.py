"""Keep a bot's known past: the counts of each local hour of each known date. Small counts take 12 bytes an hour."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from exporter.polling.calendar import list_hours


class Counts(NamedTuple):
    """The counts of an hour."""

    calls: int = 0
    direct: int = 0
    consulted: int = 0
    contained: int = 0
    requests: int = 0
    successes: int = 0


Hours: TypeAlias = "array[int]"
"""The counts of consecutive hours of a local date from its first on, one after the other."""

Past: TypeAlias = Mapping[date, Hours]
"""By local date. A date that is missing is unknown; an hour of a known date without a record had no calls."""

_FIELDS = len(Counts._fields)


def flatten(rows: Iterable[Iterable[int | None]]) -> list[int]:
    """List the counts of the hours of a local date, from its first one on, one after the other; None counts as 0."""
    return [value or 0 for value in chain.from_iterable(rows)]


def pack(rows: Iterable[Iterable[int | None]]) -> Hours:
    """Pack the same counts as ``flatten`` lists, to keep them in little memory."""
    values = flatten(rows)
    for code in "HI":  # most counts are below 65,536
        with suppress(OverflowError):
            return array(code, values)
    return array("Q", values)


def unpack(hours: Hours) -> Iterator[Counts]:
    """Yield the counts of each hour."""
    return map(Counts._make, zip(*[iter(hours)] * _FIELDS, strict=True))


def unpack_newest(days: Iterable[tuple[Sequence[int], int]], number: int) -> list[list[int]]:
    """Return the values of each count in the last ``number`` hours of consecutive dates, newest first.

    Each date comes with how many of its hours to take; missing hours have 0.
    """
    values: list[int] = []
    for hours, taken in days:
        values += hours[: taken * _FIELDS]
        values += [0] * (taken * _FIELDS - len(hours))
    return [values[field : field - number * _FIELDS : -_FIELDS] for field in range(-_FIELDS, 0)]


def unpack_calls(hours: Sequence[int]) -> Sequence[int]:
    """Return the calls of each hour."""
    return hours[::_FIELDS]


@lru_cache(maxsize=1024)
def list_clock_hours(day: date, zone: ZoneInfo) -> tuple[int, ...]:
    """Return what local clocks show at the start of each hour of a local date, 0 to 23; a date has 23, 24 or 25 hours."""
    return tuple(datetime.fromtimestamp(start, zone).hour for start, _ in list_hours(day, zone))


class KnownDay(NamedTuple):
    """A finished working or rest day, to learn from."""

    rest: bool
    weekday: int
    clock: Sequence[int]
    """What the local clock shows at the start of each hour, 0 to 23."""
    counts: Sequence[Counts]
