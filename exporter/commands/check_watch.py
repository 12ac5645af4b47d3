"""``check --live --watch``: look at the reports of a few bots again and again, and say when hours appear and change."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.commands.advice import advise
from exporter.commands.capture import Capture
from exporter.commands.check_findings import name_tenant
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.watching import BotWatch, Learned, describe_event, describe_reach, describe_stored
from exporter.config import Bot, Config
from exporter.language import Text
from exporter.polling.calendar import find_day_before, find_day_start, find_local_date
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import HOUR, Record, parse

_BOTS: Final = 3
"""Of each tenant: the busiest of the first `_CANDIDATES`."""
_CANDIDATES: Final = 20
_AGES: Final = (1, 7, 30, 60, 90, 180, 365)
"""Days."""
_CALLS: Final = next(index for index, known in enumerate(HOUR.fields) if known.metric == "calls")
_OVERLAP: Final = 3 * 3600.0
"""Seconds after midnight in which yesterday is watched as well."""

Say = Callable[[str], None]


@dataclass(slots=True)
class WatchedTenant:
    """A tenant, and what was seen of its bots."""

    access: TenantAccess
    interval: float
    bots: dict[str, BotWatch] = field(default_factory=dict)
    """By access code."""
    problem: str = ""
    """The last failure, until a request succeeds."""

    @property
    def name(self) -> str:
        return name_tenant(self.access.platform, self.access.tenant)


async def watch_reports(
    config: Config,
    duration: float,
    say: Say,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
    capture: Capture | None = None,
) -> None:
    """Watch for ``duration`` seconds, and ``say`` what is new. A cancellation ends the watch with what was learned."""
    async with open_tenants(config, clock=clock, log=log, capture=capture) as tenants:
        await watch_tenants(tenants, duration, say, clock=clock)


async def watch_tenants(tenants: Sequence[TenantAccess], duration: float, say: Say, *, clock: Clock) -> None:
    """Watch some tenants; see `watch_reports`."""
    watched = [WatchedTenant(access, access.tenant.poll_interval) for access in tenants]
    try:
        async with asyncio.timeout(duration):
            await asyncio.gather(*(_watch_tenant(tenant, say, clock) for tenant in watched))
    except TimeoutError:
        pass
    finally:
        for tenant in watched:
            if tenant.bots:
                learned = Learned.of(list(tenant.bots.values()))
                for sentence in learned.describe(tenant.interval):
                    say(_about(tenant, sentence))


async def _watch_tenant(tenant: WatchedTenant, say: Say, clock: Clock) -> None:
    try:
        bots = await _choose_bots(tenant, clock)
        for sentence in await _look_back(tenant, bots, clock):
            say(_about(tenant, sentence))
    except UpstreamError as error:
        say(_about(tenant, error.message))
        say(_about(tenant, advise(error)))
        return
    if not bots:
        return
    zone = tenant.access.tenant.timezone
    tenant.bots = {bot.access_code: BotWatch(_name_bot(tenant, bot), zone) for bot in bots}
    while True:
        now = clock.now()
        today = find_local_date(now, zone)
        days = [find_day_before(today), today] if now < find_day_start(now, zone) + _OVERLAP else [today]
        for bot in bots:
            for day in days:
                await _look(tenant, bot, day, say, clock)
        await asyncio.sleep(tenant.interval)


def _name_bot(tenant: WatchedTenant, bot: Bot) -> Text:
    return Text("%(tenant)s, %(bot)s", tenant=tenant.name, bot=bot.name)


def _about(tenant: WatchedTenant, what: str) -> Text:
    return Text("%(where)s: %(what)s", where=tenant.name, what=what)


async def _look(tenant: WatchedTenant, bot: Bot, day: date, say: Say, clock: Clock) -> None:
    try:
        records = await _request(tenant, bot, day)
    except UpstreamError as error:
        if str(error) != tenant.problem:
            tenant.problem = str(error)
            watched = tenant.bots[bot.access_code]
            say(describe_event(clock.now(), watched.zone, watched.name, error.message))
        return
    tenant.problem = ""
    for sentence in tenant.bots[bot.access_code].observe(clock.now(), day, records):
        say(sentence)


async def _choose_bots(tenant: WatchedTenant, clock: Clock) -> Sequence[Bot]:
    """Return the busiest bots of the day before."""
    yesterday = find_day_before(find_local_date(clock.now(), tenant.access.tenant.timezone))
    bots = (await tenant.access.list_bots())[:_CANDIDATES]
    calls = [sum(record.values[_CALLS] or 0 for record in await _request(tenant, bot, yesterday)) for bot in bots]
    ranked = sorted(zip(calls, bots, strict=True), key=lambda pair: -pair[0])
    return [bot for _, bot in ranked[:_BOTS]]


async def _look_back(tenant: WatchedTenant, bots: Sequence[Bot], clock: Clock) -> Sequence[Text]:
    """Return what the past of the busiest bot tells."""
    if not bots:
        return [Text("There is no bot to watch.")]
    zone = tenant.access.tenant.timezone
    today = find_local_date(clock.now(), zone)
    found = {age: await _request(tenant, bots[0], today - timedelta(days=age)) for age in _AGES}
    return [
        Text("Watching %(bots)s, every %(n)s s.", bots=", ".join(bot.name for bot in bots), n=f"{tenant.interval:g}"),
        describe_reach({age: len(records) for age, records in found.items()}),
        describe_stored(found[_AGES[0]], zone),
    ]


async def _request(tenant: WatchedTenant, bot: Bot, day: date) -> Sequence[Record]:
    access = tenant.access
    rows = await access.ask(HOUR, bot.access_code, day)
    ids = {"tenant_id": access.tenant.tenant_id, "access_code": bot.access_code}
    return parse(HOUR, rows, **ids, redact=access.client.redact).records
