"""The whole exporter against the simulated platform: the actions of a test, and a user's view."""

import asyncio
import io
import json
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import yaml
from aiohttp.web_app import _cached_build_middleware
from prometheus_client.parser import text_string_to_metric_families

from exporter import logs
from exporter.app import App
from exporter.config import Config, Shard, load
from exporter.serving.web import WebOptions
from exporter.simulator import CALM, Account, SimBot, SimTenant, SimulatedWorld, Simulator

from .loop import SocketLoop

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
TENANT: Final = "202104237142"
CANARY: Final = "canary-app-secret-4f1d"
QUERY: Final = "query_call_statistics"
LOGIN: Final = "get_token"
INTERVAL: Final = 60.0
"""Seconds between two polls of a bot: the default."""
STALE_AFTER: Final = 300.0
"""Seconds without a successful poll after which a bot's values are removed: the default."""

_HEALTH: Final = frozenset(
    {"oifde_up", "oifde_last_success_timestamp_seconds", "oifde_poll_failures_total", "oifde_bot_info"}
)


def shanghai(moment: str) -> datetime:
    """Return a local time in Shanghai, from ISO 8601."""
    return datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)


class MovableClock:
    """Follows the running loop, which looptime moves; a test can move it in addition. In seconds."""

    def __init__(self, start: datetime) -> None:
        self._wall = start.timestamp()
        self._suspended = 0.0

    def now(self) -> float:
        """Return the wall clock."""
        return self._wall + asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        """Return the time passed, including suspended time."""
        return self._suspended + asyncio.get_running_loop().time()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self._wall += seconds

    def suspend(self, seconds: float) -> None:
        """Let time pass that no timer sees, as while the machine is suspended."""
        self._wall += seconds
        self._suspended += seconds


def bots_named(*access_codes: str) -> tuple[SimBot, ...]:
    """Return bots with thirty calls in every hour."""
    return tuple(SimBot(code, f"{code}-name", calls_per_hour=30.0, profile=(1.0,) * 24) for code in access_codes)


TENANTS: Final = (SimTenant(TENANT, bots_named("b1", "b2", "b3")),)


Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Page:
    """A metrics page."""

    def __init__(self, text: str) -> None:
        self._lines = [line for line in text.splitlines() if not line.startswith("#")]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the only series of a name with these labels; None if there is none."""
        found = self._found(name, labels)
        assert len(found) <= 1, found
        return next(iter(found.values()), None)

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """Return the values of a name's series with these labels, by another label."""
        return {dict(own)[label]: value for (_, own), value in self._found(name, labels).items()}

    @property
    def up(self) -> dict[str, float]:
        """Return ``oifde_up`` by access code."""
        return self.by("access_code", "oifde_up")

    def data(self, access_code: str) -> Series:
        """Return all series of a bot's values."""
        of_bot = self._parsed(f'access_code="{access_code}"')
        return {(name, labels): value for (name, labels), value in of_bot.items() if name not in _HEALTH}

    def failures(self, operation: str = QUERY) -> dict[str, float]:
        """Return the failed requests by reason, without those that are 0."""
        name = "oifde_upstream_request_failures_total"
        return {reason: value for reason, value in self.by("reason", name, operation=operation).items() if value}

    def _found(self, name: str, labels: dict[str, str]) -> Series:
        wanted = labels.items()
        parsed = self._parsed(name)
        return {
            (series, own): parsed[series, own]
            for series, own in parsed
            if series == name and wanted <= dict(own).items()
        }

    def _parsed(self, word: str) -> Series:
        """Parse only the lines that contain a word: a large page takes long."""
        text = "\n".join(line for line in self._lines if word in line)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(f"{text}\n")
            for sample in family.samples
        }


