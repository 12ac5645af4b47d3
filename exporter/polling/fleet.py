"""Builds what polls each bot of a configuration, and publishes the tenants' status.

A new configuration disturbs only what it changes.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, product
from typing import Any, Final, Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Bot, Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.discovery import Discovery, DiscoveryPlan
from exporter.polling.healthcheck import HealthCheck, HealthPlan
from exporter.polling.poller import Plan, Poller
from exporter.polling.reconciler import KeyT, Periodic, PlanT, Reconciler, Worker, take_turns
from exporter.polling.roster import choose_bots
from exporter.polling.snapshot import BotId, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.upstream import bindings, servicemonitor
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.client import PlatformClient
from exporter.upstream.reports import REPORTS
from exporter.upstream.session import TenantSession

_TIMEOUTS_PER_POLL: Final = 3
_INTERVALS_UNTIL_STALE: Final = 3
"""For a report with a minimum interval of its own: one failed poll must not remove its series."""

TenantKey: TypeAlias = tuple[str, str]
"""Platform and tenant_id."""
_PollKey: TypeAlias = tuple[str, str, str, str]  # platform, tenant_id, access_code, report
_Plans: TypeAlias = Mapping[KeyT, tuple[PlanT, TenantSession]]
_Work: TypeAlias = Sequence[tuple[_Plans[TenantKey, Any], Reconciler[TenantKey, Any, Worker[Any]]]]


@dataclass(frozen=True, slots=True)
class PolledTenant:
    """A tenant of the current configuration, with the bots that are polled: configured and discovered."""

    config: Config
    platform: Platform
    tenant: Tenant
    bots: tuple[Bot, ...]

    @property
    def key(self) -> TenantKey:
        return self.platform.name, self.tenant.tenant_id


class TenantWork(Protocol):
    """A further kind of worker. Each tenant has at most one, which uses the same session as the polls."""

    def plan(self, tenant: PolledTenant) -> Periodic | None:
        """Return the plan of the tenant's worker, or None if the tenant needs no such worker.

        The worker is replanned when the plan differs from the one before: when it names the bots, for example, and
        discovery has found another one.
        """

    def make(self, key: TenantKey, plan: Any, session: TenantSession) -> Worker[Any]:
        """Build the worker of a tenant."""


@dataclass(frozen=True, slots=True)
class _TenantRuntime:
    id: TenantId
    polled: PolledTenant
    client: PlatformClient
    session: TenantSession
    anomalies: Counter[tuple[str, str]]
    revisions: Counter[str]

    def keep_only(self, reports: Collection[str]) -> None:
        """Forget the counts of other reports."""
        for report, reason in [key for key in self.anomalies if key[0] not in reports]:
            del self.anomalies[report, reason]
        for report in self.revisions.keys() - set(reports):
            del self.revisions[report]


class Fleet:
    """Runs a poller for each report of each bot, a discovery where one is configured, and further work for each tenant."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        health: Health,
        log: FilteringBoundLogger,
        rng: random.Random,
        work: Sequence[TenantWork] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._health = health
        self._log = log
        self._rng = rng
        self._clients: dict[str, PlatformClient] = {}
        self._tenants: dict[TenantKey, _TenantRuntime] = {}
        self._pollers: Reconciler[_PollKey, Plan, Poller] = Reconciler(self._make_poller, log)
        self._discoveries: Reconciler[TenantKey, DiscoveryPlan, Discovery] = Reconciler(self._make_discovery, log)
        self._checks: Reconciler[tuple[str], HealthPlan, HealthCheck] = Reconciler(self._make_check, log)
        self._work: list[tuple[TenantWork, Reconciler[TenantKey, Any, Worker[Any]]]] = [
            (kind, Reconciler(kind.make, log)) for kind in work
        ]
        self._changing = asyncio.Lock()
        """Held while the set of pollers changes: by a new configuration or by a discovery."""

    @property
    def all_tried(self) -> bool:
        """Whether each report of each bot, and each discovery, has been tried once, successfully or not."""
        workers: Iterator[Discovery | Poller] = chain(self._discoveries.workers, self._pollers.workers)
        return all(worker.tried.is_set() for worker in workers)

    async def apply(self, config: Config) -> None:
        """Poll according to ``config`` from now on. If a part of it cannot be built, raise and change nothing."""
        async with self._changing:
            async with AsyncExitStack() as unused:
                clients = self._build_clients(config, unused)
                tenants = dict(self._build_tenants(config, clients))
                discoveries = _plan_discoveries(tenants.values())
                polls = await _plan_polls(tenants.values())
                work = self._plan_work(tenants.values())
                checks = _plan_checks(config, clients)
                await self._discoveries.stop(discoveries)
                await self._checks.stop(checks)
                await self._pollers.stop(polls)
                for wanted, workers in work:
                    await workers.stop(wanted)
                self._remove_all_but(polls, self._store.bots)
                unused.pop_all()
            former_clients, self._clients = self._clients, clients
            former_tenants, self._tenants = self._tenants, tenants
            for platform in config.platforms:
                self._health.init_platform(platform.name, _list_operations(platform, config.reports))
            for tenant in _list_ids(former_tenants.values()) - _list_ids(tenants.values()):
                self._store.remove_tenant(tenant)
            for name in self._store.platforms.keys() - {name for (name,) in checks}:
                self._store.remove_platform(name)
                self._health.set_healthy(name, None)
            await self._checks.start(checks)
            await self._discoveries.start(discoveries)
            for runtime in tenants.values():
                runtime.keep_only(config.reports)
                self._publish_tenant(runtime)
            try:
                await self._start(polls, work)
            finally:
                for name, former in former_clients.items():
                    if clients.get(name) is not former:
                        await former.close()
                    if name not in clients:
                        self._health.forget_platform(name)  # last, since the requests under way are counted until now

    async def _follow(self, key: TenantKey) -> None:
        """Poll the bots that a tenant's discovery has found."""
        async with self._changing:
            former = self._tenants[key]
            bots = self._choose_bots(key, former.polled.tenant)
            if bots == former.polled.bots:
                return
            runtime = replace(former, polled=replace(former.polled, bots=bots))
            polls, work = await _plan_polls([runtime]), self._plan_work([runtime])
            await self._pollers.stop(polls, [poll for poll in self._pollers if poll[:2] == key])
            for wanted, workers in work:
                await workers.stop(wanted, [key])
            self._remove_all_but(polls, [bot for bot in self._store.bots if (bot.platform, bot.tenant_id) == key])
            await self._start(polls, work)
            self._tenants[key] = runtime  # last: if a step before it fails, the next discovery repeats them
            self._log_changes(former.polled, runtime.polled)

    async def _start(self, polls: _Plans[_PollKey, Plan], work: _Work) -> None:
        await self._pollers.start(polls)
        for wanted, workers in work:
            await workers.start(wanted)
        self._health.bots.set(len({key[:3] for key in self._pollers}))

    def _plan_work(self, tenants: Iterable[_TenantRuntime]) -> _Work:
        """Return the wanted plans of each further kind of worker, with the workers that run."""
        work: list[tuple[_Plans[TenantKey, Any], Reconciler[TenantKey, Any, Worker[Any]]]] = []
        for kind, workers in self._work:
            plans = ((runtime, kind.plan(runtime.polled)) for runtime in tenants)
            work.append(({it.polled.key: (plan, it.session) for it, plan in plans if plan is not None}, workers))
        return work

    def _remove_all_but(self, polls: _Plans[_PollKey, Plan], among: Iterable[BotId]) -> None:
        """Remove the bots, and the reports of bots, that are no longer polled."""
        polled = {(plan.bot, plan.rules.report.name) for plan, _ in polls.values()}
        bots = {bot for bot, _ in polled}
        for bot in list(among):
            if bot not in bots:
                self._store.remove(bot)
                continue
            for report in [report for report in self._store.bots[bot] if (bot, report) not in polled]:
                self._store.remove_report(bot, report)

    def reset_logins(self) -> None:
        """Clear the login blocks: a reload counts as the operator's permission to retry."""
        for runtime in self._tenants.values():
            runtime.session.reset()

    async def close(self) -> None:
        """Stop all polls and close all connections."""
        async with self._changing:
            await self._discoveries.close()
            await self._checks.close()
            await self._pollers.close()
            for _, workers in self._work:
                await workers.close()
        for client in self._clients.values():
            await client.close()

    def _choose_bots(self, key: TenantKey, tenant: Tenant) -> tuple[Bot, ...]:
        """Return the configured bots and, as far as they are known, those that discovery finds."""
        discovery = self._discoveries.get(key)
        return choose_bots(tenant.bots, discovery.roster.names if discovery else {}, tenant.discovery)

    def _build_clients(self, config: Config, unused: AsyncExitStack) -> dict[str, PlatformClient]:
        """Keep the clients of the platforms whose settings stay equal, and build the others, which ``unused`` closes."""
        clients: dict[str, PlatformClient] = {}
        for platform in config.platforms:
            settings, former = replace(platform, tenants=()), self._clients.get(platform.name)
            if former and former.settings == settings:
                clients[platform.name] = former
                continue
            client = PlatformClient(settings, clock=self._clock, health=self._health, log=self._log, rng=self._rng)
            unused.push_async_callback(client.close)
            clients[platform.name] = client
        return clients

    def _build_tenants(
        self, config: Config, clients: Mapping[str, PlatformClient]
    ) -> Iterator[tuple[TenantKey, _TenantRuntime]]:
        """Build the tenants. All keep their counts; those with the same client and settings keep their session."""
        for platform, tenant in config.tenants():
            key = (platform.name, tenant.tenant_id)
            client, former = clients[platform.name], self._tenants.get(key)
            if former and former.client is client and former.session.settings == tenant.session:
                session = former.session
            else:
                session = TenantSession(client, tenant.session, on_change=partial(self._tenant_changed, key))
            anomalies = former.anomalies if former else Counter[tuple[str, str]]()
            anomalies.update(dict.fromkeys(product(config.reports, AnomalyKind), 0))
            revisions = former.revisions if former else Counter[str]()
            revisions.update(dict.fromkeys(config.reports, 0))
            yield (
                key,
                _TenantRuntime(
                    TenantId(platform.name, tenant.tenant_id, tenant.name or tenant.tenant_id),
                    PolledTenant(config, platform, tenant, self._choose_bots(key, tenant)),
                    client,
                    session,
                    anomalies,
                    revisions,
                ),
            )

    def _make_poller(self, key: _PollKey, plan: Plan, session: TenantSession) -> Poller:
        return Poller(
            plan,
            session,
            store=self._store,
            clock=self._clock,
            log=self._log,
            observe_lag=self._health.poll_lag.observe,
            observe_findings=partial(self._count_findings, key[:2]),
        )

    def _make_discovery(self, key: TenantKey, plan: DiscoveryPlan, session: TenantSession) -> Discovery:
        return Discovery(
            plan,
            session,
            clock=self._clock,
            log=self._log,
            follow=partial(self._follow, key),
            on_change=partial(self._tenant_changed, key),
        )

    def _make_check(self, key: tuple[str], plan: HealthPlan, client: PlatformClient) -> HealthCheck:
        publish = partial(self._store.put_platform, *key)
        return HealthCheck(plan, client, publish)

    def _log_changes(self, former: PolledTenant, now: PolledTenant) -> None:
        """Log the bots that were added, removed and renamed."""
        log = self._log.bind(platform=now.platform.name, tenant_id=now.tenant.tenant_id)
        before, after = ({bot.access_code: bot.name for bot in tenant.bots} for tenant in (former, now))
        changes = {
            "found": after.keys() - before.keys(),
            "gone": before.keys() - after.keys(),
            "renamed": {code for code in after.keys() & before.keys() if after[code] != before[code]},
        }
        log.info("bots_changed", **{what: len(codes) for what, codes in changes.items()}, bots=len(after))
        for what, codes in changes.items():
            for code in sorted(codes):
                log.debug("bot_changed", change=what, access_code=code, bot=after.get(code, before.get(code)))

    def _count_findings(self, key: TenantKey, report: str, anomalies: Sequence[Anomaly], revisions: int) -> None:
        runtime = self._tenants.get(key)
        if runtime is None:  # its poller is about to be stopped
            return
        runtime.anomalies.update((report, anomaly.kind) for anomaly in anomalies)
        runtime.revisions[report] += revisions
        self._publish_tenant(runtime)

    def _tenant_changed(self, key: TenantKey) -> None:
        if runtime := self._tenants.get(key):
            self._publish_tenant(runtime)

    def _publish_tenant(self, runtime: _TenantRuntime) -> None:
        discovery = self._discoveries.get(runtime.polled.key)
        found = len(runtime.polled.bots) - len(runtime.polled.tenant.bots)
        self._store.put_tenant(
            runtime.id,
            TenantStatus(
                anomalies=dict(runtime.anomalies),
                revisions=dict(runtime.revisions),
                login=runtime.session.state(),
                discovery=replace(discovery.status, bots=found) if discovery else None,
            ),
        )


