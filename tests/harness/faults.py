"""Further faults for the simulator, which only tests need.

The simulator's own faults are here as well, so that a test needs one import.
"""

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import hdrs, web

from exporter.simulator.faults import (
    JSON,
    Delay,
    ErrorCode,
    Fault,
    HttpStatus,
    Respond,
    format_http_date,
    json_response,
    pause,
)
from exporter.simulator.journal import Request
from exporter.simulator.world import Record

__all__ = [
    "EMPTY_BODY",
    "INVALID_UTF8",
    "NULL_BODY",
    "Body",
    "Changed",
    "ClockSkew",
    "Close",
    "ContentType",
    "Delay",
    "Drip",
    "DuplicateKeys",
    "ErrorCode",
    "Fault",
    "GzipBomb",
    "Hang",
    "HttpStatus",
    "HugeBody",
    "Mutated",
    "Mutation",
    "Redirect",
    "Reset",
    "Truncated",
    "Wrapped",
    "deep_nesting",
    "foreign_records",
    "many_records",
    "shifted_records",
]

Mutation: TypeAlias = Callable[[list[Record]], object]

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """Answers with any bytes and HTTP 200."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {hdrs.CONTENT_TYPE: JSON})

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        return web.Response(body=self.content, headers=self.headers)


EMPTY_BODY: Final = Body(b"")
NULL_BODY: Final = Body(b"null")
INVALID_UTF8: Final = Body(b'[{"recordTime": 1628820000000, "tenantId": "\xff\xfe\xc0"}]')


def deep_nesting(depth: int = 100_000) -> Body:
    """Return nested arrays, which raise RecursionError in decoders."""
    return Body(b"[" * depth + b"]" * depth)


@dataclass(frozen=True, slots=True)
class Hang:
    """Hangs until the client or the server closes, or for ``at_most`` seconds; then closes the connection.

    ``where`` it begins: ``before`` the headers, in the middle of the ``headers``, or in the middle of the ``body``.
    """

    where: str = "before"
    at_most: float = 300.0

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        if self.where == "body":
            answer = await _genuine(respond)
            response = web.StreamResponse(headers=answer.headers)
            response.content_length = len(_content(answer))
            await response.prepare(request)
            await response.write(_content(answer)[: len(_content(answer)) // 2])
        elif self.where == "headers":
            _transport(request).write(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
        await pause(request, self.at_most)
        return _hang_up(request)


@dataclass(frozen=True, slots=True)
class Drip:
    """Sends the correct answer byte by byte, ``interval`` seconds apart."""

    interval: float = 1.0

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        answer = await _genuine(respond)
        response = web.StreamResponse(headers=answer.headers)
        await response.prepare(request)
        for byte in _content(answer):
            await response.write(bytes((byte,)))
            if await pause(request, self.interval):
                return _hang_up(request)
        return response


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection instead of an answer (TCP RST)."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        transport = _transport(request)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        return web.Response()


@dataclass(frozen=True, slots=True)
class Close:
    """Closes the connection instead of an answer."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        return _hang_up(request)


@dataclass(frozen=True, slots=True)
class Truncated:
    """Sends half of the correct JSON. With ``announced`` the headers promise all of it, so that the client notices."""

    announced: bool = False

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        answer = await _genuine(respond)
        content = _content(answer)
        half = content[: len(content) // 2]
        if not self.announced:
            return web.Response(body=half, headers=answer.headers)
        response = web.StreamResponse(headers=answer.headers)
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(half)
        return _hang_up(request)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Puts the correct answer inside an object."""

    key: str = "data"

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        answer = await _genuine(respond)
        return json_response({"errorCode": 0, "errorMsg": "", self.key: json.loads(_content(answer))})


@dataclass(frozen=True, slots=True)
class DuplicateKeys:
    """Sends every key of the correct records twice, first with null (RFC 8259 leaves the meaning open)."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        records = json.loads(_content(await _genuine(respond)))
        texts = (
            ",".join([*(f"{json.dumps(key)}:null" for key in record), json.dumps(record)[1:-1]]) for record in records
        )
        return web.Response(text=f"[{','.join(f'{{{text}}}' for text in texts)}]", headers={hdrs.CONTENT_TYPE: JSON})


@dataclass(frozen=True, slots=True)
class HugeBody:
    """Sends correct JSON of this many bytes, as fast as the client reads."""

    size: int

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: JSON, hdrs.DATE: format_http_date(asked.at)})
        await response.prepare(request)
        for part in _blank_array(self.size):
            await response.write(part)
        return response


