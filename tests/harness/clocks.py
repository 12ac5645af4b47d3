"""Clocks and zones for tests, whose result must not depend on the present time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

AFTERNOON: Final = datetime(2026, 5, 20, 15, 30, 5, tzinfo=ZoneInfo("Asia/Shanghai"))


class StandingClock:
    """A wall clock that stands where a test sets it, while elapsed time runs."""

    def __init__(self, moment: datetime = AFTERNOON) -> None:
        self.wall = moment.timestamp()

    def now(self) -> float:
        """Return the wall clock."""
        return self.wall

    def elapsed(self) -> float:
        """Return the elapsed time."""
        return time.monotonic()


class LoopClock:
    """A clock that follows the running loop's: ``start`` is when that began."""

    def __init__(self, start: datetime) -> None:
        self.start = start.timestamp()

    def now(self) -> float:
        """Return the wall clock."""
        return self.start + self.elapsed()

    def elapsed(self) -> float:
        """Return the loop's own time."""
        return asyncio.get_running_loop().time()

    def step(self, seconds: float) -> None:
        """Set the wall clock alone forwards or back."""
        self.start += seconds


def zone_at_hour(hour: int, now: float) -> ZoneInfo:
    """Return a zone in which ``now`` (epoch seconds) lies in this hour of the day."""
    west = (datetime.fromtimestamp(now, UTC).hour - hour + 11) % 24 - 11
    return ZoneInfo(f"Etc/GMT{west:+d}")
