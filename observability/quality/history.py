"""What Prometheus would have scraped of the exporter beside a simulated platform, as OpenMetrics text.

It is what ``exporter.polling.windows`` makes of the platform's reports (a test compares them), worked out hour by hour
and not poll by poll: weeks of two hundred bots would take the exporter itself hours.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from exporter.polling.calendar import hour_start, hours, local_date
from exporter.simulator import Counts, SimBot, SimTenant, SimulatedWorld
from exporter.simulator.characters import HOUR

SETTLE_DELAY: Final = 600.0
EMPTY_HOUR_DELAY: Final = 7200.0
_FINAL: Final = 3 * HOUR
"""So long after its end an hour's record changes no more."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a scrape shows of a bot at ``time``: the last complete hour, and the day's counters."""

    time: float
    hour: Counts
    day: Counts


@dataclass(frozen=True, slots=True)
class _Line:
    """A bot's records as they come."""

    world: SimulatedWorld
    tenant_id: str
    access_code: str
    zone: ZoneInfo

    def published(self, start: float, now: float) -> Counts:
        return self.world.published(self.tenant_id, self.access_code, int(start), now)

    def settled(self, start: float, now: float) -> bool:
        """Whether the hour that begins at ``start`` counts as complete."""
        ago = now - (start + HOUR)
        return ago >= EMPTY_HOUR_DELAY or (ago >= SETTLE_DELAY and self.published(start, now).calls > 0)

    def last_complete(self, now: float) -> float:
        """When the newest complete hour began."""
        this = hour_start(now, self.zone)
        return next(start for ago in (1, 2, 3) if self.settled(start := this - ago * HOUR, now))


def samples(world: SimulatedWorld, tenant: SimTenant, bot: SimBot, times: Iterable[float]) -> Iterator[Sample]:
    """A bot's samples at some times (epoch seconds, ascending, no more than an hour apart).

    A new day's 0 is shown for one sample; it stands for the two minutes for which the exporter shows it.
    """
    line = _Line(world, tenant.tenant_id, bot.access_code, tenant.timezone)
    counted: date | None = None
    plan: list[float] = []
    done = 0
    over = shown = Counts()  # the hours that change no more, and all that is shown
    for now in times:
        today = local_date(now, line.zone)
        while done < len(plan) and now >= plan[done] + HOUR + _FINAL:
            over = _sum((over, line.published(plan[done], now)))
            done += 1
        known = _sum((over, *(line.published(start, now) for start in plan[done:] if start < now)))
        grown = Counts(*map(max, shown, known))
        # What comes last of a day is shown before the next one begins, if it comes before the deadline.
        final = counted is not None and counted < today and all(line.settled(start, now) for start in plan[-3:])
        if counted is None or (final and (grown == shown or now >= plan[-1] + HOUR + EMPTY_HOUR_DELAY)):
            counted, plan, done = today, [start for start, _ in hours(today, line.zone)], 0
            over = shown = Counts()
        else:
            shown = grown
        yield Sample(now, line.published(line.last_complete(now), now), shown)


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(*map(sum, zip(*counts, strict=True)))


def openmetrics(world: SimulatedWorld, tenant: SimTenant, bot: SimBot, times: Sequence[float]) -> Iterator[str]:
    """The lines of a bot's series that the rules read, and the ratio that a naive rule reads; without the end mark."""
    labels = f'tenant_id="{tenant.tenant_id}",access_code="{bot.access_code}",bot="{bot.name}"'
    info = f'oifde_bot_info{{{labels},platform="main",tenant="{tenant.name}"}} 1'
    for sample in samples(world, tenant, bot, times):
        time, hour, day = f"{sample.time:.0f}", sample.hour, sample.day
        yield f"{info} {time}\n"
        yield f"oifde_hour_calls{{{labels}}} {hour.calls} {time}\n"
        judged = hour.direct_transfer + hour.consulted_transfer + hour.contained
        if judged:
            yield f"oifde_hour_autonomy_ratio{{{labels}}} {hour.contained / judged:.4f} {time}\n"
        yield f"oifde_calls_total{{{labels}}} {day.calls} {time}\n"
        for outcome in ("immediate_exit", "direct_transfer", "consulted_transfer", "contained"):
            yield f'oifde_call_outcomes_total{{{labels},outcome="{outcome}"}} {getattr(day, outcome)} {time}\n'
        yield f"oifde_interface_requests_total{{{labels}}} {day.interface_requests} {time}\n"
        yield f"oifde_interface_successes_total{{{labels}}} {day.interface_successes} {time}\n"
