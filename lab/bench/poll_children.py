"""Make the exporter's polls, and bare requests for the same answers, as fast as one process can."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast

import aiohttp
from prometheus_client import CollectorRegistry

from exporter import config, logs
from exporter.health import Health
from exporter.history.keeper import Keeper
from exporter.polling.calendar import list_hours
from exporter.polling.fleet import Fleet
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.upstream.reports import HOUR
from lab.bench.children import Pipe, answer
from lab.bench.fleets import ZONE

_NOW: Final = datetime(2026, 5, 20, 22, 10, tzinfo=ZONE)  # a report has 23 records then
_MINUTE: Final = 60.0
_AT_ONCE: Final = 8
_DAYS: Final = 35
_END_OF_HEAD: Final = b"\r\n\r\n"


async def platform(pipe: Pipe) -> None:
    """Answer requests for reports with next to no work. ``change`` adds a call to the latest hour of today's report."""
    rng = random.Random(1)
    days = {day: _report(day, rng) for day in range(_DAYS + 2)}
    answers = {_timestamp(day): _response(rows) for day, rows in days.items()}

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast("asyncio.WriteTransport", transport)
            self._received = b""

        def data_received(self, data: bytes) -> None:
            self._received += data
            head, end, body = self._received.partition(_END_OF_HEAD)
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0) if end else 1
            if len(body) >= length:
                self._received = b""
                self._transport.write(answers[json.loads(body)["timestamp"]])

    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)

    async def url() -> str:
        host, port = server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def change() -> None:
        newest = days[0][-1]
        for field in ("callCount", "exitConsultingCount", "interactCount"):
            newest[field] = int(str(newest[field])) + 1
        answers[_timestamp(0)] = _response(days[0])

    await answer(pipe, {"url": url, "change": change})


async def poller(pipe: Pipe, url: str, bots: int) -> None:
    """Poll one tenant's bots with 35 days of history. ``polls`` and ``bare`` give the CPU seconds of one request each."""
    clock = _Clock(_NOW.timestamp())
    registry = CollectorRegistry()
    log = logs.configure(level="warn", format="logfmt")
    keeper = Keeper(clock=clock, log=log)
    store = Store([keeper, Exposition(registry, clock=clock, judgement=keeper.judgement)])
    health = Health(registry, version="0")
    fleet = Fleet(store=store, clock=clock, health=health, log=log, rng=random.Random(1), work=[keeper])
    learning = asyncio.create_task(keeper.run())
    await fleet.apply(_config(url, bots))
    pollers = list(fleet._pollers.workers)  # noqa: SLF001

    def know_the_past() -> bool:
        if keeper._to_measure or keeper._to_learn:  # noqa: SLF001 - learning must not run beside the polls measured
            return False
        verdicts = [keeper.judgement(bot) for bot in store.bots]
        return all(verdict and verdict.signals and verdict.history_seconds == _DAYS * 86_400 for verdict in verdicts)

    async def poll_all() -> None:
        clock.moment += _MINUTE
        await _at_once([partial(poller.poll, None) for poller in pollers])

    async def ready() -> None:
        while not (fleet.all_tried and know_the_past()):
            await asyncio.sleep(1)
            await poll_all()
            clock.moment -= _MINUTE
        await asyncio.sleep(1)

    async def polls() -> float:
        started = time.process_time()
        await poll_all()
        return (time.process_time() - started) / bots

    async def bare() -> float:
        body = json.dumps(HOUR.request("t1", "b1", _timestamp(0) / 1000)).encode()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:

            async def ask() -> None:
                async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                    json.loads(await response.read())

            await _at_once([ask] * _AT_ONCE)  # opens the connections
            started = time.process_time()
            await _at_once([ask] * bots)
            return (time.process_time() - started) / bots

    try:
        await answer(pipe, {"ready": ready, "polls": polls, "bare": bare})
    finally:
        learning.cancel()
        with suppress(asyncio.CancelledError):
            await learning
        await fleet.close()


@dataclass(slots=True)
class _Clock:
    """A clock that stands still until it is set."""

    moment: float

    def now(self) -> float:
        return self.moment

    def elapsed(self) -> float:
        return self.moment


async def _at_once(calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Make all calls, a few at the same time."""
    left = iter(calls)

    async def work() -> None:
        for call in left:
            await call()

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


def _config(url: str, bots: int) -> config.Config:
    lines = [
        "poll_interval: 12h",
        f"history: {{days: {_DAYS}}}",
        "platforms:",
        f"  - {{name: main, url: {url}, requests_per_second: 1000000, max_concurrency: {_AT_ONCE}, tenants: [",
        f"      {{tenant_id: t1, timezone: {ZONE.key}, auth: {{token: abcdef}}, bots: [",
        *(f"        {{access_code: b{number}, name: bot-{number}}}," for number in range(bots)),
        "      ]}]}",
    ]
    return config.load("\n".join(lines), {})


def _timestamp(days_ago: int) -> int:
    day = _NOW.date() - timedelta(days=days_ago)
    return round(list_hours(day, ZONE)[0][0] * 1000)


def _report(days_ago: int, rng: random.Random) -> list[dict[str, object]]:
    """Make up the records of a date: those of today end with the present hour."""
    starts = [
        start for start, _ in list_hours(_NOW.date() - timedelta(days=days_ago), ZONE) if start <= _NOW.timestamp()
    ]
    return [_record(start, rng) for start in starts]


def _record(start: float, rng: random.Random) -> dict[str, object]:
    calls = rng.randrange(90, 130)
    contained, consulted, direct = calls * 6 // 10, calls * 2 // 10, calls // 10
    return {
        "tenantId": "t1",
        "type": "hour",
        "recordTime": round(start * 1000),
        "dbRecordTime": round(start * 1000) + 60_000,
        "callCount": calls,
        "exitNoConsultCount": calls - contained - consulted - direct,
        "callStaffNoConsultCount": direct,
        "callStaffConsultCount": consulted,
        "exitConsultingCount": contained,
        "interactCount": 4 * calls,
        "averageInteractPerCall": "4.00",
        "autonomyRate": f"{contained / (contained + consulted + direct):.4f}",
        "interfaceRequestCount": 2 * calls,
        "interfaceSuccessCount": 2 * calls - 5,
        "interfaceSuccessRate": f"{(2 * calls - 5) / (2 * calls):.4f}",
    }


def _response(rows: list[dict[str, object]]) -> bytes:
    body = json.dumps(rows).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
