"""The requests that the simulated platform received, for tests."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Request:
    """A request and its outcome."""

    at: float
    """When it arrived, in epoch seconds of the simulator's clock."""
    operation: str
    tenant_id: str
    access_code: str
    body: Mapping[str, object]
    """The decoded body, with the secrets that the client sent; empty if it was not a JSON object."""
    headers: Mapping[str, str]
    faults: list[str] = field(default_factory=list)
    """The kinds of the faults that struck it."""
    status: int | None = None
    """The HTTP status of the answer; None while it is under way, or if the client closed the connection first."""
    code: int | None = None
    """The platform's error code in the answer, if any."""
    done: bool = False


class Journal:
    """Keeps the latest requests, and counts all requests since the start."""

    def __init__(self, keep: int = 10_000) -> None:
        self.latest: deque[Request] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()
        """Requests that arrived, per operation."""
        self.codes: Counter[int] = Counter()
        """The platform's error codes in its answers."""
        self.under_way: Counter[str] = Counter()
        """Requests not yet answered, per operation."""
        self.most_at_once: Counter[str] = Counter()
        """The largest number of requests under way at the same time, per operation; ``""`` for all together."""
        self._change = asyncio.Event()

    def of(self, operation: str, *, access_code: str | None = None) -> list[Request]:
        """Return the latest requests of an operation, oldest first."""
        return [
            request
            for request in self.latest
            if request.operation == operation and access_code in (None, request.access_code)
        ]

    async def reached(self, count: int, operation: str) -> None:
        """Wait until ``count`` requests of an operation have arrived since the start."""
        while self.counts[operation] < count:
            await self._change.wait()

    async def idle(self) -> None:
        """Wait until no request is under way."""
        while self.under_way.total():
            await self._change.wait()

    def opened(self, request: Request) -> None:
        """Record that a request arrived."""
        self.latest.append(request)
        self.counts[request.operation] += 1
        self.under_way[request.operation] += 1
        for name, number in ((request.operation, self.under_way[request.operation]), ("", self.under_way.total())):
            self.most_at_once[name] = max(self.most_at_once[name], number)
        self._wake()

    def closed(self, request: Request) -> None:
        """Record that a request ended."""
        request.done = True
        self.under_way[request.operation] -= 1
        if request.code is not None:
            self.codes[request.code] += 1
        self._wake()

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
