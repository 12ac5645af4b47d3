"""Everything that is polled under the configuration of now; a new configuration disturbs only what it changes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, product
from typing import Final, Generic, TypeAlias, TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Bot, Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.discovery import Discovery, DiscoveryPlan
from exporter.polling.poller import Plan, Poller
from exporter.polling.roster import chosen
from exporter.polling.schedule import Phases
from exporter.polling.snapshot import BotId, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.upstream import bindings
from exporter.upstream.client import PlatformClient
from exporter.upstream.reports import ANOMALY_REASONS, REPORTS, Anomaly
from exporter.upstream.session import TenantSession

_TIMEOUTS_PER_POLL: Final = 3
_INTERVALS_UNTIL_STALE: Final = 3
"""Of a report that is polled less often than configured, so that one poll that fails withdraws nothing."""

_ITEMS_A_TURN: Final = 50

_Item = TypeVar("_Item")
_TenantKey: TypeAlias = tuple[str, str]  # platform, tenant_id
_UnitKey: TypeAlias = tuple[str, str, str, str]  # platform, tenant_id, access_code, report


@dataclass(frozen=True, slots=True)
class _PlatformRuntime:
    settings: Platform
    client: PlatformClient
    phases: Phases
    discovery_phases: Phases


@dataclass(frozen=True, slots=True)
class _TenantRuntime:
    id: TenantId
    settings: Tenant
    client: PlatformClient
    session: TenantSession
    rules: tuple[Rules, ...]
    budget: float
    anomalies: Counter[tuple[str, str]]
    revisions: Counter[str]
    bots: tuple[Bot, ...]
    """All that are polled, those that were discovered too."""

    def keep_only(self, reports: Collection[str]) -> None:
        """Forgets the counts of other reports."""
        for report, reason in [key for key in self.anomalies if key[0] not in reports]:
            del self.anomalies[report, reason]
        for report in self.revisions.keys() - set(reports):
            del self.revisions[report]


_Worker = TypeVar("_Worker", Poller, Discovery)


@dataclass(frozen=True, slots=True)
class _Unit(Generic[_Worker]):
    """A report of a bot that is being polled, or a tenant whose bots are being discovered."""

    worker: _Worker
    session: TenantSession
    phase: float
    task: asyncio.Task[None]


_AnyUnit: TypeAlias = _Unit[Poller] | _Unit[Discovery]


class Fleet:
    """Runs a poller for every report of every bot, and finds out which bots there are where that is wanted."""

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
        self._units: dict[_UnitKey, _Unit[Poller]] = {}
        self._discoveries: dict[_TenantKey, _Unit[Discovery]] = {}
        self._changing = asyncio.Lock()
        """Held by whoever changes what is polled: a new configuration, or what a discovery has found."""

    @property
    def all_tried(self) -> bool:
        """Whether every report of every bot, and every discovery of bots, has been tried once, with whatever result."""
        return all(unit.worker.tried.is_set() for unit in self._running)

    async def apply(self, config: Config) -> None:
        """Polls what ``config`` says from now on. Where a part of it cannot be built it raises, and nothing has changed."""
        async with self._changing:
            async with AsyncExitStack() as unused:
                platforms = self._build_platforms(config, unused)
                tenants = dict(self._build_tenants(config, platforms))
                discoveries = dict(_discovery_plans(tenants))
                wanted = {key: (plan, session) async for key, plan, session in _in_turns(self._plan(tenants.values()))}
                await self._stop_discoveries(discoveries)
                await self._stop(list(self._units), wanted)
                unused.pop_all()
            former_platforms, self._platforms = self._platforms, platforms
            former_tenants, self._tenants = self._tenants, tenants
            for platform in config.platforms:
                self._health.init_platform(platform.name, _operations(platform, config.reports))
            for tenant in _ids(former_tenants.values()) - _ids(tenants.values()):
                self._store.remove_tenant(tenant)
            for key, (plan, session) in discoveries.items():
                self._start_discovery(key, plan, session)
            for runtime in tenants.values():
                runtime.keep_only(config.reports)
                self._publish_tenant(runtime)
            try:
                await self._go_on(wanted)
            finally:
                for name, former in former_platforms.items():
                    if platforms.get(name) is not former:
                        await former.client.close()
                    if name not in platforms:
                        self._health.forget_platform(name)  # last: what was under way has been counted until now

    async def _follow(self, key: _TenantKey) -> None:
        """Polls the bots that a tenant's discovery has found."""
        async with self._changing:
            former = self._tenants[key]
            runtime = replace(former, bots=self._bots_of(key, former.settings))
            if runtime.bots != former.bots:
                wanted = {unit: (plan, session) async for unit, plan, session in _in_turns(self._plan([runtime]))}
                await self._stop([unit for unit in self._units if unit[:2] == key], wanted)
                await self._go_on(wanted)
                self._tenants[key] = runtime  # last: should it fail before, the next discovery makes up for it
                self._tell(former, runtime)

    def _bots_of(self, key: _TenantKey, tenant: Tenant) -> tuple[Bot, ...]:
        """The bots of a tenant, as far as they are known."""
        if tenant.discovery is None or key not in self._discoveries:
            return tenant.bots
        return chosen(tenant.bots, self._discoveries[key].worker.roster.names, tenant.discovery)

    async def _stop(self, former: Collection[_UnitKey], wanted: Mapping[_UnitKey, tuple[Plan, TenantSession]]) -> None:
        """Of the ``former`` units, stops those that are not wanted as they are; those not wanted at all leave no series."""
        former_bots = {self._units[key].worker.plan.bot for key in former}
        bots = {plan.bot for plan, _ in wanted.values()}
        changed = [
            unit
            async for key, unit in _in_turns([(key, self._units[key]) for key in former])
            if wanted.get(key) != (unit.worker.plan, unit.session)
        ]
        await _retire(changed)
        for bot in former_bots - bots:
            self._store.remove(bot)
        for key in set(former) - wanted.keys():
            if (bot := self._units.pop(key).worker.plan.bot) in bots:
                self._store.remove_report(bot, key[3])

    async def _go_on(self, wanted: Mapping[_UnitKey, tuple[Plan, TenantSession]]) -> None:
        """Starts what is wanted and does not run."""
        async for key, (plan, session) in _in_turns(wanted.items()):
            self._start(key, plan, session)
        self._health.bots.set(len({key[:3] for key in self._units}))

    async def _stop_discoveries(self, wanted: Mapping[_TenantKey, tuple[DiscoveryPlan, TenantSession]]) -> None:
        """Stops the discoveries that are not wanted as they are."""
        await _retire(
            unit for key, unit in self._discoveries.items() if wanted.get(key) != (unit.worker.plan, unit.session)
        )
        for key in self._discoveries.keys() - wanted.keys():
            del self._discoveries[key]

    def reset_logins(self) -> None:
        """An operator's word that logging in may be tried again."""
        for runtime in self._tenants.values():
            runtime.session.reset()

    async def close(self) -> None:
        """Ends every poll and every connection."""
        async with self._changing:
            await _retire(self._running)
        for platform in self._platforms.values():
            await platform.client.close()

    @property
    def _running(self) -> Iterator[_AnyUnit]:
        return chain(self._discoveries.values(), self._units.values())

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
            phases, discovery_phases = (former.phases, former.discovery_phases) if former else (Phases(), Phases())
            platforms[each.name] = _PlatformRuntime(settings, client, phases, discovery_phases)
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
                    on_change=partial(self._tenant_changed, key),
                )
            anomalies = former.anomalies if former else Counter[tuple[str, str]]()
            anomalies.update(dict.fromkeys(product(config.reports, ANOMALY_REASONS), 0))
            revisions = former.revisions if former else Counter[str]()
            revisions.update(dict.fromkeys(config.reports, 0))
            yield (
                key,
                _TenantRuntime(
                    TenantId(platform.name, tenant.tenant_id, tenant.name or tenant.tenant_id),
                    tenant,
                    client,
                    session,
                    tuple(
                        Rules(REPORTS[name], tenant.timezone, config.settle_delay, config.empty_hour_delay)
                        for name in config.reports
                    ),
                    _TIMEOUTS_PER_POLL * platform.request_timeout,
                    anomalies,
                    revisions,
                    self._bots_of(key, tenant),
                ),
            )

    def _plan(self, tenants: Iterable[_TenantRuntime]) -> Iterator[tuple[_UnitKey, Plan, TenantSession]]:
        for runtime in tenants:
            tenant, id_ = runtime.settings, runtime.id
            for rules in runtime.rules:
                at_least = rules.report.min_interval
                interval = max(tenant.poll_interval, at_least)
                stale_after = max(tenant.stale_after, _INTERVALS_UNTIL_STALE * at_least)
                budget = min(interval, runtime.budget)
                for bot in runtime.bots:
                    plan = Plan(BotId.of(id_.platform, tenant, bot), rules, interval, stale_after, budget)
                    yield (id_.platform, id_.tenant_id, bot.access_code, rules.report.name), plan, runtime.session

    def _start(self, key: _UnitKey, plan: Plan, session: TenantSession) -> None:
        """Starts polling what is new or was retired; what runs on unchanged is left alone."""
        former = self._units.get(key)
        if former and not former.task.done():
            return
        if former and former.worker.plan.rules.zone == plan.rules.zone:
            poller, phase = former.worker, former.phase
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
        self._units[key] = self._run(poller, session, phase, key)

    def _start_discovery(self, key: _TenantKey, plan: DiscoveryPlan, session: TenantSession) -> None:
        """Starts the discovery that is new or was retired; one that runs on unchanged is left alone."""
        former = self._discoveries.get(key)
        if former and not former.task.done():
            return
        if former:
            discovery, phase = former.worker, former.phase
            discovery.replan(plan, session)
        else:
            discovery = Discovery(
                plan,
                session,
                clock=self._clock,
                log=self._log,
                follow=partial(self._follow, key),
                on_change=partial(self._tenant_changed, key),
            )
            phase = self._platforms[key[0]].discovery_phases.take()
        self._discoveries[key] = self._run(discovery, session, phase, key)

    def _run(self, worker: _Worker, session: TenantSession, phase: float, key: Iterable[str]) -> _Unit[_Worker]:
        name = "/".join(key)
        return _Unit(worker, session, phase, asyncio.create_task(self._keep_running(worker, phase, name), name=name))

    async def _keep_running(self, worker: Poller | Discovery, phase: float, name: str) -> None:
        """Runs a worker until it is cancelled: a fault that ends it sets its report down, and it begins anew."""
        while True:
            try:
                await worker.run(phase)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go well
                with suppress(Exception):  # if even that cannot be told
                    worker.fail(error)
                    self._log.critical("poller_died", poller=name, exc_info=error)
            await asyncio.sleep(worker.plan.interval)

    def _tell(self, former: _TenantRuntime, runtime: _TenantRuntime) -> None:
        """Has the log say which bots have come, gone, and been renamed."""
        log = self._log.bind(platform=runtime.id.platform, tenant_id=runtime.id.tenant_id)
        before, after = ({bot.access_code: bot.name for bot in each.bots} for each in (former, runtime))
        changes = {
            "found": after.keys() - before.keys(),
            "gone": before.keys() - after.keys(),
            "renamed": {code for code in after.keys() & before.keys() if after[code] != before[code]},
        }
        log.info("bots_changed", **{what: len(codes) for what, codes in changes.items()}, bots=len(after))
        for what, codes in changes.items():
            for code in sorted(codes):
                log.debug("bot_changed", change=what, access_code=code, bot=after.get(code, before.get(code)))

    def _found(self, key: _TenantKey, report: str, anomalies: Sequence[Anomaly], revisions: int) -> None:
        runtime = self._tenants.get(key)
        if runtime is None:  # about to be retired
            return
        runtime.anomalies.update((report, each.reason) for each in anomalies)
        runtime.revisions[report] += revisions
        self._publish_tenant(runtime)

    def _tenant_changed(self, key: _TenantKey) -> None:
        if runtime := self._tenants.get(key):
            self._publish_tenant(runtime)

    def _publish_tenant(self, runtime: _TenantRuntime) -> None:
        state = runtime.session.state()
        discovery = self._discoveries.get((runtime.id.platform, runtime.id.tenant_id))
        found = len(runtime.bots) - len(runtime.settings.bots)
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
                discovery=replace(discovery.worker.status, bots=found) if discovery else None,
            ),
        )


async def _retire(units: Iterable[_AnyUnit]) -> None:
    """Stops what runs, even in the middle of a request."""
    units = list(units)
    for unit in units:
        unit.task.cancel()
        unit.worker.close()
    await asyncio.gather(*(unit.task for unit in units), return_exceptions=True)


def _discovery_plans(
    tenants: Mapping[_TenantKey, _TenantRuntime],
) -> Iterator[tuple[_TenantKey, tuple[DiscoveryPlan, TenantSession]]]:
    """How, and over which session, the bots of those tenants are discovered that want it."""
    for key, runtime in tenants.items():
        tenant = runtime.settings
        if tenant.discovery is not None:
            interval = tenant.discovery.interval
            retry_interval, budget = min(interval, tenant.poll_interval), max(interval, runtime.budget)
            yield key, (DiscoveryPlan(*key, interval, retry_interval, budget), runtime.session)


def _operations(platform: Platform, reports: Iterable[str]) -> Iterator[str]:
    """What is asked of a platform, as metrics call it."""
    yield "get_token"
    yield from (REPORTS[report].operation for report in reports)
    if any(tenant.discovery for tenant in platform.tenants):
        yield bindings.OPERATION


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
