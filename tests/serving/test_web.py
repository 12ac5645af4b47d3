"""The web server over real sockets."""

import asyncio
import gzip
import io
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from exporter.clock import Clock
from exporter.config import ConfigError
from exporter.judging.verdict import Verdict
from exporter.logs import configure
from exporter.polling.snapshot import BotId, DiscoveryStatus, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.web import WebOptions, create_app
from exporter.upstream.standing import SessionState

Client = TestClient[Request, Application]


@pytest.fixture
def store(exposition: Exposition) -> Store:
    """A store whose page is ``exposition``."""
    return Store([exposition])


WEB = {"telemetry_path", "route_prefix", "external_url"}


@pytest.fixture
def logged() -> io.StringIO:
    """The server's log."""
    return io.StringIO()


@pytest.fixture
def connect(store: Store, exposition: Exposition, clock: Clock, logged: io.StringIO) -> Callable[..., Any]:
    """Serves with options, and gives a client that does not decompress responses."""

    @asynccontextmanager
    async def serve(**options: Any) -> AsyncIterator[Client]:
        log = configure(level="info", format="logfmt", stream=logged)
        web = WebOptions(
            enable_lifecycle="reload" in options, **{name: options.pop(name) for name in WEB & options.keys()}
        )
        parts = {"ready": lambda: True, **options}
        app = create_app(web, store=store, exposition=exposition, clock=clock, log=log, **parts)
        server = TestServer(app)
        async with TestClient(server, auto_decompress=False, skip_auto_headers=["Accept-Encoding", "Accept"]) as client:
            yield client

    return serve


async def test_a_browser_gets_classic_text(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, page: Callable[..., str]
) -> None:
    """A person can read /metrics in a browser."""
    store.put(bot, "hour", snapshot)
    async with connect() as client, client.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert response.headers["Vary"] == "Accept, Accept-Encoding"
        assert "Content-Encoding" not in response.headers
        assert page() == await response.text()


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/bots", "/-/healthy", "/-/ready"])
@pytest.mark.parametrize("prefix", ["", "/prefix"])
async def test_a_slash_at_the_end(connect: Callable[..., Any], prefix: str, path: str) -> None:
    """Some write one, as in metrics_path: /metrics/; the answer is the same, without a redirect."""
    async with connect(route_prefix=prefix) as client:
        answers = [await client.get(f"{prefix}{path}{end}", allow_redirects=False) for end in ("", "/", "//", "/x")]
        assert [200, 200, 404, 404] == [answer.status for answer in answers]
        assert answers[0].content_type == answers[1].content_type


async def test_prometheus_gets_compressed_openmetrics(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, page: Callable[..., str]
) -> None:
    """Prometheus gets the format it prefers, in a tenth of the bytes."""
    store.put(bot, "hour", snapshot)
    headers = {
        "Accept": "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3",
        "Accept-Encoding": "gzip",
    }
    async with connect() as client, client.get("/metrics", headers=headers) as response:
        assert response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert response.headers["Content-Encoding"] == "gzip"
        body = await response.read()
        assert len(body) == int(response.headers["Content-Length"])
        assert page(openmetrics=True).encode() == gzip.decompress(body)


async def test_headers_in_several_lines_count_together(connect: Callable[..., Any]) -> None:
    """A proxy may split a header; the client still gets the format it prefers."""
    headers = [
        ("Accept", "text/plain;q=0.1"),
        ("Accept", "application/openmetrics-text"),
        ("Accept-Encoding", "br"),
        ("Accept-Encoding", "gzip"),
    ]
    async with connect() as client, client.get("/metrics", headers=headers) as response:
        assert response.content_type == "application/openmetrics-text"
        assert response.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("accept", ["version=abc", ";;q=;", "application/openmetrics-text;version=abc", "\x80"])
async def test_a_malformed_accept_gets_classic_text(connect: Callable[..., Any], accept: str) -> None:
    """No header leads to an error."""
    async with connect() as client, client.get("/metrics", headers={"Accept": accept}) as response:
        assert (response.status, response.content_type) == (200, "text/plain")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_metrics_of_many_bots_are_complete(
    connect: Callable[..., Any],
    store: Store,
    bot: BotId,
    snapshot: Snapshot,
    page: Callable[..., str],
    encoding: str,
) -> None:
    """A large page is sent in chunks, and no chunk is lost."""
    for number in range(1_500):
        store.put(replace(bot, access_code=str(number)), "hour", snapshot)
    async with connect() as client, client.get("/metrics", headers={"Accept-Encoding": encoding}) as response:
        body = await response.read()

    assert page().encode() == (gzip.decompress(body) if encoding == "gzip" else body)


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/bots"])
async def test_head_is_get_without_a_body(connect: Callable[..., Any], path: str) -> None:
    """A HEAD request works, and the connection can be reused."""
    async with connect() as client:
        async with client.get(path) as whole, client.head(path) as head:
            assert whole.status == head.status
            assert whole.headers["Content-Type"] == head.headers["Content-Type"]
            assert await head.read() == b""
        async with client.get("/-/healthy") as response:
            assert response.status == 200


