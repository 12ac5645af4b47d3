"""Robust estimates: a few unusual days do not move them."""

import math
from collections.abc import Sequence
from typing import Final

RECENT: Final = 5
"""The number of days whose median is the present level: a change that lasts three days becomes the usual."""
PRIOR_DAYS: Final = 10.0
"""The number of a bot's own days that weigh as much as what is typical of the tenant's bots."""


def find_middle_mean(values: Sequence[float]) -> float:
    """Return the mean without the lowest and the highest fifth (rounded up); of fewer than four values, the plain mean."""
    cut = -(-len(values) // 5) if len(values) >= 4 else 0
    kept = sorted(values)[cut : len(values) - cut]
    return sum(kept) / len(kept)


def find_spread(values: Sequence[float]) -> float:
    """Return the standard deviation of values around 0, from the distance that nine of ten of them do not exceed."""
    ordered = sorted(map(abs, values))
    return ordered[int(0.9 * (len(ordered) - 1) + 0.5)] / 1.645


def find_excess(offs: Sequence[tuple[float, float]], prior: float) -> tuple[float, float]:
    """Return the variance of values around 0 beyond chance, and its weight in values.

    Each value comes with its variance by chance. The more of the variance is chance, the lower is the weight.
    """
    if not offs:
        return prior, 0.0
    chance = sum(variance for _, variance in offs) / len(offs)
    scale = find_spread([off / math.sqrt(variance + prior) for off, variance in offs])
    own = max(0.0, scale**2 * (chance + prior) - chance)
    return own, len(offs) * (1 - chance / (chance + max(own, prior))) ** 2


def combine(own: float, worth: float, prior: float, prior_worth: float) -> float:
    """Return the mean of an estimate and a prior, by their weights."""
    return (own * worth + prior * prior_worth) / (worth + prior_worth)
