"""From a bot in trouble to a notification: platform, exporter, Prometheus, Alertmanager and a receiver, all real.

Each minute that a rule waits takes a tenth of a second here, each hour a second. Everything else is as shipped.
"""

import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import yaml
from aiohttp import web

from exporter.clock import SystemClock
from exporter.simulator import Simulator
from exporter.simulator.characters import CALM, HOUR, Incident, SimBot, SimTenant, Trouble
from exporter.simulator.server import default_secret
from exporter.simulator.world import SimulatedWorld
from harness.clocks import zone_at_hour
from harness.history import STEP, Past, days, write_blocks
from harness.processes import ExporterProcess, Prometheus
from harness.programs import FindProgram
from harness.waiting import wait_for

from .conftest import StartAlertmanager

ROOT: Final = Path(__file__).parents[2]
RULES: Final = tuple(sorted((ROOT / "observability" / "rules").glob("*.yaml")))
INHIBITION: Final = ROOT / "observability" / "alertmanager" / "inhibition.yaml"

ALERT: Final = "OifdeBotAutonomyDropped"
TENANT: Final = "202104237142"
BOT: Final = "943370855474270208"
TARGET: Final = {"job": "oifde-exporter", "instance": "exporter:10230"}
# All day the same, so that the hour at which the test runs makes no difference.
EVEN: Final = (1.0,) * 24
HOLIDAY: Final = datetime(2026, 10, 1, 12, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
"""The first of seven days of China's National Day."""
WITHOUT_CALENDAR: Final = "202206018301"


class ShiftedClock(SystemClock):
    """The machine's clock, ``ahead`` seconds ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def is_about_calls(alert: Mapping[str, Any]) -> bool:
    """Whether an alert is about a bot or about a tenant's calls. The others see that clocks are shifted or programs restart."""
    return re.match("OifdeBot|OifdeTenantCalls", alert["labels"]["alertname"]) is not None


@dataclass
class Receiver:
    """Receives Alertmanager's notifications."""

    notifications: list[Mapping[str, Any]] = field(default_factory=list)
    url: str = ""

    async def listen(self, running: AsyncExitStack) -> None:
        """Listen until the test ends."""
        app = web.Application()
        app.router.add_post("/", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        running.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}/".format(*runner.addresses[0])

    async def _receive(self, request: web.Request) -> web.Response:
        self.notifications.append(await request.json())
        return web.Response()

    def alerts(self, status: str) -> list[Mapping[str, Any]]:
        """List the received alerts about calls, of one status: ``firing`` or ``resolved``."""
        return [
            alert
            for message in self.notifications
            for alert in message["alerts"]
            if status == alert["status"] and is_about_calls(alert)
        ]


@pytest.mark.real_time
async def test_a_drop_of_autonomy_is_reported_until_it_ends(
    program: FindProgram, tmp_path: Path, running: AsyncExitStack, start_alertmanager: StartAlertmanager
) -> None:
    """With the bot's names, its values and the runbook; not for the bot beside it, and once despite two replicas.

    The bot began to fail an hour ago and fails until ten minutes from now. Then it is evening: the clocks of platform and
    exporter are set ahead.
    """
    now = time.time()
    clock = ShiftedClock()
    # Where it is between three and four in the morning: yesterday is counted, and most of today is still to come.
    zone = zone_at_hour(3, now)
    trouble = Incident(now - HOUR, now + HOUR / 6, Trouble.AUTONOMY, 0.5)
    bots = (
        SimBot(BOT, "账单助手", calls_per_hour=300, profile=EVEN, weekend=1, incidents=(trouble,)),
        SimBot("943370855474270209", "Cards", calls_per_hour=300, profile=EVEN, weekend=1),
    )
    world = SimulatedWorld(1, [SimTenant(TENANT, bots, name="acme", timezone=zone)], CALM)
    simulator = await running.enter_async_context(Simulator(world, clock=clock))
    exporter = await exporter_of(running, tmp_path / "before", simulator)
    data = tmp_path / "data"
    await a_past(program, world, exporter, data)
    receiver, prometheus = await pipeline(program, running, start_alertmanager, tmp_path, exporter, data)

    await wait_for(lambda: receiver.alerts("firing"), "the notification")
    (alert, *_) = receiver.alerts("firing")
    labels = {"platform": "main", "tenant_id": TENANT, "tenant": "acme", "access_code": BOT, "bot": "账单助手"}
    assert {"alertname": ALERT, "severity": "critical", **labels} == alert["labels"]
    assert "账单助手 contains fewer calls than usual." == alert["annotations"]["summary"]
    assert re.search(
        rf"账单助手 \(acme, tenant {TENANT}\) is [0-9]+ percentage points below the expected rate\. "
        r"Expected [0-9.]+%, now [0-9.]+% of [0-9]+ calls over [0-9]+ h\.",
        alert["annotations"]["description"],
    )
    assert alert["annotations"]["runbook_url"].endswith(f"/runbooks/{ALERT}/")
    assert (ROOT / "docs" / "runbooks" / f"{ALERT}.md").exists()

    rules = [rule for group in (await prometheus.api("rules"))["groups"] for rule in group["rules"]]
    assert [] == [(rule["name"], rule["lastError"]) for rule in rules if "lastError" in rule]
    alerts = (await prometheus.api("alerts"))["alerts"]
    assert {BOT} == {found["labels"]["access_code"] for found in alerts if "access_code" in found["labels"]}

    await exporter.stop()
    clock.ahead = 19 * HOUR
    await exporter_of(running, tmp_path / "after", simulator, address=exporter.address, ahead=clock.ahead)

    await wait_for(lambda: receiver.alerts("resolved"), "the resolution")
    received = [
        found
        for found in (*receiver.alerts("firing"), *receiver.alerts("resolved"))
        if ALERT == found["labels"]["alertname"]
    ]
    assert [alert["labels"]] * len(received) == [found["labels"] for found in received]


@pytest.mark.real_time
async def test_a_holiday_and_a_gap_send_no_page(
    program: FindProgram, tmp_path: Path, running: AsyncExitStack, start_alertmanager: StartAlertmanager
) -> None:
    """On a public holiday the calls fall to a fraction. With a calendar nobody is paged, without one once per tenant.

    Then exporter and Prometheus are away for half a day. Nobody is paged because of that either.
    """
    clock = ShiftedClock()
    clock.ahead = HOLIDAY.timestamp() - time.time()
    start = HOLIDAY.replace(hour=0, minute=0).timestamp()
    fewer = Incident(start, start + 7 * 24 * HOUR, Trouble.CALL_LOSS, 0.75)
    tenants = [
        SimTenant(
            tenant,
            tuple(
                SimBot(tenant + n, f"Bot {n}", calls_per_hour=100, profile=EVEN, weekend=0.4, incidents=(fewer,))
                for n in "123"
            ),
        )
        for tenant in (TENANT, WITHOUT_CALENDAR)
    ]
    simulator = await running.enter_async_context(Simulator(SimulatedWorld(1, tenants, CALM), clock=clock))
    calendars = {TENANT: {"country": "CN"}}
    exporter = await exporter_of(running, tmp_path / "holiday", simulator, ahead=clock.ahead, calendars=calendars)
    receiver, prometheus = await pipeline(
        program, running, start_alertmanager, tmp_path, exporter, tmp_path / "holiday-data"
    )

    async def per_bot() -> bool:
        """Whether the alerts of the bots fire, which Alertmanager has to inhibit."""
        firing = (await prometheus.api("alerts"))["alerts"]
        names = [alert["labels"]["alertname"] for alert in firing if alert["state"] == "firing"]
        return names.count("OifdeBotCallsVanished") == len(tenants[1].bots)

    await wait_for(lambda: receiver.alerts("firing"), "the notification")
    await wait_for(per_bot, "the alerts of the bots")
    assert {("OifdeTenantCallsVanished", WITHOUT_CALENDAR)} == {
        (alert["labels"]["alertname"], alert["labels"]["tenant_id"]) for alert in receiver.alerts("firing")
    }

    await prometheus.stop()
    await exporter.stop()
    clock.ahead += 8 * 24 * HOUR + 12 * HOUR
    exporter = await exporter_of(running, tmp_path / "gap", simulator, ahead=clock.ahead, calendars=calendars)
    receiver, prometheus = await pipeline(
        program, running, start_alertmanager, tmp_path, exporter, tmp_path / "gap-data"
    )

    async def judged() -> bool:
        """Whether Prometheus has evaluated the alerts with the judgement of every bot."""
        result = await prometheus.api("query", query="count(count_over_time(bot:oifde_bot:info[1m]) > 5)")
        scores = await prometheus.api(
            "query", query='count(count_over_time(oifde_anomaly_score{signal="calls_drop"}[1m]) > 5)'
        )
        bots = sum(len(tenant.bots) for tenant in tenants)
        return [str(bots)] == [found["value"][1] for found in result["result"]] and bool(scores["result"])

    await wait_for(judged, "judged bots")
    assert [] == [alert for alert in (await prometheus.api("alerts"))["alerts"] if is_about_calls(alert)]
    assert [] == receiver.alerts("firing")


async def pipeline(
    program: FindProgram,
    running: AsyncExitStack,
    start_alertmanager: StartAlertmanager,
    directory: Path,
    exporter: ExporterProcess,
    data: Path,
) -> tuple[Receiver, Prometheus]:
    """Start Prometheus with the rules, Alertmanager with the inhibition, and a receiver."""
    receiver = Receiver()
    await receiver.listen(running)
    route = {
        "receiver": "on-call",
        "group_wait": "5s",
        "group_interval": "1s",
    }  # an inhibiting alert has time to arrive
    on_call = {"name": "on-call", "webhook_configs": [{"url": receiver.url}]}
    inhibition = yaml.safe_load(INHIBITION.read_text(encoding="utf-8"))
    alertmanager = await start_alertmanager({"route": route, "receivers": [on_call], **inhibition})
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": hurried()}), encoding="utf-8")
    replicas = [{"targets": [exporter.address], "labels": {"instance": f"exporter-{name}"}} for name in "ab"]
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(directory / "rules.yaml")],
        "scrape_configs": [{"job_name": TARGET["job"], "static_configs": replicas}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
    }
    return receiver, await prometheus_with(running, program, settings, data.with_suffix(".prometheus"), data)


