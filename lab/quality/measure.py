"""Measure the false alerts, and how soon incidents are found."""

import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.random import Generator

from exporter.judging.daykinds import Calendar, DayKind
from exporter.judging.replay import Judged, Page, inhibit, replay, replay_tenant
from exporter.polling.calendar import find_midnight, list_hours
from lab.quality.bots import Counted, Incident, Trace, draw_shares, live
from lab.quality.limit import HALF_HOUR, SHARE_THRESHOLD, count_alarms, find_threshold, weigh_drop, weigh_losses
from lab.quality.traffic import CHARACTERS, SOURCES, SPAN, Traffic, read, simulate, thin
from lab.quality.watch import HISTORY, watch
from lab.report import Table

HOUR: Final = 3600.0
_MONTH: Final = 30 * 24 * HOUR
_LENGTH: Final = 36 * HOUR
_TRIES: Final = 300
T = TypeVar("T")
Run = Callable[[Callable[[Any], T], Iterable[Any]], Iterable[T]]
"""Calls a function with each of many values, in order, like ``map``."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A bot-month without incidents."""

    seed: int
    straying: str
    name: str
    data: Path | None

    def draw(self) -> tuple[Trace, float, float]:
        """Return its trace, and the beginning and the end of the month."""
        rng = random(self.seed, "quiet", self.straying, self.name)
        traffic = draw_traffic(rng, self.name, self.data, (5, 300))
        trace = live(rng, traffic, draw_shares(rng, self.straying))
        first, last = (find_midnight(traffic.first + timedelta(days), traffic.zone) for days in (HISTORY, SPAN))
        return trace, first, last


def find_pages(quiet: Quiet) -> list[Page]:
    """Return the pages, all of them false."""
    return inhibit(replay((moment, judgement) for moment, judgement, _ in watch(*quiet.draw())))


def count_pages(quiet: Quiet) -> Counter[str]:
    """Return the number of pages of each alert."""
    return Counter(page.alert for page in find_pages(quiet))


@dataclass(frozen=True, slots=True)
class Goal:
    """An incident that ``signal`` has to find in time, in a share of the cases.

    ``calls`` is how many an hour are to be expected (at least, below) while ``hours`` pass.
    """

    title: str
    signal: str
    straying: str
    calls: tuple[float, float]
    hours: float
    share: float
    lost: float = 0.0
    autonomy: float = 0.0
    interfaces: float = 0.0
    after_holidays: bool = False


