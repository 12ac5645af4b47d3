"""The daemon from its start to its end: signals and pages."""

import json
import platform
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from exporter import __version__
from exporter.clock import SystemClock
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness import faults
from harness.processes import ExporterProcess
from harness.waiting import wait_for

from .conftest import StartExporter

TENANT = SimTenant("t1", (SimBot("b1", "billing"), SimBot("b2", "claims")), name="acme")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A platform on which all is well."""
    async with Simulator(SimulatedWorld(1, [TENANT], CALM), clock=SystemClock()) as running:
        yield running


def config(simulator: Simulator, *bots: str, extra: str = "") -> str:
    """A configuration of some bots of the tenant."""
    lines = "".join(f"\n          - access_code: {bot}\n            name: {bot}-name" for bot in bots)
    return f"""
poll_interval: 1s
{extra}
platforms:
  - name: main
    url: {simulator.url}
    request_timeout: 2s
    tenants:
      - tenant_id: t1
        auth:
          app_secret: {default_secret("t1")}
        bots:{lines}
"""


async def series(exporter: ExporterProcess, start: str) -> list[str]:
    """The lines of the metrics page that start so."""
    return [line for line in (await exporter.fetch("/metrics")).text.splitlines() if line.startswith(start)]


async def up(exporter: ExporterProcess, *bots: str) -> bool:
    """Whether these bots and no others are polled with success."""
    lines = await series(exporter, "oifde_up{")
    return sorted(f'bot="{bot}-name",report="hour"}} 1.0' for bot in bots) == sorted(
        line.partition("access_code=")[2].partition(",")[2] for line in lines
    )


def run_to_end(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """An exporter that is expected to end by itself."""
    command = [sys.executable, "-m", "exporter", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


async def test_a_bot_is_polled_and_served(start_exporter: StartExporter, simulator: Simulator) -> None:
    """With a secret, through a login; one token serves every poll."""
    exporter = await start_exporter(config=config(simulator, "b1", "b2"))
    await wait_for(lambda: up(exporter, "b1", "b2"), "both bots")

    assert 2 == len(await series(exporter, "oifde_hour_calls{"))
    assert 1 == simulator.journal.counts["get_token"]
    assert ["oifde_exporter_bots 2.0"] == await series(exporter, "oifde_exporter_bots")


async def test_the_first_line_of_the_log_says_what_runs(start_exporter: StartExporter, simulator: Simulator) -> None:
    """The version, the revision, Python, the configuration file and the shard: all that a support case asks first."""
    exporter = await start_exporter("--shard=0", "--total-shards=1", config=config(simulator, "b1"))
    await wait_for(lambda: up(exporter, "b1"), "the bot")

    first = exporter.events()[0]
    assert ["ts", "level", "msg", "version", "revision", "python", "config_file", "shard", "total_shards"] == list(
        first
    )
    assert ("starting", __version__, platform.python_version()) == (first["msg"], first["version"], first["python"])
    assert ("exporter-1.yaml", 0, 1) == (Path(first["config_file"]).name, first["shard"], first["total_shards"])


async def test_a_hangup_reloads_the_configuration(
    start_exporter: StartExporter, simulator: Simulator, tmp_path: Path
) -> None:
    """A bot that goes takes its series along; one that stays is not disturbed; a bad file changes nothing."""
    exporter = await start_exporter(config=config(simulator, "b1"))
    await wait_for(lambda: up(exporter, "b1"), "the first bot")
    config_file = tmp_path / "exporter-1.yaml"

    config_file.write_text(config(simulator, "b1", "b2"))
    exporter.send_signal(signal.SIGHUP)
    await wait_for(lambda: up(exporter, "b1", "b2"), "the second bot")
    assert [1, 2] == [event["bots"] for event in exporter.events("config_loaded") + exporter.events("config_reloaded")]

    config_file.write_text(config(simulator, "b2", extra="nonsense: 1"))
    exporter.send_signal(signal.SIGHUP)
    await wait_for(lambda: exporter.events("config_invalid"), "the refusal")
    assert "nonsense" in exporter.events("config_invalid")[0]["error"]
    assert ["oifde_exporter_config_last_reload_successful 0.0"] == await series(
        exporter, "oifde_exporter_config_last_reload_successful"
    )
    assert await up(exporter, "b1", "b2")

    config_file.write_text(config(simulator, "b2"))
    exporter.send_signal(signal.SIGHUP)
    await wait_for(lambda: up(exporter, "b2"), "the first bot to go")
    assert [] == [line for line in await series(exporter, "oifde_") if 'access_code="b1"' in line]
    assert ["oifde_exporter_config_last_reload_successful 1.0"] == await series(
        exporter, "oifde_exporter_config_last_reload_successful"
    )
    assert 1 == simulator.journal.counts["get_token"]


async def test_a_reload_by_http_is_off_unless_asked_for(
    start_exporter: StartExporter, simulator: Simulator, tmp_path: Path
) -> None:
    """403 while it is off; 405 for GET; 500 with the reason for a bad configuration; 200 for a good one."""
    closed = await start_exporter(config=config(simulator, "b1"))
    assert 403 == (await closed.fetch("/-/reload", method="POST")).status
    assert 405 == (await closed.fetch("/-/reload")).status

    exporter = await start_exporter("--web.enable-lifecycle", config=config(simulator, "b1"))
    assert 405 == (await exporter.fetch("/-/reload")).status
    assert 200 == (await exporter.fetch("/-/reload", method="POST")).status
    assert 200 == (await exporter.fetch("/-/reload", method="PUT")).status
    config_file = tmp_path / "exporter-2.yaml"
    config_file.write_text("platforms: 7\n")
    refused = await exporter.fetch("/-/reload", method="POST")
    assert 500 == refused.status
    assert "exporter-2.yaml:1: platforms:" in refused.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_told_to_even_while_the_platform_hangs(
    start_exporter: StartExporter, simulator: Simulator, number: signal.Signals
) -> None:
    """With exit status 0, and without a word about tasks or sessions left behind."""
    simulator.faults.add(faults.Hang(), operation="query_call_statistics")
    exporter = await start_exporter(config=config(simulator, "b1", "b2"))
    await wait_for(simulator.journal.under_way.total, "a poll under way")

    exporter.send_signal(number)

    assert 0 == await exporter.ended()
    assert ["starting", "listening", "config_loaded", "login_succeeded", "stopping"] == [
        event["msg"] for event in exporter.events() if event["level"] != "warn"
    ]


async def test_ready_waits_for_every_bot_and_healthy_for_none(
    start_exporter: StartExporter, simulator: Simulator
) -> None:
    """Whatever the platform does the process is healthy; ready once every bot has been tried."""
    rule = simulator.faults.add(faults.Hang(), access_code="b2")
    exporter = await start_exporter(config=config(simulator, "b1", "b2", extra="").replace("1s", "20s"))
    await wait_for(simulator.journal.under_way.total, "a poll under way")

    assert (200, 503) == ((await exporter.fetch("/-/healthy")).status, (await exporter.fetch("/-/ready")).status)

    simulator.faults.remove(rule)
    await wait_for(lambda: _ready(exporter), "the exporter to be ready")
    assert 200 == (await exporter.fetch("/-/healthy")).status


async def _ready(exporter: ExporterProcess) -> bool:
    return (await exporter.fetch("/-/ready")).status == 200


async def test_one_hanging_bot_delays_no_other(start_exporter: StartExporter, simulator: Simulator) -> None:
    """The other one is up while this one never answers."""
    simulator.faults.add(faults.Hang(), access_code="b2")
    exporter = await start_exporter(config=config(simulator, "b1", "b2"))

    await wait_for(
        lambda: len(simulator.journal.of("query_call_statistics", access_code="b1")) >= 3,
        "three polls of the other bot",
    )
    lines = await series(exporter, "oifde_up{")

    assert ["1.0", "0.0"] == [line.rpartition(" ")[2] for line in sorted(lines)]


async def test_the_configuration_may_come_from_the_environment(
    start_exporter: StartExporter, simulator: Simulator
) -> None:
    """For sidecars: the YAML itself in a variable, flags in others."""
    exporter = await start_exporter(
        env={
            "OIFDE_EXPORTER_CONFIG": config(simulator, "b1").replace(default_secret("t1"), "${SECRET}"),
            "SECRET": default_secret("t1"),
            "OIFDE_EXPORTER_WEB_TELEMETRY_PATH": "/elsewhere",
            "OIFDE_EXPORTER_LOG_LEVEL": "debug",
        }
    )

    page = await wait_for(lambda: exporter.fetch("/elsewhere"), "the metrics")
    assert (200, 404) == (page.status, (await exporter.fetch("/metrics")).status)
    await wait_for(lambda: simulator.journal.counts["query_call_statistics"], "a poll")


async def test_behind_a_reverse_proxy(start_exporter: StartExporter, simulator: Simulator) -> None:
    """Everything lives under the path of the external URL."""
    exporter = await start_exporter(
        "--web.external-url=https://proxy.example.com/bots/", config=config(simulator, "b1")
    )

    assert 200 == (await exporter.fetch("/bots/metrics")).status
    assert 200 == (await exporter.fetch("/bots/-/healthy")).status
    assert 404 == (await exporter.fetch("/metrics")).status


def test_a_bad_configuration_is_told_all_at_once(tmp_path: Path) -> None:
    """Each fault on a line with file, line and path; exit status 1, no traceback."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "poll_interval: 10\nplatforms:\n  - url: ftp://x\n    tenants:\n      - tenant_id: 0755\n        bots: []\n"
    )

    ended = run_to_end(f"--config.file={file}")

    assert 1 == ended.returncode
    assert "Traceback" not in ended.stderr
    tenant = "platforms[0].tenants[0]"
    expected = [
        (1, "poll_interval"),
        (3, "platforms[0].url"),
        (5, f"{tenant}.tenant_id"),
        (5, f"{tenant}.auth"),
        (6, f"{tenant}.bots"),
    ]
    assert [[f"{file}:{line}", path] for line, path in expected] == [
        line.split(": ")[:2] for line in ended.stderr.splitlines()
    ]


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    """It says which file, and the exit status is 1."""
    ended = run_to_end(f"--config.file={tmp_path / 'none.yaml'}")

    assert (1, 1) == (ended.returncode, len(ended.stderr.splitlines()))
    assert "none.yaml" in ended.stderr


