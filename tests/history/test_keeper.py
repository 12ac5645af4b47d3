"""Verdicts of the real pollers, history and judgement, on a platform without sockets."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from exporter.config import Auth, Bot, Calendar, Config, History, Platform, Secret, Tenant, TlsConfig
from exporter.history.keeper import Keeper
from exporter.judging.verdict import Verdict
from exporter.polling.calendar import list_hours
from exporter.polling.fleet import PolledTenant
from exporter.polling.poller import Plan, Poller
from exporter.polling.snapshot import BotId, TenantId
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.upstream.reports import HOUR
from harness.clocks import LoopClock

from .conftest import ZONE, capturing_log

DAY = 86_400


class Past:
    """A platform whose bots have about a hundred calls an hour, unless a test changes this."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.quiet: dict[str, float] = {}
        """The time (epoch s) since which a bot has no calls."""
        self.worse: dict[str, float] = {}
        """The time (epoch s) since which the autonomy of a bot is lower."""
        self.first = date(2026, 1, 1)
        self.asked = 0

    async def query(self, operation: str, path: str, body: Mapping[str, object], **_: object) -> object:
        """The rows of a day."""
        self.asked += 1
        await asyncio.sleep(0.05)
        assert isinstance(body["timestamp"], int)
        day, bot = datetime.fromtimestamp(body["timestamp"] / 1000, ZONE).date(), str(body["accessCode"])
        if day < self.first:
            return []
        return [row for start, _ in list_hours(day, ZONE) if (row := self._row(bot, start))]

    def redact(self, text: str) -> str:
        """There are none."""
        return text

    def _row(self, bot: str, start: float) -> dict[str, object] | None:
        part = min(1.0, (self.clock.now() - start) / 3600)
        if part <= 0 or start >= self.quiet.get(bot, float("inf")):
            return None
        draws = random.Random(f"{bot} {start}")
        calls = int(part * (100 + draws.randrange(-15, 16)))
        share = (0.4 if start >= self.worse.get(bot, float("inf")) else 0.7) + draws.uniform(-0.05, 0.05)
        return {
            "recordTime": int(start * 1000),
            "tenantId": "t1",
            "accessCode": bot,
            "type": "hour",
            "callCount": calls,
            "callStaffNoConsultCount": calls // 20,
            "callStaffConsultCount": calls - calls // 20 - int(calls * share),
            "exitConsultingCount": int(calls * share),
            "interfaceRequestCount": calls,
            "interfaceSuccessCount": calls,
        }


