"""A scraper that costs next to nothing itself: one connection, kept alive, and the answer as it came."""

import gzip
import http.client
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scrape:
    """How many seconds a scrape took from its request to the last byte of its answer, and the body, still compressed."""

    seconds: float
    body: bytes

    def page(self) -> str:
        """The metrics."""
        return gzip.decompress(self.body).decode()


class Scraper:
    """Scrapes one server, with gzip."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def scrape(self) -> Scrape:
        """Asks once, in the classic text format. Raises ValueError for anything but a compressed page."""
        started = time.perf_counter()
        self._connection.request("GET", "/metrics", headers={"Accept": "text/plain", "Accept-Encoding": "gzip"})
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - started
        if response.status != http.client.OK or response.headers["Content-Encoding"] != "gzip":
            raise ValueError(f"HTTP status {response.status}, encoding {response.headers['Content-Encoding']}")
        return Scrape(seconds, body)
