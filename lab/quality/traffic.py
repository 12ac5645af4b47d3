"""Make the calls of bots without incidents: simulated characters, or real traffic thinned to the size of a bot."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.random import Generator

from exporter.judging.daykinds import Calendar, DayKind
from exporter.judging.hours import list_clock_hours

SPAN: Final = 35 + 30
"""The days of each trace: days to learn from, and a month to judge."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The calls of each hour of consecutive local dates; None for a date with unknown hours."""

    name: str
    zone: ZoneInfo
    calendar: Calendar
    first: date
    calls: Sequence[Sequence[int] | None]
    usual: Sequence[Sequence[float] | None]
    """The usual calls of each hour, as known with hindsight; None for a date without."""
    by_day: float
    """The variance of the calls of a day with nothing wrong, relative to the usual calls."""
    by_hour: float

    def dates(self) -> list[date]:
        """Return all its dates."""
        return [self.first + number * _DAY for number in range(len(self.calls))]


# --- simulated -------------------------------------------------------------------------------------------------------

_PLACES: Final = (
    ("CN", ZoneInfo("Asia/Shanghai"), date(2024, 12, 20), date(2025, 12, 1)),
    ("US", ZoneInfo("America/New_York"), date(2024, 10, 1), date(2025, 12, 1)),
    ("DE", ZoneInfo("Europe/Berlin"), date(2024, 10, 1), date(2025, 12, 1)),
)
_HUMPS: Final = np.array(
    [2, 1.5, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 16, 17, 19, 19, 17, 15, 12, 10, 8, 6, 4, 3], dtype=float
)


@dataclass(frozen=True, slots=True)
class Character:
    """The character of a bot's calls; ``calls`` is the range of calls in an average open hour."""

    calls: tuple[float, float]
    open: tuple[int, int] = (0, 24)
    weekend: tuple[float, ...] = (0.5, 0.8, 1.0)
    growth: float = 0.0
    season: float = 0.0
    campaigns: int = 0
    shift: int = 0
    """Hours by which its opening hours change permanently, during the days to learn from."""


CHARACTERS: Final[Mapping[str, Character]] = {
    "busy": Character((100, 400)),
    "middling": Character((35, 100)),
    "small": Character((5, 35)),
    "tiny": Character((0.3, 4)),
    "night": Character((10, 80), open=(21, 7), weekend=(0.8, 1.3)),
    "office": Character((20, 200), open=(8, 18), weekend=(0.0, 0.1, 0.3)),
    "growing": Character((10, 80), growth=0.06),
    "season": Character((20, 150), season=0.25),
    "campaigns": Character((20, 150), campaigns=3),
    "new hours": Character((20, 150), open=(8, 18), weekend=(0.0, 0.3), shift=2),
}


def simulate(
    rng: Generator,
    name: str,
    calls: tuple[float, float] | None = None,
    where: Traffic | None = None,
    days: int = SPAN,
) -> Traffic:
    """Draw traffic of a character of ``CHARACTERS``, with holidays, at the time and place of ``where`` or at random."""
    character = CHARACTERS[name]
    country, zone, earliest, latest = _PLACES[rng.integers(len(_PLACES))]
    calendar = Calendar(country)
    first = earliest + int(rng.integers((latest - earliest).days)) * _DAY
    if where:
        zone, calendar, first = where.zone, where.calendar, where.first
    size = float(np.exp(rng.uniform(*np.log(calls or character.calls))))
    weekend = rng.choice(character.weekend)
    holiday = weekend * rng.uniform(0.3, 1.0) if weekend else rng.choice([0.0, 0.0, rng.uniform(0.0, 0.3)])
    by_weekday = 1 + 0.15 * rng.standard_normal(7)
    day_spread, hour_spread = rng.uniform(0.04, 0.12), rng.uniform(0.03, 0.10)
    growth = character.growth * rng.choice([-1, 1])
    phase, period = rng.uniform(0, 2 * np.pi), rng.uniform(40, 120)
    moved = int(rng.integers(3, 18))
    campaign_days = {int(start) + more for start in rng.integers(0, days, character.campaigns) for more in range(3)}
    rows: list[list[int]] = []
    usual: list[list[float] | None] = []
    for number in range(days):
        day = first + number * _DAY
        kind = calendar.kind(day)
        factor = {DayKind.REST: weekend, DayKind.HOLIDAY: holiday}.get(kind, 1.0) * max(0.3, by_weekday[day.weekday()])
        if kind is DayKind.SPECIAL:
            factor *= 0.7
        factor *= (1 + growth) ** (number / 7) * (1 + character.season * np.sin(phase + 2 * np.pi * number / period))
        factor *= 1.5 if number in campaign_days else 1.0
        off = rng.gamma(1 / day_spread**2, day_spread**2)
        profile = _profile(character, character.shift if number >= moved else 0)
        clock = np.array(list_clock_hours(day, zone))
        means = size * factor * profile[clock]
        rows.append(
            [
                int(calls)
                for calls in rng.poisson(means * off * rng.gamma(1 / hour_spread**2, hour_spread**2, len(clock)))
            ]
        )
        usual.append([float(mean) for mean in means])
    return Traffic(name, zone, calendar, first, rows, usual, day_spread**2, hour_spread**2)


