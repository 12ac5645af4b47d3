"""History from the real command, made into blocks by the real promtool, and asked for in a real Prometheus."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
import structlog
from prometheus_client import CollectorRegistry

from exporter.polling.poller import Plan, Poller
from exporter.polling.snapshot import BotId
from exporter.polling.store import Store
from exporter.polling.windows import Rules
from exporter.serving.exposition import Exposition
from exporter.simulator import UNFRIENDLY, Habits, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from exporter.simulator.characters import opening
from exporter.upstream.progress import Progress
from exporter.upstream.reports import HOUR
from harness import at_time, faults
from harness.clocks import AFTERNOON, StandingClock
from harness.processes import Prometheus
from harness.programs import FindProgram
from harness.waiting import wait_for

ZONE = ZoneInfo("Asia/Kolkata")
# Open over midnight, and closed at the moments from which and up to which calls are counted: so these are exact.
OPEN = opening(8, 2)
TENANT = SimTenant(
    "t1",
    (
        SimBot("b1", "busy", calls_per_hour=140, profile=OPEN),
        SimBot("b2", "quiet", calls_per_hour=0.3, profile=OPEN),
    ),
    name="acme",
    timezone=ZONE,
)
INTERVAL = 120
"""Seconds between scrapes, and between polls."""
JOB = 'job="oifde",instance="exporter:10230"'


class VirtualClock:
    """A clock that stands where a test sets it."""

    moment = 0.0

    def now(self) -> float:
        """The moment."""
        return self.moment

    def elapsed(self) -> float:
        """The moment."""
        return self.moment


class WorldSession:
    """A way to a platform that takes no time."""

    def __init__(self, world: SimulatedWorld, clock: VirtualClock) -> None:
        self._world = world
        self._clock = clock

    async def query(
        self, operation: str, path: str, body: Mapping[str, object], *, expect: type, progress: Progress
    ) -> object:
        """The rows of a report, as of the clock."""
        progress.sent()
        timestamp = body["timestamp"]
        assert isinstance(timestamp, int)
        names = (str(body["type"]), str(body["tenantId"]), str(body["accessCode"]))
        return self._world.records(path, *names, timestamp, self._clock.now())

    def redact(self, text: str) -> str:
        """There are none."""
        return text


async def live(world: SimulatedWorld, begin: datetime, end: datetime) -> Sequence[str]:
    """The lines that a Prometheus had scraped every two minutes from an exporter that ran for a while, with their times."""
    clock = VirtualClock()
    clock.moment = begin.timestamp()
    exposition = Exposition(CollectorRegistry(), clock=clock)
    store = Store([exposition])
    rules = Rules(HOUR, ZONE, settle_delay=600, empty_hour_delay=7200)
    pollers = [
        Poller(
            Plan(
                BotId("main", "t1", bot.access_code, bot.name, "acme", timezone=ZONE.key),
                rules,
                interval=INTERVAL,
                stale_after=300,
                budget=30,
            ),
            WorldSession(world, clock),
            store=store,
            clock=clock,
            log=structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger("critical")),
            observe_lag=lambda _: None,
            observe_findings=lambda _report, _anomalies, _revisions: None,
        )
        for bot in TENANT.bots
    ]
    lines: list[str] = []
    while clock.moment < end.timestamp():
        for poller in pollers:
            await poller.poll(None)
        page = b"".join(exposition.chunks(openmetrics=True)).decode()
        lines += (
            f"{series},{JOB}}} {value} {clock.moment:.0f}"
            for series, value in (line.split("} ") for line in page.splitlines() if 'bot="' in line)
        )
        clock.moment += INTERVAL
    for poller in pollers:
        poller.close()
    return lines


class StartDatabase(Protocol):
    """Starts a Prometheus over a database that exists."""

    async def __call__(self, data: Path) -> Prometheus:
        """Start with the directory."""


@pytest.fixture
def start_database(tmp_path: Path, running: AsyncExitStack, program: FindProgram) -> StartDatabase:
    """Starts Prometheus servers."""

    async def start(data: Path) -> Prometheus:
        process = Prometheus(program("prometheus"), {}, tmp_path / "prometheus", [], data=data)
        running.push_async_callback(process.stop)
        await process.started()
        return process

    return start


def make_blocks(program: FindProgram, file: Path, data: Path) -> None:
    """Run the commands of docs/backfill.md."""
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, data]
    made = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    # Its list of blocks wants a write-ahead log, which a database that was never started has not.
    assert made.stderr in ("", f"read WAL: find last checkpoint: open {data}/wal: no such file or directory\n")


def import_all(program: FindProgram, history: Path, data: Path) -> None:
    """All files that a backfill wrote."""
    parts = sorted(history.glob("*.om"))
    assert parts
    for part in parts:
        make_blocks(program, part, data)


def config(simulator: Simulator) -> str:
    """A configuration of all bots."""
    bots = "".join(f"\n          - {{access_code: {bot.access_code}, name: {bot.name}}}" for bot in TENANT.bots)
    return f"""
