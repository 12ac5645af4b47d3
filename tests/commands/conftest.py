"""Commands against a simulated platform whose clock stands still."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine
import yaml
from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness.clocks import AFTERNOON, StandingClock
from harness.loops import VirtualLoop

NOW: Final = AFTERNOON
TENANT: Final = SimTenant(
    "202104237142",
    (
        SimBot("943370855474270208", "账单助手", calls_per_hour=140.0),
        SimBot("943370855474270311", "claims", calls_per_hour=20.0, source="IVR"),
        SimBot("943370855474270427", "new ${one}", calls_per_hour=0.0),
    ),
    name="acme",
)
QUERY: Final = "query_call_statistics"
LOGIN: Final = "get_token"
BINDINGS: Final = "query_bindings"


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests of a watch in a loop in which sleeping takes no time."""
    if item.path.name == "test_watch.py":
        return {"looptime": VirtualLoop}
    return {"asyncio": asyncio.new_event_loop}


@contextmanager
def serve_in_thread(simulator: Simulator) -> Iterator[Simulator]:
    """Run a simulator in its own thread, because commands have their own event loops."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def serve() -> None:
        async with simulator:
            started.set()
            await stopping.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(60), "the simulator does not start"
    try:
        yield simulator
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


@dataclass
class Shell:
    """A directory with a configuration, the platform that it names, and a function that runs commands."""

    simulator: Simulator
    clock: StandingClock
    """The platform's."""
    directory: Path
    settings: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.settings = configuration(self.simulator.url)

    @property
    def tenant(self) -> dict[str, Any]:
        """Return the first tenant's settings."""
        settings: dict[str, Any] = self.settings["platforms"][0]["tenants"][0]
        return settings

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, width: int | None = None) -> Result:
        """Run a command with the current configuration."""
        (self.directory / "config.yaml").write_text(yaml.safe_dump(self.settings, allow_unicode=True), encoding="utf-8")
        return run_command(*arguments, directory=self.directory, now=self.now, env=env, width=width)


def run_command(
    *arguments: str,
    directory: Path,
    now: datetime = NOW,
    env: Mapping[str, str] | None = None,
    width: int | None = None,
) -> Result:
    """Run a command in a directory."""
    former = Path.cwd()
    handlers = logging.root.handlers[:]
    os.chdir(directory)
    try:
        with time_machine.travel(now, tick=True):
            columns = {"COLUMNS": None if width is None else str(width)}
            return CliRunner().invoke(main, arguments, env=columns | dict(env or {}), prog_name="oifde-exporter")
    finally:
        os.chdir(former)
        logging.root.handlers[:] = handlers


def configuration(url: str, tenant: SimTenant = TENANT) -> dict[str, Any]:
    """Return the configuration of a tenant's first bot, with defaults."""
    return {
        "platforms": [
            {
                "name": "main",
                "url": url,
                "requests_per_second": 1000,
                "tenants": [
                    {
                        "tenant_id": tenant.tenant_id,
                        "name": tenant.name,
                        "auth": {"app_secret": default_secret(tenant.tenant_id)},
                        "bots": [{"access_code": tenant.bots[0].access_code, "name": tenant.bots[0].name}],
                    }
                ],
            }
        ]
    }


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Return a shell with a healthy platform."""
    clock = StandingClock(NOW)
    with serve_in_thread(Simulator(SimulatedWorld(1, [TENANT], CALM), clock=clock)) as simulator:
        yield Shell(simulator, clock, tmp_path)


@pytest.fixture
def change(shell: Shell) -> Callable[..., None]:
    """Change the first platform's settings."""

    def change_platform(**settings: object) -> None:
        shell.settings["platforms"][0] |= settings

    return change_platform
