"""Compare the exporter's way to judge with sequential tests: ``python -m lab.quality.rivals --data DATA``.

All learn the same usual values and variances. Each has the threshold with which it sends as many false pages as the others.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import numpy as np

from exporter.judging.calls import compute_score
from exporter.judging.hours import Counts, unpack
from exporter.judging.judge import judge
from exporter.judging.replay import RULES
from exporter.judging.shares import AUTONOMY, count_part_and_whole, to_angle
from exporter.judging.usual import Day
from exporter.polling.calendar import list_hours
from lab.quality.bots import Counted, Trace
from lab.quality.limit import compare_likelihoods, find_threshold
from lab.quality.measure import GOALS, HOUR, Case, Goal, Quiet, describe_calls, draw_incident
from lab.quality.traffic import CHARACTERS, SOURCES
from lab.quality.watch import learn_days
from lab.report import Table, progress

_TUNING_SEED: Final = 7
_FALSE_PAGES: Final = 5
"""Of one alert, in 100 bot-months."""
_LONGEST: Final = 48
"""The hours of the longest window of GLR."""
_DROP, _LOSS = 0.2, 0.8
"""The changes that CUSUM looks for."""
_COMPARED: Final = [goal for goal in GOALS if (goal.autonomy or goal.lost) and not goal.after_holidays]
_LEAST: Final = {rule.signal: rule.least_size for rule in RULES}
_METHODS: Final = ("windows", "GLR", "CUSUM")
_STRAYING: Final = ("mid", "real mix")
_HALF: Final = 0.5
"""The continuity correction."""


class _Hour(NamedTuple):
    """What came in an hour or the part of it that has passed, and what is usual."""

    day: int
    came: float
    whole: float
    """The calls that the share is of. For calls, the usual ones."""
    usual: float
    by_hour: float
    """The relative variance of the hour and of the usual value."""
    by_day: float
    restless: float


def _read_hour(signal: str, usual: Day, number: int, half: int, counts: Counts, day: int) -> _Hour:
    if signal == "calls_drop":
        expected = usual.low_calls[number] * (1 + half) / 2
        by_day = usual.calls_day * (1 + 1.5 / usual.known_days)
        return _Hour(day, counts.calls, expected, expected, usual.calls_hour[number], by_day, usual.restless[0])
    came, whole = count_part_and_whole(AUTONOMY, counts)
    by_hour = usual.share_hour[AUTONOMY] + usual.variances[AUTONOMY][number]
    return _Hour(day, came, whole, whole * usual.shares[AUTONOMY][number], by_hour, usual.share_day[AUTONOMY], 1.0)


@dataclass(slots=True)
class _Glr:
    """The generalized likelihood ratio: a change of any size began with any hour (Lorden 1971, Lai 1995)."""

    signal: str
    _hours: list[_Hour] = field(default_factory=list)

    def look(self, now: _Hour) -> tuple[float, float]:
        """Return the evidence and the size of a change, with the hour in progress."""
        best = (0.0, 0.0)
        days: dict[int, float] = {}
        came = whole = usual = squares = 0.0
        for hour in (now, *reversed(self._hours)):
            came, whole, usual = came + hour.came, whole + hour.whole, usual + hour.usual
            squares += hour.by_hour * hour.whole**2
            days[hour.day] = days.get(hour.day, 0.0) + hour.whole
            if usual - came > _HALF:
                variance = (squares + now.by_day * sum(calls**2 for calls in days.values())) / whole**2
                best = max(best, (self._score(came, whole, usual, variance) / now.restless, (usual - came) / whole))
        return best

    def add(self, hour: _Hour) -> None:
        """Add an hour that is complete."""
        self._hours = [*self._hours[1 - _LONGEST :], hour]

    def _score(self, came: float, whole: float, usual: float, variance: float) -> float:
        if self.signal == "calls_drop":
            return compute_score(came, usual, variance, -1)
        return (to_angle(usual, whole) - to_angle(came + _HALF, whole)) / math.sqrt(1 / whole + variance)


@dataclass(slots=True)
class _Cusum:
    """The sum of the log likelihood ratios of hours for one change, which begins again when it is negative (Page 1954)."""

    signal: str
    _state: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The evidence, and what is missing of what whole, since the sum began."""

    def look(self, now: _Hour) -> tuple[float, float]:
        """Return the evidence and the size of a change, with the hour in progress."""
        evidence, missing, whole = self._go_on(now)
        return evidence, missing / max(1.0, whole)

    def add(self, hour: _Hour) -> None:
        """Add an hour that is complete."""
        self._state = self._go_on(hour)

    def _go_on(self, hour: _Hour) -> tuple[float, float, float]:
        evidence, missing, whole = self._state
        evidence += self._weigh(hour) if hour.whole else 0.0
        return (evidence, missing + hour.usual - hour.came, whole + hour.whole) if evidence > 0 else (0.0, 0.0, 0.0)

    def _weigh(self, hour: _Hour) -> float:
        if self.signal == "calls_drop":
            ratio = compare_likelihoods(hour.came, hour.usual, hour.by_hour + hour.by_day, 1 - _LOSS)
            return float(ratio) / hour.restless**2
        change = to_angle(hour.usual, hour.whole) - to_angle(max(0.0, hour.usual - _DROP * hour.whole), hour.whole)
        off = to_angle(hour.usual, hour.whole) - to_angle(hour.came, hour.whole)
        return change * (off - change / 2) / (1 / hour.whole + hour.by_hour + hour.by_day)


