"""Measure the pages about changes that last, such as releases and other opening hours: one is right, one a day is not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from exporter.judging.daykinds import DayKind
from exporter.judging.replay import inhibit, replay
from exporter.polling.calendar import find_midnight
from lab.quality.bots import Incident, draw_shares, live
from lab.quality.measure import HOUR, Run, random
from lab.quality.traffic import SPAN, Traffic, simulate
from lab.quality.watch import HISTORY, watch
from lab.report import Table

_DAY: Final = 24 * HOUR
_CHARACTERS: Final = ("busy", "middling", "office")


@dataclass(frozen=True, slots=True)
class Change:
    """A change that begins at a midnight. Calls are relative to those before."""

    title: str
    days: float = math.inf
    calls: float = 1.0
    autonomy: float = 0.0
    interfaces: float = 0.0
    later: int = 0
    """The hours by which the bot opens and closes later."""
    unknown: bool = False
    """Whether the platform has no records of these days."""


CHANGES: Final = (
    Change("a release lowers the autonomy by 15 points", autonomy=0.15),
    Change("a release lets 10 % more of the interface requests fail", interfaces=0.1),
    Change("three quarters of the calls go elsewhere", calls=0.25),
    Change("three times as many calls", calls=3.0),
    Change("opens and closes two hours later", later=2),
    Change("no calls for two days, then as before", days=2, calls=0.0),
    Change("two days without records", days=2, unknown=True),
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A bot that changes in a month without other incidents."""

    change: Change
    seed: int
    name: str


def count_pages(changed: Changed) -> tuple[int, float]:
    """Return the number of pages since the change, and the days until the last one ended (0 without any)."""
    change = changed.change
    rng = random(changed.seed, change.title, changed.name)
    traffic = simulate(rng, changed.name, (30, 120))
    number = next(
        day for day in range(HISTORY + 5, SPAN) if traffic.calendar.kind(traffic.dates()[day]) is DayKind.WORKING
    )
    traffic = _alter(rng, traffic, change, number)
    begin = find_midnight(traffic.dates()[number], traffic.zone)
    incident = Incident(begin, begin + change.days * _DAY, min(1.0, change.calls), change.autonomy, change.interfaces)
    trace = live(rng, traffic, draw_shares(rng, "mid", (0.35, 0.9)), [incident])
    last = find_midnight(traffic.dates()[-1], traffic.zone)
    watched = watch(trace, begin - _DAY, last)
    sent = inhibit(replay((moment, judgement) for moment, judgement, _ in watched))
    pages = [page for page in sent if page.begin > begin]
    return len(pages), max(((page.end or last) - begin for page in pages), default=0.0) / _DAY


def _alter(rng: Generator, traffic: Traffic, change: Change, number: int) -> Traffic:
    """Return traffic with more calls, other opening hours or unknown days from the day ``number`` on."""
    calls: list[Sequence[int] | None] = list(traffic.calls)
    for day, known in enumerate(traffic.calls):
        if known is None:
            continue
        if day < number and change.calls > 1:
            calls[day] = [int(few) for few in rng.binomial(known, 1 / change.calls)]
        elif number <= day < number + change.days:
            calls[day] = None if change.unknown else [int(n) for n in np.roll(known, change.later)]
    return replace(traffic, calls=calls)


def lasting_table(run: Run[Any], seed: int, number: int) -> Table:
    """Return the pages about each change."""
    rows = []
    for change in CHANGES:
        names = ("office",) if change.later else _CHARACTERS
        results = list(
            run(count_pages, [Changed(change, seed + turn, names[turn % len(names)]) for turn in range(number)])
        )
        pages = np.array([count for count, _ in results])
        median, most = np.quantile([days for _, days in results], (0.5, 0.9), method="lower")
        rows.append(
            (change.title, str(number), f"{pages.mean():.2f}", f"{np.mean(pages == 0):.0%}", f"{np.mean(pages == 1):.0%}",
             f"{np.mean(pages > 1):.0%}", f"{median:.1f}", f"{most:.1f}")
        )  # fmt: skip
    return Table(
        "Changes that last",
        (
            "change",
            "cases",
            "pages each",
            "no page",
            "one page",
            "more",
            "days until over (median)",
            "days until over (9 of 10)",
        ),
        rows,
        ("Pages of all alerts, with mid straying, in the weeks after the change.",),
    )