async def _plan_polls(tenants: Iterable[_TenantRuntime]) -> _Plans[_PollKey, Plan]:
    """Plan a poller for each report of each bot."""

    def plans() -> Iterator[tuple[_PollKey, tuple[Plan, TenantSession]]]:
        for runtime in tenants:
            config, tenant, key = runtime.polled.config, runtime.polled.tenant, runtime.polled.key
            for name in config.reports:
                rules = Rules.of(config, tenant, REPORTS[name])
                at_least = rules.report.min_interval
                interval = max(tenant.poll_interval, at_least)
                stale_after = max(tenant.stale_after, _INTERVALS_UNTIL_STALE * at_least)
                budget = min(interval, _plan_budget(runtime.polled))
                for bot in runtime.polled.bots:
                    plan = Plan(BotId.of(key[0], tenant, bot), rules, interval, stale_after, budget)
                    yield (*key, bot.access_code, name), (plan, runtime.session)

    return {key: plan async for key, plan in take_turns(plans())}


def _plan_discoveries(tenants: Iterable[_TenantRuntime]) -> _Plans[TenantKey, DiscoveryPlan]:
    plans = {}
    for runtime in tenants:
        tenant, key = runtime.polled.tenant, runtime.polled.key
        if tenant.discovery is not None:
            interval = tenant.discovery.interval
            retry_interval, budget = min(interval, tenant.poll_interval), max(interval, _plan_budget(runtime.polled))
            plans[key] = DiscoveryPlan(*key, interval, retry_interval, budget), runtime.session
    return plans


def _plan_checks(
    config: Config, clients: Mapping[str, PlatformClient]
) -> dict[tuple[str], tuple[HealthPlan, PlatformClient]]:
    return {
        (platform.name,): (HealthPlan(config.poll_interval), clients[platform.name])
        for platform in config.platforms
        if platform.health_check
    }


def _plan_budget(tenant: PolledTenant) -> float:
    return _TIMEOUTS_PER_POLL * tenant.platform.request_timeout


def _list_operations(platform: Platform, reports: Iterable[str]) -> Iterator[str]:
    """Return the operations that a platform is asked for, as the metrics name them."""
    yield "get_token"
    if platform.health_check:
        yield servicemonitor.OPERATION
    yield from (REPORTS[report].operation for report in reports)
    if any(tenant.discovery for tenant in platform.tenants):
        yield bindings.OPERATION


def _list_ids(tenants: Iterable[_TenantRuntime]) -> set[TenantId]:
    return {tenant.id for tenant in tenants}
