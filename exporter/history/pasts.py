"""The known days of each bot."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple, TypeAlias

from exporter.judging.hours import Hours, Past, unpack_calls
from exporter.polling.calendar import find_midnight
from exporter.polling.windows import Rules

BotKey: TypeAlias = tuple[str, str, str]
"""Platform, tenant_id, access_code."""

_RESTATED_FOR = timedelta(days=2)


class FetchedDay(NamedTuple):
    """The report of a finished date. ``asked`` is the time of the request (epoch s); ``hours`` is None if unusable."""

    date: date
    asked: float
    hours: "Hours | None"


def find_final_time(day: date, rules: Rules) -> float:
    """Return when the records of a date become final: after the end of the next day (epoch seconds)."""
    return find_midnight(day + _RESTATED_FOR, rules.zone) + rules.empty_hour_delay


@dataclass(slots=True)
class BotPast:
    """The known days of a bot."""

    past: Past = field(default_factory=dict)
    """The days since the first one with calls. Each change replaces this object."""
    _days: "dict[date, Hours | None]" = field(default_factory=dict)
    _provisional: set[date] = field(default_factory=set)

    def wants(self, day: date, *, final: bool) -> bool:
        """Return whether to request a date: it is unknown, or it is final now and was not before."""
        return day not in self._days or (final and day in self._provisional)

    def take(self, days: Iterable[FetchedDay], rules: Rules, oldest: date) -> bool:
        """Add days, forget those before ``oldest``, and return whether the past has changed."""
        for day, asked, hours in days:
            self._days[day] = hours
            (self._provisional.discard if asked >= find_final_time(day, rules) else self._provisional.add)(day)
        for old in [day for day in self._days if day < oldest]:
            del self._days[old]
            self._provisional.discard(old)
        past: dict[date, Hours] = {}
        for day in sorted(self._days):
            hours = self._days[day]
            # Before its first call the bot may not have existed, or the platform may have forgotten it.
            if hours is not None and (past or any(unpack_calls(hours))):
                past[day] = hours
        changed = past != self.past
        if changed:
            self.past = past
        return changed
