"""Scrape cheaply: with a new connection for each scrape, and without parsing the page."""

import gzip
import re
import socket
import time
from dataclasses import dataclass
from typing import Final

_REQUEST: Final = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nAccept-Encoding: gzip\r\n\r\n"
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 200 OK\r\n(?=.*^Content-Encoding: gzip\r$).*^Content-Length: (\d+)\r$", re.MULTILINE | re.DOTALL
)
_END_OF_HEAD: Final = b"\r\n\r\n"
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
        """Scrape in the classic text format. Raises ValueError unless the response is a compressed page with a length."""
        started = time.perf_counter()
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            connection.sendall(_REQUEST)
            received = begin = 0
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
                    end = begin + int(match[1])
        seconds = time.perf_counter() - started
        return Scrape(seconds, bytes(self._answer[begin:end]))
