"""Estimate how far a tenant's reports reach: a report that is late for all bots of a tenant is not a loss of calls."""

from dataclasses import dataclass, field
from typing import Final

_FEWEST: Final = 20.0
"""The least number of calls expected of the other bots to judge by."""
_LATE: Final = 0.5
"""The report is late if the other bots have less than this share of their expected calls."""


@dataclass(slots=True)
class Reach:
    """The calls of all of a tenant's bots in the newest hours.

    Each poll adds the bot's expected and actual calls in its newest hours.
    """

    _hours: dict[float, dict[str, tuple[float, int]]] = field(default_factory=dict)
    _sums: dict[float, tuple[float, int]] = field(default_factory=dict)

    def add(self, bot: str, start: float, expected: float, came: int) -> None:
        """Set a bot's calls in the hour that begins at ``start`` (epoch seconds): those expected in the whole hour, and those so far."""
        if start not in self._hours:
            self._hours[start], self._sums[start] = {}, (0.0, 0)
            for old in [hour for hour in self._hours if hour < start - 6 * 3600]:
                del self._hours[old], self._sums[old]
        bots, sums = self._hours[start], self._sums[start]
        before = bots.get(bot, (0.0, 0))
        bots[bot] = (expected, came)
        self._sums[start] = (sums[0] + expected - before[0], sums[1] + came - before[1])

    def known_until(self, bot: str, settled: float, now: float) -> float:
        """Return until when calls of ``bot`` would be known if there were any. All times are epoch seconds.

        ``settled`` is the end of its last complete hour, with or without a record.
        """
        until = settled
        for start in sorted(start for start in self._sums if start >= settled):
            (expected, came), (own_expected, own_came) = self._sums[start], self._hours[start].get(bot, (0.0, 0))
            others, have = expected - own_expected, came - own_came
            passed = min(1.0, max(0.0, (now - start) / 3600))
            if others * passed < _FEWEST:
                continue
            if have < _LATE * others * passed:
                break  # a later hour may have its record before this one
            until = max(until, start + 3600 * min(passed, have / others))
        return until
