"""Faults that can be switched on and off while the simulator runs.

A fault receives a request and a function that answers it correctly; the fault answers instead, or changes that answer.
A rule says which requests a fault strikes. If several faults strike one request, the first one added is the outermost.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final, Protocol, TypeAlias, TypedDict, Unpack

from aiohttp import hdrs, web

from exporter.simulator.draws import chance
from exporter.simulator.journal import Request

JSON: Final = "application/json;charset=UTF-8"

CLOSING: Final = web.AppKey("closing", asyncio.Event)
"""Set when the server closes, so that no fault waits any longer."""

Respond: TypeAlias = Callable[[], Awaitable[web.StreamResponse]]


class Fault(Protocol):
    """A fault of the platform."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        """Answer ``request`` (in the journal: ``asked``), or change the answer of ``respond``."""


@dataclass(slots=True, eq=False)
class Rule:
    """The requests that a fault strikes: those that meet all conditions."""

    fault: Fault
    operation: str | None = None
    tenant_id: str | None = None
    access_code: str | None = None
    probability: float = 1.0
    """The draw depends only on the request and its second, so it is the same in every run."""
    start: float = float("-inf")
    end: float = float("inf")
    """From ``start`` to before ``end``, in epoch seconds of the simulator's clock."""
    when: Callable[[float], bool] | None = None
    """Any other condition on that time."""
    first: int | None = None
    """Only this many requests: the first that meet the other conditions."""
    hits: int = field(default=0, init=False)
    """The number of requests it has struck."""

    def strikes(self, request: Request, seed: int) -> bool:
        """Return whether the fault strikes ``request``."""
        return (
            self.operation in (None, request.operation)
            and self.tenant_id in (None, request.tenant_id)
            and self.access_code in (None, request.access_code)
            and self.start <= request.at < self.end
            and (self.first is None or self.hits < self.first)
            and (self.when is None or self.when(request.at))
            and (self.probability >= 1 or self._chance(request, seed) < self.probability)
        )

    def _chance(self, request: Request, seed: int) -> float:
        return chance(
            seed, type(self.fault).__name__, request.operation, request.tenant_id, request.access_code, int(request.at)
        )


class Limits(TypedDict, total=False):
    """The conditions of a rule: the fields of Rule."""

    operation: str
    tenant_id: str
    access_code: str
    probability: float
    start: float
    end: float
    when: Callable[[float], bool]
    first: int


class Faults:
    """The rules in force."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._rules: list[Rule] = []

    def add(self, fault: Fault, **limits: Unpack[Limits]) -> Rule:
        """Let ``fault`` strike from now on; ``limits`` are the fields of Rule, and without any it strikes every request."""
        rule = Rule(fault, **limits)
        self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Remove a rule that ``add`` returned; raise ValueError if it is not in force."""
        self._rules.remove(rule)

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    @contextmanager
    def active(self, fault: Fault, **limits: Unpack[Limits]) -> Iterator[Rule]:
        """Let ``fault`` strike within a ``with`` block; ``limits`` are as for ``add``."""
        rule = self.add(fault, **limits)
        try:
            yield rule
        finally:
            self.remove(rule)

    def striking(self, request: Request) -> list[Fault]:
        """Return the faults that strike ``request``, outermost first, and count the hits."""
        rules = [rule for rule in self._rules if rule.strikes(request, self._seed)]
        for rule in rules:
            rule.hits += 1
        return [rule.fault for rule in rules]


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """Answers with another HTTP status, and headers such as ``Retry-After``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """Answers with the platform's own error object; ``code`` may be text."""

    code: int | str
    message: str = "simulated"
    status: int = 200

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        asked.code = int(self.code)
        return json_response({"errorCode": self.code, "errorMsg": self.message}, status=self.status)


@dataclass(frozen=True, slots=True)
class Delay:
    """Delays the correct answer by this many seconds."""

    seconds: float

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        await pause(request, self.seconds)
        return await respond()


def json_response(payload: object, *, status: int = 200) -> web.Response:
    """Return ``payload`` as the platform writes JSON."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, headers={hdrs.CONTENT_TYPE: JSON})


def format_http_date(now: float) -> str:
    """Return the ``Date`` header for ``now`` (epoch seconds)."""
    return formatdate(now, usegmt=True)


async def pause(request: web.Request, seconds: float) -> bool:
    """Wait; return whether the server closed before the time was over."""
    try:
        async with asyncio.timeout(seconds):
            return await request.app[CLOSING].wait()
    except TimeoutError:
        return False
