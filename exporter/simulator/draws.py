"""Random numbers that depend on nothing but their key, and counts drawn from the distributions traffic follows."""

import hashlib
import math
import random

_GOLDEN = (math.sqrt(5) - 1) / 2
_FEW = 16  # up to so many trials or events are drawn one by one, more by the normal approximation


def key(*parts: object) -> int:
    """64 bits that depend on ``parts`` alone: the same in every process, unlike ``hash()`` of text."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def chance(*parts: object) -> float:
    """A number from 0 up to but without 1 that depends on ``parts`` alone."""
    return (key(*parts) >> 11) / 2**53


def poisson(rng: random.Random, mean: float) -> int:
    """How many events there are when ``mean`` are expected."""
    if mean > _FEW:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, rng.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def binomial(rng: random.Random, trials: int, share: float) -> int:
    """How many of ``trials`` succeed when each does with the probability ``share``."""
    if trials <= _FEW:
        return sum(rng.random() < share for _ in range(trials))
    deviation = math.sqrt(max(0.0, trials * share * (1 - share)))
    return min(trials, max(0, round(rng.gauss(trials * share, deviation))))


def arrived(total: int, fraction: float, phase: float) -> int:
    """How many of ``total`` events spread over a span have happened by ``fraction`` (0 to 1) of it.

    The span is cut into ``total`` equal pieces with one event in each, at a place that ``phase`` (0 to 1) decides.
    Never falls as ``fraction`` grows; 0 at its beginning and ``total`` at its end.
    """
    if fraction >= 1:
        return total
    if fraction <= 0:
        return 0
    pieces, into = divmod(total * fraction, 1)
    return int(pieces) + (into > (phase + pieces * _GOLDEN) % 1)
