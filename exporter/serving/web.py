"""The web server's routes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from isal import isal_zlib
from multidict import istr
from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Config, ConfigError
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId
from exporter.polling.store import Store
from exporter.serving import negotiation, status
from exporter.serving.exposition import Exposition
from exporter.serving.pages import POLICY, Page, Pages, Reader

_SLASH: Final = "{_:/?}"
"""At the end of a path: the slash that some write there is ignored. Pages lack it, since their links are relative."""

_GZIP_LEVEL: Final = 1  # 0 is not faster, and higher levels are not smaller
_GZIP_CONTAINER: Final = 31
_IN_ONE_PIECE: Final = 1 << 20

_Made = TypeVar("_Made")

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where and how the exporter listens: a field for each ``--web.*`` flag."""

    listen_address: Sequence[tuple[str | None, int]] = ((None, 10230),)
    """Hosts (None: every interface) and ports (0: any free one)."""
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    route_prefix: str | None = None
    """Default: the path of ``external_url``."""
    external_url: str | None = None
    """The URL of the exporter as browsers see it."""
    config_file: Path | None = None
    """TLS, users and headers; None: plain HTTP for everybody."""

    @property
    def prefix(self) -> str:
        """Return the path before all routes: empty, or with a slash only at its beginning."""
        prefix = urlsplit(self.external_url or "").path if self.route_prefix is None else self.route_prefix
        return f"/{prefix.strip('/')}".rstrip("/")


def create_app(
    options: WebOptions = WebOptions(),
    *,
    store: Store,
    exposition: Exposition,
    clock: Clock,
    log: FilteringBoundLogger,
    ready: Callable[[], bool],
    reload: Callable[[], Awaitable[None]] | None = None,
    configuration: Callable[[], Config | None] = lambda: None,
    judgement: Callable[[BotId], Verdict | None] = lambda _: None,
    version: str = "",
) -> web.Application:
    """Build the application with all its routes. With "/" as telemetry path there is no status page.

    Args:
        options: Where and how to listen.
        store: What the pages show.
        exposition: The metrics page.
        clock: For the age of the data.
        log: For errors of a page.
        ready: Returns whether every bot has been polled.
        reload: Reloads the configuration, or raises ConfigError; called only if the options enable it.
        configuration: Returns the configuration in use, if there is one yet.
        judgement: Returns the verdict on a bot, if there is one.
        version: Shown on the status page.
    """
    prefix, external_url = options.prefix, options.external_url
    metrics_path = f"/{options.telemetry_path.strip('/')}"
    pages = Pages(
        base=f"{external_url.rstrip('/')}/" if external_url else "",
        telemetry_path=metrics_path,
        version=version,
        configuration=configuration,
    )
    do_reload = reload if options.enable_lifecycle else None
    site = _Site(store, exposition, clock, ready, do_reload, judgement, pages)

    app = web.Application(middlewares=[_log_errors(log)])
    app.on_response_prepare.append(_set_headers)
    app.router.add_get(f"{prefix}{metrics_path}{'' if metrics_path == '/' else _SLASH}", site.metrics)
    if metrics_path != "/":
        app.router.add_get(f"{prefix}/", site.overview)
        app.router.add_get(f"{prefix}/bots/{{tenant_id}}/{{access_code:.+}}", site.bot)
        app.router.add_get(f"{prefix}/configuration", site.settings)
        app.router.add_get(f"{prefix}/help", site.help)
    app.router.add_get(f"{prefix}/api/v1/bots{_SLASH}", site.bots)
    app.router.add_get(f"{prefix}/-/healthy{_SLASH}", site.healthy)
    app.router.add_get(f"{prefix}/-/ready{_SLASH}", site.ready)
    app.router.add_post(f"{prefix}/-/reload{_SLASH}", site.reload)
    app.router.add_put(f"{prefix}/-/reload{_SLASH}", site.reload)
    if prefix:
        app.router.add_get("/", _redirect(f"{prefix}/"))
        app.router.add_get(prefix, _redirect(f"{prefix}/"))
    return app