def _profile(character: Character, shift: int) -> np.ndarray[Any, Any]:
    opens, closes = (hour + shift for hour in character.open)
    hours = np.arange(24)
    is_open = (opens <= hours) & (hours < closes) if opens < closes else (hours >= opens) | (hours < closes)
    shape = np.where(is_open, _HUMPS if character.open == (0, 24) else 1 + 0.5 * _HUMPS / 20, 0.0)
    scaled: np.ndarray[Any, Any] = shape / shape[is_open].mean()
    return scaled


# --- real ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A file of real traffic, and the known facts about its days."""

    file: str
    zone: ZoneInfo
    calendar: Callable[[], Calendar]


def _days(*spans: tuple[str, str]) -> list[date]:
    found = []
    for first, last in spans:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            found.append(day)
            day += _DAY
    return found


_NEW_YORK: Final = ZoneInfo("America/New_York")
_TAXI: Final = (
    ("2014-11-02", "2014-11-02"),
    ("2014-11-27", "2014-11-30"),
    ("2014-12-24", "2015-01-02"),
    ("2015-01-26", "2015-01-27"),
)
_BIKES: Final = (("2011-08-27", "2011-08-28"), ("2012-10-29", "2012-10-30"))
SOURCES: Final = (
    Source("taxi-new-york-2014", _NEW_YORK, lambda: Calendar("US", special_days=_days(*_TAXI))),
    Source("bikes-washington-2011", _NEW_YORK, lambda: Calendar("US", "DC", _days(*_BIKES))),
    Source("pedestrians-melbourne-qv-market", ZoneInfo("Australia/Melbourne"), lambda: Calendar("AU", "VIC")),
    Source("pedestrians-melbourne-southern-cross", ZoneInfo("Australia/Melbourne"), lambda: Calendar("AU", "VIC")),
)


@lru_cache
def read(source: Source, folder: Path) -> Traffic:
    """All of a source."""
    known: dict[date, list[int]] = {}
    with (folder / f"{source.file}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = datetime.fromisoformat(row["start"]).astimezone(source.zone).date()
            known.setdefault(day, []).append(int(row["calls"]))
    first, last = min(known), max(known)
    days = [first + number * _DAY for number in range((last - first).days + 1)]
    calls = [
        found if len(found := known.get(day, [])) == len(list_clock_hours(day, source.zone)) else None for day in days
    ]
    calendar = source.calendar()
    usual = _look_back_and_ahead(days, calls, source.zone, calendar)
    return Traffic(source.file, source.zone, calendar, first, calls, usual, *_measure_straying(calls, usual))


def _look_back_and_ahead(
    days: Sequence[date], calls: Sequence[Sequence[int] | None], zone: ZoneInfo, calendar: Calendar
) -> list[Sequence[float] | None]:
    """Return the median calls of the same weekday in the four weeks before and the four after, for ordinary days."""
    by_clock = {
        day: dict(zip(list_clock_hours(day, zone), known, strict=True))
        for day, known in zip(days, calls, strict=True)
        if known is not None and calendar.kind(day).ordinary
    }
    usual: list[Sequence[float] | None] = []
    for day in days:
        near = [
            by_clock[other] for weeks in (-4, -3, -2, -1, 1, 2, 3, 4) if (other := day + 7 * weeks * _DAY) in by_clock
        ]
        clock = list_clock_hours(day, zone)
        known = day in by_clock and len(near) >= 3
        usual.append([median([other.get(hour, 0) for other in near]) for hour in clock] if known else None)
    return usual


def _measure_straying(
    calls: Sequence[Sequence[int] | None], usual: Sequence[Sequence[float] | None]
) -> tuple[float, float]:
    """Return the variances of days, and of hours within a day, relative to the usual calls; busy hours weigh most."""
    by_day, by_hour, weights = [], 0.0, 0.0
    for known, means in zip(calls, usual, strict=True):
        if known is not None and means is not None and any(means):
            level = float(np.sum(known) / np.sum(means))
            by_day.append((level - 1) ** 2)
            by_hour += sum((came - level * mean) ** 2 - level * mean for came, mean in zip(known, means, strict=True))
            weights += float(np.sum(np.square(means)))
    return sum(by_day) / len(by_day), by_hour / weights


def thin(rng: Generator, whole: Traffic, calls: tuple[float, float], days: int = SPAN) -> Traffic:
    """A stretch of real traffic, at a bot's size: ``calls`` is the range of calls in an average hour of day.

    Each caller of the real traffic calls the bot with the same chance, so what is chance stays chance.
    """
    start = int(rng.integers(len(whole.calls) - days + 1))
    stretch = whole.calls[start : start + days]
    known = np.array([day[8:20] for day in stretch if day is not None], dtype=float)
    size = float(np.exp(rng.uniform(*np.log(calls))))
    chance = min(1.0, size / max(known.mean(), 1e-9))
    thinned = [None if day is None else [int(n) for n in rng.binomial(day, chance)] for day in stretch]
    usual = [day and [chance * calls for calls in day] for day in whole.usual[start : start + days]]
    return replace(whole, first=whole.first + start * _DAY, calls=thinned, usual=usual)