async def exporter_of(
    running: AsyncExitStack,
    directory: Path,
    simulator: Simulator,
    *,
    address: str = "127.0.0.1:0",
    ahead: float = 0,
    calendars: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> ExporterProcess:
    """Start an exporter whose clock is ``ahead`` seconds ahead, and wait until it has judged every bot."""
    tenants = [
        {
            "tenant_id": tenant.tenant_id,
            "name": tenant.name or tenant.tenant_id,
            "timezone": tenant.timezone.key,
            "auth": {"app_secret": default_secret(tenant.tenant_id)},
            "calendar": dict(calendars.get(tenant.tenant_id, {})),
            "bots": [{"access_code": bot.access_code, "name": bot.name} for bot in tenant.bots],
        }
        for tenant in simulator.world.tenants()
    ]
    url = f"http://127.0.0.1:{simulator.port}"
    platform = {"name": "main", "url": url, "requests_per_second": 200, "tenants": tenants}
    config = directory.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({"poll_interval": "1s", "platforms": [platform]}), encoding="utf-8")
    flags = [f"--web.listen-address={address}", "--log.format=json", f"--config.file={config}"]
    exporter = ExporterProcess(flags, directory, {}, at=f"{ahead:+f}")
    running.push_async_callback(exporter.stop)
    await exporter.started()

    bots = sum(len(tenant.bots) for tenant in simulator.world.tenants())

    async def judged() -> bool:
        page = (await exporter.fetch("/metrics")).text
        whole = len(re.findall(r"^oifde_history_seconds.* 3\.024e\+06$", page, re.MULTILINE))
        return bots == whole == page.count('signal="calls_drop"} ') / 3

    await wait_for(judged, "the exporter to have judged every bot")
    return exporter


