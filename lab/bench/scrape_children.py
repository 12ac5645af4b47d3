"""Run the servers to scrape: the exporter's metrics page, and the same series in prometheus-client's gauges."""

import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import structlog
from aiohttp import web
from isal import isal_zlib
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.parser import text_string_to_metric_families

from exporter import __version__
from exporter.clock import SystemClock
from exporter.health import Health
from exporter.judging.judge import SIGNALS, Signal
from exporter.judging.usual import Expected, Range
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, Hour, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.web import create_app
from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.login import OPERATION
from exporter.upstream.reports import REPORTS, Record
from exporter.upstream.standing import SessionState
from lab.bench.children import Pipe, Question, answer
from lab.bench.fleets import EVENING, ZONE, tenants

_HOUR = 3600.0


async def ours(pipe: Pipe, bots: int) -> None:
    """Serve the exporter's web application, with a store that is filled by hand.

    ``change`` gives every bot a new snapshot and a new verdict, and answers how many CPU seconds it took.
    """
    clock = SystemClock()
    registry = CollectorRegistry()
    health = Health(registry, version=__version__)
    health.init_platform("main", [OPERATION, REPORTS["hour"].operation])
    verdicts: dict[BotId, Verdict] = {}
    exposition = Exposition(registry, clock=clock, judgement=verdicts.get)
    store = Store([exposition])
    identities = _identities(bots)
    for tenant in tenants(bots):
        status = TenantStatus({("hour", reason): 0 for reason in AnomalyKind}, {"hour": 0}, SessionState(EVENING))
        store.put_tenant(TenantId("main", tenant.tenant_id, tenant.name), status)
    rounds = 0

    async def change() -> float:
        nonlocal rounds
        rounds += 1
        snapshots = [_snapshot(rounds * 7 + number % 100, clock.elapsed()) for number in range(bots)]
        verdicts.update((bot, _verdict(rounds * 7 + number % 100)) for number, bot in enumerate(identities))
        started = time.process_time()
        for identity, snapshot in zip(identities, snapshots, strict=True):
            store.put(identity, "hour", snapshot)
        return time.process_time() - started

    await change()
    log = structlog.get_logger()
    app = create_app(store=store, exposition=exposition, clock=clock, log=log, ready=lambda: True)
    async with _served(app) as port:
        await answer(pipe, _questions(port, change))


async def peer(pipe: Pipe, page: str, isal: bool) -> None:
    """Serve the series of ``page`` as gauges with prometheus-client's aiohttp handler. Children are looked up in advance.

    With ``isal``, aiohttp compresses with the exporter's library. ``change`` sets every gauge to a new value.
    """
    if isal:
        aiohttp.set_zlib_backend(isal_zlib)
    registry = CollectorRegistry()
    children = _gauges(page, registry)

    async def change() -> float:
        started = time.process_time()
        for child in children:
            child.inc()
        return time.process_time() - started

    # These objects stay, so garbage collections need not visit them again.
    gc.collect()
    gc.freeze()
    app = web.Application()
    app.router.add_get("/metrics", make_aiohttp_handler(registry))
    async with _served(app) as port:
        await answer(pipe, _questions(port, change))


def _identities(bots: int) -> Sequence[BotId]:
    return [
        BotId("main", tenant.tenant_id, bot.access_code, bot.name, tenant.name, (("team", "care"),), ZONE.key)
        for tenant in tenants(bots)
        for bot in tenant.bots
    ]


def _snapshot(number: int, elapsed: float) -> Snapshot:
    """Return a snapshot whose values all depend on ``number``."""
    return Snapshot(
        hour=Hour(EVENING + number, _record(EVENING + number, number)),
        live=_record(EVENING + number + _HOUR, number + 1),
        totals=tuple(value if isinstance(value, int) else None for value in _record(EVENING, 20 * number).values),
        up=True,
        last_attempt=EVENING + number,
        last_success=EVENING + number + 0.123,
        expires=elapsed + _HOUR,
    )


def _verdict(number: int) -> Verdict:
    """Return a verdict without an alert: scores stay below 5."""
    ends = Range(number / 7, number / 9, number / 5)
    return Verdict(
        35 * 24 * _HOUR,
        Expected(ends, ends, ends),
        {name: Signal(number % 150 / 30, number % 150 / 900, 3600 * (1 + number % 8)) for name in SIGNALS},
    )


def _record(start: float, calls: int) -> Record:
    share = calls % 97 / 100
    values = (calls, calls // 9, calls // 8, calls // 7, calls // 2, calls * 5, 4.5 + share, share, calls, calls, share)
    return Record(start, values, start)


def _gauges(page: str, registry: CollectorRegistry) -> list[Gauge]:
    """Return a gauge's child for each sample, whatever the type of its family."""
    children: list[Gauge] = []
    gauges: dict[str, Gauge] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name not in gauges:
                gauges[sample.name] = Gauge(sample.name, family.documentation, tuple(sample.labels), registry=registry)
            gauge = gauges[sample.name]
            child = gauge.labels(**sample.labels) if sample.labels else gauge
            child.set(sample.value)
            children.append(child)
    return children


def _questions(port: int, change: Question) -> dict[str, Question]:
    async def where() -> int:
        return port

    async def cpu() -> float:
        return time.process_time()

    return {"port": where, "change": change, "cpu": cpu}


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
