"""Time as the program sees it, passed in wherever it matters."""

import time
from typing import Protocol

# CLOCK_BOOTTIME goes on while the machine is suspended, so figures are found stale on waking; only Linux has it.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Where the time of day and the passing of time come from."""

    def now(self) -> float:
        """Seconds since the epoch (UTC) by the wall clock, which may step either way."""

    def elapsed(self) -> float:
        """Seconds since an arbitrary moment; never goes back, and counts the time a machine was suspended."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return time.clock_gettime(_ELAPSED)
