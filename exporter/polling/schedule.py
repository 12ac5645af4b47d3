"""Spreads the polls of all bots evenly over the interval. Each bot keeps its own moment."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final, NoReturn

_GOLDEN: Final = (math.sqrt(5) - 1) / 2


class Phases:
    """Assigns phases: fractions of an interval.

    Multiples of the golden ratio are spread evenly for any number of them. So a bot that is added or removed does not
    move the others.
    """

    def __init__(self) -> None:
        self._indexes = count()

    def take(self) -> float:
        """Return the next phase, 0 to 1."""
        return next(self._indexes) * _GOLDEN % 1


def find_next_slot(after: float, interval: float, phase: float) -> float:
    """Return the first moment after ``after`` at ``phase`` of the interval; all times in seconds.

    It depends on the clock alone, so a late poll does not delay the next ones.
    """
    offset = phase * interval
    slot = math.floor((after - offset) / interval) * interval + offset
    while slot <= after:  # at most one step, if rounding fell short
        slot += interval
    return slot


async def repeat(
    work: Callable[[float | None], Awaitable[None]], interval: Callable[[], float], phase: float
) -> NoReturn:
    """Do some work at once, then at ``phase`` of each interval, until cancelled.

    ``work`` gets its slot on the loop's clock, None for the first time. ``interval`` is called after each work.
    """
    loop = asyncio.get_running_loop()
    await work(None)
    due = loop.time()
    while True:
        # Skip the slots that passed during long work.
        due = find_next_slot(max(due, loop.time()), interval(), phase)
        await asyncio.sleep(due - loop.time())
        await work(due)
