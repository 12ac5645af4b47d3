"""What the simulated platform was asked, for tests to read."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Request:
    """A request as it arrived, and what came of it."""

    at: float
    """When it arrived, seconds since the epoch by the simulator's clock."""
    operation: str
    tenant_id: str
    access_code: str
    body: Mapping[str, object]
    """The decoded body; empty if it was no JSON object. Holds what secrets the client sent."""
    headers: Mapping[str, str]
    faults: list[str] = field(default_factory=list)
    """The kinds of the faults that applied."""
    status: int | None = None
    """The HTTP status answered; None while it is under way, and for ever if the client went away first."""
    code: int | None = None
    """The platform's error code, if one was answered."""
    done: bool = False


class Journal:
    """The latest requests, and counts of all of them since the start."""

    def __init__(self, keep: int = 10_000) -> None:
        self.latest: deque[Request] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()
        """Requests that arrived, per operation."""
        self.codes: Counter[int] = Counter()
        """The platform's error codes answered."""
        self.under_way: Counter[str] = Counter()
        """Requests not yet answered, per operation."""
        self.most_at_once: Counter[str] = Counter()
        """The most requests there were under way at the same time, per operation; ``""`` for all together."""
        self._change = asyncio.Event()

    def of(self, operation: str, *, access_code: str | None = None) -> list[Request]:
        """The latest requests of an operation, oldest first."""
        return [
            request
            for request in self.latest
            if request.operation == operation and access_code in (None, request.access_code)
        ]

    async def reached(self, count: int, operation: str) -> None:
        """Returns as soon as ``count`` requests of an operation have arrived since the start."""
        while self.counts[operation] < count:
            await self._change.wait()

    async def idle(self) -> None:
        """Returns as soon as no request is under way."""
        while self.under_way.total():
            await self._change.wait()

    def opened(self, request: Request) -> None:
        """Notes a request's arrival."""
        self.latest.append(request)
        self.counts[request.operation] += 1
        self.under_way[request.operation] += 1
        for name, number in ((request.operation, self.under_way[request.operation]), ("", self.under_way.total())):
            self.most_at_once[name] = max(self.most_at_once[name], number)
        self._wake()

    def closed(self, request: Request) -> None:
        """Notes a request's end."""
        request.done = True
        self.under_way[request.operation] -= 1
        if request.code is not None:
            self.codes[request.code] += 1
        self._wake()

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