@dataclass(frozen=True, slots=True)
class _Site:
    """The handlers, with what they need."""

    store: Store
    exposition: Exposition
    clock: Clock
    is_ready: Callable[[], bool]
    do_reload: Callable[[], Awaitable[None]] | None
    judgement: Callable[[BotId], Verdict | None]
    pages: Pages
    metrics_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    page_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        openmetrics = negotiation.prefers_openmetrics(_join_header(request, hdrs.ACCEPT))
        gzip = negotiation.accepts_gzip(_join_header(request, hdrs.ACCEPT_ENCODING))
        headers = {
            hdrs.VARY: "Accept, Accept-Encoding",
            hdrs.CONTENT_TYPE: negotiation.OPENMETRICS_TYPE if openmetrics else negotiation.CLASSIC_TYPE,
        }
        chunks: list[bytes] = []
        compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_CONTAINER) if gzip else None
        async with self.metrics_lock:  # several at once would not be faster, and would all be in memory
            for chunk in self.exposition.chunks(openmetrics=openmetrics):
                chunks.append(compressor.compress(chunk) if compressor else chunk)
                await asyncio.sleep(0)
        if compressor:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            chunks.append(compressor.flush())
        return await _send(request, headers, chunks)

    async def overview(self, request: web.Request) -> web.Response:
        reader = _read_reader(request)
        return _respond(await self._make_page(lambda state: self.pages.overview(reader, state)))

    async def bot(self, request: web.Request) -> web.Response:
        tenant_id, access_code = request.match_info["tenant_id"], request.match_info["access_code"]
        # A slash in the access code is %2F in every link, so that browsers do not take it for a directory.
        reader = _read_reader(request, depth=2)
        return _respond(await self._make_page(lambda state: self.pages.bot(reader, state, tenant_id, access_code)))

    async def settings(self, request: web.Request) -> web.Response:
        reader = _read_reader(request)
        return _respond(await self._make_page(lambda _: self.pages.settings(reader)))

    async def help(self, request: web.Request) -> web.Response:
        reader = _read_reader(request)
        return _respond(await self._make_page(lambda _: self.pages.help(reader)))

    async def bots(self, request: web.Request) -> web.Response:
        try:
            selection = status.Selection.read(request.query)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        text = await self._make_page(lambda state: status.to_json(state, selection))
        return web.Response(body=text, content_type="application/json", charset="utf-8")

    async def _make_page(self, make: Callable[[status.State], _Made]) -> _Made:
        """Make a page of the present state in a thread, since with thousands of bots it would block the event loop.

        Only one at a time: several threads would take most of the interpreter's time from polls and scrapes.
        """
        async with self.page_lock:
            state = status.take(self.store, self.judgement, now=self.clock.now(), elapsed=self.clock.elapsed())
            return await asyncio.to_thread(make, state)

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="oifde-exporter is healthy.\n")

    async def ready(self, _request: web.Request) -> web.Response:
        if self.is_ready():
            return web.Response(text="oifde-exporter is ready.\n")
        return web.Response(status=503, text="oifde-exporter is not ready: not every bot has been polled yet.\n")

    async def reload(self, _request: web.Request) -> web.Response:
        if self.do_reload is None:
            return web.Response(
                status=403, text="Reloading over HTTP is disabled; --web.enable-lifecycle enables it.\n"
            )
        try:
            await self.do_reload()
        except ConfigError as error:
            return web.Response(status=500, text=f"The configuration was not reloaded:\n{error}\n")
        return web.Response(text="The configuration was reloaded.\n")


def _join_header(request: web.Request, name: str) -> str:
    """Return a header that may have several lines."""
    return ",".join(request.headers.getall(name, []))


def _read_reader(request: web.Request, depth: int = 0) -> Reader:
    return Reader(request.query, _join_header(request, hdrs.ACCEPT_LANGUAGE), depth)


def _respond(page: Page) -> web.Response:
    headers = {hdrs.VARY: hdrs.ACCEPT_LANGUAGE, hdrs.CONTENT_LANGUAGE: page.language}
    return web.Response(status=page.status, body=page.html, content_type="text/html", charset="utf-8", headers=headers)


async def _send(request: web.Request, headers: Mapping[istr, str], chunks: Sequence[bytes]) -> web.StreamResponse:
    """Send a small response in one piece with its headers, and a large one in chunks, without copying it."""
    size = sum(map(len, chunks))
    if size <= _IN_ONE_PIECE:
        return web.Response(body=b"".join(chunks), headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for chunk in chunks:
            await response.write(chunk)
    await response.write_eof()
    return response


def _redirect(location: str) -> Handler:
    async def redirect(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(location)

    return redirect


def _log_errors(log: FilteringBoundLogger) -> Middleware:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):  # a response, and a client that disconnected
            raise
        except Exception:
            log.exception("request_failed", method=request.method, path=request.path)
            return web.Response(status=500, text="Internal error; see the log for details.\n")

    return answer


async def _set_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.pop(hdrs.SERVER, None)
