"""Clocks and zones for tests on real sockets, whose result must not depend on the present time."""

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


def zone_at_hour(hour: int, now: float) -> ZoneInfo:
    """Return a zone in which ``now`` (epoch seconds) lies in this hour of the day."""
    west = (datetime.fromtimestamp(now, UTC).hour - hour + 11) % 24 - 11
    return ZoneInfo(f"Etc/GMT{west:+d}")
