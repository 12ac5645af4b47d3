"""How soon a drop of autonomy can be known at all: the CUSUM of Page (1954), which is told what it has to look for.

Of all rules with a given rate of false alarms it has the least delay in the worst case (Lorden 1971, Moustakides 1986).
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from exporter.simulator import Counts, SimBot, SimTenant, SimulatedWorld
from exporter.simulator.characters import DAY, HOUR
from observability.quality.fleet import Case

_BEFORE: Final = 2 * DAY
"""So long before the incident the sum starts, to be where it normally is."""
_OVERSHOOT: Final = 1.166
"""Siegmund's (1985) correction for a sum that moves in steps, in standard deviations of a step."""


def threshold(information: float, calls_between: float) -> float:
    """What the sum must reach, for a false alarm once in ``calls_between`` calls on average.

    ``information`` is what one call tells: the square of the change as an angle, in standard deviations.
    """
    target = calls_between * information / 2
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.expm1(middle) - middle < target else (low, middle)
    return max(0.0, low - _OVERSHOOT * math.sqrt(information))


def delay(world: SimulatedWorld, tenant: SimTenant, case: Case, step: int, hours_between: float) -> float | None:
    """Seconds until the CUSUM has found a drop of autonomy; None if it has not by the incident's end.

    It knows each hour's autonomy as it should be, and the drop; it sees every call at once, every ``step`` seconds; it has
    a false alarm once in ``hours_between`` hours on average.
    """
    bot = case.bot
    calls = sum(judged for _, judged, _ in _steps(world, tenant, bot, case.start - _BEFORE, case.start, step))
    change = angle(bot.autonomy) - angle(max(0.0, bot.autonomy - case.kind.size))
    limit = threshold(change**2, max(1.0, calls / (_BEFORE / HOUR) * hours_between))
    total = 0.0
    for moment, judged, served in _steps(world, tenant, bot, case.start - _BEFORE, case.end, step):
        usual = _autonomy(tenant, bot, moment - step)
        worse = min(max(usual - case.kind.size, 0.001), 0.999)
        total = max(0.0, total + gain(served, judged, usual, worse))
        if moment > case.start and total >= limit:
            return moment - case.start
    return None


def _steps(
    world: SimulatedWorld, tenant: SimTenant, bot: SimBot, start: float, end: float, step: int
) -> Iterator[tuple[float, int, int]]:
    """The (end, calls with an outcome to judge, those served) of each step."""
    moment = int(start // step * step)
    while moment < end:
        hour = moment // HOUR * HOUR
        before, after = (world.truth(tenant.tenant_id, bot.access_code, hour, now) for now in (moment, moment + step))
        yield moment + step, _judged(after) - _judged(before), after.contained - before.contained
        moment += step


def _judged(counts: Counts) -> int:
    return counts.direct_transfer + counts.consulted_transfer + counts.contained


def _autonomy(tenant: SimTenant, bot: SimBot, moment: float) -> float:
    by_hour = bot.autonomy_by_hour[datetime.fromtimestamp(moment, tenant.timezone).hour]
    return min(max(bot.autonomy + by_hour, 0.001), 0.999)


def angle(share: float) -> float:
    """A share as an angle, whose variance is 1 for each call."""
    return 2 * math.asin(math.sqrt(share))


def gain(served: int, judged: int, usual: float, worse: float) -> float:
    """What so many calls, some of them served, add to the sum: the logarithm of how much likelier they are at ``worse``."""
    return served * math.log(worse / usual) + (judged - served) * math.log((1 - worse) / (1 - usual))
