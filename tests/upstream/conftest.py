"""A platform on real sockets whose answers a test decides, and clients of it."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from structlog.typing import EventDict, FilteringBoundLogger

from exporter.config import Auth, Platform, Secret, SessionSettings, TlsConfig
from exporter.health import Health
from exporter.upstream.client import PlatformClient
from exporter.upstream.session import TenantSession
from harness.loops import SkippingLoop, VirtualLoop

PREFIX = "/oifde/rest/api/"


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Use real sockets, except for the tests of lanes: in their loop, sleeping takes no time."""
    if item.path.name == "test_lanes.py":
        return {"looptime": VirtualLoop}
    return {"asyncio": SkippingLoop}


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = web.StreamResponse | Exception | int | list[object] | dict[str, object]
Handler = Callable[[web.Request, dict[str, object]], Answer | Awaitable[Answer]]


@dataclass
class FakeClock:
    """A clock that a test moves."""

    wall: float = 1_628_823_600.0
    passed: float = 1000.0

    def now(self) -> float:
        """Return the wall clock."""
        return self.wall

    def elapsed(self) -> float:
        """Return the time passed."""
        return self.passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.passed += seconds


class FakePlatform:
    """Answers each call with the handler of its path, and keeps the requests."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.seen: list[tuple[str, dict[str, object], Mapping[str, str]]] = []

    def on(self, path: str, handler: Handler) -> None:
        """Let ``handler`` answer the calls of ``path``: with a status, JSON, or a response."""
        self.handlers[path] = handler

    def always(self, path: str, make: Callable[[], Answer]) -> None:
        """Answer the calls of ``path`` with a new result of ``make`` each time."""
        self.handlers[path] = lambda _, __: make()

    def calls(self, path: str) -> list[dict[str, object]]:
        """Return the bodies of the calls of a path so far."""
        return [body for called, body, _ in self.seen if called == path]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve every path."""
        path = request.path.removeprefix(PREFIX)
        body = await request.json()
        self.seen.append((path, body, dict(request.headers)))
        answer = self.handlers[path](request, body)
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return web.Response(status=answer)
        if isinstance(answer, list | dict):
            return web.json_response(answer)
        return answer


@dataclass
class Rig:
    """The clock, metrics and log of the clients under test."""

    clock: FakeClock = field(default_factory=FakeClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: list[EventDict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.health = Health(self.registry, version="0")
        self.log: FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(),
            processors=[self._keep],
            wrapper_class=structlog.make_filtering_bound_logger("debug"),
        )

    def _keep(self, _: object, method: str, event: EventDict) -> EventDict:
        self.events.append({"level": method, **event})
        raise structlog.DropEvent

    def logged(self, *, above: str = "debug") -> list[str]:
        """Return the names of the events logged above that level."""
        return [event["event"] for event in self.events if event["level"] != above]

    def value(self, name: str, operation: str, **labels: str) -> float | None:
        """Return a metric of the platform."""
        return self.registry.get_sample_value(name, {"platform": "main", "operation": operation, **labels})

    def failures(self, operation: str = "query") -> dict[str, float]:
        """Return the failures by reason."""
        return {
            sample.labels["reason"]: sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == "oifde_upstream_request_failures_total" and sample.labels["operation"] == operation
        }


class MakeClient(Protocol):
    """Give a test clients, and close them at its end."""

    def __call__(
        self,
        url: str,
        *,
        request_timeout: float = 5,
        max_concurrency: int = 8,
        requests_per_second: float = 1000,
        proxy_url: str | None = None,
        proxy_ca_file: Path | None = None,
        tls_config: TlsConfig = TlsConfig(),  # noqa: B008 - frozen
    ) -> PlatformClient:
        """Make a client of the platform at ``url``."""


class MakeSession(Protocol):
    """Makes sessions of a tenant."""

    def __call__(
        self,
        client: PlatformClient,
        *,
        app_secret: Secret | None = None,
        token: Secret | None = None,
        header_user: str | None = None,
        on_change: Callable[[], None] = ...,
    ) -> TenantSession:
        """Make a session whose waits only move the clock."""


def a_platform(**settings: Any) -> Platform:
    """Return a platform with these settings."""
    return replace(
        Platform(
            name="main",
            url="http://platform.test",
            request_timeout=5,
            max_concurrency=8,
            requests_per_second=1000,
            proxy_url=None,
            proxy_ca_file=None,
            tls_config=TlsConfig(),
            tenants=(),
        ),
        **settings,
    )


@pytest.fixture
def rig() -> Rig:
    """Return the clock, metrics and log."""
    return Rig()


@pytest.fixture
async def platform() -> AsyncIterator[tuple[FakePlatform, str]]:
    """Serve a platform over HTTP; return it with its URL."""
    fake = FakePlatform()
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app) as server:
        yield fake, str(server.make_url("")).rstrip("/")


class Serve(Protocol):
    """Makes servers, and closes them after the test."""

    async def __call__(self, talk: Talk, *, tls: ssl.SSLContext | None = None) -> str:
        """Serve connections with ``talk`` after a request's headers and body are read; return the URL."""


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Give a test servers that can do more than an HTTP library allows."""
    async with AsyncExitStack() as stack:

        async def make(talk: Talk, *, tls: ssl.SSLContext | None = None) -> str:
            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                tasks.add(task := asyncio.current_task())
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                    await reader.readexactly(int(length.split(b":")[1]))
                    await talk(reader, writer)
                except (ConnectionError, asyncio.IncompleteReadError):
                    pass  # the client has gone, as it may
                except asyncio.CancelledError:
                    pass  # the test is over
                finally:
                    tasks.discard(task)
                    writer.close()

            tasks: set[asyncio.Task[None] | None] = set()
            server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
            host, port = server.sockets[0].getsockname()

            async def close() -> None:
                server.close()
                for task in list(tasks):
                    if task:
                        task.cancel()
                await asyncio.sleep(0)
                await server.wait_closed()

            stack.push_async_callback(close)
            return f"{'https' if tls else 'http'}://{host}:{port}"

        yield make


@pytest.fixture
async def make_client(rig: Rig) -> AsyncIterator[MakeClient]:
    """Give a test clients, and close them at its end."""
    async with AsyncExitStack() as stack:

        def make(
            url: str,
            *,
            request_timeout: float = 5,
            max_concurrency: int = 8,
            requests_per_second: float = 1000,
            proxy_url: str | None = None,
            proxy_ca_file: Path | None = None,
            tls_config: TlsConfig = TlsConfig(),  # noqa: B008 - frozen
        ) -> PlatformClient:
            client = PlatformClient(
                a_platform(
                    url=url,
                    request_timeout=request_timeout,
                    max_concurrency=max_concurrency,
                    requests_per_second=requests_per_second,
                    proxy_url=proxy_url,
                    proxy_ca_file=proxy_ca_file,
                    tls_config=tls_config,
                ),
                clock=rig.clock,
                health=rig.health,
                log=rig.log,
                rng=random.Random(1),
            )
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
def make_session(rig: Rig) -> MakeSession:
    """Give a test sessions."""

    async def sleep(seconds: float) -> None:
        rig.clock.advance(seconds)
        await asyncio.sleep(0)

    def make(
        client: PlatformClient,
        *,
        app_secret: Secret | None = None,
        token: Secret | None = None,
        header_user: str | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> TenantSession:
        if token is None and app_secret is None:
            app_secret = Secret(text="s3cret")
        return TenantSession(
            client,
            SessionSettings("t1", Auth("app-key", app_secret, token, header_user)),
            on_change=on_change,
            sleep=sleep,
        )

    return make
