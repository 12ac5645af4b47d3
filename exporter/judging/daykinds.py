"""Tell the kinds of days that differ in their traffic: working days, rest days, public holidays, special days."""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

_DAY = timedelta(days=1)
_CLOSE = 7
"""The days from one public holiday to the next, such as from Christmas to the new year, that count as close."""


class DayKind(Enum):
    """A kind of days. Days are compared with others of their kind."""

    WORKING = auto()
    REST = auto()
    HOLIDAY = auto()
    SPECIAL = auto()

    @property
    def ordinary(self) -> bool:
        """Return whether such days come every week, so that their usual values are known."""
        return self in _ORDINARY


_ORDINARY = frozenset({DayKind.WORKING, DayKind.REST})


class Calendar:
    """Tells the kind of a date.

    ``country`` is an ISO 3166-1 code, ``subdivision`` an ISO 3166-2 one; an unknown one raises ValueError. Without a
    country, the weekday alone decides. ``special_days`` are unlike their weekday, too.
    """

    def __init__(self, country: str = "", subdivision: str = "", special_days: Iterable[date] = ()) -> None:
        self._holidays = _load_holidays(country, subdivision) if country else None
        self._special = frozenset(special_days)
        self._kinds: dict[date, DayKind] = {}

    def kind(self, day: date) -> DayKind:
        """Return the kind of a date.

        A single working day between two days off is a special day. So are working days between two public holidays that
        are close together, such as at the end of the year.
        """
        kind = self._kinds.get(day)
        if kind is None:
            kind = self._find_kind(day)
            if kind is DayKind.WORKING and (self._bridges(day) or self._between_holidays(day)):
                kind = DayKind.SPECIAL
            self._kinds[day] = kind
        return kind

    def _bridges(self, day: date) -> bool:
        return not self._works(day - _DAY) and not self._works(day + _DAY)

    def _between_holidays(self, day: date) -> bool:
        before, after = (
            next(
                (days for days in range(1, _CLOSE) if self._find_kind(day + way * days * _DAY) is DayKind.HOLIDAY),
                _CLOSE,
            )
            for way in (-1, 1)
        )
        return before + after <= _CLOSE

    def _works(self, day: date) -> bool:
        return self._find_kind(day) is DayKind.WORKING

    def _find_kind(self, day: date) -> DayKind:
        if day in self._special:
            return DayKind.SPECIAL
        if self._holidays is None:
            return DayKind.REST if day.weekday() >= 5 else DayKind.WORKING
        if day in self._holidays:
            return DayKind.HOLIDAY
        return DayKind.WORKING if self._holidays.is_working_day(day) else DayKind.REST


@lru_cache
def _load_holidays(country: str, subdivision: str) -> "HolidayBase":
    # Imported when it is needed: it takes several MiB of memory.
    from holidays import country_holidays  # noqa: PLC0415

    try:
        return country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        raise ValueError(str(error)) from error
