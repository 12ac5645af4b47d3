"""The exporter as a process: SIGTERM at any moment, and SIGKILL."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.simulator import CALM, Account, SimTenant, SimulatedWorld, Simulator
from harness import faults
from harness.clocks import StandingClock
from harness.processes import ExporterProcess
from harness.waiting import wait_for

from .rig import CANARY, LOGIN, QUERY, SHANGHAI, TENANT, Page, bots_named, configuration

TENANTS = (SimTenant(TENANT, bots_named("b1", "b2", "b3")),)
WORLD = SimulatedWorld(1, TENANTS, CALM)


# To Python's own lookups a name server that does not answer; it leaves a file behind where it was asked.
NO_NAME_SERVER = """
import pathlib, socket, threading
genuine = socket.getaddrinfo
def getaddrinfo(host, *args, **kwargs):
    if host == "platform.test":
        pathlib.Path("lookup").touch()
        threading.Event().wait()
    return genuine(host, *args, **kwargs)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at half past noon in Shanghai."""
    return StandingClock(datetime(2026, 5, 20, 12, 30, tzinfo=SHANGHAI))


@pytest.fixture
async def simulator(clock: StandingClock) -> AsyncIterator[Simulator]:
    """Run a platform without faults."""
    async with Simulator(WORLD, clock=clock, accounts=[Account(TENANT, CANARY)]) as simulator:
        yield simulator


class Exporters:
    """Starts exporters as processes."""

    def __init__(self, directory: Path, clock: StandingClock) -> None:
        self._directory = directory
        self._no_name_server = directory / "no-name-server"
        self._no_name_server.mkdir()
        (self._no_name_server / "sitecustomize.py").write_text(NO_NAME_SERVER)
        self._clock = clock
        self.running: list[ExporterProcess] = []

    def write(self, directory: Path, settings: dict[str, object]) -> Path:
        """Write the configuration of the exporter that runs in a directory."""
        file = directory.with_suffix(".yaml")
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return file

    def begin(self, settings: dict[str, object], *flags: str) -> ExporterProcess:
        """Start an exporter at the platform's time, and return at once."""
        directory = self._directory / f"exporter-{len(self.running)}"
        arguments = (
            f"--config.file={self.write(directory, settings)}",
            "--web.listen-address=127.0.0.1:0",
            "--log.format=json",
            *flags,
        )
        at = datetime.fromtimestamp(self._clock.wall, SHANGHAI).isoformat()
        environment = {"PYTHONPATH": str(self._no_name_server)}
        self.running.append(ExporterProcess(arguments, directory, environment, at=at))
        return self.running[-1]

    async def start(self, settings: dict[str, object], *flags: str) -> ExporterProcess:
        """Start an exporter, and wait until it listens."""
        process = self.begin(settings, *flags)
        await process.started()
        return process


@pytest.fixture
async def exporters(tmp_path: Path, clock: StandingClock) -> AsyncIterator[Exporters]:
    """Give a test exporters to start; kill those that still run at its end."""
    exporters = Exporters(tmp_path, clock)
    yield exporters
    for process in exporters.running:
        process.send_signal(signal.SIGKILL)
        await process.ended()


def settings(simulator: Simulator) -> dict[str, object]:
    """Return a configuration that polls every second, and waits for an answer for longer than a test waits for an end."""
    settings = configuration(simulator.url, TENANTS)
    settings["platforms"][0]["request_timeout"] = "10m"
    return {"poll_interval": "1s"} | settings


async def page(exporter: ExporterProcess) -> Page:
    """Return the metrics page."""
    return Page((await exporter.fetch("/metrics")).text)


async def all_up(exporter: ExporterProcess) -> Page:
    """Return the metrics page once every bot is up."""

    async def up() -> Page | None:
        found = await page(exporter)
        return found if found.up == {"b1": 1, "b2": 1, "b3": 1} else None

    return await wait_for(up, "every bot to be up")


async def ended(exporter: ExporterProcess) -> None:
    """Wait until the exporter has ended, with exit status 0 and no error in its log."""
    assert 0 == await exporter.ended(), exporter.log
    assert [] == [event for event in exporter.events() if event["level"] in ("error", "critical")]
    assert "Traceback" not in exporter.log


# Killed


async def test_killed_and_started_again(exporters: Exporters, simulator: Simulator, clock: StandingClock) -> None:
    """The new process shows the values of the old one, and the calls since then."""
    exporter = await exporters.start(settings(simulator))
    before = await all_up(exporter)
    exporter.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == await exporter.ended()

    exporter = await exporters.start(settings(simulator))
    after = await all_up(exporter)
    assert before.data("b1") == after.data("b1") != {}
    assert before.data("b3") == after.data("b3")
    exporter.send_signal(signal.SIGKILL)

    clock.wall += 3000  # 13:20
    exporter = await exporters.start(settings(simulator))
    later = await all_up(exporter)
    now = clock.now()
    midnight = int(now - 13 * 3600 - 20 * 60)
    truth = sum(WORLD.truth(TENANT, "b1", midnight + hour * 3600, now).calls for hour in range(14))
    assert truth == later.value("oifde_calls_total", access_code="b1")
    assert truth > (before.value("oifde_calls_total", access_code="b1") or 0)
    assert midnight + 12 * 3600 == later.value("oifde_hour_start_timestamp_seconds", access_code="b1")


