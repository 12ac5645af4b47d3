"""Single requests over real sockets."""

import asyncio
import copy
import errno
import gc
import gzip
import json
import math
import random
import socket
import ssl
import struct
import tracemalloc
import warnings
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web
from aioresponses import aioresponses

from exporter.config import TlsConfig
from exporter.reasons import FailureReason
from exporter.upstream import servicemonitor
from exporter.upstream.breaker import FAILURES_TO_OPEN
from exporter.upstream.client import MAX_BODY_BYTES, MAX_ERROR_CODES, PlatformClient
from exporter.upstream.errors import CircuitOpen, UpstreamError
from harness.loops import skip_time
from harness.waiting import wait_for

from .conftest import PREFIX, Answer, FakePlatform, MakeClient, Rig, Serve, Talk, a_platform

TESTDATA = Path(__file__).parent / "testdata"
SOON = 0.3
"""A request timeout in seconds for tests that wait for it."""


async def query(client: PlatformClient, bot: str = "b1", **options: object) -> object:
    """Make a call."""
    return await client.call("query", "report", {"tenantId": "t1", "accessCode": bot, **options})


async def failure(client: PlatformClient, bot: str = "b1") -> UpstreamError:
    """Make a call that fails, and return the error."""
    with pytest.raises(UpstreamError) as caught:
        await query(client, bot)
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None), "what aiohttp raises may hold secrets"
    return error