class Rig:
    """A keeper with the pollers, the store and the worker of a tenant."""

    def __init__(self, start: str = "2026-05-20T12:30", days: int = 14, bots: Sequence[int] = range(3)) -> None:
        self.clock = LoopClock(datetime.fromisoformat(start).replace(tzinfo=ZONE))
        self.platform = Past(self.clock)
        self.log, log = capturing_log()
        self.keeper = Keeper(clock=self.clock, log=log)
        self.store = Store([self.keeper])
        tenant = Tenant(
            "t1",
            None,
            ZONE,
            60,
            300,
            Auth("t1", Secret(text="s")),
            tuple(Bot(f"b{number}", f"b{number}", {}) for number in bots),
        )
        platform = Platform("main", "https://user:word@platform", 10, 4, 20, None, None, TlsConfig(), (tenant,))
        config = Config(60, 600, 7200, 300, ("hour",), History(days), (platform,))
        self.tenant = PolledTenant(config, platform, tenant, tenant.bots)
        self.ids = [BotId.of("main", tenant, bot) for bot in tenant.bots]
        plan = self.keeper.plan(self.tenant)
        self.worker = self.keeper.make(self.tenant.key, plan, self.platform) if plan else None  # type: ignore[arg-type]
        rules = Rules.of(config, tenant, HOUR)
        self.pollers = [
            Poller(
                Plan(bot, rules, 60, 300, 30),
                self.platform,
                store=self.store,
                clock=self.clock,
                log=log,
                observe_lag=lambda _: None,
                observe_findings=lambda *_: None,
            )
            for bot in self.ids
        ]

    async def run(self, seconds: float) -> None:
        """Run everything for some seconds."""
        tasks = [asyncio.create_task(self.keeper.run())]
        if self.worker:
            tasks.append(asyncio.create_task(self.worker.run(0.0)))
        tasks += [asyncio.create_task(poller.run(0.1 * number)) for number, poller in enumerate(self.pollers)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for poller in self.pollers:
            poller.close()
        assert [] == [call.kwargs for call in self.log.calls if "crashed" in call.kwargs["event"]]

    def verdict(self, bot: int = 0) -> Verdict:
        """Return the verdict on a bot."""
        verdict = self.keeper.judgement(self.ids[bot])
        assert verdict is not None
        return verdict

    def scores(self, bot: int = 0) -> dict[str, float]:
        """Return the scores of a bot."""
        return {name: signal.score for name, signal in self.verdict(bot).signals.items()}


async def test_the_first_minutes(make: type[Rig]) -> None:
    """A bot is judged within two minutes of the start, and all scores are low."""
    rig = make()
    await rig.run(121)
    assert 14 * DAY == rig.verdict().history_seconds
    assert 5 == len(rig.scores())
    assert max(rig.scores().values()) < 4
    expected = rig.verdict().expected
    assert expected is not None
    assert expected.calls.low < 100 < expected.calls.high
    assert 24 == len(rig.verdict().expect_today())
    assert 3 * (14 + 4) >= rig.platform.asked


async def test_the_order_of_bots_makes_no_difference(make: type[Rig]) -> None:
    """Replicas fetch the past in different orders, and expect the same."""
    one, other = make(), make(bots=(2, 1, 0))
    await asyncio.gather(one.run(300), other.run(300))
    for number in range(3):
        assert one.verdict(number).expected == other.verdict(2 - number).expected


async def test_a_drop(make: type[Rig]) -> None:
    """If the autonomy of one bot drops by 30 points, its score rises, and those of the others do not."""
    rig = make()
    await rig.run(200)
    rig.platform.worse["b1"] = rig.clock.now()
    await rig.run(4 * 3600)
    assert rig.scores(1)["autonomy_drop"] > 5
    assert rig.scores(0)["autonomy_drop"] < 4
    signal = rig.verdict(1).signals["autonomy_drop"]
    assert signal.size_ratio == pytest.approx(0.3, abs=0.06)
    del rig.platform.worse["b1"]


async def test_a_loss_of_calls(make: type[Rig]) -> None:
    """If one bot has no calls and the others have, its score rises."""
    rig = make()
    await rig.run(200)
    rig.platform.quiet["b1"] = rig.clock.now()
    await rig.run(2 * 3600)
    assert rig.scores(1)["calls_drop"] > 5
    assert rig.scores(0)["calls_drop"] < 4


async def test_a_late_report_is_no_loss_of_calls(make: type[Rig]) -> None:
    """If no bot of the tenant has new calls, the report is late."""
    rig = make()
    await rig.run(200)
    rig.platform.quiet = {f"b{number}": rig.clock.now() for number in range(3)}
    await rig.run(1.4 * 3600)
    assert max(rig.scores(number)["calls_drop"] for number in range(3)) < 4


async def test_midnight(make: type[Rig]) -> None:
    """Scores stay low over midnight, and the day that polls have completed is not requested at once."""
    rig = make("2026-05-20T22:30")
    await rig.run(200)
    asked = rig.platform.asked
    for _ in range(20):
        await rig.run(900)
        assert max(rig.scores().values()) < 4
    polls = 20 * 16 * 3 * 2
    assert rig.platform.asked <= asked + polls
    assert date(2026, 5, 20) in rig.keeper._pasts["main", "t1", "b0"].past


async def test_a_new_bot(make: type[Rig]) -> None:
    """A bot without a past has no expected values and no scores."""
    rig = make()
    rig.platform.first = date(2026, 5, 20)
    await rig.run(200)
    assert 0 == rig.verdict().history_seconds
    assert {} == rig.scores()
    assert None is rig.verdict().expected


async def test_without_history(make: type[Rig]) -> None:
    """``history.days: 0``: nothing is fetched and nothing is judged."""
    rig = make(days=0)
    await rig.run(200)
    assert None is rig.keeper.judgement(rig.ids[0])


async def test_a_new_calendar(make: type[Rig]) -> None:
    """It applies from the next poll: on a special day the range of calls is wider."""
    rig = make()
    await rig.run(200)
    former = rig.verdict().expected
    today = Calendar(special_days=(date(2026, 5, 20),))
    assert rig.worker is not None
    rig.worker.replan(replace(rig.worker.plan, calendar=today), rig.platform)
    await rig.run(200)
    expected = rig.verdict().expected
    assert former is not None
    assert expected is not None
    assert expected.calls.low < former.calls.low / 2


async def test_a_new_time_zone(make: type[Rig]) -> None:
    """The past is fetched again, and no bot is judged by hours of the former zone."""
    rig = make()
    await rig.run(200)
    assert rig.worker is not None
    plan = rig.worker.plan
    rules = replace(plan.rules, zone=ZoneInfo("Asia/Tokyo"))
    rig.worker.replan(replace(plan, rules=rules, owner=plan.owner._replace(zone="Asia/Tokyo")), rig.platform)
    rig.keeper.bot_changed(
        rig.ids[0], "hour", rig.store.bots[rig.ids[0]]["hour"]._replace(records={}, yesterday_settled=False)
    )
    assert (0, {}) == (rig.verdict().history_seconds, rig.verdict().signals)


async def test_removed(make: type[Rig]) -> None:
    """A removed bot or tenant leaves nothing; a renamed bot keeps its past."""
    rig = make()
    await rig.run(200)
    rig.store.remove(rig.ids[0])
    assert None is rig.keeper.judgement(rig.ids[0])
    renamed = replace(rig.ids[0], bot="new")
    rig.store.put(renamed, "hour", rig.store.bots[rig.ids[1]]["hour"])
    verdict = rig.keeper.judgement(renamed)
    assert verdict is not None
    assert 14 * DAY == verdict.history_seconds
    rig.store.put_tenant(TenantId("main", "t1", "t1"), None)  # type: ignore[arg-type]
    rig.store.remove_tenant(TenantId("main", "t1", "t1"))
    assert None is rig.keeper.judgement(rig.ids[1])
    assert {} == rig.keeper._pasts


async def test_no_secret_in_the_plan(make: type[Rig]) -> None:
    """The platform's URL may hold a password; the cache's key does not."""
    plan = make().keeper.plan(make().tenant)
    assert plan is not None
    assert "https://platform" == plan.owner.url


@pytest.fixture
def make() -> type[Rig]:
    """Makes a ``Rig``."""
    return Rig
