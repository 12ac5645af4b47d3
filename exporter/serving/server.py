"""The HTTP server: it limits slow clients, and does not name its software."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpProcessingError, RawRequestMessage, StreamWriter
from aiohttp.streams import StreamReader
from multidict import CIMultiDict
from yarl import URL

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""A socket address; with IPv6, flow and scope follow host and port."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per client and in total; times in seconds."""

    request: float = 75.0
    """From the connection or the last response to the end of a request's headers; longer than a scrape interval."""
    handshake: float = 10.0
    """For the TLS handshake, and for the end of TLS."""
    response: float = 60.0
    """From the first byte of a response to the last one that the client's kernel accepts."""
    body: float = 5.0
    """For the rest of a request body after the response."""
    answers: int = 40
    """With more responses being sent, the oldest are aborted, since each holds a page in memory."""
    connections: int = 512
    """With more open connections, the oldest are closed."""


# Of a larger write, asyncio's TLS buffers everything and does not apply back pressure.
_PIECE: Final = 1 << 16

_GONE: Final = "the client disconnected"


class Server:
    """Serves an application on several addresses."""

    def __init__(
        self,
        app: web.Application,
        *,
        shutdown_timeout: float,
        context: ssl.SSLContext | None = None,
        admits: Callable[[Mapping[str, Any] | None], bool] = lambda _: True,
        limits: Limits | None = None,
    ) -> None:
        """Call ``start`` before, and ``close`` after use.

        Args:
            app: What to serve.
            shutdown_timeout: For the pending responses when it closes, in seconds.
            context: For TLS; None: plain HTTP.
            admits: Returns whether a client with this certificate (None: without one) is allowed.
            limits: The limits for clients.
        """
        self._context = context
        self._admits = admits
        self._limits = limits or Limits()
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=shutdown_timeout)
        self._servers: list[asyncio.Server] = []
        self._sending: _Sending = WeakKeyDictionary()

    @property
    def scheme(self) -> str:
        """The scheme of its URLs."""
        return "http" if self._context is None else "https"

    @property
    def addresses(self) -> list[Address]:
        """The addresses it listens on."""
        return [socket.getsockname() for server in self._servers for socket in server.sockets]

    async def start(self) -> None:
        """Start the application."""
        await self._runner.setup()
        manager = self._manager
        make_request = manager.request_factory

        def make_guarded_request(
            message: RawRequestMessage,
            payload: StreamReader,
            protocol: web.RequestHandler,
            _writer: AbstractStreamWriter,
            task: asyncio.Task[None],
        ) -> web.BaseRequest:
            writer = _Writer(protocol, self._limits, self._sending)
            if not message.path:  # a bare "CONNECT" has the url None, for which aiohttp sends no response
                message = message._replace(url=URL("/"))
            return make_request(message, payload, protocol, writer, task)

        manager.request_factory = make_guarded_request

    async def listen(self, host: str | None, port: int) -> None:
        """Listen on another address; the host None is every interface, the port 0 any free one. Raises OSError."""
        timeout = self._limits.handshake if self._context is not None else None
        server = await asyncio.get_running_loop().create_server(
            self._connect,
            host,
            port,
            ssl=self._context,
            ssl_handshake_timeout=timeout,
            ssl_shutdown_timeout=timeout,
        )
        self._servers.append(server)

    async def close(self) -> None:
        """Stop listening, finish the pending responses in time, and close all connections."""
        for server in self._servers:
            server.close()
        await self._runner.cleanup()

    @property
    def _manager(self) -> web.Server:
        manager = self._runner.server
        assert manager is not None  # noqa: S101 - there from start() on
        return manager

    def _connect(self) -> web.RequestHandler:
        return _Connection(self._manager, self._limits, self._admits)


class _Connection(web.RequestHandler):
    def __init__(self, manager: web.Server, limits: Limits, admits: Callable[[Mapping[str, Any] | None], bool]) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            # Aiohttp also counts it from the connection on, so it limits the headers too.
            keepalive_timeout=limits.request,
            lingering_time=limits.body,
            auto_decompress=False,  # the exporter reads no body
        )
        self._all = manager
        self._limits = limits
        self._admits = admits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # "Drained" then means empty, so that only the kernel buffers data for a slow client.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=1, low=0)
        if not self._admits(transport.get_extra_info("peercert")):
            self.force_close()
        connections = [connection.transport for connection in self._all.connections]
        open_ones = [connection for connection in connections if connection is not None]
        if len(open_ones) > self._limits.connections:
            open_ones[0].abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):  # a client that disconnected is not an error
            # If raised, aiohttp's task would keep it, with its frames and the page in them, until a garbage collection.
            if self.transport is not None:
                self.transport.abort()
            return web.Response()
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        # A malformed request is not logged, and the response does not name the parser.
        response = web.Response(status=status, text="Bad Request\n")
        response.force_close()
        return response


class _Writer(StreamWriter):
    """Sends one response."""

    def __init__(self, protocol: web.RequestHandler, limits: Limits, sending: "_Sending") -> None:
        super().__init__(protocol, asyncio.get_running_loop())
        self._limits = limits
        self._sending = sending
        self._deadline: float | None = None

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        # Done here, since aiohttp sends some responses without the application.
        headers.pop(hdrs.SERVER, None)
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError(_GONE)
        self._deadline = self.loop.time() + self._limits.response
        self._sending[self] = None
        if len(self._sending) > self._limits.answers:
            next(iter(self._sending)).abort()
        await super().write_headers(status_line, headers)

    async def write(self, chunk: Any, *, drain: bool = True, LIMIT: int = _PIECE) -> None:  # noqa: N803
        view = memoryview(chunk)
        for start in range(0, len(view), _PIECE):
            await super().write(view[start : start + _PIECE], drain=False)
            await self.drain()

    async def write_eof(self, chunk: bytes = b"") -> None:
        await self.write(chunk)
        await super().write_eof()
        self._sending.pop(self, None)

    def abort(self) -> None:
        """Abort the response and the connection."""
        self._sending.pop(self, None)
        if self.transport is not None:
            self.transport.abort()

    async def drain(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                await super().drain()
        except TimeoutError:
            self.abort()
            raise ConnectionResetError("the client reads too slowly") from None
        except ConnectionError as error:
            # Its traceback would keep the page in memory, in a reference cycle with aiohttp's frame.
            error.__traceback__ = None
            raise ConnectionResetError(_GONE) from None


# Oldest first; weak, so that responses of disconnected clients disappear by themselves.
_Sending: TypeAlias = WeakKeyDictionary[_Writer, None]
