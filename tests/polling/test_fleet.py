"""The fleet and its reloads, against a simulated platform over real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from structlog.typing import EventDict, WrappedLogger

from exporter.config import SessionSettings, Tenant, load
from exporter.health import Health
from exporter.polling.discovery import Discovery, DiscoveryPlan
from exporter.polling.fleet import Fleet, PolledTenant, TenantKey
from exporter.polling.snapshot import BotId, DiscoveryStatus, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from exporter.simulator.faults import HttpStatus
from exporter.upstream.session import TenantSession
from harness import faults
from harness.clocks import StandingClock
from harness.waiting import wait_for

TENANTS = [SimTenant("t1", (SimBot("a", "a"), SimBot("b", "b"))), SimTenant("t2", (SimBot("c", "c"),))]


class Listener:
    """Accepts all changes; on request, fails at removals."""

    fails = False

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Accept it."""

    def bot_removed(self, bot: BotId) -> None:
        """Accept it, or fail."""
        if self.fails:
            raise RuntimeError("ours")

    def report_removed(self, bot: BotId, report: str) -> None:
        """Accept it."""

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Accept it."""

    def tenant_removed(self, tenant: TenantId) -> None:
        """Accept it."""


@dataclass(frozen=True)
class CountPlan:
    """Names the bots of a tenant."""

    bots: tuple[str, ...]
    interval: float = 3600


class Counter:
    """A worker that only notes its plans."""

    def __init__(self, plan: CountPlan) -> None:
        self.plan = plan
        self.plans = [plan]
        self.running = False

    async def run(self, phase: float) -> None:
        """Run until cancelled."""
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False

    def replan(self, plan: CountPlan, session: TenantSession) -> None:
        """Note the plan."""
        self.plan = plan
        self.plans.append(plan)

    def fail(self, error: Exception) -> None:
        """Never called."""

    def close(self) -> None:
        """Nothing to release."""


class CountWork:
    """A kind of worker that tenant t2 does not need."""

    def __init__(self) -> None:
        self.made: dict[TenantKey, Counter] = {}

    def plan(self, tenant: PolledTenant) -> CountPlan | None:
        """Plan by the bots that are polled."""
        return None if tenant.key[1] == "t2" else CountPlan(tuple(bot.access_code for bot in tenant.bots))

    def make(self, key: TenantKey, plan: CountPlan, session: TenantSession) -> Counter:
        """Build a worker."""
        return self.made.setdefault(key, Counter(plan))


class Rig:
    """A fleet with its store, and a simulated platform."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.registry = CollectorRegistry()
        self.listener = Listener()
        self.store = Store([self.listener])
        self.log = structlog.testing.CapturingLogger()
        self.log_fails = False
        self.work = CountWork()
        self.fleet = Fleet(
            store=self.store,
            clock=StandingClock(),
            health=Health(self.registry, version="0"),
            log=structlog.wrap_logger(self.log, processors=[self._logged]),
            rng=random.Random(1),
            work=[self.work],
        )

    async def apply(self, **changes: Any) -> None:
        """Apply a configuration of the bots a, b and c with some changes, and wait until all are up."""
        settings: dict[str, Any] = {
            "top": "poll_interval: 1h",
            "platform": "request_timeout: 5s",
            "t1": "name: acme",
            "a": "name: Anna",
            "tenants": ("t1", "t2"),
            "bots": ("a", "b"),
            "up": True,
            "extra": None,
        } | changes
        lines = [settings["top"], "platforms:", "  - name: main", f"    url: {self.simulator.url}"]
        lines += [f"    {settings['platform']}", "    tenants:"]
        for tenant in settings["tenants"]:
            lines += [f"      - tenant_id: {tenant}", f"        auth: {{app_secret: {default_secret(tenant)}}}"]
            lines += [f"        {settings['t1']}"] if tenant == "t1" else []
            lines += ["        bots:"]
            for bot in settings["bots"] if tenant == "t1" else ("c",):
                lines += [f"          - access_code: {bot}"]
                lines += [f"            {settings['a']}"] if bot == "a" else []
        if settings["extra"]:
            lines += ["  - name: other", f"    url: {settings['extra'].url}", "    tenants:", "      - tenant_id: t1"]
            lines += [f"        auth: {{app_secret: {default_secret('t1')}}}", "        bots: [{access_code: other}]"]
        await self.fleet.apply(load("\n".join(lines), {}))
        if settings["up"]:
            await wait_for(self.all_up, "every bot to be up")

    async def discovery(self, follow: Callable[[], Awaitable[None]], on_change: Callable[[], None]) -> Discovery:
        """Build a discovery of t1's bots beside the fleet, without running it."""
        await self.apply()
        return Discovery(
            DiscoveryPlan("main", "t1", interval=600, retry_interval=60, budget=30),
            self.fleet._tenants["main", "t1"].session,
            clock=StandingClock(),
            log=structlog.wrap_logger(self.log, processors=[]),
            follow=follow,
            on_change=on_change,
        )

    def _logged(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if self.log_fails:
            raise RuntimeError("ours")
        return event

    def all_up(self) -> bool:
        """Return whether the last poll of each bot succeeded."""
        return all(snapshot.up for snapshot in self.snapshots().values())

    def snapshots(self) -> dict[str, Snapshot]:
        """Return the snapshots by access code."""
        return {bot.access_code: reports["hour"] for bot, reports in self.store.bots.items()}

    def polls(self, access_code: str) -> int:
        """Return how often a bot's reports were requested."""
        return len(self.simulator.journal.of("query_call_statistics", access_code=access_code))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A fleet that polls each bot once an hour, so that a test sees each further poll."""
    async with Simulator(SimulatedWorld(1, TENANTS, CALM), clock=StandingClock()) as simulator:
        rig = Rig(simulator)
        yield rig
        await rig.fleet.close()
        assert [] == [task for task in asyncio.all_tasks() if "/" in task.get_name()]


async def test_a_change_of_one_bot_disturbs_no_other(rig: Rig) -> None:
    """The others keep their schedules, snapshots and login; the renamed bot keeps its metrics under the new name."""
    await rig.apply()
    before, polls = rig.snapshots(), {bot: rig.polls(bot) for bot in "abc"}

    await rig.apply(a="name: Anne")

    after = rig.snapshots()
    assert before["b"] is after["b"]
    assert before["c"] is after["c"]
    assert (polls["b"], polls["c"]) == (rig.polls("b"), rig.polls("c"))
    await wait_for(lambda: rig.polls("a") > polls["a"], "a poll under the new name")
    assert {"Anne", "b", "c"} == {bot.bot for bot in rig.store.bots}
    assert before["a"].hour == after["a"].hour
    assert 2 == rig.simulator.journal.counts["get_token"]


async def test_bots_come_and_go(rig: Rig) -> None:
    """A bot or tenant that is removed leaves nothing behind."""
    await rig.apply(bots=("a",))
    assert {"a", "c"} == set(rig.snapshots())

    await rig.apply(tenants=("t1",))
    assert {"a", "b"} == set(rig.snapshots())
    assert {"t1"} == {tenant.tenant_id for tenant in rig.store.tenants}


async def test_the_same_configuration_changes_nothing(rig: Rig) -> None:
    """A reload without changes sends no request."""
    await rig.apply()
    before, polls = rig.snapshots(), rig.simulator.journal.counts.copy()

    await rig.apply()

    assert all(before[bot] is snapshot for bot, snapshot in rig.snapshots().items())
    assert polls == rig.simulator.journal.counts


async def test_data_survives_a_change_of_its_platform(rig: Rig) -> None:
    """New limits of a platform replace its sessions, with new logins; the data stays."""
    await rig.apply()
    before = rig.snapshots()

    await rig.apply(platform="request_timeout: 7s")
    await wait_for(lambda: rig.simulator.journal.counts["get_token"] == 4, "the new logins")
    await wait_for(rig.all_up, "every bot")

    assert {bot: snapshot.hour for bot, snapshot in before.items()} == {
        bot: snapshot.hour for bot, snapshot in rig.snapshots().items()
    }


async def test_a_tenants_new_name_is_shown(rig: Rig) -> None:
    """The tenant and its bots appear under the new name only."""
    await rig.apply()
    await rig.apply(t1="name: acme corp")

    assert {"acme corp", "t2"} == {tenant.tenant for tenant in rig.store.tenants}
    assert {"acme corp", "t2"} == {bot.tenant for bot in rig.store.bots}


async def test_a_platforms_health(rig: Rig) -> None:
    """It is asked for where ``health_check`` is on, with a log line for each change, and leaves nothing behind."""

    def value() -> float | None:
        return rig.registry.get_sample_value("oifde_upstream_healthy", {"platform": "main"})

    rig.simulator.faults.add(HttpStatus(400), operation="service_monitor")
    await rig.apply(platform="health_check: true", top="poll_interval: 1s")
    await wait_for(lambda: value() == 0, "a problem")
    assert "HTTP status 400" == rig.store.platforms["main"].problem

    rig.simulator.faults.clear()
    await wait_for(lambda: value() == 1, "a healthy platform")
    assert rig.store.platforms["main"].healthy

    rig.simulator.faults.add(HttpStatus(404), operation="service_monitor")
    await wait_for(lambda: value() is None, "an answer that says nothing")
    assert "HTTP status 404" == rig.store.platforms["main"].problem

    await rig.apply()
    assert not rig.store.platforms
    assert b"service_monitor" not in generate_latest(rig.registry)
    events = [call.kwargs["event"] for call in rig.log.calls if "health" in call.kwargs["event"]]
    assert ["platform_unhealthy", "platform_healthy", "health_unknown"] == events


async def test_a_removed_platform_leaves_no_series(rig: Rig) -> None:
    """Not even for the requests to it that were under way."""
    async with Simulator(SimulatedWorld(2, TENANTS, CALM), clock=StandingClock()) as other:
        other.faults.add(faults.Hang(), operation="query_call_statistics")
        await rig.apply(up=False, extra=other)
        await wait_for(other.journal.under_way.total, "a request under way")
        assert b'platform="other"' in generate_latest(rig.registry)

        await rig.apply()

    assert b'platform="other"' not in generate_latest(rig.registry)


async def test_a_removed_report_leaves_no_series(rig: Rig) -> None:
    """Its operation leaves none either; the series of other operations stay."""
    reports = "poll_interval: 1h\nreports: [hour, chatbot]"
    await rig.apply(top=reports)
    assert b'operation="query_chatbot"' in generate_latest(rig.registry)

    await rig.apply()

    page = generate_latest(rig.registry)
    assert b'operation="query_chatbot"' not in page
    assert b'oifde_upstream_requests_total{operation="query_call_statistics",platform="main"} 3.0' in page
    await rig.apply(top=reports)
    assert b'operation="query_chatbot"' in generate_latest(rig.registry)


async def test_an_error_during_a_removal_does_not_last(rig: Rig) -> None:
    """After a listener failed during a reload, the next configuration is applied completely."""
    await rig.apply(bots=("a", "b", "other", "another"))
    rig.listener.fails = True
    with pytest.raises(RuntimeError):
        await rig.apply(bots=("a",), up=False)

    rig.listener.fails = False
    await rig.apply(bots=("a",))

    assert {"a", "c"} == rig.snapshots().keys()


@dataclass(frozen=True, slots=True)
class RetrySettings(SessionSettings):
    """The settings of a session with a key that does not exist yet."""

    retries: int


@dataclass(frozen=True, slots=True)
class RetryTenant(Tenant):
    """A tenant with that key."""

    retries: int = 0

    @property
    def session(self) -> SessionSettings:
        """Pass the key on."""
        return RetrySettings(self.tenant_id, self.auth, self.retries)


async def test_a_new_key_that_changes_requests_acts_at_a_reload(rig: Rig) -> None:
    """A session whose settings change is replaced, and one whose settings stay the same is kept."""

    async def reload(retries: int) -> TenantSession:
        written = load(
            f"""
platforms:
  - name: main
    url: {rig.simulator.url}
    tenants: [{{tenant_id: t1, auth: {{app_secret: {default_secret("t1")}}}, bots: [{{access_code: a}}]}}]
""",
            {},
        )
        ((platform, tenant),) = written.tenants()
        tenant = RetryTenant(**{key.name: getattr(tenant, key.name) for key in fields(tenant)}, retries=retries)
        await rig.fleet.apply(replace(written, platforms=(replace(platform, tenants=(tenant,)),)))
        return rig.fleet._tenants["main", "t1"].session

    first, kept, replaced = await reload(1), await reload(1), await reload(2)

    assert first is kept
    assert 2 == getattr(replaced.settings, "retries", None)


async def test_all_is_tried_after_each_bot_has_been_polled(rig: Rig) -> None:
    """Successfully or not."""
    rig.simulator.accounts["t2"].app_secret = "changed"
    await rig.apply(up=False)
    await wait_for(lambda: rig.fleet.all_tried, "every bot to be tried")

    assert not rig.snapshots()["c"].up
    (blocked,) = [status for tenant, status in rig.store.tenants.items() if tenant.tenant_id == "t2"]
    assert blocked.login.blocked


async def test_further_work_runs_for_each_tenant_that_needs_it(rig: Rig) -> None:
    """It is replanned when the tenant's bots change, runs on undisturbed otherwise, and ends with its tenant."""
    await rig.apply()
    (worker,) = rig.work.made.values()
    await wait_for(lambda: worker.running, "the worker to run")

    await rig.apply(top="poll_interval: 2h")
    assert [CountPlan(("a", "b"))] == worker.plans

    await rig.apply(bots=("a",))
    assert [CountPlan(("a", "b")), CountPlan(("a",))] == worker.plans
    await wait_for(lambda: worker.running, "the worker to run again")

    await rig.apply(tenants=("t2",))
    assert not worker.running


async def test_a_bot_that_discovery_finds_replans_the_further_work(rig: Rig) -> None:
    """A worker that goes through a tenant's bots learns of the new ones without a reload."""
    await rig.apply(t1="discovery: {enabled: true}", bots=("a",), up=False)
    await wait_for(lambda: "b" in rig.snapshots(), "the discovered bot")
    await wait_for(lambda: len(rig.work.made["main", "t1"].plans) == 2, "the new plan")

    assert [CountPlan(("a",)), CountPlan(("a", "b"))] == rig.work.made["main", "t1"].plans


async def test_an_error_that_ends_a_poller_does_not_last(rig: Rig) -> None:
    """The bot is down, whatever its state was, and is polled again after an interval."""
    await rig.apply(top="poll_interval: 1s", bots=("a",))
    rig.log_fails = True
    rig.simulator.faults.add(faults.HttpStatus(400), operation="query_call_statistics")
    await wait_for(lambda: not any(snapshot.up for snapshot in rig.snapshots().values()), "every bot to be down")
    assert {"internal"} == {bot.failure.reason for bot in rig.snapshots().values() if bot.failure}

    rig.log_fails = False
    rig.simulator.faults.clear()
    await wait_for(rig.all_up, "every bot to be up again")


async def test_an_error_in_following_a_discovery_does_not_end_it(rig: Rig) -> None:
    """The error is logged and counts as a failed discovery; the next discovery repeats the step."""
    faults_left, changes = [RuntimeError("ours")], list[DiscoveryStatus]()

    async def follow() -> None:
        if faults_left:
            raise faults_left.pop()

    discovery = await rig.discovery(follow, lambda: changes.append(discovery.status))
    await discovery.discover()
    await discovery.discover()

    assert [(False, "internal error: RuntimeError"), (True, None)] == [
        (status.up, status.problem) for status in changes
    ]
    assert {"a": "a", "b": "b"} == discovery.roster.names
    events = [call.kwargs["event"] for call in rig.log.calls]
    assert ["discovery_crashed", "discovery_failing", "discovery_recovered"] == [
        event for event in events if event.startswith("discovery")
    ]


async def test_an_error_in_publishing_a_discovery_does_not_end_it(rig: Rig) -> None:
    """Neither after a success nor after a failure."""

    async def follow() -> None:
        """All is well."""

    def show() -> None:
        raise RuntimeError("ours")

    discovery = await rig.discovery(follow, show)
    outcomes = []
    await discovery.discover()
    outcomes.append(discovery.status.up)
    rig.simulator.faults.add(faults.HttpStatus(400), operation="query_bindings")
    await discovery.discover()
    outcomes.append(discovery.status.up)

    assert [True, False] == outcomes
    assert 2 == sum(call.kwargs["event"] == "publish_crashed" for call in rig.log.calls)
