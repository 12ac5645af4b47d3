"""Random data to the exporter's port: no error, no hanging connection, and nothing left over."""

import asyncio
import gc
import random
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.waiting import wait_for

from .conftest import Running

DEADLINE = 30.0
"""Seconds after which an open connection without an answer counts as hanging."""
QUIET = 0.1
"""Seconds of silence after which a client abandons a request that may be incomplete."""

GOOD = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

METHODS = [
    *(b"GET", b"GET", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"),
    *(b"get", b"G\0T", b"", b" ", b"M" * 5000, b"\xff\xfe", b"PRI", b"PROPFIND"),
]
PAGES = [
    *(b"/bots/t1/b1", b"/bots/t1/b1/", b"/bots/t1/b1/x", b"/bots/t1/none", b"/bots//b1", b"/bots/t1/", b"/bots"),
    *(b"/bots/t1/%62%31", b"/bots/t1%2Fb1/x", b"/bots/t1/%ff", b"/bots/t1/%ED%A0%80", b"/bots/t1/../../metrics"),
    *(b"/bots/t1/%2e%2e", b"/bots/t1/" + b"/" * 5000, b"/bots/" + b"%F0%9F%99%82" * 900 + b"/b", b"/bots/t1/b1%00"),
    *(b"/bots/%3Cscript%3E/%22onload=x", b"/configuration", b"/configuration/", b"/help", b"/help/help", b"/", b"/"),
    *(b"/api/v1/bots", b"/api/v1/bots", b"/api/v1/bots/", b"/api/v1/bots/t1"),
]
QUERIES = [
    *(
        b"lang=zh",
        b"lang=en",
        b"lang=",
        b"lang=tlh",
        b"lang=zh&lang=en",
        b"lang=%22%3E%3Cscript%3E",
        b"lang=" + b"z" * 3000,
    ),
    *(b"q=b1", b"q=", b"q=%00", b"q=%ff", b"q=%ED%A0%80", b"q=%ED%B0%80%ED%A0%80", b"q=" + b"a+" * 3000, b"q=%", b"q"),
    *(b"q=%C4%B0%EF%AC%83", b"q=\xed\xa0\x80", b"q=%3C%2Fscript%3E", b"q=%7B%7B7*7%7D%7D", b"q=a&q=b", b"q[]=a"),
    *(b"page=0", b"page=-1", b"page=2", b"page=999999", b"page=1e9", b"page=" + b"9" * 5000, b"page=%D9%A3", b"page="),
    *(b"sort=autonomy", b"sort=polled&dir=desc", b"sort=__class__", b"sort=", b"dir=desc", b"sort=bot&dir=x"),
    *(b"state=ok", b"state=OK", b"state=nonsense", b"state=ok&state=failing", b"tenants=all", b"tenants=%00"),
    *(b"limit=0", b"limit=1", b"limit=-1", b"limit=1e3", b"limit=" + b"9" * 30, b"limit=%D9%A3", b"limit=", b"limit"),
    *(b"offset=1", b"offset=999999999", b"offset=-1", b"offset=NaN", b"&" * 3000, b"=", b";", b"%26=%3D", b"\0=\0"),
]
PATHS = [
    *(b"/", b"/metrics", b"/metrics", b"/-/healthy", b"/-/ready", b"/-/reload", b"/api/v1/bots"),
    *(b"/metrics/", b"//metrics", b"/./metrics", b"/../metrics", b"/%2e%2e/%2e%2e/etc/passwd", b"/metrics%00", b"/%"),
    *(b"/%zz", b"/%ff%fe", b"/%C0%AF", b"/metrics?name[]=x&y", b"/metrics#x", b"/metrics;x", b"*", b"", b"metrics"),
    *(b"http://x/metrics", b"http://[::1/metrics", b"http://x:99999/", b"x:1", b"/\xe4\xb8\x80", b"/\0", b"/a b"),
    *(b"/" + b"a" * 7000, b"/" + b"%41" * 3000, b"/?" + b"a=b&" * 2000, b"/" + b"../" * 2000, b"/" + b"a" * 70_000),
]
HEADERS = [
    *(b"Host: x", b"Host: ", b"Host: a\r\nHost: b", b"Host: [::1", b"Host: \xff", b"Host: x:99999999"),
    *(b"Accept: " + accept for accept in (b"*/*", b"", b";;q=,", b"text/plain;version=abc", b"q=1" * 900, b"\xff")),
    b"Accept: " + b"application/openmetrics-text;version=1.0.0;q=0.00001," * 100,
    *(b"Accept-Encoding: " + coding for coding in (b"gzip", b"gzip;q=0", b"*;q=1e9", b"br, zstd", b";", b"\x80")),
    *(b"Content-Length: " + length for length in (b"0", b"5", b"-1", b"1e3", b"9" * 30, b"0x5", b"5, 5", b"+5", b"")),
    *(b"Transfer-Encoding: " + coding for coding in (b"chunked", b"gzip", b"chunked, chunked", b"identity", b"x")),
    *(b"Expect: " + what for what in (b"100-continue", b"200-ok", b"")),
    *(b"Connection: " + what for what in (b"close", b"keep-alive", b"upgrade", b"close, keep-alive", b"\0")),
    *(
        b"Content-Type: " + kind
        for kind in (b"multipart/form-data", b"text/plain; charset=no-such", b"application/json")
    ),
    *(b"Content-Encoding: " + coding for coding in (b"gzip", b"deflate", b"br", b"zstd", b"x")),
    *(b"Upgrade: h2c", b"Upgrade: websocket\r\nSec-WebSocket-Key: x", b"HTTP2-Settings: AAA", b"Range: bytes=0-"),
    *(b"If-None-Match: *", b"If-Modified-Since: yesterday", b"Cookie: " + b"a=b; " * 700, b"Authorization: Basic %%%"),
    *(b"X: " + b"a" * 9000, b"X" * 9000 + b": a", b"X: a\r\n" * 150 + b"Y: a", b": a", b"X", b" X: a", b"X : a"),
    *(
        b"X: a\r\n b",
        b"X: \0",
        b"X: \r",
        b"X:\tb",
        b"\xe4: a",
        b"Forwarded: for=_x;by=[",
        b"X-Forwarded-For: " + b"1," * 900,
    ),
]
BODIES = [
    *(
        b"",
        b"",
        b"",
        b"hello",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nx",
        b"-1\r\n",
        b"5;x=y\r\nhello\r\n0\r\n",
    ),
    *(
        b"0\r\nX: y\r\n\r\n",
        b"\0" * 5000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 200_000,
        b"\x1f\x8b\x08\x00" + b"\xff" * 100,
    ),
]
VERSIONS = [
    *[b"HTTP/1.1"] * 8,
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"HTTP/1.1 ",
    b"http/1.1",
    b"",
    b"HTTP/1." + b"1" * 99,
]


def _path(rng: random.Random) -> bytes:
    """Return any path, or a page's path with parameters."""
    if rng.random() < 0.5:
        return rng.choice(PATHS)
    parameters = [rng.choice(QUERIES) for _ in range(rng.choice([0, 1, 1, 2, 3, 6]))]
    return rng.choice(PAGES) + (b"?" + b"&".join(parameters) if parameters else b"")


def _request(rng: random.Random) -> bytes:
    headers = [b"Host: x"] if rng.random() < 0.8 else []
    headers += [rng.choice(HEADERS) for _ in range(rng.choice([0, 1, 1, 2, 3, 8]))]
    line = b" ".join([rng.choice(METHODS), _path(rng), rng.choice(VERSIONS)])
    return b"\r\n".join([line, *headers, b"", rng.choice(BODIES)])


def _requests(rng: random.Random) -> bytes:
    """Return some requests in one piece, some with a few wrong bytes."""
    content = bytearray(b"".join(_request(rng) for _ in range(rng.choice([1, 1, 1, 2, 5]))))
    for _ in range(rng.choice([0, 0, 0, 1, 4])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


async def _exchange(port: int, content: bytes, rng: random.Random) -> bytes:
    """Return all data until the connection closes; raise TimeoutError if it does not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        async with asyncio.timeout(DEADLINE):
            # A server that has refused the rest closes the connection.
            with suppress(OSError):
                for start in range(0, len(content), size := rng.choice([1 << 20, 1 << 20, 4096, 50])):
                    writer.write(content[start : start + size])
                    await writer.drain()
                while part := await _read(reader):
                    received += part
                writer.write_eof()
                while part := await reader.read(1 << 20):
                    received += part
    finally:
        writer.transport.abort()
    return received


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return the next data; nothing after a while without data."""
    try:
        return await asyncio.wait_for(reader.read(1 << 20), QUIET)
    except TimeoutError:
        return b""


def _statuses(received: bytes) -> Sequence[int]:
    return [int(status) for status in re.findall(rb"HTTP/[0-9]\.[0-9] ([0-9]{3}) ", received)]


async def _at_once(number: int, *, of: int, do: Callable[[int], Awaitable[None]]) -> None:
    """Do something this many times, at most ``number`` of them at the same time."""
    slots = asyncio.Semaphore(number)

    async def limited(index: int) -> None:
        async with slots:
            await do(index)

    async with asyncio.TaskGroup() as group:
        for index in range(of):
            group.create_task(limited(index))


@dataclass(frozen=True)
class Held:
    """The tasks, open files and memory blocks of this process."""

    tasks: int
    files: int
    blocks: int

    @classmethod
    def now(cls) -> "Held":
        gc.collect()
        return cls(len(asyncio.all_tasks()), len(list(Path("/dev/fd").iterdir())), sys.getallocatedblocks())


async def assert_as_before(before: Held, blocks: int) -> None:
    """Check that everything is released after the connections have closed, except this many memory blocks."""

    def given_back() -> bool:
        held = Held.now()
        assert held.tasks <= before.tasks
        assert held.files <= before.files
        assert held.blocks <= before.blocks + blocks, f"{held.blocks} blocks after {before.blocks}"
        return True

    await wait_for(given_back, "everything to be as before")


async def assert_well(exporter: Running) -> None:
    """Check that the exporter serves, and has logged nothing above the level warning."""
    received = await _exchange(exporter.port, GOOD, random.Random(0))
    assert [200] == _statuses(received)
    assert b'oifde_up{tenant_id="t1"' in received
    assert [] == exporter.alarms


@pytest.mark.parametrize("seed", range(4))
async def test_random_requests(exporter: Running, seed: int) -> None:
    """The answer is not a server error, or the connection closes; the next request is served."""

    async def ask(number: int) -> None:
        own = random.Random(1000 * seed + number)
        content = _requests(own)
        try:
            received = await _exchange(exporter.port, content, own)
        except TimeoutError:
            pytest.fail(f"seed {seed}, number {number} hangs: {content[:2000]!r}")
        assert [] == [status for status in _statuses(received) if status >= 500], (seed, number, content[:2000])

    await _at_once(50, of=300, do=ask)  # fills the caches of what addresses mean, which have an end
    before = Held.now()
    await _at_once(50, of=300, do=ask)
    await assert_as_before(before, blocks=3000)
    await assert_well(exporter)


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_every_page_with_every_parameter(exporter: Running, method: bytes) -> None:
    """Every query leads to a page, or a plain message about the error."""
    rng = random.Random(0)
    lines = [b"%b %b?%b HTTP/1.1" % (method, page, query) for page in PAGES for query in rng.sample(QUERIES, 12)]

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", exporter.port)
        writer.write(lines[number] + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            received = await reader.read()
        writer.transport.abort()
        (status,) = _statuses(received)
        assert status in (200, 400, 404), (status, lines[number][:2000])
        assert b'"onload=x' not in received
        assert received.count(b"<script>") <= 1
        # Of a line that cannot be read it is not known that it was a HEAD.
        assert b"GET" == method or status == 400 or received.endswith(b"\r\n\r\n")

    await _at_once(10, of=len(lines), do=ask)
    await assert_well(exporter)


async def test_a_tunnel_to_nowhere_is_refused(exporter: Running) -> None:
    """Aiohttp has no URL for such a request, and closes the connection."""
    for line in (b"CONNECT  HTTP/1.1", b"CONNECT  ", b"CONNECT "):
        received = await _exchange(exporter.port, line + b"\r\nHost: x\r\n\r\n", random.Random(0))
        assert _statuses(received) in ([404], [405])
    await assert_well(exporter)


async def test_five_hundred_connections_at_once(exporter: Running) -> None:
    """All are served, also an additional one, and nothing is left over."""
    await assert_well(exporter)
    before = Held.now()
    connections = [await asyncio.open_connection("127.0.0.1", exporter.port) for _ in range(500)]
    for _, writer in connections:
        writer.write(GOOD.replace(b"close", b"keep-alive"))

    async def served(reader: asyncio.StreamReader) -> None:
        async with asyncio.timeout(DEADLINE):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: ([0-9]+)", head)
            assert length
            await reader.readexactly(int(length[1]))
            assert [200] == _statuses(head)

    await asyncio.gather(*(served(reader) for reader, _ in connections))
    await assert_well(exporter)
    for _, writer in connections:
        writer.transport.abort()
    connections.clear()

    await assert_as_before(before, blocks=5000)


async def test_clients_that_never_finish(exporter: Running) -> None:
    """Other clients are served while hundreds of slow ones are connected, and nothing of those is left over."""
    await assert_well(exporter)
    before = Held.now()
    rng = random.Random(1)
    request = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nX: " + b"a" * 50 + b"\r\n\r\nbody"
    connections = [await asyncio.open_connection("127.0.0.1", exporter.port) for _ in range(200)]
    sent = [rng.randrange(len(request)) for _ in connections]
    for (_, writer), length in zip(connections, sent, strict=True):
        writer.write(request[:length])
    for _ in range(5):
        for number, (_, writer) in enumerate(connections):
            writer.write(request[sent[number] : sent[number] + 1])
            sent[number] += 1
        await assert_well(exporter)
    for _, writer in connections:
        if rng.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()
    connections.clear()

    await assert_as_before(before, blocks=5000)


async def test_thousands_of_scrapes(exporter: Running) -> None:
    """The two-thousandth scrape is served like the first, in every format, without additional memory."""
    accepts = [b"*/*", b"application/openmetrics-text;version=1.0.0", b"text/plain;version=0.0.4;q=0.5", b";q=x"]
    codings = [b"gzip", b"identity", b"gzip;q=0", b"br"]

    async def scrape(connection: int) -> None:
        rng = random.Random(connection)
        reader, writer = await asyncio.open_connection("127.0.0.1", exporter.port)
        async with asyncio.timeout(DEADLINE):
            for _ in range(60):
                headers = b"Accept: %b\r\nAccept-Encoding: %b" % (rng.choice(accepts), rng.choice(codings))
                others = [b"/", b"/api/v1/bots", b"/bots/t1/b1?lang=zh", b"/configuration", b"/help"]
                path = rng.choice([b"/metrics", b"/metrics", b"/metrics", rng.choice(others)])
                writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % (path, headers))
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"Content-Length: ([0-9]+)", head)
                assert length
                await reader.readexactly(int(length[1]))
                assert [200] == _statuses(head)
        writer.transport.abort()

    await _at_once(20, of=20, do=scrape)
    before = Held.now()
    await _at_once(20, of=20, do=scrape)
    await assert_as_before(before, blocks=2000)
    await assert_well(exporter)
