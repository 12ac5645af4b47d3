"""The measurement's results as tables."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from exporter.simulator import Trouble
from exporter.simulator.characters import HOUR
from lab.report import Table
from observability.quality import limit
from observability.quality.fleet import KINDS, Case
from observability.quality.judge import CAUSES, FINDERS, Verdict, judge
from observability.quality.measure import Measured

_ALLOWED: Final = 0.01
"""False pages per bot-month that the alerts may have."""
_HOURS_PER_MONTH: Final = 720.0
_DROP: Final = FINDERS[Trouble.AUTONOMY]


def tables(measured: Measured, goal: Measured) -> Sequence[Table]:
    """All tables of a measurement of bots and incidents of every kind, and of one of those that the goal is about."""
    verdict = judge(measured.fleet.cases, measured.pages, measured.since)
    return [
        _false(measured, verdict),
        _goal(goal),
        _autonomy(measured, verdict, _limits(measured)),
        _others(measured, verdict),
        _compared(measured),
    ]


def _limits(measured: Measured) -> Mapping[Case, float | None]:
    return {case: _limit(measured, case) for case in measured.fleet.cases if case.kind.trouble is Trouble.AUTONOMY}


def _limit(measured: Measured, case: Case) -> float | None:
    return limit.delay(
        measured.fleet.world, measured.tenant, case, measured.step, hours_between=_HOURS_PER_MONTH / _ALLOWED
    )


def _false(measured: Measured, verdict: Verdict) -> Table:
    true = Counter(page.alert for page in verdict.true)
    false = Counter(page.alert for page in verdict.false)
    months = measured.bot_months
    rows = [
        (alert, str(true[alert]), str(false[alert]), _precision(true[alert], false[alert]), _rate(false[alert], months))
        for alert in sorted(frozenset[str]().union(*CAUSES.values()))
    ]
    count, right = false.total(), true.total()
    rows.append(("all", str(right), str(count), _precision(right, count), _rate(count, months)))
    low, high = _poisson_interval(count)
    watched = f"{len(measured.fleet.bots)} bots, {months:.0f} bot-months watched, {len(verdict.delays)} incidents."
    between = f"{100 * low / months:.2f} and {100 * high / months:.2f}"
    notes = [f"{watched} With 95 % confidence the rate of all is between {between}; the goal is no more than 1."]
    columns = ("alert", "right pages", "false pages", "precision", "false pages per 100 bot-months")
    return Table("False pages", columns, rows, notes)


def _goal(measured: Measured) -> Table:
    verdict, limits = judge(measured.fleet.cases, measured.pages, measured.since), _limits(measured)
    rows = []
    for least, hours in ((100, 4), (30, 12)):
        cases = [case for case in limits if _calls(measured, case, hours) >= least]
        in_time = [_within(verdict.delays[case], hours * HOUR) for case in cases]
        # The limit of an incident that not even the CUSUM finds is beyond its end.
        or_near = [
            one or (limits[case] is None) or _within(verdict.delays[case], 1.5 * (limits[case] or 0))
            for one, case in zip(in_time, cases, strict=True)
        ]
        ours = [verdict.delays[case] for case in cases]
        mean, mean_limit = _mean(ours), _mean([limits[case] for case in cases])
        rows.append(
            (
                f"{least} calls or more",
                f"{hours} h",
                str(len(cases)),
                _percent(sum(in_time), len(cases)),
                _percent(sum(or_near), len(cases)),
                _hours(mean),
                _hours(mean_limit),
                f"{mean / mean_limit:.2f}" if mean and mean_limit else "",
            )
        )
    columns = (
        *("calls an hour", "to be found within", "incidents", "found in time", "or within 1.5 times its limit"),
        *("mean delay", "mean limit", "times the limit"),
    )
    bots = f"{len(measured.fleet.bots)} bots of the characters that have so many calls, each with three such incidents"
    notes = [f"{bots}; {len(verdict.false)} false pages in {measured.bot_months:.0f} bot-months. The goal is 95 %."]
    return Table("The goal: a sudden drop of 20 points", columns, rows, notes)


def _autonomy(measured: Measured, verdict: Verdict, limits: Mapping[Case, float | None]) -> Table:
    rows = []
    for label, cases in _grouped(measured, limits):
        best = [limits[case] for case in cases]
        rows.append((*label, *_found([verdict.delays[case] for case in cases]), *_found(best)[1:]))
    columns = (
        *("incident", "size", "calls an hour", "incidents", "found", "delay: median", "95 %"),
        *("limit: found", "median", "95 %"),
    )
    notes = ["The limit is the CUSUM's on the same calls, for one false page in 100 bot-months of this alert alone."]
    return Table("Drops of autonomy", columns, rows, notes)


def _others(measured: Measured, verdict: Verdict) -> Table:
    cases = [case for case in measured.fleet.cases if case.kind.trouble is not Trouble.AUTONOMY]
    rows = [(*label, *_found([verdict.delays[case] for case in some])) for label, some in _grouped(measured, cases)]
    columns = ("incident", "size", "calls an hour", "incidents", "found", "delay: median", "95 %")
    return Table("Other incidents", columns, rows)


def _compared(measured: Measured) -> Table:
    rows = []
    named = {"OifdeBotAutonomyDropped": [page for page in measured.pages if page.alert == _DROP], **measured.naive}
    for name, pages in named.items():
        alone = {Trouble.AUTONOMY: pages[0].alert if pages else name}
        verdict = judge(
            measured.fleet.cases,
            pages,
            measured.since,
            {key: frozenset({value}) for key, value in alone.items()},
            alone,
        )
        sudden = [
            delay
            for case, delay in verdict.delays.items()
            if case.kind.trouble is Trouble.AUTONOMY and case.kind.size == 0.2 and case.kind.ramp == 0
        ]
        right, false = len(verdict.true), len(verdict.false)
        rows.append(
            (
                name,
                *_found(sudden),
                str(false),
                _precision(right, false),
                _rate(false, measured.bot_months),
            )
        )
    columns = (
        *("rule", "drops of 20 points", "found", "delay: median", "95 %", "false pages", "precision"),
        "false pages per 100 bot-months",
    )
    return Table("Beside naive thresholds", columns, rows)


def _grouped(measured: Measured, cases: Iterable[Case]) -> Iterable[tuple[tuple[str, str, str], Sequence[Case]]]:
    """The cases by kind, size and calls an hour, in order, with the words for them."""
    groups: dict[tuple[int, int], list[Case]] = {}
    order = [(kind.name, kind.size) for kind in KINDS]
    for case in cases:
        calls = _calls(measured, case, 12)
        place = next(place for place, (least, _) in enumerate(_CLASSES) if calls >= least)
        groups.setdefault((order.index((case.kind.name, case.kind.size)), place), []).append(case)
    for (kind, place), some in sorted(groups.items()):
        name, size = order[kind]
        yield (name, _SIZES[some[0].kind.trouble](size), _CLASSES[place][1]), some


_CLASSES: Final = ((100.0, "100 and more"), (30.0, "30 to 100"), (5.0, "5 to 30"), (0.0, "below 5"))
_SIZES: Final[Mapping[Trouble, Callable[[float], str]]] = {
    Trouble.AUTONOMY: lambda size: f"{size:.0%} points",
    Trouble.DIRECT: lambda size: f"{size:.0%} of those not served",
    Trouble.INTERFACES: lambda size: f"{size:.0%} points",
    Trouble.CALL_LOSS: lambda size: f"{size:.0%}",
    Trouble.SURGE: lambda size: f"{1 + size:.0f} times",
}


def _calls(measured: Measured, case: Case, hours: int) -> float:
    """The calls an hour, on average, that come in so many hours from an incident's start on, if none are lost or added."""
    first = int(case.start // HOUR * HOUR)
    calls = [
        measured.fleet.world.truth(measured.tenant.tenant_id, case.bot.access_code, first + hour * HOUR - back).calls
        for back in ((0,) if case.kind.trouble in _SAME_CALLS else (7 * 24 * HOUR,))
        for hour in range(hours)
    ]
    return statistics.fmean(calls)


_SAME_CALLS: Final = frozenset({Trouble.AUTONOMY, Trouble.DIRECT, Trouble.INTERFACES})


def _within(delay: float | None, seconds: float) -> bool:
    return delay is not None and delay <= seconds


def _found(delays: Sequence[float | None]) -> tuple[str, str, str, str]:
    """How many, what share was found, and the median and 95th percentile of the delay, those not found being last."""
    ordered = sorted(math.inf if delay is None else delay for delay in delays)
    found = sum(delay < math.inf for delay in ordered)
    return (
        str(len(ordered)),
        _percent(found, len(ordered)),
        *(_hours(ordered[math.ceil(share * len(ordered)) - 1]) if ordered else "" for share in (0.5, 0.95)),  # type: ignore[return-value]
    )


def _mean(delays: Sequence[float | None]) -> float | None:
    """Of those found."""
    known = [delay for delay in delays if delay is not None]
    return statistics.fmean(known) if known else None


def _hours(seconds: float | None) -> str:
    return "" if seconds is None else "never" if seconds == math.inf else f"{seconds / HOUR:.1f} h"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _precision(true: int, false: int) -> str:
    return _percent(true, true + false)


def _rate(count: int, bot_months: float) -> str:
    return f"{100 * count / bot_months:.2f}"


def _poisson_interval(count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a Poisson mean (Garwood 1936), by bisection."""

    def at_most(number: int, mean: float) -> float:
        return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(number + 1))

    def solve(target: Callable[[float], bool]) -> float:
        low, high = 1e-9, 10.0 * (count + 5)
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if target(middle) else (low, middle)
        return low

    lower = 0.0 if count == 0 else solve(lambda mean: 1 - at_most(count - 1, mean) < 0.025)
    return lower, solve(lambda mean: at_most(count, mean) > 0.025)
