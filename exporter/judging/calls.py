"""Learn from finished days how many calls are usual."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from statistics import median
from typing import Final

from exporter.judging.daykinds import DayKind
from exporter.judging.hours import KnownDay
from exporter.judging.robust import PRIOR_DAYS, RECENT, combine, find_excess, find_middle_mean, find_spread

_HOLIDAY: Final = 0.3
"""The least calls on a holiday, as a part of those on a working or a rest day, whichever has fewer."""
_CHANGED: Final = 4.0
"""The deviation of the last days' calls in an hour, in standard deviations, from which the usual calls have changed."""
_WORST: Final = 2.6
"""The score that the worst window exceeds on one of nine days, if hours vary independently and by chance alone."""
_BUSY: Final = 5
"""The least usual calls of an hour in which a lack of calls is not chance."""
_PRIOR_WEEKDAYS: Final = 2
"""The number of weekdays whose differences in an hour weigh as much as the differences in all hours."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The usual calls, and their variances relative to the mean."""

    profiles: "Mapping[tuple[bool, int], array[float]]"
    """The calls in each hour of the clock, by (whether it is a rest day, weekday)."""
    day: float
    hours: "array[float]"
    """By hour of the clock."""
    known_days: Mapping[bool, int]
    """The number of working days (False) and rest days (True) that were learned from."""
    peak: float
    """The usual calls of the busiest hour."""
    restless: tuple[float, float]
    """The factors by which the worst windows of past days, with too few and with too many calls, exceed these variances."""
    closed: tuple[frozenset[int], frozenset[int]]
    """The hours of the clock in which the bot may have closed, as known before and after the last day."""

    def expected(self, kind: DayKind, weekday: int, clock: int) -> tuple[float, float, float]:
        """Return the usual calls, and those by which a loss and a surge are measured."""
        rest = kind is not DayKind.WORKING
        calls = self.profiles[rest, weekday][clock]
        if not (kind.ordinary and self.known_days[rest]):
            other = self.profiles[not rest, weekday][clock]
            low, high = min(calls, other), max(calls, other)
            return (_HOLIDAY * low + high) / 2, _HOLIDAY * low, high
        if rest:
            return calls, calls, calls
        # A peculiarity of one weekday may end, like any season. A weekday that is like the others is no incident.
        common = median([self.profiles[False, day][clock] for day in range(5)])
        return calls, min(calls, max(common, calls / 2)), max(calls, common)


def learn_calls(days: Sequence[KnownDay], day_prior: float, hour_prior: float) -> Calls:
    """Learn from ordinary days in the order of time. The priors are variances that are typical of the tenant's bots."""
    groups = {rest: [day for day in days if day.rest is rest] for rest in (False, True)}
    profiles = {
        (rest, weekday): profile
        for rest, group in groups.items()
        for weekday, profile in enumerate(_learn_profiles(group or days, day_prior + hour_prior))
    }
    totals = [
        (sum(row.calls for row in day.counts), sum(profiles[day.rest, day.weekday][clock] for clock in day.clock))
        for day in days
    ]
    hours = _learn_hour_variances(days, totals, profiles, hour_prior)
    levels, day = _learn_levels(totals, day_prior, median(hours))
    scaled: dict[tuple[bool, int], Sequence[float]] = {
        key: [levels[-1] * calls for calls in profile] for key, profile in profiles.items()
    }
    changed = {
        (rest, clock)
        for rest, group in groups.items()
        for clock in _follow(group, scaled, [day + hour for hour in hours])
    }
    past = [
        [
            (row.calls, levels[number] * profiles[known.rest, known.weekday][clock], hours[clock])
            for clock, row in zip(known.clock, known.counts, strict=False)
            if (known.rest, clock) not in changed
        ]
        for number, known in enumerate(days)
    ]
    closed = list(_find_closed(days, profiles))
    shared: dict[tuple[float, ...], array[float]] = {}  # many weekdays are alike
    return Calls(
        {key: shared.setdefault(tuple(profile), array("d", profile)) for key, profile in scaled.items()},
        day,
        array("d", hours),
        {rest: len(group) for rest, group in groups.items()},
        max(map(max, scaled.values())),
        _measure_restlessness(past, day),
        (closed[-2], closed[-1]),
    )


