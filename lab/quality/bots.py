"""Draw what bots do with their calls: outcomes whose shares vary by day and hour, and incidents."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.random import Generator

from exporter.judging.hours import Counts, Hours, Past, pack
from exporter.polling.calendar import list_hours
from lab.quality.traffic import Traffic

Counted: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Shares:
    """A bot's shares and their variation: the correlation of calls of one day, and of one hour."""

    autonomy: float
    direct: float
    """The share of the calls that the bot does not serve alone."""
    interfaces: float
    by_day: float
    by_hour: float
    night: float = 0.0
    """The difference of the autonomy at night."""
    requests: float = 1.0
    """Per call."""


STRAYING: Final = {"calm": (0.0002, 0.001), "mid": (0.0015, 0.005), "real mix": (0.0063, 0.025)}


def draw_shares(rng: Generator, straying: str, autonomy: tuple[float, float] = (0.08, 0.92)) -> Shares:
    """Shares of a bot drawn at random."""
    return Shares(
        rng.uniform(*autonomy),
        rng.uniform(0.3, 0.8),
        rng.uniform(0.9, 0.998),
        *STRAYING[straying],
        night=rng.uniform(-0.08, 0.04),
        requests=rng.uniform(0.8, 1.5),
    )


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident from one moment to another (epoch seconds, on half hours)."""

    begin: float
    end: float
    calls: float = 1.0
    """The share of the calls that still come."""
    autonomy: float = 0.0
    interfaces: float = 0.0


@dataclass(frozen=True, slots=True)
class Trace:
    """The traffic of a bot by halves of local hours: at half past, only the first half is known."""

    traffic: Traffic
    shares: Shares
    halves: Sequence[Counted | None]
    """For each date, unless unknown: the counts of the first and of the second half of each hour."""

    def past(self, day: date, days: int) -> Past:
        """Return the finished days before a date."""
        first = self.traffic.first
        number = (day - first).days
        return {
            first + timedelta(days=past): self.whole(halves)
            for past in range(max(0, number - days), number)
            if (halves := self.halves[past]) is not None
        }

    @staticmethod
    def whole(halves: Counted) -> Hours:
        """Return all hours of a date."""
        return pack(Counts(*map(int, row)) for row in halves.sum(axis=1))

    def so_far(self, day: date, number: int, half: int) -> Hours:
        """Return the hours of a date up to the first or second half of the hour ``number``."""
        halves = self.halves[(day - self.traffic.first).days]
        if halves is None:
            return pack([])
        seen = halves[: number + 1].sum(axis=1)
        if half == 0:
            seen[number] = halves[number, 0]
        return pack(Counts(*map(int, row)) for row in seen)


def live(rng: Generator, traffic: Traffic, shares: Shares, incidents: Sequence[Incident] = ()) -> Trace:
    """Draw a bot's history with this traffic."""
    halves: list[Counted | None] = []
    for day, calls in zip(traffic.dates(), traffic.calls, strict=True):
        day_off = rng.standard_normal(3) * math.sqrt(shares.by_day)
        if calls is None:
            halves.append(None)
            continue
        starts = np.array([start for start, _ in list_hours(day, traffic.zone)])
        moments = np.stack([starts, starts + 1800], axis=1)
        number = len(calls)
        off = day_off + rng.standard_normal((number, 3)) * math.sqrt(shares.by_hour)
        came = np.empty((number, 2), dtype=np.int64)
        came[:, 0] = rng.binomial(calls, 0.5)
        came[:, 1] = np.array(calls) - came[:, 0]
        autonomy = np.repeat(np.full((number, 1), shares.autonomy), 2, axis=1)
        autonomy[: min(7, number)] += shares.night
        interfaces = np.full((number, 2), shares.interfaces)
        for incident in incidents:
            during = (incident.begin <= moments) & (moments < incident.end)
            came = np.where(during, rng.binomial(came, incident.calls), came)
            autonomy = autonomy - during * incident.autonomy
            interfaces = interfaces - during * incident.interfaces
        judged = rng.binomial(came, 0.92)
        contained = rng.binomial(judged, _stray(autonomy, off[:, :1]))
        direct = rng.binomial(judged - contained, _stray(np.full((number, 2), shares.direct), off[:, 1:2]))
        requests = rng.poisson(came * shares.requests)
        successes = rng.binomial(requests, _stray(interfaces, off[:, 2:]))
        halves.append(np.stack([came, direct, judged - contained - direct, contained, requests, successes], axis=2))
    return Trace(traffic, shares, halves)


def _stray(ratio: Counted, off: Counted) -> Counted:
    """Return ratios that are moved by an angle."""
    middle = 2 * np.arcsin(np.sqrt(np.clip(ratio, 0.001, 0.999)))
    moved: Counted = np.sin(np.clip(middle + off, 0, math.pi) / 2) ** 2
    return moved
