"""A command ended by a signal prints no traceback, and its status does not look like a result."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.simulator import SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness.faults import Hang

TENANT = SimTenant("t1", (SimBot("b1", "billing"),))
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def configuration(url: str) -> str:
    """All by default."""
    return (
        f"platforms: [{{url: '{url}', tenants: [{{tenant_id: t1, auth: {{app_secret: {default_secret('t1')}}},"
        " bots: [{access_code: b1}]}]}]"
    )


async def start(directory: Path, *arguments: str) -> asyncio.subprocess.Process:
    """A command that has just been typed in a directory."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "exporter", *arguments, cwd=directory, stdout=pipe, stderr=pipe
    )


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("arguments", [["check", "--live"], ["query"], ["discover"]], ids=" ".join)
async def test_a_question_can_be_taken_back(tmp_path: Path, arguments: list[str], number: signal.Signals) -> None:
    """While the platform is waited for."""
    async with Simulator(SimulatedWorld(1, [TENANT]), clock=SystemClock()) as simulator:
        (tmp_path / "config.yaml").write_text(configuration(simulator.url), encoding="utf-8")
        simulator.faults.add(Hang())
        process = await start(tmp_path, *arguments)
        await simulator.journal.reached(1, "get_token")
        process.send_signal(number)
        said = await process.communicate()

    assert (b"", b"") == said
    assert 128 + number == process.returncode


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("blocked", ["click.py", "config.yaml"])
async def test_it_can_be_taken_back_from_the_first_moment(tmp_path: Path, blocked: str, number: signal.Signals) -> None:
    """While it loads its parts, or its configuration; status 0 would mean that the configuration is right."""
    os.mkfifo(tmp_path / "pipe")
    if blocked == "click.py":
        (tmp_path / "click.py").write_text("open('pipe').read()", encoding="utf-8")
    else:
        (tmp_path / "config.yaml").symlink_to("pipe")
    process = await start(tmp_path, "check")
    with await asyncio.to_thread((tmp_path / "pipe").open, "w"):  # once the other end is open
        process.send_signal(number)
        said = await process.communicate()

    assert (b"", b"") == said
    assert 128 + number == process.returncode


@pytest.mark.parametrize("log", ["2>/dev/full", "2>&-", "2>pipe"])
async def test_a_daemon_outlives_its_log(tmp_path: Path, log: str) -> None:
    """It serves, and ends as if all had been written: on a disk that is full, to nobody, to a reader that is gone."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    command = f'exec "$0" -m exporter demo --web.listen-address=127.0.0.1:0 {log}'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, sys.executable, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert b"are running" in await process.stdout.readline()
    os.close(reader)
    process.terminate()

    said, _ = await process.communicate()
    assert b"" == said
    assert 0 == process.returncode