platforms:
  - name: main
    url: {simulator.url}
    requests_per_second: 100
    tenants:
      - tenant_id: t1
        name: acme
        timezone: {ZONE.key}
        auth:
          app_secret: {default_secret("t1")}
        bots:{bots}
"""


def command(directory: Path, configuration: str, *arguments: str) -> Sequence[str]:
    """The command at the platform's time, with its files in ``directory``."""
    file = directory.with_suffix(".yaml")
    file.write_text(configuration, encoding="utf-8")
    flags = [f"--config.file={file}", f"--output={directory}", "--label=job=oifde", "--label=instance=exporter:10230"]
    return [sys.executable, at_time.__file__, AFTERNOON.isoformat(), "backfill", *flags, *arguments]


def run(directory: Path, configuration: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        command(directory, configuration, *arguments), capture_output=True, text=True, timeout=120, check=False
    )


WHOLE_HOURS = replace(UNFRIENDLY, in_progress=False, lag=(120.0, 540.0))


@pytest.mark.parametrize(
    ("habits", "ends", "resumes"),
    [(UNFRIENDLY, (0, 17, 23), (2, 20, 42)), (WHOLE_HOURS, (0, 20, 50), (1, 1, 30))],
    ids=["two days", "over midnight, with records that come whole"],
)
async def test_the_counters_count_every_call_once_over_the_joints(
    tmp_path: Path,
    program: FindProgram,
    start_database: StartDatabase,
    habits: Habits,
    ends: tuple[int, int, int],
    resumes: tuple[int, int, int],
) -> None:
    """The exporter was down for a while; with what backfill wrote, increase() gives what really happened."""
    # Corrections downwards are what counters cannot follow, live or not.
    world = SimulatedWorld(7, [TENANT], replace(habits, restated=0.0))
    begin = AFTERNOON.astimezone(ZONE).replace(hour=5, minute=0, second=0, microsecond=0) - timedelta(days=4)
    gap = [begin.replace(hour=hour, minute=minute) + timedelta(days=days) for days, hour, minute in (ends, resumes)]
    end = begin + timedelta(days=resumes[0] + 1)
    data = tmp_path / "data"
    scraped = tmp_path / "live.om"
    lines = [*await live(world, begin, gap[0]), *await live(world, gap[1], end)]
    scraped.write_text("\n".join([*lines, "# EOF\n"]), encoding="utf-8")
    make_blocks(program, scraped, data)

    async with Simulator(world, clock=StandingClock()) as simulator:
        flags = [f"--from={gap[0].isoformat()}", f"--to={gap[1].isoformat()}"]
        ended = await asyncio.to_thread(run, tmp_path / "history", config(simulator), *flags)
    assert (0, "") == (ended.returncode, ended.stderr)
    import_all(program, tmp_path / "history", data)

    prometheus = await start_database(data)
    # From and up to an hour in which nobody calls; the window ends with its first and last samples, so that nothing
    # is extrapolated.
    seconds = int((end - begin).total_seconds()) - INTERVAL
    at = f"{end.timestamp() - INTERVAL:.0f}"
    for name, field in (("oifde_calls_total", "calls"), ("oifde_interactions_total", "interactions")):
        counted = await prometheus.api("query", query=f"increase({name}[{seconds + 1}s])", time=at)
        truth = {bot.access_code: 0 for bot in TENANT.bots}
        for bot in TENANT.bots:
            hours = range(int(begin.timestamp()), int(end.timestamp()), 3600)
            truth[bot.access_code] = sum(getattr(world.truth("t1", bot.access_code, hour), field) for hour in hours)
        assert truth == {
            series["metric"]["access_code"]: round(float(series["value"][1])) for series in counted["result"]
        }

    # Every moment of the gap has the last complete hour, in the series that were there before and after.
    shown = await prometheus.api(
        "query_range",
        query="count by (access_code, job, instance) (oifde_hour_calls)",
        start=f"{begin.timestamp():.0f}",
        end=at,
        step="240",
    )
    assert [seconds // 240 + 1] * 2 == [len(series["values"]) for series in shown["result"]]


async def test_a_kill_costs_no_more_than_the_day_it_was_at(tmp_path: Path) -> None:
    """Killed in the middle and started again, it gives the files that it would have given anyway."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    async with Simulator(SimulatedWorld(7, [TENANT]), clock=StandingClock()) as simulator:
        ended = await asyncio.to_thread(run, whole, config(simulator), *two_days())
        assert (0, "") == (ended.returncode, ended.stderr)
        asked = simulator.journal.counts["query_call_statistics"]

        process = await start_and_hang(killed, simulator, asked * 2 - 1)
        process.kill()
        assert -signal.SIGKILL == await process.wait()
        assert 2 == len(files(killed)) == len(files(whole)) - 1
        simulator.journal.counts.clear()
        ended = await asyncio.to_thread(run, killed, config(simulator), *two_days())
        asked_again = simulator.journal.counts["query_call_statistics"]

    assert (0, "") == (ended.returncode, ended.stderr)
    assert files(whole) == files(killed)
    assert asked_again < asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_to_end_it_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    """At once, without a traceback, and with the exit status that a shell gives to what a signal ends."""
    async with Simulator(SimulatedWorld(7, [TENANT]), clock=StandingClock()) as simulator:
        process = await start_and_hang(tmp_path / "history", simulator, 7)
        process.send_signal(number)
        said, complained = await process.communicate()

    assert 128 + number == process.returncode
    assert b"interrupted; repeat the same command" in complained
    assert b"Traceback" not in complained
    assert b"2 of 3 days (UTC) complete" in said


async def test_a_bot_that_fails_stops_no_other(tmp_path: Path) -> None:
    """Its hours are reported as failed, with the reason. The same command adds them once the platform works."""
    history = tmp_path / "history"
    async with Simulator(SimulatedWorld(7, [TENANT]), clock=StandingClock()) as simulator:
        with simulator.faults.active(faults.ErrorCode(10000002), access_code="b2"):
            ended = await asyncio.to_thread(run, history, config(simulator), "--format=json", *two_days())
            failed = json.loads(ended.stdout)
        before = files(history)
        repaired = await asyncio.to_thread(run, history, config(simulator), *two_days())

    assert (1, "") == (ended.returncode, ended.stderr)
    assert [0, 48] == [bot["hours"]["failed"] for bot in failed["bots"]]
    assert "10000002" in failed["bots"][1]["error"]
    assert not failed["complete"]
    assert len(failed["days_left"]) == len(before) == 3
    assert all(b'access_code="b2"' not in content for content in before.values())
    assert (0, "") == (repaired.returncode, repaired.stderr)
    assert all(b'access_code="b2"' in content for content in files(history).values())


async def test_nothing_is_made_up_before_the_first_record(tmp_path: Path) -> None:
    """Hours that the platform has deleted do not count as hours without calls."""
    world = SimulatedWorld(7, [TENANT], replace(UNFRIENDLY, history=50 * 3600.0))
    history = tmp_path / "history"
    async with Simulator(world, clock=StandingClock()) as simulator:
        ended = await asyncio.to_thread(run, history, config(simulator), "--bot=busy", "--format=json", *two_days())

    (bot,) = json.loads(ended.stdout)["bots"]
    first = datetime.fromisoformat(bot["first_record"]).timestamp()
    assert bot["hours"]["unknown"] == (first - datetime.fromisoformat(bot["from"]).timestamp()) / 3600
    samples = [line for content in files(history).values() for line in content.decode().splitlines() if line[0] != "#"]
    assert min(float(line.rpartition(" ")[2]) for line in samples) >= first


async def test_when_the_platform_refuses_the_login_it_is_not_asked_on(tmp_path: Path) -> None:
    """One try, which a wrong secret may not exceed, and a line that says why nothing was written."""
    async with Simulator(SimulatedWorld(7, [TENANT]), clock=StandingClock()) as simulator:
        wrong = config(simulator).replace(default_secret("t1"), "wrong")
        ended = await asyncio.to_thread(run, tmp_path / "history", wrong, *two_days())
        logins = simulator.journal.counts["get_token"]

    assert (1, 1) == (ended.returncode, logins)
    assert "cannot read any bot" in ended.stderr
    assert {} == files(tmp_path / "history")


def two_days() -> Sequence[str]:
    """The flags for two days that ended yesterday: three files, as days (UTC) go."""
    to = AFTERNOON.astimezone(ZONE).replace(hour=5, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return f"--from={(to - timedelta(days=2)).isoformat()}", f"--to={to.isoformat()}"


async def start_and_hang(directory: Path, simulator: Simulator, after: int) -> asyncio.subprocess.Process:
    """The command, waiting for a platform that answers no longer after so many requests."""
    counts = simulator.journal.counts
    rule = simulator.faults.add(
        faults.Hang(), operation="query_call_statistics", when=lambda _: counts["query_call_statistics"] > after
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command(directory, config(simulator), *two_days()), stdout=pipe, stderr=pipe
    )
    await wait_for(lambda: rule.hits, "the platform to hang")
    simulator.faults.remove(rule)
    return process


def files(directory: Path) -> Mapping[str, bytes]:
    """All but the journal."""
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.suffix != ".journal"}
