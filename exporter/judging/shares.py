"""Learn from finished days which shares are usual: autonomy, direct transfers, interfaces."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from exporter.judging.hours import Counts, KnownDay
from exporter.judging.robust import PRIOR_DAYS, RECENT, combine, find_excess, find_spread

AUTONOMY, DIRECT, INTERFACES = range(3)

UNKNOWN: Final = math.pi**2
"""The variance, as an angle, of a share that no known day has: any value is possible."""

_CHANGED: Final = 2.5
"""The deviation of the last days, in standard deviations, from which their level is the new one."""

_Cell = tuple[int, int, int]
"""An hour of the clock, and the part and the whole of the share in calls (or requests)."""


@dataclass(frozen=True, slots=True)
class Share:
    """A usual share, and its variances as an angle."""

    ratios: "Sequence[array[float]]"
    """The share in each hour of the clock, on working and on rest days."""
    variances: "Sequence[array[float]]"
    """The variances of these estimates, as angles."""
    day: float
    hour: float


def count_part_and_whole(share: int, row: Counts) -> tuple[int, int]:
    """Return the part and the whole of a share, in calls (or requests)."""
    _, direct, consulted, contained, requests, successes = row
    if share == INTERFACES:
        return min(successes, requests), requests
    return (contained if share == AUTONOMY else direct), direct + consulted + contained


def to_angle(part: float, whole: float) -> float:
    """Convert a share to an angle. Its variance by chance is 1 / whole (Anscombe 1948)."""
    return 2 * math.asin(math.sqrt((part + 0.375) / (whole + 0.75)))


def to_ratio(of: float) -> float:
    """Convert an angle to a share, 0 to 1."""
    return math.sin(min(max(of, 0.0), math.pi) / 2) ** 2


def learn_share(days: Sequence[KnownDay], share: int, day_prior: float, hour_prior: float) -> Share:
    """Learn from ordinary days in the order of time. The priors are variances that are typical of the tenant's bots."""
    tables = [
        (
            int(day.rest),
            [(clock, *count_part_and_whole(share, row)) for clock, row in zip(day.clock, day.counts, strict=False)],
        )
        for day in days
    ]
    known = [
        (rest, cells, part, whole)
        for rest, cells in tables
        if (whole := sum(cell[2] for cell in cells)) and (part := sum(cell[1] for cell in cells)) >= 0
    ]
    if not known:
        return Share([array("d", [0.0] * 24)] * 2, [array("d", [UNKNOWN] * 24)] * 2, day_prior, hour_prior)
    level = median([to_angle(part, whole) for _, _, part, whole in known])
    strayed = [
        (to_angle(part, whole) - level) / math.sqrt(1 / whole + day_prior + hour_prior / 8)
        for _, _, part, whole in known
    ]
    limit = 3 * max(1.0, find_spread(strayed))
    # A day unlike the others does not shape the profile.
    shaping = [day for day, off in zip(known, strayed, strict=True) if abs(off) <= limit]
    common = _learn_profile([cells for _, cells, _, _ in shaping], [level] * 24, hour_prior)
    angles, variances = zip(
        *(
            _learn_profile([cells for is_rest, cells, _, _ in shaping if is_rest == rest], common[0], hour_prior)
            for rest in (0, 1)
        ),
        strict=True,
    )
    ratios = [[to_ratio(of) for of in profile] for profile in angles]

    offs: list[float] = []
    day_offs: list[tuple[float, float]] = []
    hour_offs: list[tuple[float, float]] = []
    for rest, cells, part, whole in known:
        off = to_angle(part, whole) - to_angle(sum(n * ratios[rest][clock] for clock, _, n in cells), whole)
        noise = 1 / whole + hour_prior / 12
        if len(offs) >= 3:
            day_offs.append((off - _find_shift(offs, day_prior + noise), noise))
        offs.append(off)
        hour_offs += [(to_angle(k, n) - angles[rest][clock] - off, 1 / n) for clock, k, n in cells if n >= 10]
    day = combine(*find_excess(day_offs, day_prior), day_prior, PRIOR_DAYS)
    hour = combine(*find_excess(hour_offs, hour_prior), hour_prior, 5 * PRIOR_DAYS)
    shift = _find_shift(offs, day + hour / 12 + median([1 / whole for _, _, _, whole in known]))
    return Share(
        [array("d", [to_ratio(of + shift) for of in profile]) for profile in angles],
        [array("d", profile) for profile in variances],
        day,
        hour,
    )


def _learn_profile(
    table: Sequence[Sequence[_Cell]], centre: Sequence[float], hour_variance: float
) -> tuple[Sequence[float], Sequence[float]]:
    """Return the angle of each hour of the clock, shrunk towards ``centre``, and its variance.

    Hours with few calls say little: empirical Bayes (James, Stein 1961; Morris 1983).
    """
    parts, wholes, squares = [0] * 24, [0] * 24, [0] * 24
    for cells in table:
        for clock, part, whole in cells:
            parts[clock] += part
            wholes[clock] += whole
            squares[clock] += whole * whole
    known = [clock for clock in range(24) if wholes[clock]]
    off = {clock: to_angle(parts[clock], wholes[clock]) - centre[clock] for clock in known}
    noise = {clock: 1 / wholes[clock] + hour_variance * squares[clock] / wholes[clock] ** 2 for clock in known}
    weight = sum(1 / noise[clock] for clock in known)
    between = max(0.0, sum(off[clock] ** 2 / noise[clock] - 1 for clock in known) / weight) if known else 0.0
    trust = {clock: between / (between + noise[clock]) for clock in known}
    return (
        [value + trust.get(clock, 0.0) * off.get(clock, 0.0) for clock, value in enumerate(centre)],
        [trust[clock] * noise[clock] if clock in trust else between for clock in range(24)],
    )


def _find_shift(offs: Sequence[float], variance: float) -> float:
    """Return the present level relative to the profile: that of all days, or that of the last ones if the two disagree."""
    long, recent = median(offs), median(offs[-RECENT:])
    return recent if abs(recent - long) > _CHANGED * 1.25 * math.sqrt(variance / RECENT) else long
