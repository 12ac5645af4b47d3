"""Slow, numerous and malicious clients, on bare sockets."""

import asyncio
import gc
import io
import random
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from aiohttp import web

from exporter.serving.server import Limits, Server
from harness.waiting import wait_for

from .conftest import TIMEOUT, TLS, Get, Running, Serve

# Only tests about a limit wait for it.
LONG = 3_600.0
SHORT = 0.2


@asynccontextmanager
async def connected(
    running: Running, **options: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the server, closed with the test."""
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, **options)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


def limits(**changed: Any) -> Limits:
    """Limits so high that they do not matter, except for those given."""
    return Limits(
        **{"request": LONG, "handshake": LONG, "response": LONG, "answers": 10_000, "connections": 10_000, **changed}
    )


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",  # TLS to a server without
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / SMTP/1.1\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n no header\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 1_000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_malformed_requests_learn_nothing(serve: Serve, log: io.StringIO, sent: bytes) -> None:
    """The response is a bare 400 without details, the connection is closed, and the log stays empty."""
    async with serve(limits=limits()) as running, connected(running) as (reader, writer):
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert b"HTTP/1.0 400 Bad Request" == head.split(b"\r\n")[0]
    assert b"Bad Request\n" == body
    assert not [word for word in (b"server:", b"python", b"aiohttp") if word in head.lower()]
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    "request_line, extra",
    [
        ("GET /metrics HTTP/1.1", ""),
        ("GET / HTTP/1.0", ""),
        ("GET /nowhere HTTP/1.1", ""),
        ("GET /%00%ff/../.. HTTP/1.1", ""),
        ("GET http://elsewhere/metrics HTTP/1.1", ""),
        ("OPTIONS * HTTP/1.1", ""),
        ("CONNECT elsewhere:443 HTTP/1.1", ""),
        ("DELETE /metrics HTTP/1.1", ""),
        ("POST /-/reload HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 3\r\n"),
        ("POST /-/reload HTTP/1.1", "Expect: wonders\r\nContent-Length: 3\r\n"),
        ("GET / HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"),
        ("GET / HTTP/1.1", "Upgrade: h2c\r\nConnection: upgrade\r\n"),
        ("GET / HTTP/1.1", "Accept: text/html\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\n"),
    ],
)
async def test_no_response_names_the_software(serve: Serve, request_line: str, extra: str) -> None:
    """No response has a Server header, a traceback or the status 500."""
    async with serve(limits=limits()) as running, connected(running) as (reader, writer):
        writer.write(f"{request_line}\r\nHost: localhost\r\n{extra}\r\n".encode())
        heads = [await reader.readuntil(b"\r\n\r\n")]
        if heads[0].startswith(b"HTTP/1.1 100"):
            heads.append(await reader.readuntil(b"\r\n\r\n"))

    for head in heads:
        assert b"server:" not in head.lower()
        assert not head.split(b" ")[1].startswith(b"5")


@pytest.mark.parametrize("text", [None, TLS])
@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "]
)
async def test_half_a_request_is_cut_off(
    serve: Serve, client: Callable[[], object], text: str | None, sent: bytes
) -> None:
    """A connection without a complete request is closed after the limit."""
    context = client() if text else None
    async with (
        serve(text, limits=limits(request=SHORT)) as running,
        connected(running, ssl=context) as (reader, writer),
    ):
        writer.write(sent)
        assert await reader.read() == b""


async def test_a_request_byte_by_byte_is_cut_off(serve: Serve) -> None:
    """A client that sends one byte at a time (slowloris) gets no more time."""
    async with serve(limits=limits(request=SHORT)) as running, connected(running) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nX: ")

        async def trickle() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(SHORT / 10)

        trickling = asyncio.create_task(trickle())
        try:
            assert await reader.read() == b""
        except ConnectionResetError:  # a byte came after the end
            pass
        finally:
            trickling.cancel()


async def test_an_idle_connection_is_closed(serve: Serve) -> None:
    """An idle kept connection is closed after the limit."""
    async with serve(limits=limits(request=SHORT)) as running, connected(running) as (reader, writer):
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.read()).endswith(b"is healthy.\n")


async def test_a_connection_is_reused_for_the_next_scrape(serve: Serve) -> None:
    """Prometheus needs no new connection and no TLS handshake for each scrape."""
    assert 60 < Limits().request
    async with serve() as running, connected(running) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"is healthy.\n")).startswith(b"HTTP/1.1 200")


CHUNK = b"x" * 65_536
CHUNKS = 512


@asynccontextmanager
async def large_page(
    *, whole: bool, limits: Limits, context: ssl.SSLContext | None = None, answers: "WeakSet[object] | None" = None
) -> AsyncIterator[tuple[Running, Server]]:
    """Serves a page of 32 MB, in chunks like the metrics or whole like other pages; ``answers`` are those in memory."""

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=CHUNK * CHUNKS) if whole else web.StreamResponse()
        if answers is not None:
            answers.add(response)
        if whole:
            return response
        await response.prepare(request)
        for _ in range(CHUNKS):
            await response.write(CHUNK)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/", page)
    server = Server(app, shutdown_timeout=1, limits=limits, context=context)
    await server.start()
    await server.listen("127.0.0.1", 0)
    try:
        yield Running(server.addresses[0][1], Path()), server
    finally:
        await server.close()


@pytest.fixture
def contexts(client: Callable[[], ssl.SSLContext], directory: Path) -> Callable[[str], tuple[Any, Any]]:
    """The server's and the client's context for a scheme."""

    def make(scheme: str) -> tuple[Any, Any]:
        if scheme == "http":
            return None, None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        return context, client()

    return make


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("whole", [False, True])
async def test_a_client_that_does_not_read_is_cut_off(
    contexts: Callable[[str], tuple[Any, Any]], caplog: pytest.LogCaptureFixture, scheme: str, *, whole: bool
) -> None:
    """It gets a part of the page, no memory is held for it, and no error is logged."""
    ours, theirs = contexts(scheme)
    async with (
        large_page(whole=whole, limits=limits(response=SHORT), context=ours) as (running, server),
        connected(running, ssl=theirs) as (reader, writer),
    ):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(1_000)
        # From here on the client reads nothing, and its buffers are limited.
        await wait_for(lambda: not server._manager.connections, "the server to give up", deadline=TIMEOUT)
        received = 0
        with suppress(ConnectionError):
            while part := await reader.read(1 << 20):
                received += len(part)

    assert received < len(CHUNK) * CHUNKS // 2
    assert caplog.records == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("whole", [False, True])
async def test_a_client_that_reads_is_served_to_the_end(
    contexts: Callable[[str], tuple[Any, Any]], scheme: str, *, whole: bool
) -> None:
    """A client that reads gets the complete page."""
    ours, theirs = contexts(scheme)
    async with (
        large_page(whole=whole, limits=limits(), context=ours) as (running, _),
        connected(running, ssl=theirs) as (reader, writer),
    ):
        writer.write(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        assert CHUNK * CHUNKS == (await reader.read()).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("patience", [SHORT, LONG])
async def test_an_aborted_response_is_freed(
    contexts: Callable[[str], tuple[Any, Any]], scheme: str, patience: float, *, whole: bool
) -> None:
    """Its page leaves the memory at once, not only at the next garbage collection, which is rare."""
    ours, theirs = contexts(scheme)
    answers: WeakSet[object] = WeakSet()
    gc.disable()
    try:
        async with large_page(whole=whole, limits=limits(response=patience), context=ours, answers=answers) as (
            running,
            server,
        ):
            for _ in range(3):
                async with connected(running, ssl=theirs) as (reader, writer):
                    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    await reader.readexactly(1_000)
                    if patience == LONG:
                        assert len(answers) == 1
                    else:
                        await wait_for(lambda: not server._manager.connections, "the server to give up")
                await wait_for(lambda: not answers, "the answer to be let go of", deadline=TIMEOUT)
    finally:
        gc.enable()


@pytest.mark.parametrize("whole", [False, True])
async def test_many_clients_that_do_not_read(*, whole: bool) -> None:
    """The number of pages in memory is limited, and other clients are still served."""
    async with large_page(whole=whole, limits=limits(answers=5)) as (running, server), asyncio.timeout(TIMEOUT):
        slow = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(20)]
        try:
            for reader, writer in slow:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readexactly(1_000)
            assert 5 == len(server._sending)
            await wait_for(lambda: len(server._manager.connections) == 5, "the others to be gone", deadline=TIMEOUT)
            async with connected(running) as (reader, writer):
                writer.write(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
                assert CHUNK * CHUNKS == (await reader.read()).partition(b"\r\n\r\n")[2]
            assert 4 == len(server._sending)
        finally:
            for _, writer in slow:
                writer.transport.abort()


async def test_five_hundred_connections(serve: Serve, get: Get) -> None:
    """Many silent connections do not block other clients."""
    async with serve() as running:
        idle = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(500)]
        try:
            assert 200 == (await get(running, "/metrics")).status
        finally:
            for _, writer in idle:
                writer.transport.abort()


async def test_with_too_many_connections_the_oldest_are_closed(serve: Serve, get: Get) -> None:
    """A client with many connections can neither lock out others nor use up the file descriptors."""
    async with serve(limits=limits(connections=5)) as running, connected(running) as (first, _):
        others = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(10)]
        try:
            assert await first.read() == b""
            assert 200 == (await get(running)).status
            last = others[-1]
            last[1].write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await last[0].readline()).startswith(b"HTTP/1.1 200")
        finally:
            for _, writer in others:
                writer.transport.abort()


async def test_shutdown_while_clients_hang(serve: Serve) -> None:
    """Neither an incomplete request nor an unread response blocks the shutdown."""
    async with asyncio.timeout(TIMEOUT):
        async with serve(limits=limits()) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"GET / HT")
            await writer.drain()
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.transport.abort()


async def test_a_body_after_the_response(serve: Serve) -> None:
    """An unexpected body is not read without limit, and is not taken for the next request."""
    async with serve(limits=limits(body=SHORT)) as running, connected(running) as (reader, writer):
        writer.write(
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
        )
        answer = await reader.read()

    assert 1 == answer.count(b"HTTP/1.1")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_request_body_is_not_decompressed(serve: Serve, log: io.StringIO, encoding: str) -> None:
    """The exporter ignores it, so that an invalid one neither fails nor fills the log."""
    async with serve(limits=limits()) as running, connected(running) as (reader, writer):
        for _ in range(2):
            head = f"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Encoding: {encoding}\r\nContent-Length: 5\r\n\r\n"
            writer.write(head.encode() + b"hello")
            assert (await reader.readuntil(b"is healthy.\n")).startswith(b"HTTP/1.1 200")

    assert log.getvalue() == ""


async def test_head(serve: Serve) -> None:
    """Only the headers come, then the response to the next request."""
    async with serve(limits=limits()) as running, connected(running) as (reader, writer):
        writer.write(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        head, following = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]

    assert b"Content-Length: 27\r\n" not in head
    assert b"Content-Length: 27\r\n" in following


async def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    """A thousand requests at once get a thousand responses."""
    async with serve(limits=limits()) as running, connected(running) as (reader, writer):
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)
        for _ in range(1_000):
            assert (await reader.readuntil(b"is healthy.\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("seed", range(10))
async def test_corrupted_requests(serve: Serve, log: io.StringIO, seed: int) -> None:
    """A corrupted request never causes the status 500, a hang or a line in the log."""
    rng = random.Random(seed)
    whole = (
        b"GET /metrics?a=%20 HTTP/1.1\r\nHost: localhost:1\r\nAccept: text/plain;q=0.5\r\nAccept-Encoding: gzip\r\n"
        b"Content-Length: 2\r\nConnection: keep-alive\r\nAuthorization: Basic YTpi\r\n\r\n{}"
    )
    requests = [bytearray(whole) for _ in range(20)]
    for request in requests:
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(request))
            end = at + rng.choice([0, 1, 1, 10])
            request[at:end] = rng.choice([b"", b"\0", b"\r\n", b"\xff", b" ", b":", b"9" * 20, rng.randbytes(3)])

    async def send(running: Running, request: bytearray) -> None:
        async with connected(running) as (reader, writer):
            writer.write(request)
            with suppress(ConnectionResetError):  # the end came before all was sent
                answer = await reader.read()
                assert not answer or re.match(rb"HTTP/1\.[01] [234]", answer), request

    async with serve(limits=limits(request=SHORT)) as running:
        # At the same time, because the server waits for the rest of many.
        await asyncio.gather(*(send(running, request) for request in requests))

    assert log.getvalue() == ""