class Rig:
    """An exporter and a platform in one process, with everything the exporter has logged or served."""

    def __init__(self, start: datetime) -> None:
        self.clock = MovableClock(start)
        self.true_clock = MovableClock(start)
        """The platform's clock; changes to the exporter's clock do not affect it."""
        self.settings: dict[str, Any] = {}
        """The content of the configuration file."""
        self.load: Callable[[], Config] = lambda: load(yaml.safe_dump(self.settings), {})
        """Loads the configuration."""
        self.secrets = {CANARY}
        """Secrets in addition to those that the platforms received."""
        self.reader: Mapping[str, str] = {}
        """The headers of each request for the exporter's pages."""
        self._log = io.StringIO()
        self._seen: list[str] = []
        self._stack = AsyncExitStack()
        self._running = AsyncExitStack()
        self._simulators: list[Simulator] = []
        self._app: App | None = None
        self._task: asyncio.Task[None] | None = None
        self._url = ""

    async def __aenter__(self) -> Self:
        root = logging.getLogger()
        self._stack.callback(setattr, root, "handlers", root.handlers[:])
        # In it aiohttp keeps every application there ever was, and so all of every exporter.
        self._stack.callback(_cached_build_middleware.cache_clear)
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._url and error is None:
            await self.look_everywhere()
        await self.stop()
        await self.no_platform()
        await self._stack.aclose()
        if error is None:
            self.keeps_its_secrets()

    async def platform(self, tenants: Sequence[SimTenant] = TENANTS, **options: Any) -> Simulator:
        """Start a platform without faults; options are as for ``Simulator``."""
        world = options.pop("world", None) or SimulatedWorld(1, tenants, options.pop("habits", CALM))
        accounts = [Account(tenant.tenant_id, CANARY) for tenant in tenants]
        simulator = Simulator(world, clock=self.true_clock, **({"accounts": accounts} | options))
        await self._running.enter_async_context(simulator)
        self._simulators.append(simulator)
        if not self.settings:
            self.settings = configuration(simulator.url, tenants)
        return simulator

    @property
    def simulator(self) -> Simulator:
        """Return the platform that was started last."""
        return self._simulators[-1]

    @property
    def app(self) -> App:
        """Return the exporter."""
        assert self._app is not None
        return self._app

    async def no_platform(self) -> None:
        """Stop all platforms, and close every connection to them."""
        await self._running.aclose()

    async def start(self, *, level: str = "debug", web_config_file: Path | None = None) -> Page:
        """Start the exporter with the present settings, and wait until every bot has been tried, at most half a minute."""
        log = logs.configure(level=level, format="json", stream=self._log)
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._app = App(
            lambda: self.load(),  # noqa: PLW0108 - a test replaces it meanwhile
            WebOptions([("127.0.0.1", 0)], enable_lifecycle=True, config_file=web_config_file),
            Shard(),
            clock=self.clock,
            log=log,
            rng=random.Random(1),
            version="0",
            revision="",
            on_listening=lambda urls: listening.set_result(urls[0].rstrip("/")),
        )
        self._task = asyncio.create_task(self._app.run())
        self._task.add_done_callback(lambda _: listening.cancel())
        self._url = await listening
        while (await self.fetch("/-/ready"))[0] != 200:  # noqa: ASYNC110 - a user cannot be told either
            await asyncio.sleep(1)
        return await self.page()

    async def stop(self) -> None:
        """Stop the exporter."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task, self._url = None, ""

    async def fetch(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Return the status and the body of an answer of the exporter."""
        async with self._http.request(method, self._url + path, headers=self.reader) as response:
            text = await response.text()
        self._seen.append(text)
        return response.status, text

    async def page(self) -> Page:
        """Return the metrics page."""
        status, text = await self.fetch("/metrics")
        assert 200 == status, text
        return Page(text)

    def hurry(self) -> None:
        """Prepare for hours with little traffic."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SocketLoop)
        loop.hurry()

    @asynccontextmanager
    async def reading(self, path: str, receive_buffer: int = 4096) -> AsyncIterator[asyncio.StreamReader]:
        """Open an answer to read it slowly; the kernel buffers little of it."""
        address = urlsplit(self._url)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, (address.hostname, address.port))
            reader, writer = await asyncio.open_connection(sock=client, limit=receive_buffer)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n".encode())
            try:
                yield reader
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    def parsed(self, answer: bytes) -> Page:
        """Parse the metrics page of an answer with its headers."""
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert f"Content-Length: {len(body)}".encode() in head
        self._seen.append(body.decode())
        return Page(body.decode())

    async def after(self, seconds: float) -> Page:
        """Let time pass, and return the metrics page."""
        await asyncio.sleep(seconds)
        return await self.page()

    async def bots(self) -> dict[str, Any]:
        """Return each bot's hourly report in ``/api/v1/bots``, by access code."""
        status, text = await self.fetch("/api/v1/bots")
        assert 200 == status, text
        return {bot["access_code"]: bot["reports"]["hour"] for bot in json.loads(text)["bots"]}

    async def reload(self) -> int:
        """Reload the present settings, and return the HTTP status of the answer."""
        return (await self.fetch("/-/reload", "POST"))[0]

    def events(self, *names: str, level: str = "info") -> list[dict[str, Any]]:
        """Return the log events at that level or above, all or those with some names."""
        levels = ("debug", "info", "warn", "error")
        return [
            event
            for event in map(json.loads, self._log.getvalue().splitlines())
            if levels.index(event["level"]) >= levels.index(level) and (not names or event["msg"] in names)
        ]

    def names(self, *, level: str = "info") -> list[str]:
        """Return the names of the log events at that level or above."""
        return [event["msg"] for event in self.events(level=level)]

    def forget_events(self) -> None:
        """Forget the log events so far."""
        self._seen.append(self._log.getvalue())
        self._log.seek(0)
        self._log.truncate()

    async def look_everywhere(self) -> None:
        """Request every page."""
        pages = ("/", "/?sort=bot&lang=zh", f"/bots/{TENANT}/b1", "/configuration", "/help")
        for path in ("/metrics", *pages, "/api/v1/bots", "/-/ready", "/-/healthy", "/nothing-here"):
            await self.fetch(path)

    def keeps_its_secrets(self) -> None:
        """Fail if anything that was logged or served contains a secret."""
        seen = "\n".join([*self._seen, self._log.getvalue()])
        told = (secrets_told(simulator) for simulator in self._simulators)
        for secret in self.secrets.union(*told):
            assert secret not in seen


def secrets_told(simulator: Simulator) -> set[str]:
    """Return the secrets that a platform received, and the tokens that it issued."""
    told = set()
    for request in simulator.journal.latest:
        told |= {str(request.body.get(name)) for name in ("appSecret", "authToken") if request.body.get(name)}
        told |= {request.headers["token"]} if "token" in request.headers else set()
    return told


def configuration(url: str, tenants: Iterable[SimTenant] = TENANTS) -> dict[str, Any]:
    """Return a configuration with all bots of some tenants, without history, and defaults for the rest."""
    return {
        "history": {"days": 0},
        "platforms": [
            {
                "name": "main",
                "url": url,
                "tenants": [
                    {
                        "tenant_id": tenant.tenant_id,
                        "timezone": tenant.timezone.key,
                        "auth": {"app_secret": CANARY},
                        "bots": [{"access_code": bot.access_code, "name": bot.name} for bot in tenant.bots],
                    }
                    for tenant in tenants
                ],
            }
        ],
    }