def _find_closed(
    days: Sequence[KnownDay], profiles: Mapping[tuple[bool, int], Sequence[float]]
) -> Iterator[frozenset[int]]:
    """Yield after each day the hours of the clock in which the bot may have closed.

    These hours are at the edges of the opening hours, and the last day that expected calls in them had none. Hours that
    were silent on the same weekday before do not count. A day that lacks a third of its calls changes nothing: it had an
    outage, or was a holiday that the calendar does not have.
    """
    closed: frozenset[int] = frozenset()
    last: dict[int, set[int]] = {}
    for day in days:
        usual = profiles[day.rest, day.weekday]
        came = {clock: row.calls for clock, row in zip(day.clock, day.counts, strict=False)}
        silent = {clock for clock, calls in came.items() if calls < usual[clock] / 10}
        before = last.get(day.weekday, silent)
        last[day.weekday] = silent
        if sum(came.values()) > sum(usual) * 2 / 3:
            busy = {clock for clock in came if usual[clock] >= _BUSY} - before
            edge = shut = set(range(24)) - busy
            while edge:
                edge = {(clock + way) % 24 for clock in edge for way in (-1, 1)} & silent - shut
                shut |= edge
            closed = closed - busy | shut & busy
        yield closed


def _learn_profiles(days: Sequence[KnownDay], variance: float) -> list[Sequence[float]]:
    """Return the mean calls of each hour on each weekday, shrunk towards the mean of all days.

    Each mean and its prior have a weight by how well they are known: empirical Bayes (James, Stein 1961; Morris 1983).
    """
    common = _find_means(days)
    own = {weekday: few for weekday in range(7) if len(few := [day for day in days if day.weekday == weekday]) > 1}
    means = {weekday: _find_means(few, median) for weekday, few in own.items()}
    noise = {
        weekday: [1.5 * (1 / (calls + 0.5) + variance) / len(few) for calls in common] for weekday, few in own.items()
    }
    apart = {
        weekday: [(calls - usual) / (usual + 0.5) for calls, usual in zip(profile, common, strict=True)]
        for weekday, profile in means.items()
    }
    excess = [[apart[weekday][clock] ** 2 - noise[weekday][clock] for weekday in own] for clock in range(24)]
    busy = [off for clock, offs in enumerate(excess) if common[clock] >= 1 for off in offs]
    typical = sum(busy) / len(busy) if busy else 0.0
    # Nights before a day off may differ where the days do not.
    between = [max(1e-9, (sum(offs) + _PRIOR_WEEKDAYS * typical) / (len(offs) + _PRIOR_WEEKDAYS)) for offs in excess]
    return [
        [
            calls + (calls + 0.5) * apart[weekday][clock] * between[clock] / (between[clock] + noise[weekday][clock])
            for clock, calls in enumerate(common)
        ]
        if weekday in own
        else common
        for weekday in range(7)
    ]


def _find_means(days: Iterable[KnownDay], mean: Callable[[Sequence[float]], float] = find_middle_mean) -> list[float]:
    return [mean(calls) if calls else 0.0 for calls in _list_by_clock(days)]


def _list_by_clock(days: Iterable[KnownDay]) -> Sequence[Sequence[int]]:
    """Return the calls of all days in each hour of the clock."""
    by_clock: list[list[int]] = [[] for _ in range(24)]
    for day in days:
        for clock, row in zip(day.clock, day.counts, strict=False):
            by_clock[clock].append(row.calls)
    return by_clock


def _compare(came: float, usual: float) -> float:
    """Return the difference of a count from the usual one, relative to it. Its variance by chance is 1 / usual (Anscombe 1948)."""
    return 2 * (math.sqrt((came + 0.375) / (usual + 0.375)) - 1)


def _learn_hour_variances(
    days: Sequence[KnownDay],
    totals: Sequence[tuple[int, float]],
    profiles: Mapping[tuple[bool, int], Sequence[float]],
    prior: float,
) -> list[float]:
    """Return the variance of each hour of the clock, relative to its day's level, shrunk towards the variance of all hours."""
    offs: list[list[tuple[float, float]]] = [[] for _ in range(24)]
    for day, (came, expected) in zip(days, totals, strict=True):
        if came and expected > 1:
            profile = profiles[day.rest, day.weekday]
            for clock, row in zip(day.clock, day.counts, strict=False):
                usual = profile[clock] * came / expected
                if usual >= 3:
                    offs[clock].append((_compare(row.calls, usual), 1 / usual))
    own = [find_excess(off, prior) for off in offs]
    known = [variance for variance, worth in own if worth]
    common = combine(median(known) if known else prior, sum(worth for _, worth in own), prior, 5 * PRIOR_DAYS)
    return [combine(variance, worth, common, PRIOR_DAYS) for variance, worth in own]