_MANY, _FEWER, _SOME = (100.0, math.inf), (30.0, 100.0), (30.0, math.inf)
GOALS: Final = (
    Goal("autonomy drops 20 points", "autonomy_drop", "calm", _MANY, 4, 0.95, autonomy=0.2),
    Goal("autonomy drops 20 points", "autonomy_drop", "mid", _MANY, 6, 0.90, autonomy=0.2),
    Goal("autonomy drops 20 points", "autonomy_drop", "calm", _FEWER, 12, 0.95, autonomy=0.2),
    Goal("autonomy drops 20 points", "autonomy_drop", "mid", _FEWER, 12, 0.85, autonomy=0.2),
    Goal("all calls are lost", "calls_drop", "mid", _SOME, 2, 0.95, lost=1.0),
    Goal("all calls are lost, in the week after holidays", "calls_drop", "mid", _SOME, 2, 0.95, lost=1.0, after_holidays=True),
    Goal("80 % of calls are lost", "calls_drop", "mid", _SOME, 6, 0.95, lost=0.8),
    Goal("80 % of calls are lost, in the week after holidays", "calls_drop", "mid", _SOME, 6, 0.95, lost=0.8, after_holidays=True),
    Goal("interfaces fail by 40 points", "interface_success_drop", "mid", _SOME, 4, 0.95, interfaces=0.4),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """Return an incident of 36 hours for a goal."""

    goal: Goal
    seed: int
    name: str
    data: Path | None


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a case: the seconds until it was found (None: never), and the pages about it."""

    delay: float | None
    pages: int
    evidence: float
    """The most that ``limit`` finds in the time of the goal."""


def find(case: Case) -> Found | None:
    """Play a case; return None if the traffic has no moment for it."""
    drawn = draw_incident(case)
    if drawn is None:
        return None
    goal, (trace, incident) = case.goal, drawn
    begin = incident.begin
    watched = watch(trace, begin - 12 * HOUR, begin + _LENGTH + 24 * HOUR)
    judgements = [(moment, judgement) for moment, judgement, _ in watched]
    pages = [page for page in replay(judgements) if page.signal == goal.signal and page.begin > begin]
    during = [page for page in pages if page.begin <= incident.end]
    return Found(during[0].begin - begin if during else None, len(pages), _weigh(trace, goal, incident))


def draw_incident(case: Case) -> tuple[Trace, Incident] | None:
    """Draw a bot with the incident of a case; return None if the traffic has no moment for it."""
    goal = case.goal
    rng = random(case.seed, goal.title, goal.straying, str(goal.calls[0]), case.name)
    low, high = goal.calls
    sizes = (low, 4 * low if high == math.inf else 1.5 * high)
    for _ in range(_TRIES):
        traffic = draw_traffic(rng, case.name, case.data, sizes, sized=True)
        begin = _moment(rng, traffic, goal)
        if begin is not None:
            incident = Incident(begin, begin + _LENGTH, 1 - goal.lost, goal.autonomy, goal.interfaces)
            shares = draw_shares(rng, goal.straying, (0.35, 0.9) if goal.autonomy else (0.2, 0.9))
            return live(rng, traffic, shares, [incident]), incident
    return None


def _weigh(trace: Trace, goal: Goal, incident: Incident) -> float:
    until = incident.begin + goal.hours * HOUR
    if not goal.lost:
        return weigh_drop(trace, incident, until, interfaces=goal.interfaces > 0)
    ends, evidence = weigh_losses(trace, goal.lost, goal.hours * HOUR)
    return float(evidence[(incident.begin < ends) & (ends <= until)].max())


@dataclass(frozen=True, slots=True)
class Calm:
    """Traffic with nothing wrong, in which the losses of a goal are looked for."""

    goal: Goal
    seed: int
    name: str
    data: Path | None

    def weigh(self) -> tuple[Counted, Counted]:
        """Return what ``weigh_losses`` returns."""
        rng = random(self.seed, "calm", self.name)
        traffic = draw_traffic(rng, self.name, self.data, (_SOME[0], 4 * _SOME[0]), sized=True)
        trace = live(rng, traffic, draw_shares(rng, self.goal.straying))
        return weigh_losses(trace, self.goal.lost, self.goal.hours * HOUR)


def _moment(rng: Generator, traffic: Traffic, goal: Goal) -> float | None:
    """Return a half hour from which on average that many calls per hour are expected during the goal's hours."""
    days = [
        day
        for day in traffic.dates()[HISTORY + 1 : SPAN - 4]
        if traffic.calendar.kind(day).ordinary
        and all(traffic.calls[(day - traffic.first).days + more] is not None for more in range(-1, 3))
        and (not goal.after_holidays or _after_holidays(traffic, day))
    ]
    if not days:
        return None
    day = days[rng.integers(len(days))]
    flat = [
        (start, calls)
        for more in range(3)
        for (start, _), calls in zip(
            list_hours(day + timedelta(more), traffic.zone),
            traffic.calls[(day - traffic.first).days + more] or (),
            strict=True,
        )
    ]
    length = int(goal.hours)
    fits = [
        start
        for number, (start, _) in enumerate(flat[:24])
        if goal.calls[0] <= np.mean([calls for _, calls in flat[number : number + length]]) < goal.calls[1]
        and flat[number][1] >= goal.calls[0] / 2
    ]
    return float(rng.choice(fits)) + 1800 * int(rng.integers(2)) if fits else None


def _after_holidays(traffic: Traffic, day: object) -> bool:
    number = traffic.dates().index(day)  # type: ignore[arg-type]
    return any(not traffic.calendar.kind(before).ordinary for before in traffic.dates()[number - 7 : number])


def draw_traffic(
    rng: Generator, name: str, data: Path | None, calls: tuple[float, float], *, sized: bool = False
) -> Traffic:
    """Return traffic of a character, or of a source of real data; with ``sized``, characters have that many calls, too."""
    if name in CHARACTERS:
        return simulate(rng, name, calls if sized else None)
    assert data is not None  # noqa: S101 - names of sources come with their folder
    return thin(rng, read(next(source for source in SOURCES if source.file == name), data), calls)


def random(seed: int, *what: str) -> Generator:
    """Return a source of random numbers that does not depend on other measurements."""
    return np.random.default_rng([seed, zlib.crc32("/".join(what).encode())])


# --- holidays that no calendar names ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """Play eight bots of a tenant on a public holiday that no calendar names."""

    seed: int


def count_holiday_pages(unknown: Unknown) -> tuple[int, int]:
    """Return the pages about the tenant, and those about single bots."""
    rng = random(unknown.seed, "unknown holiday")
    names = ("busy", "middling", "middling", "small", "office", "office", "growing", "season")
    where: tuple[Any, ...] | None = None
    while where is None or not where[1]:
        traffic = simulate(rng, "office")
        holidays = [
            day
            for day in traffic.dates()[HISTORY : SPAN - 2]
            if traffic.calendar.kind(day) is DayKind.HOLIDAY and day.weekday() < 5
        ]
        where = (traffic, holidays)
    place, holidays = where
    judged: list[Judged] = []
    for bot, name in enumerate(names):
        traffic = simulate(rng, name, where=place)
        trace = live(rng, replace(traffic, calendar=Calendar()), draw_shares(rng, "mid"))
        begin = find_midnight(holidays[0], traffic.zone)
        watched = watch(trace, begin, begin + 24 * HOUR)
        judged += [Judged(moment, str(bot), judgement, expected) for moment, judgement, expected in watched]
    judged.sort(key=lambda one: one.moment)
    of_tenant = replay_tenant(judged)
    of_bots = [
        inhibit(replay((one.moment, one.judgement) for one in judged if one.bot == str(bot)), of_tenant)
        for bot in range(len(names))
    ]
    return len(of_tenant), sum(any(page.signal == "calls_drop" for page in pages) for pages in of_bots)


# --- tables ----------------------------------------------------------------------------------------------------------


def quiet_table(run: Run[Any], seed: int, months: int, sources: Sequence[str], data: Path | None) -> Table:
    """Return the false pages, by variance and by traffic."""
    rows = []
    for straying, goal in (("calm", 1), ("mid", 1), ("real mix", 3)):
        for title, names in _group(sources):
            cases = [Quiet(seed + number, straying, names[number % len(names)], data) for number in range(months)]
            pages: Counter[str] = sum(run(count_pages, cases), Counter())
            total = sum(pages.values())
            rows.append(
                (straying, title, str(months), str(total), f"{100 * total / months:.1f}", str(goal),
                 ", ".join(f"{count} {alert}" for alert, count in pages.most_common()))
            )  # fmt: skip
    return Table(
        "Pages with nothing wrong",
        ("straying", "traffic", "bot-months", "pages", "per 100 bot-months", "goal", "by alert"),
        rows,
    )


_ABOUT_LOSSES: Final = """\
The limit is a CUSUM that knows the share that is lost, the straying and, with hindsight, the usual calls. It has one false alarm in
100 bot-months of the same traffic. The last column is how many it has in 100 bot-months if it finds as many incidents as the goal
demands."""


def found_table(run: Run[Any], seed: int, number: int, names: Sequence[str], data: Path | None, title: str) -> Table:
    """Return how soon incidents are found, and which of them can be found."""
    rows = []
    for goal in GOALS:
        cases = [Case(goal, seed + turn, names[turn % len(names)], data) for turn in range(number)]
        results = [found for found in run(find, cases) if found is not None]
        if not results:
            continue
        could = "" if goal.lost else f"{np.mean([found.evidence >= SHARE_THRESHOLD for found in results]):.0%}"
        delays = sorted(math.inf if found.delay is None else found.delay / HOUR for found in results)
        paged = [found.pages for found in results if found.pages]
        rows.append(
            (goal.title, goal.straying, describe_calls(goal.calls), str(len(results)), f"{goal.hours:g} h",
             f"{_find_share(goal, results):.0%}", could, f"{goal.share:.0%}", f"{delays[len(delays) // 2]:.1f} h",
             f"{np.mean(paged):.2f}" if paged else "")
        )  # fmt: skip
    return Table(
        title,
        ("incident", "straying", "calls an hour", "cases", "within", "found", "limit", "goal", "median", "pages each"),
        rows,
        ("The limit is a CUSUM that knows the change and the straying, with one false alarm in 100 bot-months.",),
    )


def _find_share(goal: Goal, results: Sequence[Found]) -> float:
    """Return the share of the incidents that were found in the time of their goal."""
    return float(np.mean([found.delay is not None and found.delay <= goal.hours * HOUR for found in results]))


def loss_table(run: Run[Any], seed: int, number: int, months: int, sources: Sequence[str], data: Path | None) -> Table:
    """Return which losses of calls can be found, by traffic."""
    rows = []
    for goal in (goal for goal in GOALS if goal.lost):
        for title, names in _group(sources):
            cases = [Case(goal, seed + turn, names[turn % len(names)], data) for turn in range(number)]
            results = [found for found in run(find, cases) if found is not None]
            calms = [Calm(goal, seed + turn, names[turn % len(names)], data) for turn in range(months)]
            calm = list(run(Calm.weigh, calms))
            hundred = sum(len(ends) for ends, _ in calm) * HALF_HOUR / (100 * _MONTH)
            threshold = find_threshold(calm, hundred)
            needed = float(np.quantile([found.evidence for found in results], 1 - goal.share, method="lower"))
            alarms = (
                sum(count_alarms(ends, evidence, np.nextafter(needed, -math.inf)) for ends, evidence in calm) / hundred
            )
            rows.append(
                (goal.title, title, str(len(results)), f"{goal.hours:g} h", f"{_find_share(goal, results):.0%}",
                 f"{np.mean([found.evidence > threshold for found in results]):.0%}", f"{goal.share:.0%}", f"{alarms:.1f}")
            )  # fmt: skip
    return Table(
        "Losses of calls that can be found",
        ("incident", "traffic", "cases", "within", "found", "limit", "goal", "false alarms for the goal"),
        rows,
        (_ABOUT_LOSSES,),
    )


def _group(sources: Sequence[str]) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the titles of kinds of traffic, each with the names to draw from."""
    return [("simulated", tuple(CHARACTERS)), *((source, (source,)) for source in sources)]


def describe_calls(calls: tuple[float, float]) -> str:
    """Return a range of calls in words."""
    low, high = calls
    return f"{low:.0f} and more" if high == math.inf else f"{low:.0f} to {high:.0f}"


def holiday_table(run: Run[Any], seed: int, number: int) -> Table:
    """Return the pages on holidays without a calendar."""
    results = list(run(count_holiday_pages, [Unknown(seed + turn) for turn in range(number)]))
    tenant, bots = (sum(result[place] for result in results) for place in (0, 1))
    return Table(
        "Public holidays that no calendar names",
        ("holidays of tenants with eight bots", "pages about a tenant", "pages about a single bot"),
        [(str(number), str(tenant), str(bots))],
    )
