"""``check`` predicts the load that the exporter causes."""

import asyncio
import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import structlog
import yaml
from polling.conftest import BOT, FakeSession, Findings
from prometheus_client import CollectorRegistry

from exporter.commands.check_plan import plan
from exporter.config import Config, load
from exporter.health import Health
from exporter.judging.judge import SIGNALS, Signal
from exporter.judging.usual import Expected, Range
from exporter.judging.verdict import Verdict
from exporter.polling.fleet import Fleet
from exporter.polling.poller import Plan, Poller
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.serving.exposition import Exposition
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from exporter.upstream.reports import HOUR
from harness.clocks import LoopClock, StandingClock
from harness.loops import VirtualLoop
from harness.waiting import wait_for

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)  # in Shanghai


def config(bots: int = 1, zones: tuple[str, ...] = ("Asia/Shanghai",), **more: object) -> Config:
    """Return a platform with a tenant in each zone and ``bots`` per tenant; ``more`` are settings."""
    tenants = [
        {
            "tenant_id": str(number),
            "timezone": zone,
            "auth": {"app_secret": "s"},
            "bots": [{"access_code": f"{number}-{bot}"} for bot in range(bots)],
            **more,
        }
        for number, zone in enumerate(zones)
    ]
    return load(yaml.safe_dump({"platforms": [{"url": "https://h", "tenants": tenants}]}), {})


@pytest.mark.parametrize("busy", [True, False], ids=["a busy bot", "a silent bot"])
def test_requests_of_a_day(busy: bool) -> None:
    """The prediction is an upper limit, and close. It includes yesterday's reports after midnight."""

    async def a_day() -> int:
        clock, session = LoopClock(NOON), FakeSession()
        if busy:
            session.answer = lambda day: [
                {"recordTime": (day.timestamp() + 3600 * hour) * 1000, "callCount": 1}
                for hour in range(24)
                if day.timestamp() + 3600 * hour < clock.now()
            ]
        rules = Rules(HOUR, SHANGHAI, settle_delay=600, empty_hour_delay=7200)
        poller = Poller(
            Plan(BOT, rules, 60, 300, budget=30),
            session,
            store=Store(),
            clock=clock,
            log=structlog.wrap_logger(
                structlog.testing.CapturingLogger(),
                processors=[],
                wrapper_class=structlog.make_filtering_bound_logger("error"),
            ),
            observe_lag=lambda _: None,
            observe_findings=Findings(),
        )
        polling = asyncio.create_task(poller.run(0.5))
        await asyncio.sleep(86_400)
        polling.cancel()
        poller.close()
        return len(session.asked)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        asked = runner.run(a_day())
    (predicted,) = plan(config(), NOON.timestamp()).platforms

    logins = 25
    assert asked <= predicted.per_day
    assert predicted.per_day <= asked + logins + (0 if not busy else 7200 / 60) + 2


def test_the_rates() -> None:
    """Each bot takes one request per interval, and two after midnight."""
    (predicted,) = plan(config(120), NOON.timestamp()).platforms

    assert (120, 2.0, 4.0, 10_800) == (predicted.bots, predicted.rate, predicted.peak, predicted.peak_seconds)
    assert predicted.slowest_answer == 8 / 4
    assert predicted.first_round == 120 / 20


@pytest.mark.parametrize(
    "zones, peak",
    [
        (("Asia/Shanghai", "Asia/Shanghai"), 8.0),
        (("Asia/Shanghai", "Asia/Kolkata"), 8.0),
        (("Asia/Shanghai", "America/Sao_Paulo"), 6.0),
    ],
)
def test_midnights_apart(zones: tuple[str, ...], peak: float) -> None:
    """The peaks of tenants with distant midnights do not add up."""
    (predicted,) = plan(config(120, zones), NOON.timestamp()).platforms

    assert (4.0, peak) == (predicted.rate, predicted.peak)


@pytest.mark.parametrize(
    "bots, words",
    [
        (400, None),
        (500, "polling needs 16.7 of the allowed 20 requests per second after midnight"),
        (700, "polling needs 23.3 requests per second after midnight"),
        (1300, "polling needs 21.7 requests per second all day"),
    ],
)
def test_too_many_requests(bots: int, words: str | None) -> None:
    """The prediction describes the problem."""
    (predicted,) = plan(config(bots), NOON.timestamp()).platforms

    assert words == (predicted.problem and predicted.problem.partition(",")[0])


def test_requests_of_discovery() -> None:
    """Each listing takes two."""
    plain, discovering = (
        plan(loaded, NOON.timestamp()).platforms[0].per_day
        for loaded in (config(), config(discovery={"interval": "10m"}))
    )

    assert 2 * 144 == discovering - plain


async def test_the_number_of_series() -> None:
    """It is that of a page with every value of every bot."""
    bots = tuple(SimBot(f"{number}", f"{number}", calls_per_hour=500.0, profile=(1.0,) * 24) for number in range(3))
    tenant = SimTenant("t", bots)
    registry, clock = CollectorRegistry(), StandingClock()
    health = Health(registry, version="")
    usual = Range(0.0, 0.0, 0.0)
    verdict = Verdict(0.0, Expected(usual, usual, usual), {name: Signal(0.0, 0.0, 0) for name in SIGNALS})
    exposition = Exposition(registry, clock=clock, judgement=lambda _: verdict)
    log = structlog.wrap_logger(structlog.testing.CapturingLogger(), processors=[])
    async with Simulator(SimulatedWorld(1, [tenant], CALM), clock=clock) as simulator:
        settings = {
            "tenant_id": "t",
            "auth": {"app_secret": default_secret("t")},
            "bots": [{"access_code": bot.access_code} for bot in bots],
        }
        platforms = [{"url": simulator.url, "tenants": [settings]}]
        loaded = load(yaml.safe_dump({"reports": ["hour", "day", "chatbot"], "platforms": platforms}), {})
        fleet = Fleet(store=Store([exposition]), clock=clock, health=health, log=log, rng=random.Random(1))
        await fleet.apply(loaded)
        await wait_for(lambda: fleet.all_tried, "the first round")
        page = b"".join(exposition.chunks(openmetrics=False)).decode()
        await fleet.close()

    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert len(samples) == plan(loaded, clock.now()).series