async def a_past(program: FindProgram, world: SimulatedWorld, exporter: ExporterProcess, data: Path) -> None:
    """Fill a database with the counters of the last day, for the values in the alert's text."""
    last = int(time.time()) // STEP * STEP
    page = (await exporter.fetch("/metrics")).text
    past = Past(world, page, TARGET, last - days(1), last + 1)
    # Without the judgement of the past, which Prometheus would take for a further replica.
    counters = (line for line in past.lines() if line.startswith(("oifde_call_outcomes_total", "# EOF")))
    write_blocks(program("promtool"), counters, data)


async def prometheus_with(
    running: AsyncExitStack, program: FindProgram, settings: Mapping[str, object], directory: Path, data: Path
) -> Prometheus:
    """Start a Prometheus on that database. It looks back as far as the samples of the past are apart."""
    flags = [
        "--storage.tsdb.retention.time=1y",
        f"--query.lookback-delta={STEP + 60}s",
        "--rules.alert.resend-delay=1s",
    ]
    prometheus = Prometheus(program("prometheus"), settings, directory, flags, data=data)
    running.push_async_callback(prometheus.stop)
    await prometheus.started()
    return prometheus


def hurried() -> list[dict[str, Any]]:
    """Read the shipped groups, evaluated every second, with a tenth of a second for a minute and a second for an hour."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    for group in groups:
        group.pop("interval", None)
        # It compares Prometheus's clock with the platform's, which a test sets to another day, and it inhibits others.
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != "OifdeTenantReportLate"]
        for rule in group["rules"]:
            for key in {"for", "keep_firing_for"} & rule.keys():
                number, unit = int(rule[key][:-1]), rule[key][-1]
                rule[key] = f"{number * {'m': 100, 'h': 1000}[unit]}ms"
    return groups
