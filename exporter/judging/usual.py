"""Learn what is usual for a bot from its finished days, once a day."""

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final, NamedTuple, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from exporter.judging.calls import Calls, learn_calls
from exporter.judging.daykinds import Calendar, DayKind
from exporter.judging.hours import Counts, KnownDay, Past, list_clock_hours, unpack
from exporter.judging.shares import (
    AUTONOMY,
    DIRECT,
    INTERFACES,
    UNKNOWN,
    Share,
    count_part_and_whole,
    learn_share,
    to_ratio,
)
from exporter.polling.calendar import find_local_date, list_hours

_FEWEST_DAYS: Final = 3
"""The least number of known ordinary days to judge by."""
_CALLS_ROOM: Final = 0.5
"""The additional relative variance of the calls on days that do not come every week."""
_SHARE_ROOM: Final = 0.01
"""The additional variance of the shares on such days, as angles: five points."""
_CLOCK: Final = tuple(range(24))
_NINETY_NINE: Final = 2.576
"""99 of 100 values are within this many standard deviations."""

T = TypeVar("T")
Shares = tuple[float, float, float]
"""A value for each share: autonomy, direct transfers, interfaces."""


class Straying(NamedTuple):
    """The normal variances of days and hours: of shares as angles, of calls relative to their mean."""

    share_day: Shares = (0.0015, 0.0015, 0.0015)
    share_hour: Shares = (0.005, 0.005, 0.005)
    calls_day: float = 0.02
    calls_hour: float = 0.01


def pool(bots: Iterable[Straying]) -> Straying:
    """Return the variances that are typical of a tenant's bots, as a prior for each of them; the default without bots."""
    known = list(bots)
    if not known:
        return Straying()
    return Straying(
        _for_each_share(lambda share: median([bot.share_day[share] for bot in known])),
        _for_each_share(lambda share: median([bot.share_hour[share] for bot in known])),
        median([bot.calls_day for bot in known]),
        median([bot.calls_hour for bot in known]),
    )


Column: TypeAlias = "array[float]"
"""A value for each hour of a date."""


class Day(NamedTuple):
    """The usual values of each hour of a local date, and the variances of the whole day."""

    calls: Column
    low_calls: Column
    """The calls by which a loss is measured; fewer than ``calls`` on a day of which little is known."""
    high_calls: Column
    surge_calls: Column
    """The calls by which a surge is measured."""
    calls_hour: Column
    """The variance of the hour's calls, relative to their mean."""
    shares: tuple[Column, Column, Column]
    variances: tuple[Column, Column, Column]
    """The variances of the estimated shares, as angles."""
    calls_day: float
    share_day: Shares
    share_hour: Shares
    known_days: int
    """The number of known days of the same kind."""
    restless: tuple[float, float]
    """The divisors of the scores of too few and of too many calls, since those of past days were too high."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Everything that was learned about a bot from the dates before ``today``."""

    today: date
    zone: ZoneInfo
    straying: Straying
    known_days: int
    _calendar: Calendar
    _calls: Calls
    _shares: tuple[Share, Share, Share]
    _days: dict[date, Day]

    def day(self, day: date) -> Day:
        """Return the usual values of a local date."""
        usual = self._days.get(day)
        if usual is None:
            usual = self._days[day] = self._build_day(day)
        return usual

    def _build_day(self, day: date) -> Day:
        kind = self._calendar.kind(day)
        rest = kind is not DayKind.WORKING
        clock = list_clock_hours(day, self.zone)
        calls, low_calls, high_calls = zip(
            *(self._calls.expected(kind, day.weekday(), hour) for hour in clock), strict=True
        )
        closed = self._calls.closed[day >= self.today or not kind.ordinary]
        known = self._calls.known_days[rest]
        seldom = not (kind.ordinary and known)
        most = self._calls.peak / 2
        return Day(
            array("d", calls),
            array("d", [0.0 if hour in closed else low for hour, low in zip(clock, low_calls, strict=True)]),
            array("d", high_calls),
            array("d", [max(high + 0.5 / max(1, known), most) for high in high_calls]),
            _arrange_by_hour(self._calls.hours, clock),
            _for_each_share(lambda share: _arrange_by_hour(self._shares[share].ratios[rest], clock)),
            _for_each_share(lambda share: _arrange_by_hour(self._shares[share].variances[rest], clock)),
            self._calls.day + seldom * _CALLS_ROOM,
            _for_each_share(lambda share: self._shares[share].day + seldom * _SHARE_ROOM),
            self.straying.share_hour,
            max(1, known),
            self._calls.restless,
        )


