"""The whole exporter in this process; only the test sends requests to it."""

import asyncio
import io
import json
import logging
import random
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from exporter import logs
from exporter.app import App
from exporter.config import Shard, load
from exporter.serving.web import WebOptions
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness.clocks import StandingClock
from harness.processes import fetch
from harness.waiting import wait_for

_FILES = 4096


@dataclass(frozen=True)
class Running:
    """A running exporter."""

    port: int
    log: io.StringIO

    @property
    def alarms(self) -> Sequence[Any]:
        """Return the log events above the level warning."""
        events = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [event for event in events if event["level"] == "error"]


@pytest.fixture(autouse=True)
def undisturbed_logging() -> Iterator[None]:
    """Restore the root logger after the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Allow both ends of 500 connections, if the system permits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def running(config: str) -> AsyncIterator[Running]:
    """Run an exporter with that configuration; raise what it raised."""
    stream = io.StringIO()
    urls: asyncio.Queue[Sequence[str]] = asyncio.Queue()
    app = App(
        lambda: load(config, {}),
        WebOptions(listen_address=[("127.0.0.1", 0)]),
        Shard(),
        clock=StandingClock(),
        log=logs.configure(level="debug", format="json", stream=stream),
        rng=random.Random(1),
        version="0",
        revision="",
        on_listening=urls.put_nowait,
    )
    task = asyncio.create_task(app.run())
    try:
        await wait_for(lambda: task.done() or not urls.empty(), "the exporter to listen")
        if task.done():
            await task
        yield Running(urlsplit(urls.get_nowait()[0]).port or 0, stream)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _is_ready(url: str) -> bool:
    return (await fetch(url)).status == 200


@pytest.fixture
async def exporter() -> AsyncIterator[Running]:
    """Run an exporter that has polled its two bots and polls no more during the test."""
    tenant = SimTenant("t1", (SimBot("b1", "billing"), SimBot("b2", "claims")))
    async with Simulator(SimulatedWorld(1, [tenant], CALM), clock=StandingClock()) as simulator:
        config = f"""
            poll_interval: 1h
            history: {{days: 0}}
            platforms:
              - url: {simulator.url}
                tenants:
                  - tenant_id: t1
                    auth: {{app_secret: {default_secret("t1")}}}
                    bots: [{{access_code: b1}}, {{access_code: b2}}]
        """
        async with running(config) as exporter:
            await wait_for(lambda: simulator.journal.counts["query_call_statistics"] >= 2, "the polls")
            ready = f"http://127.0.0.1:{exporter.port}/-/ready"
            await wait_for(lambda: _is_ready(ready), "their end")
            yield exporter