async def test_a_port_that_is_taken_is_one_line(simulator: Simulator, tmp_path: Path) -> None:
    """And the platform is not even asked for a token."""
    file = tmp_path / "config.yaml"
    file.write_text(config(simulator, "b1"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_to_end(f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}")

    assert 1 == ended.returncode
    assert [
        f"oifde-exporter: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --web.listen-address"
    ] == ended.stderr.splitlines()
    assert 0 == simulator.journal.counts["get_token"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no.such.flag"],
        ["--web.listen-address=nowhere"],
        ["--web.listen-address=:99999"],
        ["--web.telemetry-path=metrics"],
        ["--web.external-url=proxy"],
        ["--log.level=loud"],
        ["no-such-command"],
    ],
)
def test_bad_flags_are_exit_status_2(arguments: list[str]) -> None:
    """With a usage message that names the flag."""
    ended = run_to_end(*arguments)

    assert 2 == ended.returncode
    assert "Usage:" in ended.stderr
    assert arguments[0].partition("=")[0] in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version"], "oifde-exporter, version"),
        (["--help"], "--web.listen-address"),
        (["run", "--help"], "OIFDE_EXPORTER_CONFIG_FILE"),
    ],
)
def test_help_and_version(arguments: list[str], expected: str) -> None:
    """On standard output, exit status 0."""
    ended = run_to_end(*arguments)

    assert 0 == ended.returncode
    assert expected in ended.stdout


