"""Everything that is polled under the configuration of now; a new configuration disturbs only what it changes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Final, TypeAlias, TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.poller import Plan, Poller
from exporter.polling.schedule import Phases
from exporter.polling.snapshot import BotId, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.upstream.client import PlatformClient
from exporter.upstream.reports import ANOMALY_REASONS, REPORTS, Anomaly
from exporter.upstream.session import TenantSession

_TIMEOUTS_PER_POLL: Final = 3

_ITEMS_A_TURN: Final = 50

_Item = TypeVar("_Item")
_TenantKey: TypeAlias = tuple[str, str]  # platform, tenant_id
_UnitKey: TypeAlias = tuple[str, str, str, str]  # platform, tenant_id, access_code, report


@dataclass(frozen=True, slots=True)
class _PlatformRuntime:
    settings: Platform
    client: PlatformClient
    phases: Phases


@dataclass(frozen=True, slots=True)
class _TenantRuntime:
    id: TenantId
    settings: Tenant
    client: PlatformClient
    session: TenantSession
    anomalies: Counter[tuple[str, str]]
    revisions: Counter[str]

    def keep_only(self, reports: Collection[str]) -> None:
        """Forgets the counts of other reports."""
        for report, reason in [key for key in self.anomalies if key[0] not in reports]:
            del self.anomalies[report, reason]
        for report in self.revisions.keys() - set(reports):
            del self.revisions[report]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A report of a bot that is being polled."""

    poller: Poller
    session: TenantSession
    phase: float
    task: asyncio.Task[None]


