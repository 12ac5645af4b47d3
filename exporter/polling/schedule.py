"""When each bot is polled: spread evenly over the interval, at a moment of its own that stays."""

import math
from itertools import count
from typing import Final

_GOLDEN: Final = (math.sqrt(5) - 1) / 2


class Phases:
    """Hands out phases, fractions of an interval.

    Multiples of the golden ratio are spread evenly however many have been handed out, so that a bot that comes
    or goes moves no other.
    """

    def __init__(self) -> None:
        self._indexes = count()

    def take(self) -> float:
        """The next phase, 0 to 1."""
        return next(self._indexes) * _GOLDEN % 1


def next_slot(after: float, interval: float, phase: float) -> float:
    """The first moment later than ``after`` at ``phase`` of the interval; all times in seconds.

    It depends on nothing but the clock, so a late poll never moves the ones to come.
    """
    offset = phase * interval
    slot = math.floor((after - offset) / interval) * interval + offset
    while slot <= after:  # at once, or one step on where rounding fell short
        slot += interval
    return slot
