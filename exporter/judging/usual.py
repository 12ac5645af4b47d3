"""What is usual for a bot: learned from its finished days, once a day.

Calls and shares are learned in the same steps: a profile by the hour of the day for working and for rest days, the level it
is at now, and how far days and hours stray from both with nothing wrong.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.judging.daykinds import Calendar, DayKind
from exporter.judging.hours import Counts, Past, clock_hours, rows
from exporter.judging.robust import median, middle_mean, spread, steadied
from exporter.polling.calendar import hours, local_date

AUTONOMY, DIRECT, INTERFACES = range(3)

_RECENT: Final = 5
"""Days whose median is the present level: three of them make a lasting change the new usual, two do not."""
_CHANGED: Final = 2.5
"""Standard deviations by which the recent level has to be off the long one to be believed alone."""
_FEWEST_DAYS: Final = 3
"""Known days with calls below which nothing is judged."""
_PRIOR_DAYS: Final = 10.0
"""How many days of its own weigh as much as what the tenant's other bots do."""


class Range(NamedTuple):
    """What is usual for an hour, and what 99 of 100 such hours lie between."""

    expected: float
    low: float
    high: float


class Expected(NamedTuple):
    """The usual of an hour, given how many calls (or requests) it had; None where it had none."""

    calls: Range
    autonomy: Range | None
    interface_success: Range | None


class Straying(NamedTuple):
    """How far days and hours stray with nothing wrong: variances, of shares as angles, of calls relative to their mean."""

    share_day: tuple[float, float, float] = (0.0015, 0.0015, 0.0015)
    share_hour: tuple[float, float, float] = (0.005, 0.005, 0.005)
    calls_day: float = 0.02
    calls_hour: float = 0.01


def pool(bots: Iterable[Straying]) -> Straying:
    """What is typical of a tenant's bots, to steady each of them by; the default where there are none."""
    known = list(bots)
    if not known:
        return Straying()
    return Straying(
        tuple(median([bot.share_day[share] for bot in known]) for share in range(3)),  # type: ignore[arg-type]
        tuple(median([bot.share_hour[share] for bot in known]) for share in range(3)),  # type: ignore[arg-type]
        median([bot.calls_day for bot in known]),
        median([bot.calls_hour for bot in known]),
    )


class Usual(NamedTuple):
    """What is usual for one hour of a bot; ``variances`` are those of the shares' estimates, as angles."""

    low_calls: float
    """What a loss of calls is measured by; below ``high_calls`` on a day of which little is known."""
    high_calls: float
    shares: tuple[float, float, float]
    variances: tuple[float, float, float]


class Day(NamedTuple):
    """What is usual for a local date: each of its hours, and the variances of the day as a whole and of its hours."""

    hours: tuple[Usual, ...]
    calls_day: float
    calls_hour: float
    share_day: tuple[float, float, float]
    share_hour: tuple[float, float, float]
    known_days: int
    """Of its kind."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A finished date."""

    date: date
    rest: int
    """1 for a rest day, 0 for a working day."""
    clock: Sequence[int]
    counts: Sequence[Counts]


@dataclass(frozen=True, slots=True)
class Baseline:
    """All that is learned of a bot from the dates before ``today``."""

    today: date
    straying: Straying
    known_days: int
    zone: ZoneInfo
    _calendar: Calendar
    _calls: "_Calls"
    _shares: tuple["_Share", "_Share", "_Share"]
    _days: dict[date, Day]

    def day(self, day: date) -> Day:
        """What is usual for a local date."""
        usual = self._days.get(day)
        if usual is None:
            usual = self._days[day] = self._day(day)
        return usual

    def _day(self, day: date) -> Day:
        kind = self._calendar.kind(day)
        rest = int(kind is not DayKind.WORKING)
        calls = self._calls
        usual = []
        for clock in clock_hours(day, self.zone):
            low, high = calls.expected(kind, day.weekday(), clock)
            usual.append(
                Usual(
                    low,
                    high,
                    tuple(share.ratios[rest][clock] for share in self._shares),  # type: ignore[arg-type]
                    tuple(share.variances[rest][clock] for share in self._shares),  # type: ignore[arg-type]
                )
            )
        straying = self.straying
        room = 0.0 if kind.ordinary else _SHARE_ROOM
        return Day(
            tuple(usual),
            straying.calls_day + (0.0 if kind.ordinary else _CALLS_ROOM),
            straying.calls_hour,
            tuple(variance + room for variance in straying.share_day),  # type: ignore[arg-type]
            straying.share_hour,
            max(1, calls.days[rest]),
        )


_NINETY_NINE: Final = 2.576
"""Standard deviations."""