@dataclass(frozen=True, slots=True)
class GzipBomb:
    """Sends correct JSON of this many bytes, a thousand times smaller on the wire."""

    size: int

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        headers = {hdrs.CONTENT_TYPE: JSON, hdrs.CONTENT_ENCODING: "gzip", hdrs.DATE: format_http_date(asked.at)}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        packer = zlib.compressobj(level=1, wbits=31)
        for part in _blank_array(self.size):
            if packed := packer.compress(part):
                await response.write(packed)
            await asyncio.sleep(0)  # compressing takes time that others need
        await response.write(packer.flush())
        return response


@dataclass(frozen=True, slots=True)
class ContentType:
    """Sends the correct answer with a wrong ``Content-Type``."""

    value: str = "text/html"

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        response = await respond()
        response.headers[hdrs.CONTENT_TYPE] = self.value
        return response


@dataclass(frozen=True, slots=True)
class Encoded:
    """Sends the correct answer in another encoding, with further headers."""

    encoding: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        text = _content(await _genuine(respond)).decode()
        return web.Response(body=text.encode(self.encoding), headers=self.headers)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Redirects to another address."""

    location: str
    status: int = 307

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        return web.Response(status=self.status, headers={hdrs.LOCATION: self.location})


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """Sends the correct answer with its ``Date`` this many seconds ahead of the simulator's clock."""

    seconds: float

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        response = await respond()
        response.headers[hdrs.DATE] = format_http_date(asked.at + self.seconds)
        return response


@dataclass(frozen=True, slots=True)
class Mutated:
    """Changes the correct records with a function; leaves other answers unchanged."""

    mutation: Mutation

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        answer = await _genuine(respond)
        records = json.loads(_content(answer))
        return json_response(self.mutation(records)) if isinstance(records, list) else answer


@dataclass(frozen=True, slots=True)
class Changed:
    """Changes the correct answer with a function of it and the request; leaves errors unchanged."""

    change: Callable[[Request, Any], object]

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        answer = await _genuine(respond)
        return answer if asked.code else json_response(self.change(asked, json.loads(_content(answer))))


def many_records(number: int = 10_000) -> Mutated:
    """Return this many records, an hour apart, backwards from the newest; the correct ones come first."""

    def multiply(records: list[Record]) -> list[Record]:
        if not records:
            return records
        oldest = min(records, key=_record_time)
        copies = range(1, number - len(records) + 1)
        return records + [{**oldest, "recordTime": _record_time(oldest) - copy * 3_600_000} for copy in copies]

    return Mutated(multiply)


def foreign_records(**fields: object) -> Mutated:
    """Add to every record a second one of another tenant, bot or date, as ``fields`` say."""
    return Mutated(lambda records: records + [{**record, **fields} for record in records])


def shifted_records(milliseconds: int) -> Mutated:
    """Add to every record a second one whose time differs by this many milliseconds."""
    return Mutated(
        lambda records: records + [{**record, "recordTime": _record_time(record) + milliseconds} for record in records]
    )


async def _genuine(respond: Respond) -> web.Response:
    answer = await respond()
    if not isinstance(answer, web.Response):
        raise TypeError(f"{type(answer).__name__} came from a fault that streams its answer: it must be the last one")
    return answer


def _content(answer: web.Response) -> bytes:
    if not isinstance(answer.body, bytes):
        raise TypeError("a response of the simulator has bytes for its body")
    return answer.body


def _blank_array(size: int) -> Iterator[bytes]:
    """Yield an empty JSON array of ``size`` bytes in pieces."""
    yield b"["
    for start in range(0, size - 2, _CHUNK):
        yield b" " * min(_CHUNK, size - 2 - start)
    yield b"]"


def _transport(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError("the client has gone away")
    return request.transport


def _hang_up(request: web.Request) -> web.StreamResponse:
    _transport(request).close()
    return web.Response()


def _record_time(record: Record) -> int:
    time = record["recordTime"]
    if not isinstance(time, int):
        raise TypeError("the simulator's own records have whole milliseconds")
    return time
