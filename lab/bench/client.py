"""Scrape cheaply: with a new connection for each scrape, and without parsing the page."""

import gzip
import re
import socket
import time
from dataclasses import dataclass
from typing import Final

_REQUEST: Final = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nAccept-Encoding: gzip\r\n\r\n"
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 200 OK\r\n(?=.*^Content-Encoding: gzip\r$).*^(?:Content-Length: (\d+)|Transfer-Encoding: chunked)\r$",
    re.MULTILINE | re.DOTALL,
)
_END_OF_HEAD: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_LARGEST: Final = 1 << 26
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scrape:
    """The seconds from the connection to the last byte of the response, and the compressed body."""

    seconds: float
    body: bytes

    def page(self) -> str:
        """Return the metrics."""
        return gzip.decompress(self.body).decode()


class Scraper:
    """Scrapes a server, with gzip."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._answer = memoryview(bytearray(_LARGEST))

    def scrape(self) -> Scrape:
        """Scrape in the classic text format. Raises ValueError unless the response is a compressed page with a length or chunks."""
        started = time.perf_counter()
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            connection.sendall(_REQUEST)
            received = begin = 0
            chunked = False
            end = _LARGEST
            while received < end:
                count = connection.recv_into(self._answer[received:])
                if not count:
                    raise ValueError("the connection was closed")
                received += count
                if not begin and (found := bytes(self._answer[: min(received, 1 << 14)]).find(_END_OF_HEAD) + 1):
                    begin = found - 1 + len(_END_OF_HEAD)
                    head = bytes(self._answer[:begin])
                    if not (match := _HEAD.match(head)):
                        raise ValueError(head.decode("latin-1"))
                    chunked = match[1] is None
                    end = _LARGEST if chunked else begin + int(match[1])
                if chunked and bytes(self._answer[received - len(_LAST_CHUNK) : received]) == _LAST_CHUNK:
                    break
        seconds = time.perf_counter() - started
        body = bytes(self._answer[begin:received])
        return Scrape(seconds, _join_chunks(body) if chunked else body)


def _join_chunks(chunked: bytes) -> bytes:
    body = bytearray()
    begin = 0
    while size := int(chunked[begin : (end := chunked.index(b"\r\n", begin))], 16):
        body += chunked[end + 2 : end + 2 + size]
        begin = end + 2 + size + 2
    return bytes(body)
