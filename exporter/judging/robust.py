"""Estimates that a few days unlike the others do not move."""

from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """The middle one, of at least one."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def middle_mean(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest fifth, rounded up from four values on."""
    cut = -(-len(values) // 5) if len(values) >= 4 else 0
    kept = sorted(values)[cut : len(values) - cut]
    return sum(kept) / len(kept)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of values around 0, from the distance within which nine of ten of them lie."""
    ordered = sorted(map(abs, values))
    return ordered[int(0.9 * (len(ordered) - 1) + 0.5)] / 1.645


def steadied(own: float, weight: float, prior: float, prior_weight: float) -> float:
    """A bot's own estimate and what is known of others, by how much each is worth (empirical Bayes)."""
    return (own * weight + prior * prior_weight) / (weight + prior_weight)