def _arrange_by_hour(by_clock: Column, clock: Sequence[int]) -> Column:
    """Return the values of a date's hours, which are those of the clock on most dates."""
    return by_clock if clock == _CLOCK else array("d", [by_clock[hour] for hour in clock])


def learn(
    past: Past, calendar: Calendar, zone: ZoneInfo, today: date, tenant: Straying | None = None
) -> Baseline | None:
    """Learn what is usual from the dates before ``today``; return None if too few are known.

    ``tenant`` has the variances of the tenant's bots (``pool``). This takes about ten milliseconds; once a day is enough.
    """
    prior = tenant or Straying()
    days = [
        KnownDay(kind is DayKind.REST, day.weekday(), list_clock_hours(day, zone), list(unpack(past[day])))
        for day in sorted(past)
        if day < today and (kind := calendar.kind(day)).ordinary
    ]
    while days and not any(row.calls for row in days[0].counts):
        del days[0]  # before its first call the bot was not there
    if len(days) < _FEWEST_DAYS:
        return None
    calls = learn_calls(days, prior.calls_day, prior.calls_hour)
    shares = _for_each_share(lambda share: learn_share(days, share, prior.share_day[share], prior.share_hour[share]))
    straying = Straying(
        _for_each_share(lambda share: shares[share].day),
        _for_each_share(lambda share: shares[share].hour),
        calls.day,
        median(calls.hours),
    )
    return Baseline(today, zone, straying, len(days), calendar, calls, shares, {})


def _for_each_share(value: Callable[[int], T]) -> tuple[T, T, T]:
    """Return a value for each share."""
    return value(AUTONOMY), value(DIRECT), value(INTERFACES)


# --- for people ------------------------------------------------------------------------------------------------------


class Range(NamedTuple):
    """The usual value of an hour, and the range of 99 of 100 such hours."""

    expected: float
    low: float
    high: float


class Expected(NamedTuple):
    """The usual values of an hour with its number of calls (or requests); a share of none, or without a past, is None."""

    calls: Range
    autonomy: Range | None
    interface_success: Range | None


def expect(baseline: Baseline, start: float, counts: Counts) -> Expected:
    """Return the usual values of the hour that begins at ``start`` (epoch seconds)."""
    day = find_local_date(start, baseline.zone)
    usual = baseline.day(day)
    number = next(number for number, (_, end) in enumerate(list_hours(day, baseline.zone)) if start < end)
    relative = usual.calls_day + usual.calls_hour[number] + 1 / usual.known_days
    return Expected(
        Range(
            usual.calls[number],
            _find_calls(usual.low_calls[number], relative, -_NINETY_NINE),
            _find_calls(usual.high_calls[number], relative, _NINETY_NINE),
        ),
        _find_share_range(usual, number, AUTONOMY, counts),
        _find_share_range(usual, number, INTERFACES, counts),
    )


def _find_calls(expected: float, relative: float, deviations: float) -> float:
    """Return the calls at a number of standard deviations: the cube root of a gamma variable (Wilson, Hilferty 1931)."""
    if not expected:
        return 0.0
    ninth = (1 / expected + relative) / 9
    return expected * max(0.0, 1 - ninth + deviations * math.sqrt(ninth)) ** 3


def _find_share_range(usual: Day, number: int, share: int, counts: Counts) -> Range | None:
    _, whole = count_part_and_whole(share, counts)
    if not whole or usual.variances[share][number] >= UNKNOWN:
        return None
    expected = usual.shares[share][number]
    middle = 2 * math.asin(math.sqrt(expected))
    variance = 1 / whole + usual.share_day[share] + usual.share_hour[share] + usual.variances[share][number]
    off = _NINETY_NINE * math.sqrt(variance)
    return Range(expected, to_ratio(max(0.0, middle - off)), to_ratio(min(math.pi, middle + off)))
