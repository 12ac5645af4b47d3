"""The fixtures for real programs do what the tests that stand on them think they do."""

import asyncio
import subprocess
import time
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from harness.programs import FindProgram
from harness.waiting import wait_for

from .conftest import StartAlertmanager, StartExporter, StartPrometheus


async def test_exporter_runs(start_exporter: StartExporter) -> None:
    """An exporter started here answers, tells in its log where, and ends well."""
    demo = await start_exporter("demo")

    assert 200 == (await demo.fetch("/-/healthy")).status
    assert [demo.address] == [event["address"] for event in demo.events("listening")]


async def test_prometheus_scrapes_a_page(start_prometheus: StartPrometheus) -> None:
    """A figure served here can be asked for in Prometheus."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text="# HELP answer The answer.\n# TYPE answer gauge\nanswer 42\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server:
        job = {"job_name": "here", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}
        prometheus = await start_prometheus({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})
        samples = await wait_for(lambda: prometheus.query("answer"), "the first scrape")

    assert [(42, "here")] == [(sample.value, sample.labels["job"]) for sample in samples]


async def test_alertmanager_takes_an_alert(start_alertmanager: StartAlertmanager, program: FindProgram) -> None:
    """An alert sent with amtool is found in Alertmanager."""
    amtool = program("amtool")
    alertmanager = await start_alertmanager({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]})

    def ask(*arguments: str) -> str:
        command: list[str | Path] = [amtool, f"--alertmanager.url={alertmanager.url}", *arguments]
        return subprocess.check_output(command, text=True)

    await asyncio.to_thread(ask, "alert", "add", "alertname=Here", "bot=billing")
    listed = await wait_for(lambda: ask("alert", "query", "--output=json", "Here"), "the alert")

    assert '"bot":"billing"' in listed


async def test_waiting_tells_what_did_not_come() -> None:
    """A wait in vain fails, and names what was waited for and what was there instead."""
    with pytest.raises(AssertionError, match="still waiting for the moon; last: 0"):
        await wait_for(lambda: 0, "the moon", deadline=0)


async def test_waiting_takes_a_refusal_for_not_yet() -> None:
    """A condition may ask a server that is not there yet."""
    attempts = iter([ConnectionRefusedError(), AssertionError("not yet"), None])
    started = time.monotonic()

    async def condition() -> float:
        if error := next(attempts):
            raise error
        return started

    assert started == await wait_for(condition, "the third attempt")