async def test_ready_after_every_bot_was_polled(connect: Callable[..., Any]) -> None:
    """A rollout waits for the first values; the platform's state never causes a restart."""
    tried: list[str] = []
    async with connect(ready=lambda: bool(tried)) as client:
        statuses = [(await client.get(path)).status for path in ("/-/healthy", "/-/ready")]
        assert statuses == [200, 503]
        tried.append("all")
        statuses = [(await client.get(path)).status for path in ("/-/healthy", "/-/ready")]
        assert statuses == [200, 200]


def reloads(calls: list[str], error: Exception | None = None) -> Callable[[], Awaitable[None]]:
    """A reload that counts its calls, and fails if it is told to."""

    async def reload() -> None:
        calls.append("reload")
        if error:
            raise error

    return reload


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_reload(connect: Callable[..., Any], method: str) -> None:
    """A deployment hook gets 200 when the new configuration is in use."""
    calls: list[str] = []
    async with connect(reload=reloads(calls)) as client, client.request(method, "/-/reload") as response:
        assert response.status == 200
    assert calls == ["reload"]


async def test_reload_of_an_invalid_configuration_reports_the_errors(connect: Callable[..., Any]) -> None:
    """The response has the errors, so that nobody has to search the log."""
    error = ConfigError(["a.yaml:3: poll_interval: is not a duration", "a.yaml:9: platforms: is empty"])
    async with connect(reload=reloads([], error)) as client, client.post("/-/reload") as response:
        assert response.status == 500
        text = await response.text()
    assert "a.yaml:3: poll_interval: is not a duration\na.yaml:9: platforms: is empty\n" in text


async def test_reload_is_off_by_default(connect: Callable[..., Any]) -> None:
    """A client that may read the metrics cannot reload the configuration."""
    async with connect() as client, client.post("/-/reload") as response:
        assert response.status == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_link_cannot_reload(connect: Callable[..., Any], method: str) -> None:
    """A crawler that follows links reloads nothing."""
    calls: list[str] = []
    async with connect(reload=reloads(calls)) as client, client.request(method, "/-/reload") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST,PUT"
    assert calls == []


async def test_an_internal_error_is_logged_and_not_shown(connect: Callable[..., Any], logged: io.StringIO) -> None:
    """The operator sees the details in the log; clients do not."""
    async with (
        connect(reload=reloads([], RuntimeError("inner secret"))) as client,
        client.post("/-/reload") as response,
    ):
        assert response.status == 500
        assert "inner secret" not in await response.text()
    assert "msg=request_failed" in logged.getvalue()
    assert "inner secret" in logged.getvalue()


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/ready", "/-/reload", "/api/v1/bots", "/nowhere"])
async def test_every_response_has_security_headers(connect: Callable[..., Any], path: str) -> None:
    """No response names the software, loads in a frame, runs foreign scripts or stays in a cache."""
    async with connect() as client, client.get(path) as response:
        assert "Server" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


async def test_an_unknown_path_is_not_found(connect: Callable[..., Any]) -> None:
    """A wrong path in a scrape configuration gets 404."""
    async with connect() as client, client.get("/metrix") as response:
        assert (response.status, response.content_type) == (404, "text/plain")