def _watch(signal: str, trace: Trace, begin: float, end: float) -> tuple[Counted, Counted]:
    """Return the end of each half hour, and the evidence of each method for changes that are large enough."""
    moments, evidence = [], []
    glr, cusum = _Glr(signal), _Cusum(signal)
    for day, past, baseline in learn_days(trace, begin, end):
        usual = baseline.day(day)
        for number, (start, stop) in enumerate(list_hours(day, trace.traffic.zone)):
            for half, moment in enumerate(((start + stop) / 2, stop)):
                so_far = trace.so_far(day, number, half)
                hour = _read_hour(signal, usual, number, half, list(unpack(so_far))[-1], day.toordinal())
                exporter = judge(baseline, past, so_far, moment - 1).get(signal, (0.0, 0.0))
                found = (exporter[:2], glr.look(hour), cusum.look(hour))
                moments.append(moment)
                evidence.append([score if size > _LEAST[signal] else 0.0 for score, size in found])
                if half:
                    glr.add(hour)
                    cusum.add(hour)
    return np.array(moments), np.array(evidence).T


def _watch_quiet(signal: str, quiet: Quiet) -> tuple[Counted, Counted]:
    return _watch(signal, *quiet.draw())


def _watch_case(case: Case) -> tuple[float, float, Counted, Counted] | None:
    """Return the beginning and the end of an incident, and the half hours around it."""
    drawn = draw_incident(case)
    if drawn is None:
        return None
    trace, incident = drawn
    watched = _watch(case.goal.signal, trace, incident.begin - _LONGEST * HOUR, incident.end + 24 * HOUR)
    return incident.begin, incident.end, *watched


def _compare(goal: Goal, threshold: float, place: int, cases: Sequence[Any]) -> Sequence[str]:
    """Return the share of incidents found in time, the median delay, and the median time until the evidence is gone."""
    delays, ends = [], []
    for begin, end, moments, evidence in cases:
        above = moments[(evidence[place] > threshold) & (moments > begin)]
        during = above[above <= end]
        delays.append((during[0] - begin) / HOUR if len(during) else math.inf)
        if len(during):
            ends.append(max(0.0, above[-1] - end) / HOUR)
    within = np.mean([delay <= goal.hours for delay in delays])
    return (f"{within:.0%}", f"{sorted(delays)[len(delays) // 2]:.1f} h", f"{np.median(ends):.1f} h" if ends else "")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m lab.quality.rivals", description=__doc__)
    parser.add_argument("--seed", type=int, default=_TUNING_SEED, help="default: %(default)s")
    parser.add_argument("--months", type=int, default=200, help="bot-months without incidents; default: %(default)s")
    parser.add_argument("--cases", type=int, default=100, help="incidents of each row; default: %(default)s")
    parser.add_argument("--data", type=Path, required=True, help="a folder with real traffic")
    options = parser.parse_args()
    simulated, real = tuple(CHARACTERS), [source.file for source in SOURCES]
    names = [name for turn in range(20) for name in (simulated[turn % len(simulated)], real[turn % len(real)])]
    found = []
    with get_context("spawn").Pool(2) as pool:
        for signal in ("autonomy_drop", "calls_drop"):
            progress(f"quiet months, {signal}")
            months = [
                Quiet(options.seed + turn, _STRAYING[turn // len(names) % 2], names[turn % len(names)], options.data)
                for turn in range(options.months)
            ]
            quiet = pool.map(partial(_watch_quiet, signal), months)
            pages = _FALSE_PAGES * options.months / 100
            thresholds = [
                find_threshold([(moments, evidence[place]) for moments, evidence in quiet], pages)
                for place in range(len(_METHODS))
            ]
            for goal in (goal for goal in _COMPARED if goal.signal == signal):
                progress(f"{goal.title}, {goal.straying}")
                turns = [
                    Case(goal, options.seed + turn, names[turn % len(names)], options.data)
                    for turn in range(options.cases)
                ]
                cases = [case for case in pool.map(_watch_case, turns) if case is not None]
                found += [
                    (goal.title, goal.straying, describe_calls(goal.calls), str(len(cases)), f"{goal.hours:g} h", method,
                     f"{threshold:.1f}", *_compare(goal, threshold, place, cases))
                    for place, (method, threshold) in enumerate(zip(_METHODS, thresholds, strict=True))
                ]  # fmt: skip
    columns = (
        "incident",
        "straying",
        "calls an hour",
        "cases",
        "within",
        "method",
        "threshold",
        "found",
        "median",
        "over after",
    )
    click.echo(Table("Ways to judge", columns, found).to_markdown())


if __name__ == "__main__":
    main()