def expect(baseline: Baseline, start: float, counts: Counts) -> Expected:
    """What is usual for the hour that begins at ``start``, in epoch seconds."""
    day = local_date(start, baseline.zone)
    usual = baseline.day(day)
    number = next(number for number, (_, end) in enumerate(hours(day, baseline.zone)) if start < end)
    hour = usual.hours[number]
    relative = usual.calls_day + usual.calls_hour + 1 / usual.known_days
    return Expected(
        Range(
            (hour.low_calls + hour.high_calls) / 2,
            _calls_at(hour.low_calls, relative, -_NINETY_NINE),
            _calls_at(hour.high_calls, relative, _NINETY_NINE),
        ),
        _share_range(usual, hour, AUTONOMY, counts),
        _share_range(usual, hour, INTERFACES, counts),
    )


def _calls_at(expected: float, relative: float, deviation: float) -> float:
    """So many standard deviations from what is expected: the cube root of a gamma variable (Wilson, Hilferty 1931)."""
    if not expected:
        return 0.0
    ninth = (1 / expected + relative) / 9
    return expected * max(0.0, 1 - ninth + deviation * math.sqrt(ninth)) ** 3


def _share_range(usual: Day, hour: Usual, share: int, counts: Counts) -> Range | None:
    _, whole = part_and_whole(share, counts)
    if not whole:
        return None
    ratio = hour.shares[share]
    middle = 2 * math.asin(math.sqrt(ratio))
    off = _NINETY_NINE * math.sqrt(1 / whole + usual.share_day[share] + usual.share_hour[share] + hour.variances[share])
    low, high = (math.sin(min(max(middle + way * off, 0.0), math.pi) / 2) ** 2 for way in (-1, 1))
    return Range(ratio, low, high)


_CALLS_ROOM: Final = 0.5
"""Of a day that does not come every week: how far its calls may stray more, as a relative variance."""
_SHARE_ROOM: Final = 0.01
"""The same of its shares, as angles: five points."""
_HOLIDAY_CALLS: Final = 0.3
"""Of a rest or working day's calls so many are to be expected at least on such a day."""


def learn(
    past: Past, calendar: Calendar, zone: ZoneInfo, today: date, tenant: Straying | None = None
) -> Baseline | None:
    """Learns what is usual from the dates before ``today``; None where too few are known.

    ``tenant`` is how the tenant's bots stray (``pool``). Takes some milliseconds: once a day is enough.
    """
    prior = tenant or Straying()
    days = [
        _Known(day, int(kind is DayKind.REST), clock_hours(day, zone), list(rows(past[day])))
        for day in sorted(past)
        if day < today and (kind := calendar.kind(day)).ordinary
    ]
    while days and not any(row.calls for row in days[0].counts):
        del days[0]  # before its first call the bot was not there
    if len(days) < _FEWEST_DAYS:
        return None
    calls, calls_day, calls_hour = _learn_calls(days, prior)
    shares = [_learn_share(days, number, prior) for number in range(3)]
    straying = Straying(
        tuple(share.day for share in shares),  # type: ignore[arg-type]
        tuple(share.hour for share in shares),  # type: ignore[arg-type]
        calls_day,
        calls_hour,
    )
    return Baseline(today, straying, len(days), zone, calendar, calls, tuple(shares), {})  # type: ignore[arg-type]


# --- calls -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Calls:
    """Expected calls by the hour of the day, of working and rest days, and of the weekdays that are known to differ."""

    profiles: tuple[Sequence[float], Sequence[float]]
    weekdays: Mapping[tuple[int, int], Sequence[float]]
    days: tuple[int, int]

    def expected(self, kind: DayKind, weekday: int, clock: int) -> tuple[float, float]:
        """The calls that a loss and that a surge is measured by."""
        if kind.ordinary:
            rest = int(kind is DayKind.REST)
            calls = self.weekdays.get((rest, weekday), self.profiles[rest])[clock]
            return calls, calls
        both = [profile[clock] for profile in self.profiles]
        return _HOLIDAY_CALLS * min(both), max(both)