class Fleet:
    """Runs a poller for every report of every configured bot."""

    def __init__(
        self, *, store: Store, clock: Clock, health: Health, log: FilteringBoundLogger, rng: random.Random
    ) -> None:
        self._store = store
        self._clock = clock
        self._health = health
        self._log = log
        self._rng = rng
        self._platforms: dict[str, _PlatformRuntime] = {}
        self._tenants: dict[_TenantKey, _TenantRuntime] = {}
        self._units: dict[_UnitKey, _Unit] = {}

    @property
    def all_tried(self) -> bool:
        """Whether every report of every bot has been asked for once, with whatever result."""
        return all(unit.poller.tried.is_set() for unit in self._units.values())

    async def apply(self, config: Config) -> None:
        """Polls what ``config`` says from now on. Where a part of it cannot be built it raises, and nothing has changed."""
        async with AsyncExitStack() as unused:
            platforms = self._build_platforms(config, unused)
            tenants = dict(self._build_tenants(config, platforms))
            wanted = {key: (plan, session) async for key, plan, session in _in_turns(self._plan(config, tenants))}
            unused.pop_all()
        former_platforms, self._platforms = self._platforms, platforms
        former_tenants, self._tenants = self._tenants, tenants
        for name in platforms:
            self._health.init_platform(name, ["get_token", *(REPORTS[report].operation for report in config.reports)])
        try:
            await self._switch(wanted, former_tenants, config.reports)
        finally:
            for name, former in former_platforms.items():
                if platforms.get(name) is not former:
                    await former.client.close()
                if name not in platforms:
                    self._health.forget_platform(name)  # last: what was under way has been counted until now

    async def _switch(
        self,
        wanted: Mapping[_UnitKey, tuple[Plan, TenantSession]],
        former_tenants: Mapping[_TenantKey, _TenantRuntime],
        reports: Collection[str],
    ) -> None:
        """Stops what is not wanted as it is, and starts what is wanted and does not run."""
        former_bots, bots = self._bots, {plan.bot for plan, _ in wanted.values()}
        await self._retire(
            [
                key
                async for key, unit in _in_turns(self._units.items())
                if wanted.get(key) != (unit.poller.plan, unit.session)
            ]
        )
        for bot in former_bots - bots:
            self._store.remove(bot)
        for key in self._units.keys() - wanted.keys():
            if (bot := self._units[key].poller.plan.bot) in bots:
                self._store.remove_report(bot, key[3])
        for tenant in _ids(former_tenants.values()) - _ids(self._tenants.values()):
            self._store.remove_tenant(tenant)
        for runtime in self._tenants.values():
            runtime.keep_only(reports)
            self._publish_tenant(runtime)
        async for key, (plan, session) in _in_turns(wanted.items()):
            self._start(key, plan, session)
        for key in self._units.keys() - wanted.keys():
            del self._units[key]
        self._health.bots.set(len(self._bots))

    def reset_logins(self) -> None:
        """An operator's word that logging in may be tried again."""
        for runtime in self._tenants.values():
            runtime.session.reset()

    async def close(self) -> None:
        """Ends every poll and every connection."""
        await self._retire(list(self._units))
        for platform in self._platforms.values():
            await platform.client.close()

    @property
    def _bots(self) -> set[BotId]:
        return {unit.poller.plan.bot for unit in self._units.values()}

    def _build_platforms(self, config: Config, unused: AsyncExitStack) -> dict[str, _PlatformRuntime]:
        """Those that stay as they are, and new ones for the others, which ``unused`` closes."""
        platforms: dict[str, _PlatformRuntime] = {}
        for each in config.platforms:
            settings, former = replace(each, tenants=()), self._platforms.get(each.name)
            if former and former.settings == settings:
                platforms[each.name] = former
                continue
            client = PlatformClient(settings, clock=self._clock, health=self._health, log=self._log, rng=self._rng)
            unused.push_async_callback(client.close)
            platforms[each.name] = _PlatformRuntime(settings, client, former.phases if former else Phases())
        return platforms

    def _build_tenants(
        self, config: Config, platforms: Mapping[str, _PlatformRuntime]
    ) -> Iterator[tuple[_TenantKey, _TenantRuntime]]:
        """Those whose way to the platform stays the same keep their session, and all keep their counts."""
        for platform, tenant in _tenants_of(config):
            key = (platform.name, tenant.tenant_id)
            client, former = platforms[platform.name].client, self._tenants.get(key)
            if former and former.client is client and former.settings.auth == tenant.auth:
                session = former.session
            else:
                session = TenantSession(
                    client,
                    tenant,
                    clock=self._clock,
                    health=self._health,
                    log=self._log,
                    rng=self._rng,
                    on_change=partial(self._session_changed, key),
                )
            anomalies = former.anomalies if former else Counter[tuple[str, str]]()
            anomalies.update(dict.fromkeys(product(config.reports, ANOMALY_REASONS), 0))
            revisions = former.revisions if former else Counter[str]()
            revisions.update(dict.fromkeys(config.reports, 0))
            id_ = TenantId(platform.name, tenant.tenant_id, tenant.name or tenant.tenant_id)
            yield key, _TenantRuntime(id_, tenant, client, session, anomalies, revisions)

    def _plan(
        self, config: Config, tenants: Mapping[_TenantKey, _TenantRuntime]
    ) -> Iterator[tuple[_UnitKey, Plan, TenantSession]]:
        for platform, tenant in _tenants_of(config):
            runtime = tenants[platform.name, tenant.tenant_id]
            budget = min(tenant.poll_interval, _TIMEOUTS_PER_POLL * platform.request_timeout)
            for name in config.reports:
                rules = Rules(REPORTS[name], tenant.timezone, config.settle_delay, config.empty_hour_delay)
                for bot in tenant.bots:
                    id_ = BotId(
                        platform.name,
                        tenant.tenant_id,
                        bot.access_code,
                        bot.name,
                        runtime.id.tenant,
                        tuple(sorted(bot.labels.items())),
                        tenant.timezone.key,
                    )
                    plan = Plan(id_, rules, tenant.poll_interval, tenant.stale_after, budget)
                    yield (platform.name, tenant.tenant_id, bot.access_code, name), plan, runtime.session

    def _start(self, key: _UnitKey, plan: Plan, session: TenantSession) -> None:
        """Starts polling what is new or was retired; what runs on unchanged is left alone."""
        former = self._units.get(key)
        if former and not former.task.done():
            return
        if former and former.poller.plan.rules.zone == plan.rules.zone:
            poller, phase = former.poller, former.phase
            poller.replan(plan, session)
        else:
            poller = Poller(
                plan,
                session,
                store=self._store,
                clock=self._clock,
                log=self._log,
                observe_lag=self._health.poll_lag.observe,
                observe_findings=partial(self._found, key[:2]),
            )
            phase = former.phase if former else self._platforms[key[0]].phases.take()
        task = asyncio.create_task(poller.run(phase), name="/".join(key))
        task.add_done_callback(self._ended)
        self._units[key] = _Unit(poller, session, phase, task)

    async def _retire(self, keys: Iterable[_UnitKey]) -> None:
        """Stops polling some reports, even in the middle of a poll."""
        units = [self._units[key] for key in keys]
        for unit in units:
            unit.task.cancel()
            unit.poller.close()
        await asyncio.gather(*(unit.task for unit in units), return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._log.critical("poller_died", poller=task.get_name(), exc_info=task.exception())

    def _found(self, key: _TenantKey, report: str, anomalies: Sequence[Anomaly], revisions: int) -> None:
        runtime = self._tenants.get(key)
        if runtime is None:  # about to be retired
            return
        runtime.anomalies.update((report, each.reason) for each in anomalies)
        runtime.revisions[report] += revisions
        self._publish_tenant(runtime)

    def _session_changed(self, key: _TenantKey) -> None:
        if runtime := self._tenants.get(key):
            self._publish_tenant(runtime)

    def _publish_tenant(self, runtime: _TenantRuntime) -> None:
        state = runtime.session.state()
        self._store.put_tenant(
            runtime.id,
            TenantStatus(
                anomalies=dict(runtime.anomalies),
                revisions=dict(runtime.revisions),
                token_expiry=state.token_expiry,
                blocked=state.blocked,
                login_problem=state.reason,
                login_code=state.code,
                retry_at=state.retry_at,
            ),
        )


def _ids(tenants: Iterable[_TenantRuntime]) -> set[TenantId]:
    return {tenant.id for tenant in tenants}


def _tenants_of(config: Config) -> Iterator[tuple[Platform, Tenant]]:
    for platform in config.platforms:
        for tenant in platform.tenants:
            yield platform, tenant


async def _in_turns(items: Iterable[_Item]) -> AsyncIterator[_Item]:
    """The items, with everybody else's turn in between: there may be thousands, and scrapes go on."""
    for index, item in enumerate(items):
        if index % _ITEMS_A_TURN == 0:
            await asyncio.sleep(0)
        yield item
