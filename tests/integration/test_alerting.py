"""From a bot in trouble to a notification: platform, exporter, Prometheus, Alertmanager and a receiver, all real.

Each minute that a rule waits takes a tenth of a second here. Everything else is as shipped.
"""

import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
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


class ShiftedClock(SystemClock):
    """The machine's clock, ``ahead`` seconds ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


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
        """List the received alerts of one status: ``firing`` or ``resolved``."""
        return [
            alert
            for message in self.notifications
            for alert in message["alerts"]
            if (status, ALERT) == (alert["status"], alert["labels"]["alertname"])
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
    exporter = await exporter_of(running, tmp_path / "before", simulator, zone)
    data = tmp_path / "data"
    await a_past(program, world, exporter, data)
    receiver = Receiver()
    await receiver.listen(running)
    route = {"receiver": "on-call", "group_wait": "0s", "group_interval": "1s"}
    on_call = {"name": "on-call", "webhook_configs": [{"url": receiver.url}]}
    inhibition = yaml.safe_load(INHIBITION.read_text(encoding="utf-8"))
    alertmanager = await start_alertmanager({"route": route, "receivers": [on_call], **inhibition})

    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": hurried()}), encoding="utf-8")
    replicas = [{"targets": [exporter.address], "labels": {"instance": f"exporter-{name}"}} for name in "ab"]
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(tmp_path / "rules.yaml")],
        "scrape_configs": [{"job_name": TARGET["job"], "static_configs": replicas}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
    }
    prometheus = await prometheus_with(running, program, settings, tmp_path / "prometheus", data)

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
    assert alert["annotations"]["runbook_url"].endswith(f"/runbooks/{ALERT}.md")
    assert (ROOT / "docs" / "runbooks" / f"{ALERT}.md").exists()

    rules = [rule for group in (await prometheus.api("rules"))["groups"] for rule in group["rules"]]
    assert [] == [(rule["name"], rule["lastError"]) for rule in rules if "lastError" in rule]
    alerts = (await prometheus.api("alerts"))["alerts"]
    assert {BOT} == {found["labels"]["access_code"] for found in alerts if "access_code" in found["labels"]}

    await exporter.stop()
    clock.ahead = 19 * HOUR
    await exporter_of(running, tmp_path / "after", simulator, zone, address=exporter.address, ahead=clock.ahead)

    await wait_for(lambda: receiver.alerts("resolved"), "the resolution")
    received = [*receiver.alerts("firing"), *receiver.alerts("resolved")]
    assert [alert["labels"]] * len(received) == [found["labels"] for found in received]


async def exporter_of(
    running: AsyncExitStack,
    directory: Path,
    simulator: Simulator,
    zone: ZoneInfo,
    *,
    address: str = "127.0.0.1:0",
    ahead: float = 0,
) -> ExporterProcess:
    """Start an exporter whose clock is ``ahead`` seconds ahead, and wait until it has polled every bot."""
    tenant = {
        "tenant_id": TENANT,
        "name": "acme",
        "timezone": zone.key,
        "auth": {"app_secret": default_secret(TENANT)},
        "bots": [{"access_code": bot.access_code, "name": bot.name} for bot in simulator.world.bots(TENANT)],
    }
    platform = {"name": "main", "url": f"http://127.0.0.1:{simulator.port}", "tenants": [tenant]}
    config = directory.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({"poll_interval": "1s", "platforms": [platform]}), encoding="utf-8")
    flags = [f"--web.listen-address={address}", "--log.format=json", f"--config.file={config}"]
    exporter = ExporterProcess(flags, directory, {}, at=f"+{ahead}")
    running.push_async_callback(exporter.stop)
    await exporter.started()

    async def ready() -> bool:
        return (await exporter.fetch("/-/ready")).status == 200

    await wait_for(ready, "the exporter to have polled every bot")
    return exporter


async def a_past(program: FindProgram, world: SimulatedWorld, exporter: ExporterProcess, data: Path) -> None:
    """Fill a database with the counters of the last day, for the values in the alert's text."""
    last = int(time.time()) // STEP * STEP
    page = (await exporter.fetch("/metrics")).text
    write_blocks(program("promtool"), Past(world, page, TARGET, last - days(1), last + 1).lines(), data)


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
    """Read the shipped groups, evaluated every second, with a tenth of a second for each minute that a rule waits."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    for group in groups:
        group.pop("interval", None)
        for rule in group["rules"]:
            for key in {"for", "keep_firing_for"} & rule.keys():
                number, unit = int(rule[key][:-1]), rule[key][-1]
                rule[key] = f"{number * {'m': 100, 'h': 6000}[unit]}ms"
    return groups
