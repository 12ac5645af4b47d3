"""The properties of simulated bots, tenants and platforms: data only, from which the world draws its traffic."""

from dataclasses import dataclass
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

HOUR: Final = 3600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY


def opening(first: int, last: int, *, closed: float = 0.0) -> tuple[float, ...]:
    """Return a daily profile of 24 factors: 1 from the local hour ``first`` to before ``last``, else ``closed``.

    Hours wrap at midnight: ``opening(22, 6)`` is open only at night.
    """
    length = (last - first) % 24
    return tuple(1.0 if (hour - first) % 24 < length else closed for hour in range(24))


OFFICE_HOURS: Final = (0, 0, 0, 0, 0, 0, 0, 0.2, 0.7, 1.1, 1.3, 1.2, 0.7, 0.8, 1.1, 1.2, 1.0, 0.6, 0.2, 0, 0, 0, 0, 0)
"""Two peaks with lunch between them; no calls at night."""

ROUND_THE_CLOCK: Final = (
    *(0.25, 0.15, 0.1, 0.08, 0.08, 0.12, 0.3, 0.6, 0.9, 1.2, 1.3, 1.2),
    *(1.0, 1.0, 1.1, 1.1, 1.1, 1.0, 1.1, 1.2, 1.1, 0.9, 0.6, 0.4),
)
"""Calls at all hours, fewest before dawn."""


class Trouble(Enum):
    """The effect of an incident, with the unit of its ``size``."""

    AUTONOMY = "autonomy"  # the share of calls served by the bot alone drops by `size` (0 to 1)
    INTERFACES = "interfaces"  # the share of interface requests that succeed drops by `size` (0 to 1)
    CALL_LOSS = "call_loss"  # the share `size` (0 to 1) of the calls does not arrive
    SURGE = "surge"  # `size` times the usual calls arrive in addition
    DIRECT = "direct"  # of the other calls, the share that reaches an agent at once rises by `size` (0 to 1)


@dataclass(frozen=True, slots=True)
class Incident:
    """A time of trouble. All times are in seconds; ``start`` and ``end`` are epoch seconds.

    The trouble grows for ``ramp`` from ``start``, and fades for ``ramp`` until ``end``. With ``every``, which must not be
    shorter than the incident, it repeats with that period in both directions. Its strength in an hour is its mean.
    """

    start: float
    end: float
    trouble: Trouble
    size: float
    ramp: float = 0.0
    every: float | None = None

    def strength(self, hour: float) -> float:
        """Return the mean strength, 0 to 1, over the hour that begins at ``hour`` (epoch seconds)."""
        if self.every is None:
            return self._until(hour + HOUR - self.start) - self._until(hour - self.start)
        into = (hour - self.start) % self.every
        strength = self._until(into + HOUR) - self._until(into)
        again = into + HOUR - self.every  # how far the hour reaches into the next occurrence
        return strength + self._until(again) if again > 0 else strength

    def _until(self, into: float) -> float:
        """Return the sum of the strength until ``into`` seconds after the start, in hours."""
        length = self.end - self.start
        ramp = min(self.ramp, length / 2)
        into = min(max(into, 0.0), length)
        if ramp == 0:
            return into / HOUR
        rising, falling = min(into, ramp), max(into - (length - ramp), 0.0)
        level = min(into, length - ramp) - rising
        return (rising**2 / (2 * ramp) + level + falling - falling**2 / (2 * ramp)) / HOUR


@dataclass(frozen=True, slots=True)
class SimBot:
    """A bot and its traffic. Shares are 0 to 1; means are per call."""

    access_code: str
    name: str
    calls_per_hour: float = 20.0
    """Calls in an hour whose ``profile`` is 1."""
    profile: tuple[float, ...] = ROUND_THE_CLOCK
    """The factor on ``calls_per_hour`` for each of the 24 local hours; 0 is closed."""
    weekend: float = 0.7
    """The factor on Saturdays and Sundays; 0 is closed."""
    holidays: frozenset[tuple[int, int]] = frozenset()
    """Local dates (month, day) on which the bot is closed."""
    growth_per_week: float = 0.0
    """The increase of the factor per week since 2026 began."""
    variation: float = 0.08
    """The standard deviation of an hour's expected calls, as a share of them, in addition to Poisson noise."""
    silent: float = 0.02
    """The share of calls without any interaction."""
    leaving: float = 0.08
    """The share of the others that leave after one interaction."""
    autonomy: float = 0.65
    """The share of the rest that the bot serves alone."""
    autonomy_by_hour: tuple[float, ...] = (0.0,) * 24
    """An addition to ``autonomy`` for each of the 24 local hours: callers ask other questions at other times."""
    autonomy_variation: float = 0.0
    """The standard deviation of an hour's ``autonomy`` without an incident."""
    direct: float = 0.4
    """The share of the calls it does not serve alone that reach an agent within 3 interactions."""
    interface_requests: float = 0.6
    """Requests to outside interfaces per call with any interaction."""
    interface_success: float = 0.98
    incidents: tuple[Incident, ...] = ()
    source: str = "OIFDE"
    """The ``source`` under which the platform lists the bot: ``IVR`` or ``OIFDE``."""
    dialog_type: int = 1
    """1 voice navigation, 2 outbound, 3 chatbot, 4 IVR flow."""


@dataclass(frozen=True, slots=True)
class SimTenant:
    """A tenant: its bots, and the time zone in which its days begin."""

    tenant_id: str
    bots: tuple[SimBot, ...]
    name: str = ""
    timezone: ZoneInfo = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Habits:
    """How the platform publishes its traffic. Times are in seconds, shares 0 to 1.

    Habits do not change the traffic: worlds that differ only in habits have the same true counts.
    """

    lag: tuple[float, float] = (20.0, 360.0)
    """A record is behind by this time, which varies by bot and hour between the two."""
    in_progress: bool = True
    """An hour's record exists during the hour, and grows. If false, it appears complete, ``lag`` after the hour's end."""
    late: float = 0.04
    """The share of a tenant's hours whose records are missing, until at most ``latest`` after the hour's end."""
    latest: float = 70 * 60.0
    restated: float = 0.03
    """The share of hours whose first record is wrong, by a few calls too many or too few, and is corrected later."""
    restated_after: tuple[float, float] = (30 * 60.0, 150 * 60.0)
    """How long after the hour's end the correction comes."""
    db_time_null: float = 0.15
    """The share of records without a ``dbRecordTime``."""
    db_time_text: float = 0.15
    """The share of records with a ``dbRecordTime`` as text in local time."""
    short_minus_one: float = 0.2
    """The share of records with "-1.000" instead of "-1.0000" for a ratio of nothing."""
    shuffled: bool = True
    """The order of the records changes every minute."""
    empty_left_out: bool = True
    """Hours without calls have no record."""
    history: float = 180.0 * DAY
    """Hours that began longer ago have no record."""


UNFRIENDLY: Final = Habits()
"""Every habit that the real platform may have."""

CALM: Final = Habits(
    lag=(0.0, 0.0), late=0.0, restated=0.0, db_time_null=0.0, db_time_text=0.0, short_minus_one=0.0, shuffled=False
)
"""Every record appears at once, complete, in order, and never changes."""
