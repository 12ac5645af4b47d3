"""Estimates that a few days unlike the others do not move."""

import math
from collections.abc import Sequence
from typing import Final

RECENT: Final = 5
"""Days whose median is the present level: three of them make a lasting change the new usual, two do not."""
PRIOR_DAYS: Final = 10.0
"""How many days of its own weigh as much as what is typical of the tenant's bots."""


def middle_mean(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest fifth, rounded up, from four values on."""
    cut = -(-len(values) // 5) if len(values) >= 4 else 0
    kept = sorted(values)[cut : len(values) - cut]
    return sum(kept) / len(kept)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of values around 0, from the distance within which nine of ten of them lie."""
    ordered = sorted(map(abs, values))
    return ordered[int(0.9 * (len(ordered) - 1) + 0.5)] / 1.645


def component(offs: Sequence[tuple[float, float]], prior: float) -> tuple[float, float]:
    """The variance that values around 0 have beyond chance, whose own variance is given with each; and what that is worth.

    It is worth as many values as there are, the fewer the more of what is seen is chance.
    """
    if not offs:
        return prior, 0.0
    chance = sum(variance for _, variance in offs) / len(offs)
    scale = spread([off / math.sqrt(variance + prior) for off, variance in offs])
    own = max(0.0, scale**2 * (chance + prior) - chance)
    return own, len(offs) * (1 - chance / (chance + max(own, prior))) ** 2


def steadied(own: float, worth: float, prior: float, prior_worth: float) -> float:
    """An estimate and what is known of others, each by what it is worth."""
    return (own * worth + prior * prior_worth) / (worth + prior_worth)
