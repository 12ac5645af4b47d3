"""Listening: nobody is waited for without end, and what answers says nothing of itself."""

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
"""As the socket gives it: for IPv6, flow and scope follow host and port."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, or all of them together, may take; times in seconds."""

    request: float = 75.0
    """From the connection, or the answer before, to the end of a request's headers: longer than a scrape interval."""
    handshake: float = 10.0
    """For TLS to begin, and to end."""
    response: float = 60.0
    """From the first byte sent of an answer to the last one the client's side took."""
    body: float = 5.0
    """For what a client goes on to send after its answer."""
    answers: int = 40
    """When more are being sent, the oldest ones are broken off: each holds a page in memory."""
    connections: int = 512
    """When more are open, the oldest ones go."""


# Of what is written at once beyond this, asyncio's TLS holds any amount without asking to wait.
_PIECE: Final = 1 << 16

_GONE: Final = "the client went away"


class Server:
    """Serves an application on any number of addresses."""

    def __init__(
        self,
        app: web.Application,
        *,
        shutdown_timeout: float,
        context: ssl.SSLContext | None = None,
        admits: Callable[[Mapping[str, Any] | None], bool] = lambda _: True,
        limits: Limits | None = None,
    ) -> None:
        """Needs ``start`` before, and ``close`` after its use.

        With ``context``, nothing but TLS is spoken; ``admits`` says of the certificate a client gave, None without one,
        whether it may come in. ``shutdown_timeout`` is for the answers that are due when it closes, in seconds.
        """
        self._context = context
        self._admits = admits
        self._limits = limits or Limits()
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=shutdown_timeout)
        self._servers: list[asyncio.Server] = []
        self._sending: _Sending = WeakKeyDictionary()

    @property
    def scheme(self) -> str:
        """What URLs begin with."""
        return "http" if self._context is None else "https"

    @property
    def addresses(self) -> list[Address]:
        """Where it listens."""
        return [socket.getsockname() for server in self._servers for socket in server.sockets]

    async def start(self) -> None:
        """Makes the application ready."""
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
            if not message.path:  # "CONNECT" and no more: its url is None, on which aiohttp fails without an answer
                message = message._replace(url=URL("/"))
            return make_request(message, payload, protocol, writer, task)

        manager.request_factory = make_guarded_request

    async def listen(self, host: str | None, port: int) -> None:
        """Listens on one more address; None is every interface, 0 any free port. Raises OSError."""
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
        """Listens no more, finishes what it can in time, and ends all connections."""
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
            # Aiohttp counts it from the connection on too, so it is also the time for the headers.
            keepalive_timeout=limits.request,
            lingering_time=limits.body,
            auto_decompress=False,  # no body is read
        )
        self._all = manager
        self._limits = limits
        self._admits = admits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Drained is empty: what a client is yet to take is then never more than the kernel holds.
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
        if isinstance(exc, ConnectionError):  # a client that went away is nobody's error
            # Raised, it would stay in aiohttp's task, and with it all its frames and the page that they hold, until a
            # collection of garbage; the answer to nobody ends quietly.
            if self.transport is not None:
                self.transport.abort()
            return web.Response()
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        # Of a malformed request nothing is logged, nor said by which parser it was found so.
        response = web.Response(status=status, text="Bad Request\n")
        response.force_close()
        return response


class _Writer(StreamWriter):
    """Sends one answer."""

    def __init__(self, protocol: web.RequestHandler, limits: Limits, sending: "_Sending") -> None:
        super().__init__(protocol, asyncio.get_running_loop())
        self._limits = limits
        self._sending = sending
        self._deadline: float | None = None

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        # Here, since aiohttp sends some answers without asking the application.
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
        """Breaks the answer off, and ends the connection at once."""
        self._sending.pop(self, None)
        if self.transport is not None:
            self.transport.abort()

    async def drain(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                await super().drain()
        except TimeoutError:
            self.abort()
            raise ConnectionResetError("the client takes too long to read") from None
        except ConnectionError as error:
            # It is in a cycle with the frame in which aiohttp waited, and through that frame with the page being sent.
            error.__traceback__ = None
            raise ConnectionResetError(_GONE) from None


# Oldest first; those whose clients went away are forgotten with them.
_Sending: TypeAlias = WeakKeyDictionary[_Writer, None]
