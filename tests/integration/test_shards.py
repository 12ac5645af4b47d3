"""Several processes share the tenants of one platform."""

import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from exporter.clock import SystemClock
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness.processes import ExporterProcess
from harness.waiting import wait_for

from .conftest import StartExporter

TENANTS = [
    SimTenant(f"t{number}", (SimBot(f"t{number}-a", "a"), SimBot(f"t{number}-b", "b")), timezone=ZoneInfo("UTC"))
    for number in range(8)
]


def config(url: str, *, discovered: bool = False) -> str:
    """All tenants, with their bots or with discovery."""
    lines = ["poll_interval: 1s", "platforms:", "  - name: main", f"    url: {url}", "    tenants:"]
    for tenant in TENANTS:
        lines += [f"      - tenant_id: {tenant.tenant_id}", "        auth:"]
        lines += [f"          app_secret: {default_secret(tenant.tenant_id)}"]
        if discovered:
            lines += ["        discovery: {interval: 1s}"]
        else:
            lines += ["        bots:", *(f"          - access_code: {bot.access_code}" for bot in tenant.bots)]
    return "\n".join(lines)


async def bots_of(exporter: ExporterProcess) -> set[str]:
    """The bots that a process polls with success."""
    page = (await exporter.fetch("/metrics")).text
    lines = [line for line in page.splitlines() if line.startswith("oifde_up{") and line.endswith(" 1.0")]
    return {line.partition('access_code="')[2].partition('"')[0] for line in lines}


async def test_three_processes_share_the_bots(start_exporter: StartExporter, running: AsyncExitStack) -> None:
    """Each bot is polled by exactly one of them, and each tenant logs in once."""
    simulator = await running.enter_async_context(Simulator(SimulatedWorld(1, TENANTS, CALM), clock=SystemClock()))
    text = config(simulator.url)
    shards = [
        await start_exporter("--total-shards=3", config=text, env={"OIFDE_EXPORTER_SHARD": str(number)})
        for number in range(3)
    ]
    everything = {bot.access_code for tenant in TENANTS for bot in tenant.bots}

    async def polled() -> list[set[str]] | None:
        parts = [await bots_of(shard) for shard in shards]
        return parts if set().union(*parts) == everything else None

    parts = await wait_for(polled, "every bot")

    assert len(everything) == sum(len(part) for part in parts)
    assert len(TENANTS) == simulator.journal.counts["get_token"]
    pages = [(await shard.fetch("/metrics")).text for shard in shards]
    for number, page in enumerate(pages):
        assert f"\noifde_exporter_shard {number}.0\n" in page
        assert "\noifde_exporter_total_shards 3.0\n" in page


async def test_two_processes_share_the_discovery(start_exporter: StartExporter, running: AsyncExitStack) -> None:
    """Each asks for the bots of its own tenants alone, and polls those; a bot that is added is found by one of them."""
    simulator = await running.enter_async_context(Simulator(SimulatedWorld(1, TENANTS, CALM), clock=SystemClock()))
    text = config(simulator.url, discovered=True)
    shards = [await start_exporter(f"--shard={number}", "--total-shards=2", config=text) for number in (0, 1)]
    everything = {bot.access_code for tenant in TENANTS for bot in tenant.bots}

    async def polled() -> list[set[str]] | None:
        parts = [await bots_of(shard) for shard in shards]
        return parts if set().union(*parts) == everything else None

    parts = await wait_for(polled, "every bot")
    assert len(everything) == sum(len(part) for part in parts)
    assert all(parts)

    first = replace(TENANTS[0], bots=(*TENANTS[0].bots, SimBot("t0-new", "new")))
    simulator.world = SimulatedWorld(1, [first, *TENANTS[1:]], CALM)
    everything.add("t0-new")
    parts = await wait_for(polled, "the new bot")

    (owner,) = (part for part in parts if "t0-new" in part)
    assert {"t0-a", "t0-b"} <= owner
    assert len(TENANTS) == simulator.journal.counts["get_token"]
    listings = [{(await _value(shard, f"t{number}")) for number in range(8)} for shard in shards]
    assert [{None, "1.0"}] * 2 == listings


async def _value(shard: ExporterProcess, tenant_id: str) -> str | None:
    """Return a tenant's ``oifde_discovery_up`` from one process; None if there is none."""
    start = f'oifde_discovery_up{{platform="main",tenant_id="{tenant_id}"}} '
    lines = (await shard.fetch("/metrics")).text.splitlines()
    return next((line.removeprefix(start) for line in lines if line.startswith(start)), None)


async def test_an_empty_shard_is_ready(start_exporter: StartExporter) -> None:
    """It has nothing to wait for, and asks the platform nothing."""
    text = config("http://127.0.0.1:1").replace("poll_interval: 1s", "poll_interval: 1h")
    shards = [await start_exporter(f"--shard={number}", "--total-shards=64", config=text) for number in (0, 1)]
    empty = [shard for shard in shards if "\noifde_exporter_bots 0.0\n" in (await shard.fetch("/metrics")).text]

    assert empty
    assert [200] * len(empty) == [(await shard.fetch("/-/ready")).status for shard in empty]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard=3", "--total-shards=3"], "not below --total-shards=3"),
        (["--shard=-1"], "neither a number from 0 nor auto"),
        (["--shard=one"], "neither a number from 0 nor auto"),
        (["--total-shards=0"], "--total-shards"),
    ],
)
def test_bad_shards_are_bad_flags(arguments: list[str], message: str) -> None:
    """Exit status 2, before anything is asked or served."""
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", *arguments], capture_output=True, text=True, timeout=60, check=False
    )

    assert 2 == ended.returncode
    assert message in ended.stderr