def _learn_calls(days: Sequence[_Known], prior: Straying) -> tuple[_Calls, float, float]:
    # The profiles of working and rest days, then of weekdays, as far as they differ.
    groups = [[day for day in days if day.rest == rest] for rest in (0, 1)]
    profiles = [_profile(group or days) for group in groups]
    variance = prior.calls_day + prior.calls_hour
    weekdays: dict[tuple[int, int], Sequence[float]] = {}
    for rest, group in enumerate(groups):
        by_weekday = {weekday: [day for day in group if day.date.weekday() == weekday] for weekday in range(7)}
        own = {weekday: _profile(few) for weekday, few in by_weekday.items() if len(few) >= 2}
        weekdays |= {
            (rest, weekday): profile for weekday, profile in _blend(own, by_weekday, profiles[rest], variance).items()
        }
    # The level: each day's calls relative to its profile.
    ratios: list[float] = []
    residuals: list[tuple[float, float]] = []
    levels: list[float] = []
    for day in days:
        profile = weekdays.get((day.rest, day.date.weekday()), profiles[day.rest])
        expected = sum(profile[clock] for clock in day.clock)
        came = sum(row.calls for row in day.counts)
        if expected < 1:
            continue
        if len(ratios) >= 3:
            level = _level(ratios, math.sqrt(variance))
            usual = level * expected
            residuals.append((2 * (math.sqrt(came + 0.375) / math.sqrt(usual + 0.375) - 1), 1 / (usual + 0.375)))
        ratios.append(came / expected)
        levels.append(expected)
    level = _level(ratios, math.sqrt(variance)) if ratios else 1.0
    # How far hours stray around their own day, and days around the level.
    cells = []
    for day in days:
        profile = weekdays.get((day.rest, day.date.weekday()), profiles[day.rest])
        expected = sum(profile[clock] for clock in day.clock)
        came = sum(row.calls for row in day.counts)
        if came < 1 or expected < 1:
            continue
        factor = came / expected
        for clock, row in zip(day.clock, day.counts, strict=False):
            usual = factor * profile[clock]
            if usual >= 5:
                cells.append((2 * (math.sqrt((row.calls + 0.375) / (usual + 0.375)) - 1), 1 / usual))
    hour = _component(cells, prior.calls_hour, _PRIOR_DAYS * 10)
    day_variance = _component([(r, v + hour / 12) for r, v in residuals], prior.calls_day, _PRIOR_DAYS)
    scaled = tuple([level * calls for calls in profile] for profile in profiles)
    calls = _Calls(
        scaled,  # type: ignore[arg-type]
        {key: [level * calls for calls in profile] for key, profile in weekdays.items()},
        (len(groups[0]), len(groups[1])),
    )
    return calls, day_variance, hour


def _profile(days: Sequence[_Known]) -> list[float]:
    by_clock: list[list[float]] = [[] for _ in range(24)]
    for day in days:
        for clock, row in zip(day.clock, day.counts, strict=False):
            by_clock[clock].append(row.calls)
    return [middle_mean(values) if values else 0.0 for values in by_clock]


def _blend(
    own: Mapping[int, Sequence[float]],
    days: Mapping[int, Sequence[_Known]],
    common: Sequence[float],
    variance: float,
) -> dict[int, list[float]]:
    """The profiles of weekdays, each drawn towards the common one as far as chance explains the difference."""
    noise = {
        weekday: [1.5 * (1 / (calls + 0.5) + variance) / len(days[weekday]) for calls in common] for weekday in own
    }
    apart = {
        weekday: [(mine - calls) / (calls + 0.5) for mine, calls in zip(own[weekday], common, strict=True)]
        for weekday in own
    }
    busy = [clock for clock in range(24) if common[clock] >= 1]
    excess = [apart[weekday][clock] ** 2 - noise[weekday][clock] for weekday in own for clock in busy]
    between = max(0.0, sum(excess) / len(excess)) if excess else 0.0
    return {
        weekday: [
            max(0.0, calls + (calls + 0.5) * (between / (between + noise[weekday][clock])) * apart[weekday][clock])
            for clock, calls in enumerate(common)
        ]
        for weekday in own
    }


# --- shares ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Share:
    """A share by the hour of the day, on working and on rest days, and how far it strays."""

    ratios: tuple[Sequence[float], Sequence[float]]
    variances: tuple[Sequence[float], Sequence[float]]
    day: float
    hour: float


def part_and_whole(share: int, row: Counts) -> tuple[int, int]:
    """The calls (or requests) that make up a share, and those that it is a share of."""
    if share == INTERFACES:
        return min(row.successes, row.requests), row.requests
    _, direct, consulted, contained, _, _ = row
    return (contained if share == AUTONOMY else direct), direct + consulted + contained


def angle(part: float, whole: float) -> float:
    """A share as an angle, whose variance is that of chance alone: 1 / whole (Anscombe 1948)."""
    return 2 * math.asin(math.sqrt((part + 0.375) / (whole + 0.75)))


