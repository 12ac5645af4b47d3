"""The demo's bots with a past and a Prometheus that has scraped it; one bot has had an incident for some hours."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

from exporter.clock import SystemClock
from exporter.simulator.characters import HOUR, Incident, SimBot, SimTenant, Trouble
from exporter.simulator.demo import TENANTS, make_demo_config, make_demo_simulator
from exporter.simulator.faults import ErrorCode
from exporter.simulator.world import SimulatedWorld
from harness.clocks import zone_at_hour
from harness.history import STEP, Past, all_rules, days, fired, recorded, rule_levels, write_blocks
from harness.processes import ExporterProcess, Prometheus
from harness.waiting import wait_for

RULES: Final = tuple(sorted((Path(__file__).parents[2] / "observability" / "rules").glob("*.yaml")))
TENANT: Final = "202206018301"
BOT: Final = "951204418820734976"
"""The bot with the incident: for some hours it has transferred many more callers to agents than before."""

REPLICAS: Final = ("exporter-a:10230", "exporter-b:10230")
"""The label ``instance`` of the exporter."""

_JOB: Final = "oifde-exporter"
_LOOKBACK: Final = f"--query.lookback-delta={STEP + 60}s"
_SCRAPE: Final = "1s"


@dataclass(frozen=True)
class Programs:
    """The paths of the programs."""

    prometheus: Path
    promtool: Path


@dataclass(frozen=True)
class Seen:
    """The running parts: a Prometheus that scrapes the exporter and evaluates the rules."""

    prometheus: Prometheus
    exporter: ExporterProcess


async def start(
    stack: AsyncExitStack, directory: Path, programs: Programs, *, past: float, levels: int | None, trouble: float
) -> Seen:
    """Start all parts; the stack ends them.

    The exporter is scraped twice, as if it were two replicas. Unless the alerts have a past, they fire at once: what the
    rules wait for with ``for`` is left out, since nothing here can wait for hours.

    :param past: days
    :param levels: how many levels of recording rules, each building upon the ones before, get a past too; None: all, and the
        alerts of bots too
    :param trouble: hours since the trouble began
    """
    now = time.time()
    simulator = await stack.enter_async_context(make_demo_simulator(SystemClock()))
    # Afternoon in all zones, so that the hour of the test makes no difference: at night calls are too few for alerts.
    zone = zone_at_hour(15, now)
    simulator.world = world = SimulatedWorld(1, _tenants(now - trouble * HOUR, zone))
    simulator.faults.add(ErrorCode(10000001, "internal error"), probability=0.05)
    config = directory / "exporter.yaml"
    polled = yaml.safe_load(make_demo_config(simulator.port)) | {"poll_interval": _SCRAPE}
    for tenant in polled["platforms"][0]["tenants"]:
        tenant["timezone"] = zone.key
    config.write_text(yaml.safe_dump(polled), encoding="utf-8")
    flags = ["--web.listen-address=127.0.0.1:0", "--log.format=json", f"--config.file={config}"]
    exporter = ExporterProcess(flags, directory / "exporter", {})
    stack.push_async_callback(exporter.stop)
    await exporter.started()

    async def page() -> str:
        assert (await exporter.fetch("/-/ready")).status == 200
        return (await exporter.fetch("/metrics")).text

    target = {"job": _JOB, "instance": REPLICAS[0]}
    last = int(now) // STEP * STEP
    history = Past(world, await wait_for(page, "the exporter"), target, last - days(past), last + 1)
    data = directory / "data"
    write_blocks(programs.promtool, history.lines(), data)
    to_record = rule_levels(RULES)[:levels]
    if levels is None:
        to_record = [*to_record, [rule for rule in all_rules(RULES) if rule.get("alert", "").startswith("OifdeBot")]]
    for number, level in enumerate(to_record):
        lines = await _recorded(programs.prometheus, directory / f"level-{number}", data, level, history)
        write_blocks(programs.promtool, lines, data)

    rules = directory / "rules.yaml"
    rules.write_text(yaml.safe_dump(_groups(RULES, patient=levels is None)), encoding="utf-8")
    settings = {
        "global": {"scrape_interval": _SCRAPE, "scrape_timeout": _SCRAPE, "evaluation_interval": "2s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": _JOB, "static_configs": [_target(exporter, replica) for replica in REPLICAS]}],
    }
    prometheus = await _started(programs.prometheus, settings, directory / "prometheus", data)
    stack.push_async_callback(prometheus.stop)
    return Seen(prometheus, exporter)


def _target(exporter: ExporterProcess, instance: str) -> dict[str, object]:
    return {"targets": [exporter.address], "labels": {"instance": instance}}


def _tenants(since: float, zone: ZoneInfo) -> Sequence[SimTenant]:
    trouble = Incident(since, since + days(30), Trouble.AUTONOMY, 0.4)

    def changed(bot: SimBot) -> SimBot:
        return replace(bot, incidents=(trouble,)) if bot.access_code == BOT else bot

    return [replace(tenant, bots=tuple(map(changed, tenant.bots)), timezone=zone) for tenant in TENANTS]


async def _started(program: Path, settings: Mapping[str, object], directory: Path, data: Path) -> Prometheus:
    flags = ["--storage.tsdb.retention.time=1y", "--rules.alert.for-grace-period=0s", _LOOKBACK]
    process = Prometheus(program, settings, directory, flags, data=data)
    try:
        await process.started()
    except BaseException:
        await process.stop()
        raise
    return process


async def _recorded(
    program: Path, directory: Path, data: Path, level: Sequence[Mapping[str, Any]], past: Past
) -> list[str]:
    """Return the past of a level's rules, as OpenMetrics."""
    prometheus = await _started(program, {}, directory, data)
    try:
        lines: list[str] = []
        for rule in level:
            answer = await prometheus.api(
                "query_range", query=rule["expr"], start=str(past.start), end=str(past.end), step=str(STEP)
            )
            lines += (fired if "alert" in rule else recorded)(rule, answer["result"])
    finally:
        await prometheus.stop()
    return [*lines, "# EOF\n"]


def _groups(files: Sequence[Path], *, patient: bool) -> dict[str, object]:
    left_out = () if patient else ("for", "keep_firing_for")
    groups = []
    for path in files:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            rules = [{key: value for key, value in rule.items() if key not in left_out} for rule in group["rules"]]
            groups.append({"name": group["name"], "rules": rules})
    return {"groups": groups}
