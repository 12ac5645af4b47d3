"""The whole platform is unreachable in every way, and comes back."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from harness import faults

from . import cases
from .cases import OUTAGES, Outage
from .rig import INTERVAL, LOGIN, QUERY, Rig

UP = {"b1": 1, "b2": 1, "b3": 1}
DOWN = {"b1": 0, "b2": 0, "b3": 0}
A_FEW_SECONDS = 6
"""The breaker's longest delay plus one second: the time beyond the interval until a bot recovers."""

Break = Callable[[Rig, int], AbstractAsyncContextManager[None]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def nobody(_: Rig, _port: int) -> AsyncIterator[None]:
    """Close the port."""
    yield


@asynccontextmanager
async def half_open(_: Rig, port: int) -> AsyncIterator[None]:
    """Let the kernel accept connections that no program serves."""
    with socket.create_server(("127.0.0.1", port), backlog=128):
        yield


def talking(talk: Talk) -> Break:
    """Answer with something else than a platform."""

    @asynccontextmanager
    async def serve(_: Rig, port: int) -> AsyncIterator[None]:
        async with await asyncio.start_server(talk, "127.0.0.1", port):
            yield

    return serve


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset each connection."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close each connection after its first byte."""
    await reader.read(1)
    writer.close()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer in another protocol."""
    await reader.read(1)
    writer.write(b"220 mail.example.com ESMTP ready\r\n\r\n")
    await writer.drain()
    writer.close()


@asynccontextmanager
async def unavailable(rig: Rig, port: int) -> AsyncIterator[None]:
    """Answer as a reverse proxy without a backend."""
    simulator = await rig.platform(port=port)
    simulator.faults.add(faults.HttpStatus(503))
    yield


def with_certificate(name: str = "127.0.0.1", authority: trustme.CA | None = None, **options: Any) -> Break:
    """Serve the platform with another certificate."""

    @asynccontextmanager
    async def serve(rig: Rig, port: int) -> AsyncIterator[None]:
        await rig.platform(port=port, ssl_context=server_context(authority or trustme.CA(), name, **options))
        yield

    return serve


@asynccontextmanager
async def without_tls(rig: Rig, port: int) -> AsyncIterator[None]:
    """Serve the platform without TLS."""
    await rig.platform(port=port)
    yield


def server_context(authority: trustme.CA, name: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
    """Return the TLS context of a platform."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name, **options).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a platform's certificate for the exporter to trust."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return the part of the configuration that trusts it."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


@pytest.fixture
def ways(authority: trustme.CA) -> Mapping[Outage, Break]:
    """The way to cause each outage; those with TLS have it before and after as well."""
    return {
        cases.REFUSED: nobody,
        cases.HALF_OPEN: half_open,
        cases.RESET: talking(reset),
        cases.GARBAGE: talking(garbage),
        cases.UNAVAILABLE: unavailable,
        cases.EXPIRED: with_certificate(authority=authority, not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        cases.SELF_SIGNED: with_certificate(),
        cases.OTHER_NAME: with_certificate("elsewhere.example.com", authority),
        cases.NO_TLS: without_tls,
        cases.TLS_CLOSED: talking(close),
        cases.TLS_HANGS: half_open,
        cases.NO_DNS: nobody,
    }


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The only host names that resolve, and their addresses; a test may change them."""
    known: dict[str, str] = {}
    genuine = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.endswith(".test") and host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return genuine(known.get(host, host), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


TLS = {cases.EXPIRED, cases.SELF_SIGNED, cases.OTHER_NAME, cases.NO_TLS, cases.TLS_CLOSED, cases.TLS_HANGS}


@pytest.mark.parametrize("outage", [pytest.param(outage, id=outage.what) for outage in OUTAGES])
async def test_the_platform_is_unreachable(
    rig: Rig,
    outage: Outage,
    ways: Mapping[Outage, Break],
    authority: trustme.CA,
    ca_file: Path,
    names: dict[str, str],
) -> None:
    """Values stay until they are stale; few requests are sent, and the log has one line; an interval later all is back."""
    names["platform.test"] = "127.0.0.1"
    options: dict[str, Any] = {"ssl_context": server_context(authority)} if outage in TLS else {}
    simulator = await rig.platform(**options)
    port = simulator.port
    if outage in TLS:
        rig.settings["platforms"][0]["tls_config"] = {"ca_file": str(ca_file)}
    if outage is cases.NO_DNS:
        rig.settings["platforms"][0]["url"] = f"http://platform.test:{port}"
    await rig.start()
    before = await rig.after(45)
    assert UP == before.up
    rig.forget_events()

    await rig.no_platform()
    async with ways[outage](rig, port):
        names.clear()
        page = await rig.after(1.5 * INTERVAL)
        assert DOWN == page.up
        assert before.data("b1") == page.data("b1") != {}
        page = await rig.after(18.5 * INTERVAL)
        assert DOWN == page.up
        assert {} == page.data("b1") == page.data("b2") == page.data("b3")
        assert {outage.reason} == page.failures().keys()
        assert {outage.reason} >= page.failures(LOGIN).keys()
        # Each poll of the three sends one request at most, but for the first ones, which are repeated.
        assert 3 * 18 <= page.failures()[outage.reason] + sum(page.failures(LOGIN).values()) <= 3 * 20 + 6
        polls = page.by("access_code", "oifde_poll_failures_total")
        assert all(19 <= number <= 20 for number in polls.values())
        for bot in (await rig.bots()).values():
            assert outage.reason == bot["failure"]["reason"]
            assert outage.says in bot["failure"]["message"]
        await rig.no_platform()

    names["platform.test"] = "127.0.0.1"
    simulator = await rig.platform(port=port, **options)
    page = await rig.after(INTERVAL + A_FEW_SECONDS)
    assert UP == page.up
    assert all(before.data(bot).keys() == page.data(bot).keys() for bot in UP)
    assert 1 == simulator.journal.counts[LOGIN]  # the platform had forgotten its tokens
    assert simulator.journal.counts[QUERY] <= 3 * 2 + 3

    logged = rig.names()
    assert 1 == logged.count("platform_unreachable")
    assert 1 == logged.count("platform_reachable")
    assert logged.count("bot_failing") == logged.count("bot_recovered") <= 3
    assert {"platform_unreachable", "platform_reachable", "bot_failing", "bot_recovered"} == set(logged)


async def test_a_certificate_is_trusted_without_a_restart(rig: Rig, authority: trustme.CA, ca_file: Path) -> None:
    """No request is sent while the certificate is not trusted; once the ca_file has it, the next poll succeeds."""
    stranger = trustme.CA()
    simulator = await rig.platform(ssl_context=server_context(stranger))
    rig.settings["platforms"][0]["tls_config"] = {"ca_file": str(ca_file)}

    page = await rig.start()
    assert DOWN == page.up
    assert {"tls"} == page.failures(LOGIN).keys()
    page = await rig.after(5 * INTERVAL)
    assert DOWN == page.up
    assert 0 == simulator.journal.counts.total()

    stranger.cert_pem.write_to_path(ca_file, append=True)
    page = await rig.after(INTERVAL + A_FEW_SECONDS)
    assert UP == page.up


@pytest.mark.parametrize(
    "tls_config",
    [{"insecure_skip_verify": True}, {"server_name": "elsewhere.example.com"}],
    ids=["unverified", "by the name it has"],
)
async def test_a_certificate_for_another_name_can_be_accepted(
    rig: Rig, authority: trustme.CA, ca_file: Path, tls_config: dict[str, object]
) -> None:
    """The configuration can turn the check of certificates off."""
    await rig.platform(ssl_context=server_context(authority, "elsewhere.example.com"))
    rig.settings["platforms"][0]["tls_config"] = {"ca_file": str(ca_file)} | tls_config

    assert UP == (await rig.start()).up


async def test_the_proxy_refuses(rig: Rig) -> None:
    """It gets few requests in an hour, since wrong passwords may lock its account."""
    asked = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=407)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    await rig.platform()
    async with TestServer(app) as proxy:
        rig.settings["platforms"][0]["proxy_url"] = f"http://user:password@127.0.0.1:{proxy.port}"
        await rig.start()
        assert 1 == len(asked)
        page = await rig.after(3600)
    assert {0} == set(page.up.values())
    assert 5 < len(asked) < 15
    assert 1 == len(rig.events("platform_unreachable"))