@pytest.mark.parametrize(
    "options",
    [
        {"route_prefix": "/oifde"},
        {"route_prefix": "oifde/"},
        {"external_url": "https://example.com/oifde/"},
        {"external_url": "https://example.com/other", "route_prefix": "/oifde"},
    ],
)
async def test_all_routes_have_the_prefix(connect: Callable[..., Any], options: dict[str, str]) -> None:
    """Behind a reverse proxy that keeps the path, all pages are under it."""
    async with connect(**options) as client:
        for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/bots"):
            assert (await client.get(f"/oifde{path}")).status == 200
        assert (await client.get("/metrics")).status == 404
        for path in ("/", "/oifde"):
            async with client.get(path, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (302, "/oifde/")


async def test_a_proxy_that_removes_the_path(connect: Callable[..., Any]) -> None:
    """Routes have no prefix, and links have the one that browsers see."""
    async with connect(external_url="https://example.com/oifde", route_prefix="/") as client:
        assert (await client.get("/metrics")).status == 200
        assert 'href="https://example.com/oifde/metrics"' in await (await client.get("/")).text()


async def test_another_telemetry_path(connect: Callable[..., Any]) -> None:
    """--web.telemetry-path moves the metrics, and the status page links to them."""
    async with connect(telemetry_path="/probe/metrics") as client:
        assert (await client.get("/probe/metrics")).status == 200
        assert (await client.get("/metrics")).status == 404
        assert 'href="probe/metrics"' in await (await client.get("/")).text()


async def test_metrics_at_the_root(connect: Callable[..., Any]) -> None:
    """With / as the telemetry path, the metrics replace the status page."""
    async with connect(telemetry_path="/") as client:
        assert "# TYPE oifde_up gauge" in await (await client.get("/")).text()
        assert (await client.get("/help")).status == 404


async def test_bots_as_json(
    connect: Callable[..., Any],
    store: Store,
    bot: BotId,
    snapshot: Snapshot,
    tenant: TenantId,
    documented_answer: dict[str, Any],
    verdict: Verdict,
) -> None:
    """A script gets what docs/http.md shows, value by value."""
    anomalies = {("hour", "outside_date"): 0, ("hour", "unknown_field"): 1}
    found = DiscoveryStatus(up=True, bots=1, last_attempt=1628824200.0, last_success=1628824200.5)
    store.put_tenant(
        tenant, TenantStatus(anomalies, {"hour": 0}, login=SessionState(token_expiry=1628827200.0), discovery=found)
    )
    store.put(bot, "hour", snapshot)
    few = replace(verdict, signals={"autonomy_drop": verdict.signals["autonomy_drop"]})
    async with connect(judgement={bot: few}.get) as client, client.get("/api/v1/bots") as response:
        assert response.content_type == "application/json"
        assert documented_answer == json.loads(await response.read())


async def test_json_of_many_bots_and_of_none(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot
) -> None:
    """The JSON and the page work with any number of bots, any names and any expiry of a token."""
    store.put_tenant(TenantId("p", "t", 'quotes "" and \n lines'), TenantStatus(login=SessionState(token_expiry=1e18)))
    async with connect() as client:
        empty = json.loads(await (await client.get("/api/v1/bots")).read())
        for number in range(3):
            store.put(replace(bot, access_code=str(number), bot="客服\ud83e"), "hour", snapshot)
        filled = json.loads(await (await client.get("/api/v1/bots")).read())
        assert (await client.get("/")).status == 200

    assert empty["bots"] == []
    assert empty["tenants"][0]["login"]["token_expiry"] == {"epoch": 1e18, "iso": None}
    assert [shown["access_code"] for shown in filled["bots"]] == ["0", "1", "2"]


async def test_a_part_of_many_bots_as_json(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot
) -> None:
    """A script can page through thousands of bots, or search for one."""
    for number in range(30):
        name = f"Straße {number}" if number % 3 else "other"
        store.put(replace(bot, access_code=f"code-{number}", bot=name), "hour", snapshot)
    async with connect() as client:

        async def ask(query: str) -> tuple[int, list[str]]:
            answer = json.loads(await (await client.get(f"/api/v1/bots?{query}")).read())
            return answer["total"], [shown["access_code"] for shown in answer["bots"]]

        assert (30, ["code-28", "code-29"]) == await ask("limit=5&offset=28")
        assert (30, []) == await ask("limit=0")
        assert (20, ["code-1"]) == await ask("q=STRASSE+care&limit=1")
        assert (1, ["code-17"]) == await ask("q=code-17")
        assert (0, []) == await ask("q=nobody")
        for query in ("limit=-1", "limit=many", "offset=1.5", "limit="):
            assert 400 == (await client.get(f"/api/v1/bots?{query}")).status


async def test_json_without_old_values(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, wait: Callable[[float], None]
) -> None:
    """Values that /metrics removes are absent from the JSON too, which says that they were removed."""
    store.put(bot, "hour", snapshot)
    wait(300.0)
    async with connect() as client:
        answer = json.loads(await (await client.get("/api/v1/bots")).read())

    report = answer["bots"][0]["reports"]["hour"]
    assert report["removed"] is True
    assert report["windows"] == {"hour": None, "live_hour": None}
    assert report["day_so_far"] is None


async def test_scrapes_at_the_same_time_do_not_mix(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, page: Callable[..., str]
) -> None:
    """Two Prometheus servers scrape at the same time, and each gets a complete page."""
    for number in range(50):
        store.put(replace(bot, access_code=str(number)), "hour", snapshot)

    async def scrape(client: Client) -> str:
        async with client.get("/metrics") as response:
            return await response.text()

    async with connect() as client:
        found: Sequence[str] = await asyncio.gather(*(scrape(client) for _ in range(8)))
    assert [page()] * 8 == found


async def test_pages_are_made_one_after_the_other(connect: Callable[..., Any]) -> None:
    """Several threads would take most of the interpreter's time from the event loop."""
    begun, go = threading.Semaphore(0), threading.Event()

    def configuration() -> None:
        """Called once a page, in its thread."""
        begun.release()
        assert go.wait(60)

    async with connect(configuration=configuration) as client:
        pages = [asyncio.create_task(client.get(path)) for path in ("/", "/configuration") * 10]
        assert await asyncio.to_thread(begun.acquire, timeout=60)
        for path in ("/-/healthy", "/metrics"):
            assert 200 == (await client.get(path)).status
        assert not begun.acquire(blocking=False)
        go.set()
        assert [200] * 20 == [response.status for response in await asyncio.gather(*pages)]