def _learn_share(days: Sequence[_Known], share: int, prior: Straying) -> _Share:
    day_prior, hour_prior = prior.share_day[share], prior.share_hour[share]
    table = [
        (day.rest, [(clock, *part_and_whole(share, row)) for clock, row in zip(day.clock, day.counts, strict=False)])
        for day in days
    ]
    totals = [(sum(cell[1] for cell in cells), sum(cell[2] for cell in cells)) for _, cells in table]
    kept = [number for number, (_, whole) in enumerate(totals) if whole >= 1]
    if not kept:
        zeros = [0.0] * 24
        return _Share((zeros, zeros), ([math.inf] * 24, [math.inf] * 24), day_prior, hour_prior)
    overall = median([angle(*totals[number]) for number in kept])
    # Days unlike the others do not shape the profile.
    strayed = [
        (number, angle(*totals[number]) - overall, 1 / totals[number][1] + day_prior + hour_prior / 8)
        for number in kept
    ]
    limit = 3 * max(1.0, spread([off / math.sqrt(variance) for _, off, variance in strayed]))
    shaping = [table[number] for number, off, variance in strayed if abs(off) <= limit * math.sqrt(variance)]
    common = _offsets([cells for _, cells in shaping], [overall] * 24, hour_prior)
    angles, variances = [], []
    for rest in (0, 1):
        own = [cells for is_rest, cells in shaping if is_rest == rest]
        profile, variance = _offsets(own, common[0], hour_prior) if own else common
        angles.append(profile)
        variances.append(variance)
    ratios = [[math.sin(value / 2) ** 2 for value in profile] for profile in angles]
    # The level now, and how far days stray from the level before them.
    offs: list[float] = []
    residuals: list[tuple[float, float]] = []
    cells_off: list[tuple[float, float]] = []
    for number in kept:
        rest, cells = table[number]
        _, whole = totals[number]
        off = angle(*totals[number]) - angle(sum(n * ratios[rest][clock] for clock, _, n in cells), whole)
        noise = 1 / whole + hour_prior / 12
        if len(offs) >= 3:
            residuals.append((off - _shift(offs, math.sqrt(day_prior + noise)), noise))
        offs.append(off)
        cells_off += [(angle(k, n) - angles[rest][clock] - off, 1 / n) for clock, k, n in cells if n >= 10]
    hour = _component(cells_off, hour_prior, _PRIOR_DAYS * 10)
    day = _component(residuals, day_prior, _PRIOR_DAYS)
    shift = _shift(offs, math.sqrt(day + 1 / median([totals[number][1] for number in kept])))
    shifted = tuple(
        [math.sin(min(max(value + shift, 0.0), math.pi) / 2) ** 2 for value in profile] for profile in angles
    )
    return _Share(shifted, tuple(variances), day, hour)  # type: ignore[arg-type]


def _offsets(
    table: Sequence[Sequence[tuple[int, int, int]]], centre: Sequence[float], hour_variance: float
) -> tuple[list[float], list[float]]:
    """The angle of each hour of the day, drawn towards ``centre`` as far as chance explains it; and its variance."""
    parts, wholes, squares = [0] * 24, [0] * 24, [0] * 24
    for cells in table:
        for clock, part, whole in cells:
            parts[clock] += part
            wholes[clock] += whole
            squares[clock] += whole * whole
    known = [clock for clock in range(24) if wholes[clock]]
    off = {clock: angle(parts[clock], wholes[clock]) - centre[clock] for clock in known}
    noise = {clock: 1 / wholes[clock] + hour_variance * squares[clock] / wholes[clock] ** 2 for clock in known}
    weights = {clock: 1 / noise[clock] for clock in known}
    total = sum(weights.values())
    between = (
        max(0.0, sum(weights[clock] * (off[clock] ** 2 - noise[clock]) for clock in known) / total) if total else 0.0
    )
    values, variances = list(centre), [between] * 24
    for clock in known:
        trust = between / (between + noise[clock])
        values[clock] += trust * off[clock]
        variances[clock] = trust * noise[clock]
    return values, variances


# --- both ------------------------------------------------------------------------------------------------------------


def _shift(offs: Sequence[float], spread_: float) -> float:
    """The present level: that of all days, or of the last ones where they disagree."""
    long, recent = median(offs), median(offs[-_RECENT:])
    return recent if abs(recent - long) > _CHANGED * 1.25 * spread_ / math.sqrt(_RECENT) else long


def _level(ratios: Sequence[float], spread_: float) -> float:
    long, recent = median(ratios), median(ratios[-_RECENT:])
    apart = abs(math.sqrt(recent) - math.sqrt(long)) * 2 / math.sqrt(max(long, 1e-9))
    return recent if apart > _CHANGED * 1.25 * spread_ / math.sqrt(_RECENT) else math.sqrt(recent * long)


def _component(residuals: Sequence[tuple[float, float]], prior: float, prior_weight: float) -> float:
    """The variance that residuals have beyond that of chance, each given with it; steadied by ``prior``."""
    if not residuals:
        return prior
    typical = sum(noise for _, noise in residuals) / len(residuals)
    scale = spread([off / math.sqrt(noise + prior) for off, noise in residuals])
    own = max(0.0, scale**2 * (typical + prior) - typical)
    worth = len(residuals) * (prior / (prior + typical)) ** 2
    return steadied(own, worth, prior, prior_weight)