async def test_flags_may_stand_before_the_command(start_exporter: StartExporter) -> None:
    """The flags work as in Prometheus' own programs."""
    exporter = await start_exporter("--log.level=debug", "demo")

    assert 200 == (await exporter.fetch("/-/healthy")).status


async def test_the_demos_platform_can_be_asked(start_exporter: StartExporter, tmp_path: Path) -> None:
    """It writes its configuration while it runs, readable only by its owner, and overwrites no other file."""
    file = tmp_path / "demo.yaml"
    file.write_text("platforms: []\n")
    listening = "--web.listen-address=localhost:0"
    refused = run_to_end("demo", f"--write-config={file}", listening)
    assert (1, "platforms: []\n") == (refused.returncode, file.read_text())
    assert [f"oifde-exporter: {file} exists, and a demo did not write it; choose another name for --write-config"] == [
        line for line in refused.stderr.splitlines() if line.startswith("oifde-exporter:")
    ]

    file.unlink()
    exporter = await start_exporter("demo", f"--write-config={file}", listening)
    await wait_for(lambda: "Open http://localhost:" in exporter.output, "the file to be written")
    port = exporter.address.rpartition(":")[2]
    assert 1 == run_to_end("demo", f"--write-config={file}", f"--web.listen-address=localhost:{port}").returncode
    assert 0o600 == file.stat().st_mode & 0o777
    checked = run_to_end("check", "--live", f"--config.file={file}", "--format=json")
    # Not all of them have to answer: the demo's platform fails now and then.
    assert any(tenant["failed"] < tenant["bots"] for tenant in json.loads(checked.stdout)["live"])
    await exporter.stop()
    assert not file.exists()


async def test_used_up_descriptors_are_logged_once(start_exporter: StartExporter, simulator: Simulator) -> None:
    """Otherwise connections fail without a reason; when there are some again, the log says so."""
    exporter = await start_exporter(config=config(simulator, "b1"))
    await wait_for(lambda: up(exporter, "b1"), "the first poll")
    limits = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)

    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    await wait_for(lambda: exporter.events("descriptors_used_up"), "the error")
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, limits)
    await wait_for(lambda: exporter.events("descriptors_available"), "the recovery")

    (event,) = exporter.events("descriptors_used_up")
    assert ("error", 3) == (event["level"], event["limit"])
    await wait_for(lambda: up(exporter, "b1"), "another poll")