def http(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def server_tls(name: str, **options: object) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate of testdata."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TESTDATA / f"{name}.pem", TESTDATA / f"{name}.key")
    return context


async def answer_empty(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with an empty report."""
    writer.write(http(b"[]"))
    await writer.drain()


# What is sent


async def test_request(platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig) -> None:
    """A call is one POST of JSON as the platform documents it, and returns the decoded answer."""
    fake, url = platform
    fake.on("report", lambda _, __: [{"callCount": 1}])
    turns: list[int] = []
    answer = await make_client(url).call(
        "query", "report", {"type": "hour"}, headers={"userName": "ipcc"}, on_turn=lambda: turns.append(len(fake.seen))
    )
    assert answer == [{"callCount": 1}]
    assert turns == [0]
    ((path, body, headers),) = fake.seen
    assert (path, body) == ("report", {"type": "hour"})
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["userName"] == "ipcc"
    assert headers["User-Agent"].startswith("oifde-exporter/")
    assert "Cookie" not in headers
    assert rig.value("oifde_upstream_requests_total", "query") == 1
    assert rig.value("oifde_upstream_request_duration_seconds_count", "query") == 1
    assert rig.failures() == {}


async def test_path_prefix(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """A path in the configured url is kept."""
    fake, url = platform
    fake.on("/behind/a/proxy/oifde/rest/api/report", lambda _, __: [])
    assert await query(make_client(f"{url}/behind/a/proxy")) == []


async def test_no_cookies(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """Cookies are not sent back: tenants share connections, but no session."""
    fake, url = platform

    def with_cookie(_: web.Request, __: dict[str, object]) -> web.Response:
        response = web.json_response([])
        response.set_cookie("JSESSIONID", "1")
        return response

    fake.on("report", with_cookie)
    client = make_client(url)
    await query(client)
    await query(client)
    assert "Cookie" not in fake.seen[1][2]


async def test_environment_proxy(
    platform: tuple[FakePlatform, str], make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is used only if the configuration names one."""
    fake, url = platform
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    fake.on("report", lambda _, __: [])
    assert await query(make_client(url)) == []


async def test_proxy(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """Requests go through the configured proxy, with its credentials."""
    fake, url = platform
    fake.on("report", lambda _, __: [])
    client = make_client("http://platform.test", proxy_url=url.replace("http://", "http://user:pa55word@"))
    assert await query(client) == []
    assert fake.seen[0][2]["Proxy-Authorization"] == aiohttp.encode_basic_auth("user", "pa55word")


async def test_connections_are_kept(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """Consecutive requests use one connection, even after failures."""
    fake, url = platform
    ports: set[object] = set()

    def note(request: web.Request, _: dict[str, object]) -> int | list[object]:
        assert request.transport
        ports.add(request.transport.get_extra_info("peername"))
        return 503 if len(fake.seen) % 2 else []

    fake.on("report", note)
    client = make_client(url)
    for _ in range(3):
        assert (await failure(client)).status == 503
        assert await query(client) == []
    assert len(ports) == 1


# When it is sent


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no real time, and whose time advances at each look."""

    passed = 0.0

    def time(self) -> float:
        """Return the time, a microsecond later at each call."""
        self.passed += 1e-6
        return self.passed

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.passed = max(self.passed, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


async def test_concurrency(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """There are never more concurrent requests than configured, and they keep their order."""
    fake, url = platform
    running: list[int] = []
    under_way = 0

    async def slow(_: web.Request, __: dict[str, object]) -> list[object]:
        nonlocal under_way
        under_way += 1
        running.append(under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return []

    fake.on("report", slow)
    client = make_client(url, max_concurrency=3)
    turns: list[int] = []

    async def ask(number: int) -> None:
        await client.call("query", "report", {}, on_turn=lambda: turns.append(number))

    await asyncio.gather(*(ask(number) for number in range(30)))
    assert max(running) == 3
    assert turns == list(range(30))


@pytest.mark.parametrize("rate", [0.5, 1, 7.5, 20, 30, 100, 1000])
def test_rate(rig: Rig, rate: float) -> None:
    """In no second are more requests sent than configured, and hardly fewer; they keep their order."""
    sent: list[float] = []
    order: list[int] = []
    count = int(rate * 2) + 20

    async def ask(client: PlatformClient, number: int) -> None:
        def note() -> None:
            sent.append(asyncio.get_running_loop().time())
            order.append(number)

        with suppress(UpstreamError):
            await client.call("query", "report", {}, on_turn=note)

    async def ask_all() -> None:
        platform = a_platform(requests_per_second=rate)
        client = PlatformClient(platform, clock=rig.clock, health=rig.health, log=rig.log, rng=random.Random(1))
        with aioresponses() as responses:
            answer = UpstreamError(FailureReason.API, "aioresponses cannot make a ClientResponse of today's aiohttp")
            responses.post(f"{platform.url}{PREFIX}report", exception=answer, repeat=True)
            await asyncio.gather(*(ask(client, number) for number in range(count)))
        await client.close()

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(ask_all())
    assert order == list(range(count))
    most = math.ceil(rate)
    # The n-th after any request comes a second later at the earliest; floats add up with an error.
    assert all(later - earlier > 0.999 for earlier, later in zip(sent, sent[most:], strict=False))
    assert sent[-1] - sent[0] < 1.08 * count / rate


async def test_cancelled_while_waiting(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """A caller that is cancelled while it waits does not delay the others."""
    fake, url = platform
    release = asyncio.Event()

    async def slow(_: web.Request, __: dict[str, object]) -> list[object]:
        await release.wait()
        return []

    fake.on("report", slow)
    client = make_client(url, max_concurrency=1)
    calls = [asyncio.create_task(query(client)) for _ in range(10)]
    await wait_for(lambda: len(fake.seen) == 1, "the first request")
    for call in calls[1:9]:
        call.cancel()
    release.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [results[0], results[9]] == [[], []]
    assert all(isinstance(result, asyncio.CancelledError) for result in results[1:9])
    assert len(fake.seen) == 2


# How long it may take


async def _hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_in_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await asyncio.Event().wait()


async def _hang_in_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(b"[", length=100))
    await asyncio.Event().wait()


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(b"", length=10**6))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("talk", [_hang, _hang_in_headers, _hang_in_body, _drip])
async def test_slow_platform(serve: Serve, make_client: MakeClient, rig: Rig, talk: object) -> None:
    """The request ends with its timeout wherever the platform hangs, even if bytes still arrive."""
    assert callable(talk)
    client = make_client(await serve(talk), request_timeout=SOON)
    error = await failure(client)
    assert ("timeout", "no complete answer within 0.3 s", True) == (error.reason, str(error), error.transient)
    assert rig.failures() == {"timeout": 1}


async def test_hanging_handshake(serve: Serve, make_client: MakeClient) -> None:
    """A port that accepts and never answers is a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = make_client(f"https://127.0.0.1:{silent.getsockname()[1]}", request_timeout=SOON)
        assert (await failure(client)).reason == "timeout"


async def test_waiting_does_not_count(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """The timeout begins when the request is sent: a longer queue is not a failure."""
    fake, url = platform

    async def slow(_: web.Request, __: dict[str, object]) -> list[object]:
        skip_time(40)
        return []

    fake.on("report", slow)
    client = make_client(url, max_concurrency=1, request_timeout=60)
    assert await asyncio.gather(*(query(client) for _ in range(6))) == [[]] * 6


async def test_caller_gives_up(serve: Serve, make_client: MakeClient, rig: Rig) -> None:
    """A shorter timeout of the caller ends the request, which counts as a timeout."""

    async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        skip_time(60)
        await asyncio.Event().wait()

    client = make_client(await serve(hang), request_timeout=120)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await query(client)
    assert rig.failures() == {"timeout": 1}


# What may go wrong


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _close(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    pass


async def _close_in_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http(b"[]", length=100))
    await writer.drain()


async def _close_in_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await writer.drain()


async def _no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "talk,reason,message",
    [
        (_reset, "connect", "the connection was"),
        (_close, "connect", "the connection was closed before the answer"),
        (_close_in_headers, "connect", "the connection was closed before the answer"),
        (_close_in_body, "connect", "the connection was lost in the middle of the answer"),
        (_no_http, "http", "the answer is not HTTP"),
    ],
)
async def test_broken_connections(
    serve: Serve, make_client: MakeClient, rig: Rig, talk: object, reason: str, message: str
) -> None:
    """A broken connection is reason connect, and an answer that is not HTTP is reason http."""
    assert callable(talk)
    error = await failure(make_client(await serve(talk)))
    assert reason == error.reason
    assert str(error).startswith(message)
    assert rig.failures() == {reason: 1}
    assert rig.value("oifde_upstream_requests_total", "query") == 1, "nothing is repeated by itself"


@pytest.mark.parametrize(
    ("answer", "message", "advice"),
    [
        (http(b"[]", f"X-Policy: {'a' * 70_000}"), "the answer has a header of more than 64 KiB", "curl -v"),
        (http(b"[]", *(f"X-{number}: a" for number in range(200))), "the answer has too many headers", "curl -v"),
        (http(b"[]", "Content-Length: 3"), "the answer has two Content-Length headers", "curl -v"),
        (http(b"[]", "Transfer-Encoding: chunked"), "the answer has both Content-Length and Transfer-Encoding", "curl"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n[]",
            "the answer has both Content-Length and Transfer-Encoding",
            "curl",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n[]", "the answer's Content-Length is not a number", "curl"),
        (http(b"[]", "Bad Name: a"), "the answer has a header that is not valid HTTP", "curl -v"),
        (http(b"[]", "X-Nul: \0"), "the answer has a header that is not valid HTTP", "curl -v"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n",
            "the answer's chunks are broken",
            "curl",
        ),
        (http(b"[]", status="2000 OK"), "the answer's status line is not valid HTTP", "curl -v"),
        (b"\x15\x03\x01\x00\x02\x02\x46\r\n", "the answer is TLS, not HTTP", "begin the url with https"),
        (b"220 mail.example.com ESMTP\r\n", "the answer is not HTTP", None),
        (
            http(b"<h1>400</h1>The plain HTTP request was sent to HTTPS port", status="400 Bad Request"),
            "HTTP status 400: the port expects TLS",
            "begin the url with https",
        ),
    ],
)
async def test_broken_http(
    serve: Serve, make_client: MakeClient, answer: bytes, message: str, advice: str | None
) -> None:
    """The message names what is broken in our own words, since the answer may hold secrets."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    error = await failure(make_client(await serve(talk)))

    assert ("http", message) == (error.reason, str(error))
    assert (advice is None) == (error.advice is None)
    assert (advice or "") in (error.advice or "")


async def test_long_headers(serve: Serve, make_client: MakeClient) -> None:
    """A header of up to 64 KiB is read, as some gateways add long cookies and tokens."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"[]", f"Set-Cookie: {'a' * 60_000}"))
        await writer.drain()

    assert [] == await query(make_client(await serve(talk)))


async def test_refused(make_client: MakeClient) -> None:
    """A closed port is reason connect."""
    error = await failure(make_client("http://127.0.0.1:1"))
    assert ("connect", "cannot connect: Connection refused") == (error.reason, str(error))


async def test_unknown_host(make_client: MakeClient) -> None:
    """A host name that does not resolve is reason connect."""
    error = await failure(make_client("http://platform.invalid"))
    assert error.reason == "connect"
    assert str(error).startswith("the host name cannot be resolved: ")
    assert "no reason given" not in str(error)


async def test_refused_proxy(make_client: MakeClient) -> None:
    """A proxy that is down is reason connect; its password is not in the message."""
    error = await failure(make_client("http://platform.test", proxy_url="http://user:pa55word@127.0.0.1:1"))
    assert ("connect", "cannot connect to the proxy: Connection refused") == (error.reason, str(error))


@pytest.mark.parametrize(
    "scheme, status, message, advice",
    [
        (
            "https",
            "407 Proxy Authentication Required",
            "the proxy does not connect: HTTP status 407",
            "password in proxy_url",
        ),
        ("https", "403 Forbidden", "the proxy does not connect: HTTP status 403", "Ask the proxy's administrator"),
        ("http", "407 Proxy Authentication Required", "HTTP status 407", "password in proxy_url"),
    ],
)
async def test_proxy_that_refuses(make_client: MakeClient, scheme: str, status: str, message: str, advice: str) -> None:
    """It is asked once, not for each request, since wrong passwords may lock its account; no message has the password."""
    asked = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b"", status=status))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = make_client(f"{scheme}://platform.test", proxy_url=f"http://user:pa55word@127.0.0.1:{port}")
        error = await failure(client)
        assert (message, False) == (str(error), error.transient)
        assert advice in str(error.advice)
        again = await failure(client, "b2")
        assert f"the platform is unreachable, nothing was sent: {message}" == str(again)
        assert str(again) == await servicemonitor.find_problem(client)
    assert 1 == len(asked)


@pytest.mark.parametrize(
    "raised,reason",
    [
        (aiohttp.ClientConnectionError(), "connect"),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), "connect"),
        (aiohttp.ClientOSError(None, "Can not write request body for http://user:pa55word@x"), "connect"),
        (aiohttp.ServerDisconnectedError(), "connect"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (aiohttp.ConnectionTimeoutError(), "timeout"),
        (TimeoutError(), "timeout"),
        (OSError(110, "Connection timed out"), "timeout"),
        (aiohttp.ClientPayloadError(), "connect"),
        (aiohttp.InvalidURL("http://user:pa55word@"), "connect"),
        (aiohttp.NonHttpUrlClientError("ftp://user:pa55word@x"), "connect"),
        (ConnectionResetError(104, "Connection reset by peer"), "connect"),
        (BrokenPipeError(), "connect"),
        (ssl.SSLError(1, "[SSL] pa55word"), "tls"),
    ],
)
async def test_every_exception(make_client: MakeClient, rig: Rig, raised: Exception, reason: str) -> None:
    """Each exception of aiohttp and the system has its reason, and no message has a secret."""
    with aioresponses() as responses:
        responses.post(f"http://platform.test{PREFIX}report", exception=raised)
        error = await failure(make_client("http://platform.test"))
    assert reason == error.reason
    assert rig.failures() == {reason: 1}
    assert "pa55word" not in f"{error!r}{error}"


async def test_used_up_descriptors(make_client: MakeClient) -> None:
    """The advice is about this machine, and not about the platform."""
    with aioresponses() as responses:
        responses.post(f"http://platform.test{PREFIX}report", exception=OSError(errno.EMFILE, "Too many open files"))
        error = await failure(make_client("http://platform.test"))
    assert ("connect", "the connection was lost: Too many open files") == (error.reason, str(error))
    assert "ulimit -n" in str(error.advice)


async def test_other_exceptions_are_raised(make_client: MakeClient) -> None:
    """Other exceptions do not become failures of the platform."""
    client = make_client("http://platform.test")
    with aioresponses() as responses:
        responses.post(f"http://platform.test{PREFIX}report", exception=ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await query(client)


@pytest.mark.parametrize("answer", [404, {"errorCode": "1", "errorMsg": "no"}])
async def test_failures_leave_no_garbage(
    platform: tuple[FakePlatform, str], make_client: MakeClient, answer: Answer
) -> None:
    """An error is freed as soon as it is handled: during an outage, collections would block the event loop."""
    fake, url = platform
    fake.on("report", lambda _, __: answer)
    client = make_client(url)
    kept = []
    gc.disable()
    try:
        for _ in range(3):
            try:
                await query(client)
            except UpstreamError as error:
                kept.append(weakref.ref(error))
        assert [None] * 3 == [error() for error in kept]
    finally:
        gc.enable()


async def test_redirect(platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig) -> None:
    """A redirect is a failure, and its target receives no token."""
    fake, url = platform
    fake.on("report", lambda _, __: web.Response(status=307, headers={"Location": f"{url}{PREFIX}elsewhere"}))
    error = await failure(make_client(url))
    assert ("http", "HTTP status 307: redirects are not followed") == (error.reason, str(error))
    assert len(fake.seen) == 1
    assert rig.failures() == {"http": 1}


async def test_error_status_with_a_hanging_body(serve: Serve, make_client: MakeClient) -> None:
    """The body is not read if the HTTP status is enough."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"<html>", status="503 Service Unavailable", length=1000))
        await asyncio.Event().wait()

    assert (await failure(make_client(await serve(talk)))).status == 503


async def test_wrong_content_type(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """Valid JSON is accepted with every content type."""
    fake, url = platform
    fake.on("report", lambda _, __: web.Response(body=b"[]", content_type="text/html", charset="gb2312"))
    assert await query(make_client(url)) == []


async def test_gzip(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """A compressed answer is read."""
    fake, url = platform
    compressed = gzip.compress(b'[{"callCount": 1}]')
    fake.on("report", lambda _, __: web.Response(body=compressed, headers={"Content-Encoding": "gzip"}))
    assert await query(make_client(url)) == [{"callCount": 1}]


async def test_old_name_of_gzip(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """RFC 9110 has x-gzip for gzip, and some gateways still use it; the limit holds for it as well."""
    fake, url = platform
    body = gzip.compress(b'[{"callCount": 1}]')
    fake.on("report", lambda _, __: web.Response(body=body, headers={"Content-Encoding": "X-GZip"}))
    assert await query(make_client(url)) == [{"callCount": 1}]
    body = gzip.compress(b"[" + b" " * 100 * 2**20)
    assert "the answer has more than 8 MiB" == str(await failure(make_client(url)))


async def test_chinese(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """An answer in the charset that its Content-Type names is read, and so is an error in it."""
    fake, url = platform
    headers = {"Content-Type": "application/json; charset=GBK"}
    answers = iter([(200, '[{"name": "计费"}]'), (403, '{"errorCode": 200800002, "errorMsg": "密码错误"}')])

    def answer(_: object, __: object) -> web.Response:
        status, text = next(answers)
        return web.Response(status=status, body=text.encode("gbk"), headers=headers)

    fake.on("report", answer)
    assert await query(make_client(url)) == [{"name": "计费"}]
    assert "HTTP status 403, the platform's error 200800002: 密码错误" == str(await failure(make_client(url)))


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
async def test_broken_gzip(
    platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig, encoding: str
) -> None:
    """An answer that cannot be decompressed is invalid."""
    fake, url = platform
    fake.on("report", lambda _, __: web.Response(body=b"no gzip at all", headers={"Content-Encoding": encoding}))
    error = await failure(make_client(url))
    assert ("invalid", "the answer cannot be decompressed") == (error.reason, str(error))
    assert rig.failures() == {"invalid": 1}


async def test_large_answer(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """10,000 records are read."""
    fake, url = platform
    records = [{"recordTime": number, "filler": "x" * 500} for number in range(10_000)]
    fake.on("report", lambda _, __: web.Response(body=json.dumps(records).encode()))
    assert await query(make_client(url)) == records


async def test_too_large_answer(serve: Serve, make_client: MakeClient) -> None:
    """An answer above the limit is rejected without reading the rest."""
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(http(b"", length=100 * 2**20))
        for _chunk in range(100):
            writer.write(b"[" * 2**20)
            await writer.drain()
            sent += 2**20

    error = await failure(make_client(await serve(talk)))
    assert ("invalid", "the answer has more than 8 MiB") == (error.reason, str(error))
    assert sent < 50 * 2**20


async def test_gzip_bomb(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """An answer that exceeds the limit after decompression is rejected with little memory."""
    fake, url = platform
    bomb = gzip.compress(b"[" + b" " * 100 * 2**20)
    fake.on("report", lambda _, __: web.Response(body=bomb, headers={"Content-Encoding": "gzip"}))
    client = make_client(url)
    tracemalloc.start()
    try:
        error = await failure(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ("invalid", "the answer has more than 8 MiB") == (error.reason, str(error))
    assert peak < 4 * MAX_BODY_BYTES


# TLS


@pytest.mark.parametrize(
    "tls_config",
    [
        TlsConfig(ca_file=TESTDATA / "ca.pem", server_name="platform.test"),
        TlsConfig(ca_file=TESTDATA / "server.pem", server_name="platform.test"),
        TlsConfig(insecure_skip_verify=True),
    ],
)
async def test_tls(serve: Serve, make_client: MakeClient, tls_config: TlsConfig) -> None:
    """A certificate is accepted by authority and name, if the ca_file has it, or without a check."""
    client = make_client(await serve(answer_empty, tls=server_tls("server")), tls_config=tls_config)
    assert await query(client) == []


@pytest.mark.parametrize(
    "certificate,tls_config,message,advice",
    [
        ("selfsigned", TlsConfig(server_name="platform.test"), "self-signed certificate", "ca_file"),
        ("server", TlsConfig(server_name="platform.test"), "unable to get local issuer certificate", "ca_file"),
        (
            "server",
            TlsConfig(ca_file=TESTDATA / "ca.pem"),
            "IP address mismatch, certificate is not valid for",
            "server_name",
        ),
        (
            "server",
            TlsConfig(ca_file=TESTDATA / "ca.pem", server_name="other.test"),
            "Hostname mismatch, certificate is not valid for 'other.test'",
            "server_name",
        ),
        (
            "expired",
            TlsConfig(ca_file=TESTDATA / "ca.pem", server_name="platform.test"),
            "certificate has expired",
            "Renew the certificate",
        ),
    ],
)
async def test_bad_certificates(
    serve: Serve,
    make_client: MakeClient,
    rig: Rig,
    certificate: str,
    tls_config: TlsConfig,
    message: str,
    advice: str,
) -> None:
    """An untrusted certificate is rejected, the message says why, and the advice fits the cause."""
    client = make_client(await serve(answer_empty, tls=server_tls(certificate)), tls_config=tls_config)
    error = await failure(client)
    assert error.reason == "tls"
    assert str(error).startswith(f"the certificate is not trusted: {message}")
    assert advice in str(error.advice)
    assert not error.transient
    assert rig.failures() == {"tls": 1}


async def _close_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _reset_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _alert(number: int) -> Talk:
    """Refuse a handshake with a TLS alert (RFC 8446, 6)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(bytes([0x15, 3, 3, 0, 2, 2, number]))
        await writer.drain()
        writer.close()

    return talk


@pytest.mark.parametrize(
    ("talk", "message", "advice"),
    [
        (_close_handshake, "the connection was closed during the TLS handshake", "port expects TLS"),
        (_reset_handshake, "the connection was closed during the TLS handshake", "port expects TLS"),
        (_alert(40), "no TLS connection: SSLV3_ALERT_HANDSHAKE_FAILURE", "port expects TLS"),
        (
            _alert(42),
            "no TLS connection: the server asks for a client certificate, or rejects",
            "cert_file and key_file",
        ),
        (
            _alert(48),
            "no TLS connection: the server asks for a client certificate, or rejects",
            "cert_file and key_file",
        ),
        (_alert(112), "no TLS connection: the server does not know the name", "server_name"),
    ],
)
async def test_refused_handshake(make_client: MakeClient, rig: Rig, talk: Talk, message: str, advice: str) -> None:
    """A server that refuses or breaks off the handshake is reason tls, with an advice for the cause."""
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        error = await failure(make_client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))

    assert "tls" == error.reason
    assert str(error).startswith(message)
    assert advice in str(error.advice)
    assert {"tls": 1} == rig.failures()


@pytest.fixture(scope="module")
def rsa() -> trustme.CA:
    """Return an authority with the kind of key that old servers have."""
    return trustme.CA(key_type=trustme.KeyType.RSA)


@pytest.mark.parametrize(
    ("version", "ciphers", "offer"),
    [
        (ssl.TLSVersion.TLSv1, "AES128-SHA:@SECLEVEL=0", "TLSv1 with AES128-SHA"),
        (ssl.TLSVersion.TLSv1_1, "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "TLSv1.1 with ECDHE-RSA-AES128-SHA"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256", "TLSv1.2 with AES128-GCM-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA", "TLSv1.2 with ECDHE-RSA-AES128-SHA"),
    ],
    ids=["TLS 1.0", "TLS 1.1", "RSA key exchange", "SHA-1"],
)
async def test_old_server(
    serve: Serve,
    make_client: MakeClient,
    rsa: trustme.CA,
    tmp_path: Path,
    version: ssl.TLSVersion,
    ciphers: str,
    offer: str,
) -> None:
    """The message has what the server offers; it is reached with min_version, and its certificate is still checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rsa.issue_cert("platform.test", key_type=trustme.KeyType.RSA).configure_cert(context)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    ca_file = tmp_path / "ca.pem"
    rsa.cert_pem.write_to_path(ca_file)
    url = await serve(answer_empty, tls=context)

    safe = make_client(url, tls_config=TlsConfig(ca_file, server_name="platform.test"))
    offered = {cipher["name"] for cipher in ssl.create_default_context().get_ciphers()}
    if version == ssl.TLSVersion.TLSv1_2 and ciphers in offered:  # Debian's Python offers more ciphers than others do
        assert [] == await query(safe)
    else:
        error = await failure(safe)
        assert ("tls", f"no TLS version or cipher in common: the platform offers {offer}") == (error.reason, str(error))
        assert "min_version: TLS10" in str(error.advice)
    old = TlsConfig(ca_file, server_name="platform.test", min_version="TLS10")
    assert [] == await query(make_client(url, tls_config=old))
    error = await failure(make_client(url, tls_config=replace(old, server_name="other.test")))
    assert str(error).startswith("the certificate is not trusted: Hostname mismatch")


async def test_min_version(serve: Serve, make_client: MakeClient) -> None:
    """A newer version than the server has is refused."""
    context = server_tls("server")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    url = await serve(answer_empty, tls=context)
    tls_config = TlsConfig(TESTDATA / "ca.pem", server_name="platform.test")
    assert [] == await query(make_client(url, tls_config=tls_config))
    error = await failure(make_client(url, tls_config=replace(tls_config, min_version="TLS13")))
    assert "tls" == error.reason


@pytest.fixture
async def tls_proxy(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """Serve a proxy over TLS that answers for http platforms itself; return its URL and its certificate."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer_empty(reader, writer)
        writer.close()

    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "proxy.pem")
    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", tmp_path / "proxy.pem"


async def test_tls_proxy(make_client: MakeClient, tls_proxy: tuple[str, Path]) -> None:
    """A proxy with a private certificate is trusted by a ca_file of its own; that of the platform does not count."""
    proxy_url, ca_file = tls_proxy
    assert [] == await query(make_client("http://platform.test", proxy_url=proxy_url, proxy_ca_file=ca_file))
    for url in ("http://platform.test", "https://platform.test"):
        error = await failure(make_client(url, proxy_url=proxy_url, tls_config=TlsConfig(ca_file)))
        assert "tls" == error.reason
        assert str(error).startswith("the proxy's certificate is not trusted: ")
        assert "proxy_ca_file" in str(error.advice)


async def test_no_tls(serve: Serve, make_client: MakeClient) -> None:
    """A server with plain HTTP is reason tls."""

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"", status="400 Bad Request"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        error = await failure(make_client(f"HTTPS://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert error.reason == "tls"
    assert str(error).startswith("no TLS connection: the port answers without TLS")
    assert "begin the url with http;" in str(error.advice)


async def test_client_certificate(serve: Serve, make_client: MakeClient) -> None:
    """A platform that asks for a client certificate gets the configured one."""
    context = server_tls("server")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(TESTDATA / "ca.pem")
    tls_config = TlsConfig(None, TESTDATA / "client.pem", TESTDATA / "client.key", None, insecure_skip_verify=True)
    assert await query(make_client(await serve(answer_empty, tls=context), tls_config=tls_config)) == []


async def test_missing_client_certificate(make_client: MakeClient) -> None:
    """Without a client certificate the reason is tls, although TLS 1.3 reports it after the handshake."""
    context = server_tls("server")
    context.verify_mode = ssl.CERT_REQUIRED

    def accept(listener: socket.socket) -> None:
        # asyncio's own server would reset the connection, and the reason be lost.
        connection, _ = listener.accept()
        connection.settimeout(5)
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            with suppress(ssl.SSLError):
                secured.do_handshake()
            secured.shutdown(socket.SHUT_WR)
            while secured.recv(1024):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = asyncio.create_task(asyncio.to_thread(accept, listener))
        client = make_client(
            f"https://127.0.0.1:{listener.getsockname()[1]}", tls_config=TlsConfig(insecure_skip_verify=True)
        )
        error = await failure(client)
        await accepting
    words = (
        "the server asks for a client certificate, or rejects the configured one (TLSV13_ALERT_CERTIFICATE_REQUIRED)"
    )
    assert ("tls", f"no TLS connection: {words}") == (error.reason, str(error))


@pytest.mark.parametrize(
    "tls_config,message",
    [
        (TlsConfig(ca_file=Path("/nowhere/ca.pem")), "tls_config: ca_file cannot be loaded: No such file or directory"),
        (
            TlsConfig(cert_file=TESTDATA / "client.pem", key_file=TESTDATA / "server.key"),
            "tls_config: cert_file and key_file cannot be loaded: KEY_VALUES_MISMATCH",
        ),
        (
            TlsConfig(cert_file=TESTDATA / "client.pem", key_file=TESTDATA / "encrypted.key"),
            "tls_config: cert_file and key_file cannot be loaded: ",
        ),
    ],
)
async def test_unusable_tls_files(make_client: MakeClient, tls_config: TlsConfig, message: str) -> None:
    """Files that cannot be loaded are named in the message, and there is no prompt for a password."""
    error = await failure(make_client("https://127.0.0.1:1", tls_config=tls_config))
    assert error.reason == "tls"
    assert str(error).startswith(message)


async def test_changed_ca_file(serve: Serve, make_client: MakeClient, rig: Rig, tmp_path: Path) -> None:
    """A replaced authority is used without a restart; if it cannot be read, the old one stays in use."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes((TESTDATA / "selfsigned.pem").read_bytes())
    tls_config = TlsConfig(ca_file=ca_file, server_name="platform.test")

    async def close_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"[]", "Connection: close"))
        await writer.drain()

    client = make_client(await serve(close_after, tls=server_tls("server")), tls_config=tls_config)
    assert (await failure(client)).reason == "tls"
    ca_file.write_bytes((TESTDATA / "ca.pem").read_bytes())
    assert await query(client) == []
    ca_file.write_bytes(b"half a certi")
    assert await query(client) == []
    assert await query(client) == []
    assert rig.logged() == ["tls_files_not_loaded"]


# What is told of it


async def test_error_codes_are_counted(platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig) -> None:
    """The platform's error codes are counted by code, up to a limit."""
    fake, url = platform
    codes = iter(range(1, 101))
    fake.on("report", lambda _, __: {"errorCode": next(codes)})
    client = make_client(url)
    for _ in range(100):
        await failure(client)
    assert rig.value("oifde_upstream_api_errors_total", "query", code="1") == 1
    assert rig.value("oifde_upstream_api_errors_total", "query", code=str(MAX_ERROR_CODES)) == 1
    assert rig.value("oifde_upstream_api_errors_total", "query", code="other") == 100 - MAX_ERROR_CODES
    assert rig.failures() == {"api": 100}


@pytest.mark.parametrize("skew", [-3600, 0, 90])
async def test_clock_skew(platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig, skew: int) -> None:
    """The metric shows how far the platform's clock is ahead, also after an error."""
    fake, url = platform
    date = web.Response(status=500)
    date.last_modified = int(rig.clock.now() + skew)
    fake.on("report", lambda _, __: web.Response(status=500, headers={"Date": date.headers["Last-Modified"]}))
    await failure(make_client(url))
    assert skew == rig.registry.get_sample_value("oifde_upstream_clock_skew_seconds", {"platform": "main"})


async def test_no_date(serve: Serve, make_client: MakeClient, rig: Rig) -> None:
    """Without a Date header there is no metric of the platform's clock."""
    assert await query(make_client(await serve(answer_empty))) == []
    assert rig.registry.get_sample_value("oifde_upstream_clock_skew_seconds", {"platform": "main"}) is None


# The platform is gone


async def test_outage(platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig) -> None:
    """Of a thousand polls few reach a platform that is down; all do once it is back."""
    fake, url = platform
    fake.on("report", lambda _, __: 503)
    client = make_client(url, max_concurrency=4)
    results = await asyncio.gather(*(query(client, f"b{number}") for number in range(1000)), return_exceptions=True)
    assert {"http"} == {result.reason for result in results if isinstance(result, UpstreamError)}
    assert FAILURES_TO_OPEN <= len(fake.seen) < FAILURES_TO_OPEN + 4
    refused = sum(isinstance(result, CircuitOpen) for result in results)
    assert refused == 1000 - len(fake.seen)
    assert rig.failures() == {"http": len(fake.seen)}
    rig.clock.advance(5)
    fake.on("report", lambda _, __: [])
    assert await query(client) == []
    assert await asyncio.gather(*(query(client, f"b{number}") for number in range(100))) == [[]] * 100
    assert rig.logged() == ["platform_unreachable", "platform_reachable"]


async def test_low_priority_stops_in_an_outage(
    platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig
) -> None:
    """Its failures count, and it is not sent to find out whether the platform is back; a success of others is enough."""
    fake, url = platform
    fake.on("report", lambda _, __: 503)
    client = make_client(url)

    async def history(bot: str) -> object:
        body = {"tenantId": "t1", "accessCode": bot}
        return await client.call("query", "report", body, low_priority=True)

    for number in range(FAILURES_TO_OPEN):
        with pytest.raises(UpstreamError, match="503"):
            await history(f"b{number}")
    assert rig.logged() == ["platform_unreachable"]
    rig.clock.advance(5)
    fake.on("report", lambda _, __: [])
    for _ in range(3):
        with pytest.raises(CircuitOpen):
            await history("b1")
    assert len(fake.seen) == FAILURES_TO_OPEN
    assert await query(client) == []
    assert await history("b1") == []


async def test_outage_of_one_bot(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """A bot that always fails does not stop the others."""
    fake, url = platform
    fake.on("report", lambda _, body: 500 if body["accessCode"] == "bad" else [])
    client = make_client(url)
    for number in range(10):
        assert await query(client, f"b{number}") == []
    for _ in range(20):
        assert (await failure(client, "bad")).status == 500
    assert await query(client) == []


async def test_refusals_do_not_open_the_circuit(platform: tuple[FakePlatform, str], make_client: MakeClient) -> None:
    """A platform that answers with errors is reachable."""
    fake, url = platform
    client = make_client(url)
    answers: list[Answer] = [{"errorCode": 900001}, 401, 404, 429, {"errorCode": 10000001}, {"unexpected": 1}]
    for answer in answers:
        fake.always("report", partial(copy.copy, answer))
        for number in range(FAILURES_TO_OPEN + 1):
            await asyncio.gather(query(client, f"b{number}"), return_exceptions=True)
    assert not client.breaker.open


# The end


async def test_close(serve: Serve, make_client: MakeClient, rig: Rig) -> None:
    """Closing cancels all calls and counts no failures."""
    client = make_client(await serve(_hang), max_concurrency=1)
    calls = [asyncio.create_task(query(client)) for _ in range(3)]
    await wait_for(lambda: rig.value("oifde_upstream_requests_total", "query") == 1, "the first request")
    await client.close()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [asyncio.CancelledError] * 3 == [type(result) for result in results]
    assert rig.failures() == {}
