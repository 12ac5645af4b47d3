"""The bots whose alerts are measured, of every character, and what happens to them."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from exporter.simulator import (
    OFFICE_HOURS,
    Incident,
    SimBot,
    SimTenant,
    SimulatedWorld,
    Trouble,
    opening,
)
from exporter.simulator.characters import DAY, HOUR, WEEK

BEGIN: Final = int(datetime(2026, 8, 31, tzinfo=UTC).timestamp())
"""When the history begins: a Monday."""
WEEKS: Final = 8
QUIET_WEEKS: Final = 2
"""So many weeks come before the first incident, as much as Prometheus keeps by default. No page of theirs is counted."""
TENANT: Final = "202104237142"
_HOLIDAYS: Final = (frozenset({(10, 1), (10, 2)}), frozenset({(9, 25)}), frozenset({(10, 12)}))
_SLOT: Final = 2 * WEEK
"""Each bot has one incident in so much time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of incident: its ``size`` in the unit of the trouble, and in seconds how it comes and how long it stays."""

    name: str
    trouble: Trouble
    size: float
    ramp: float
    length: float


_SUDDEN: Final = 36.0 * HOUR
KINDS: Final = (
    *(Kind("sudden drop of autonomy", Trouble.AUTONOMY, size, 0, _SUDDEN) for size in (0.1, 0.2, 0.2, 0.3)),
    *(Kind("slow drop of autonomy, over a day", Trouble.AUTONOMY, size, DAY, 3 * DAY) for size in (0.2, 0.3)),
    *(Kind("interfaces fail", Trouble.INTERFACES, size, 0, _SUDDEN) for size in (0.1, 0.4)),
    *(Kind("calls are lost", Trouble.CALL_LOSS, size, 0, _SUDDEN) for size in (0.8, 1.0)),
    Kind("calls surge", Trouble.SURGE, 2.0, 0, DAY),
    Kind("direct transfers surge", Trouble.DIRECT, 0.4, 0, _SUDDEN),
)
"""What happens, in the proportions of this list: what counts most is there most often."""


@dataclass(frozen=True, slots=True)
class Case:
    """One incident of one bot."""

    bot: SimBot
    kind: Kind
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """A world, its bots with the character each was drawn from, and the incidents to be found."""

    world: SimulatedWorld
    bots: Sequence[tuple[str, SimBot]]
    cases: Sequence[Case]


def _busy(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(100, 400))


def _middling(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(35, 100))


def _small(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(5, 35))


def _tiny(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(0.3, 4))


def _night(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(10, 80), profile=opening(21, 7), weekend=rng.uniform(0.8, 1.3))


def _weekend_dip(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(20, 200), profile=OFFICE_HOURS, weekend=rng.choice((0.0, 0.1, 0.3)))


def _growing(rng: random.Random) -> SimBot:
    return _bot(rng, calls_per_hour=rng.uniform(10, 80), growth_per_week=rng.uniform(0.02, 0.06))


def _holiday(rng: random.Random) -> SimBot:
    bot = _bot(rng, calls_per_hour=rng.uniform(20, 200), profile=OFFICE_HOURS, weekend=0.0)
    return replace(bot, holidays=rng.choice(_HOLIDAYS))


CHARACTERS: Final[Mapping[str, Callable[[random.Random], SimBot]]] = MappingProxyType(
    {
        "busy": _busy,
        "middling": _middling,
        "small": _small,
        "tiny": _tiny,
        "night only": _night,
        "weekend dip": _weekend_dip,
        "growing": _growing,
        "holiday": _holiday,
    }
)


def _bot(rng: random.Random, **character: object) -> SimBot:
    """A bot with what all characters vary in. Nights are up to 8 points worse or better, and no hour is quite as usual."""
    night = rng.uniform(-0.08, 0.04)
    bot = SimBot(
        "",
        "",
        variation=rng.uniform(0.04, 0.15),
        leaving=rng.uniform(0.03, 0.15),
        autonomy=rng.uniform(0.4, 0.88),
        autonomy_by_hour=tuple(night if hour < 7 or hour >= 22 else 0.0 for hour in range(24)),
        autonomy_variation=rng.choice((0.0, 0.01, 0.02)),
        direct=rng.uniform(0.2, 0.5),
        interface_requests=rng.uniform(0.3, 1.5),
        interface_success=rng.uniform(0.94, 0.995),
    )
    return replace(bot, **character)  # type: ignore[arg-type]  # fields of SimBot, by name


GOAL_KINDS: Final = (Kind("sudden drop of autonomy", Trouble.AUTONOMY, 0.2, 0, _SUDDEN),)
GOAL_CHARACTERS: Final = ("busy", "middling")
"""What the goal for delays is about: too rare in a fleet of every kind and character to tell 95 % from 85 %."""


def draw(seed: int, bots: int, characters: Sequence[str] = tuple(CHARACTERS), kinds: Sequence[Kind] = KINDS) -> Fleet:
    """A fleet of so many bots, the characters in turn, with an incident each in every slot after the quiet weeks."""
    rng = random.Random(seed)  # noqa: S311 - drawn alike on every run
    drawn: list[tuple[str, SimBot]] = []
    cases: list[Case] = []
    turns = _shuffled(rng, kinds)
    for number in range(bots):
        name = characters[number % len(characters)]
        bot = replace(CHARACTERS[name](rng), access_code=f"9433708554{number:08d}", name=f"{name} {number}")
        happens = [
            (kind, *_when(rng, kind, slot)) for slot in range((WEEKS - QUIET_WEEKS) // 2) for kind in [next(turns)]
        ]
        incidents = tuple(Incident(start, end, kind.trouble, kind.size, kind.ramp) for kind, start, end in happens)
        bot = replace(bot, incidents=incidents)
        drawn.append((name, bot))
        cases += [Case(bot, kind, start, end) for kind, start, end in happens]
    tenant = SimTenant(TENANT, tuple(bot for _, bot in drawn), "quality", ZoneInfo("Asia/Shanghai"))
    return Fleet(SimulatedWorld(seed, [tenant]), drawn, cases)


def _shuffled(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from rng.sample(kinds, len(kinds))


def _when(rng: random.Random, kind: Kind, slot: int) -> tuple[float, float]:
    """In the first nine days of a slot, so that five without incident follow what lasts a day and a half."""
    start = BEGIN + QUIET_WEEKS * WEEK + slot * _SLOT + rng.uniform(0, 9 * DAY)
    return start, start + kind.length