def _learn_levels(totals: Sequence[tuple[int, float]], prior: float, hour_variance: float) -> tuple[list[float], float]:
    """Return the calls relative to the profiles, as known before each day and now, and the variance of a day."""
    ratios: list[float] = []
    levels: list[float] = []
    offs: list[tuple[float, float]] = []
    for came, expected in totals:
        level = _find_level(ratios, prior) if ratios else 1.0
        levels.append(level)
        if expected < 1:
            continue
        if len(ratios) >= 3:
            offs.append((_compare(came, level * expected), 1 / (level * expected + 0.375) + hour_variance / 12))
        ratios.append(came / expected)
    levels.append(_find_level(ratios, prior) if ratios else 1.0)
    return levels, combine(*find_excess(offs, prior), prior, PRIOR_DAYS)


def _find_level(ratios: Sequence[float], variance: float) -> float:
    """Return the level of the last days, averaged with that of all days unless the two disagree."""
    long, recent = median(ratios), median(ratios[-RECENT:])
    disagree = abs(_compare(recent, long)) > 3 * math.sqrt(variance / RECENT)
    return recent if disagree else math.sqrt(recent * long)


def _follow(
    days: Sequence[KnownDay], profiles: dict[tuple[bool, int], Sequence[float]], variances: Sequence[float]
) -> Iterable[int]:
    """Yield each hour whose calls have changed, such as by new opening hours, and take those of the last days for its usual calls."""
    if len(days) < 2 * RECENT:
        return
    for clock, came in enumerate(_list_by_clock(days)):
        first = came[: len(came) // 2] or [0]
        before, recent = median(first), median(came[-RECENT:] or [0])
        scatter = find_spread([_compare(calls, before) for calls in first])
        variance = (1 / (before + 0.375) + variances[clock] + scatter**2) / RECENT
        if abs(_compare(recent, before)) > _CHANGED * 1.25 * math.sqrt(variance):
            for weekday in range(7):
                changed = list(profiles[days[0].rest, weekday])
                changed[clock] = recent
                profiles[days[0].rest, weekday] = changed
            yield clock


def compute_score(came: float, expected: float, relative: float, sign: int) -> float:
    """Return how many standard deviations a count is above (``sign`` 1) or below (-1) the expected; 0 on the other side.

    This is the signed root of the deviance of a count whose mean has the variance ``relative`` (negative binomial:
    Greenwood, Yule 1920; its root: McCullagh, Nelder 1989), with a continuity correction.
    """
    counted = came - 0.5 * sign
    if sign * (counted - expected) <= 0:
        return 0.0
    shape = 1 / relative
    deviance = counted * math.log(counted / expected) - (counted + shape) * math.log(
        (counted + shape) / (expected + shape)
    )
    return math.sqrt(2 * max(0.0, deviance))


def _measure_restlessness(
    days: Sequence[Sequence[tuple[int, float, float]]], day_variance: float
) -> tuple[float, float]:
    """Return ``Calls.restless``; each hour comes with its calls, the usual calls, and their variance relative to them."""
    worst_lacks, worst_surges = [], []
    for hours in days:
        counts = [came for came, _, _ in hours]
        means = [expected for _, expected, _ in hours]
        squares = [variance * expected**2 for _, expected, variance in hours]
        sums = [list(accumulate(column, initial=0.0)) for column in (counts, means, squares)]
        lack = surge = 0.0
        for length in (1, 2, 4, 8):
            for calls, usual, square in zip(*(map(sub, column[length:], column) for column in sums), strict=True):
                if usual <= 0.5:
                    continue
                if calls > usual:
                    surge = max(surge, compute_score(calls, usual, day_variance + square / usual**2, 1))
                else:
                    lack = max(lack, compute_score(calls, usual, day_variance + square / usual**2, -1))
        worst_lacks.append(lack)
        worst_surges.append(surge)
    return _find_restlessness(worst_lacks), _find_restlessness(worst_surges)


def _find_restlessness(worst: Sequence[float]) -> float:
    return max(1.0, sorted(worst, reverse=True)[len(worst) // 9] / _WORST)
