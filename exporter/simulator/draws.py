"""Random numbers that depend only on their key, and counts from the distributions of traffic."""

import hashlib
import math
import random

_GOLDEN = (math.sqrt(5) - 1) / 2
_FEW = 16  # up to this many trials or events are drawn one by one, more by the normal approximation


def key(*parts: object) -> int:
    """Return 64 bits that depend only on ``parts``: the same in every process, unlike ``hash()`` of text."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def chance(*parts: object) -> float:
    """Return a number from 0 to below 1 that depends only on ``parts``."""
    return (key(*parts) >> 11) / 2**53


def poisson(rng: random.Random, mean: float) -> int:
    """Draw the number of events if ``mean`` are expected."""
    if mean > _FEW:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, rng.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def binomial(rng: random.Random, trials: int, share: float) -> int:
    """Draw how many of ``trials`` succeed if each succeeds with the probability ``share``."""
    if trials <= _FEW:
        return sum(rng.random() < share for _ in range(trials))
    deviation = math.sqrt(max(0.0, trials * share * (1 - share)))
    return min(trials, max(0, round(rng.gauss(trials * share, deviation))))


def arrived(total: int, fraction: float, phase: float) -> int:
    """Return how many of ``total`` events over a span have happened by ``fraction`` (0 to 1) of it.

    The span has ``total`` equal pieces with one event in each, at a place that depends on ``phase`` (0 to 1). The result
    never decreases as ``fraction`` grows; it is 0 at the beginning and ``total`` at the end.
    """
    if fraction >= 1:
        return total
    if fraction <= 0:
        return 0
    pieces, into = divmod(total * fraction, 1)
    return int(pieces) + (into > (phase + pieces * _GOLDEN) % 1)
