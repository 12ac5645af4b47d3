"""The clock, passed in wherever the time matters."""

import time
from typing import Protocol

# CLOCK_BOOTTIME runs on while the machine is suspended, so that metrics are stale after it wakes. Only Linux has it.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the time of day and the time that has passed."""

    def now(self) -> float:
        """Return the seconds since the epoch (UTC) by the wall clock, which may be set forwards or back."""

    def elapsed(self) -> float:
        """Return the seconds since some moment. They never decrease, and include the time a machine was suspended."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return time.clock_gettime(_ELAPSED)