# Told to end


async def polling(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """Every bot is polled."""
    exporter = await exporters.start(settings(simulator))
    await all_up(exporter)
    return exporter


async def logging_in(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """The first login hangs."""
    simulator.faults.add(faults.Hang(), operation=LOGIN)
    exporter = await exporters.start(settings(simulator))
    await simulator.journal.reached(1, LOGIN)
    return exporter


async def hanging(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """Every poll hangs."""
    simulator.faults.add(faults.Hang("body"), operation=QUERY)
    exporter = await exporters.start(settings(simulator))
    await simulator.journal.reached(3, QUERY)
    return exporter


async def out_of_reach(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """The platform is unreachable."""
    exporter = await polling(exporters, simulator)
    simulator.faults.add(faults.Reset())
    await wait_for(lambda: exporter.events("platform_unreachable"), "the platform to be out of reach")
    return exporter


async def looking_up_its_name(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """The name server does not answer."""
    patient: dict[str, Any] = settings(simulator) | {"poll_interval": "10m"}
    patient["platforms"][0]["url"] = simulator.url.replace("127.0.0.1", "platform.test")
    exporter = await exporters.start(patient)
    lookup = exporter.log_file.parent / "lookup"
    await wait_for(lookup.exists, "a lookup")
    return exporter


async def refused(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """The login is blocked."""
    simulator.accounts[TENANT].app_secret = "another"
    exporter = await exporters.start(settings(simulator))
    await wait_for(lambda: exporter.events("login_blocked"), "the login to be blocked")
    return exporter


async def starting(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """Python is still loading the program."""
    exporter = exporters.begin(settings(simulator))
    await wait_for(lambda: catches(exporter.pid, signal.SIGTERM), "the process to heed signals")
    return exporter


async def reading_its_configuration(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """A long configuration is being read at the start."""
    exporter = exporters.begin(with_many_bots(simulator))
    await wait_for(lambda: catches(exporter.pid, signal.SIGHUP), "the process to heed all signals")
    return exporter


async def reloading(exporters: Exporters, simulator: Simulator) -> ExporterProcess:
    """A long configuration is being read for a reload."""
    exporter = await polling(exporters, simulator)
    exporters.write(exporter.log_file.parent, with_many_bots(simulator))
    exporter.send_signal(signal.SIGHUP)
    return exporter


def with_many_bots(simulator: Simulator) -> dict[str, object]:
    """Return a configuration that takes a while to read."""
    return configuration(simulator.url, [SimTenant(TENANT, bots_named(*(f"b{number}" for number in range(1000))))])


def catches(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has its own handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    "state",
    [
        starting,
        reading_its_configuration,
        polling,
        logging_in,
        hanging,
        out_of_reach,
        looking_up_its_name,
        refused,
        reloading,
    ],
    ids=lambda state: state.__name__.replace("_", " "),
)
async def test_sigterm_at_any_moment(
    exporters: Exporters,
    simulator: Simulator,
    state: Callable[[Exporters, Simulator], Awaitable[ExporterProcess]],
) -> None:
    """The process ends within seconds with exit status 0, and its log has no error."""
    exporter = await state(exporters, simulator)
    exporter.send_signal(signal.SIGTERM)
    await ended(exporter)


async def test_sigterm_several_times(exporters: Exporters, simulator: Simulator) -> None:
    """Further signals during the shutdown change nothing."""
    exporter = await polling(exporters, simulator)

    ending = asyncio.create_task(ended(exporter))

    def told_once_more() -> bool:
        exporter.send_signal(signal.SIGTERM)
        exporter.send_signal(signal.SIGHUP)
        return ending.done()

    await wait_for(told_once_more, "the process to end")
    await ending


async def test_sigterm_while_a_client_reads_slowly(exporters: Exporters, simulator: Simulator) -> None:
    """The shutdown does not wait for a client that reads slowly."""
    exporter = await polling(exporters, simulator)
    host, port = exporter.address.rsplit(":", 1)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.setblocking(False)
        # More than the kernel holds for who does not read; the exporter then waits in the middle of an answer.
        request = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(client, request * 400)
        assert b"HTTP/1.1 200 OK" == (await asyncio.get_running_loop().sock_recv(client, 15))
        exporter.send_signal(signal.SIGTERM)
        await ended(exporter)
