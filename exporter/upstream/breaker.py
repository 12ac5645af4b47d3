"""A circuit breaker: while a platform is unreachable, one request at a time probes whether it is back."""

import random
from collections.abc import Hashable
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.language import Text
from exporter.upstream.errors import CircuitOpen, ProxyRefused, UpstreamError

FAILURES_TO_OPEN: Final = 5
FIRST_PROBE_DELAY: Final = 1.0
MAX_PROBE_DELAY: Final = 5.0
"""Seconds. Polls in between find the circuit open, so this adds to the time until bots recover."""
FIRST_PROXY_DELAY: Final = 120.0
MAX_PROXY_DELAY: Final = 600.0
"""Seconds, after a refusal of the proxy. At least half of a delay passes before a probe."""


class CircuitBreaker:
    """Stops requests to a platform that is unreachable.

    It opens after `FAILURES_TO_OPEN` requests in a row that found the platform unreachable, if they were for as many
    callers, or for all callers there are: one bot that always fails says nothing about the platform. When the proxy
    refuses, it opens at once and probes seldom: wrong passwords may lock its account. The first success closes it.
    Requests for no particular caller, such as logins, have the caller None.
    """

    def __init__(self, *, clock: Clock, log: FilteringBoundLogger, rng: random.Random) -> None:
        self._clock = clock
        self._log = log
        self._rng = rng
        self._callers: set[Hashable] = set()  # no more than needed to open
        self.recoveries = 0
        """How many times it has closed again."""
        self._failing: set[Hashable] = set()
        self._failures = 0
        self._opened_at: float | None = None
        self._delay = FIRST_PROBE_DELAY
        self._probing = False
        self._probe_at = 0.0
        self._last_failure: UpstreamError | None = None

    @property
    def open(self) -> bool:
        """Return whether requests are stopped."""
        return self._opened_at is not None

    @property
    def open_for_proxy(self) -> bool:
        """Return whether requests are stopped because the proxy refuses."""
        return self.open and isinstance(self._last_failure, ProxyRefused)

    def check(self, *, may_probe: bool = True) -> None:
        """Raise what `admit` would raise, without taking the probe; with ``may_probe`` false while the circuit is open."""
        if self._opened_at is None or self._last_failure is None:
            return
        if self._probing or not may_probe or self._clock.elapsed() < self._probe_at:
            raise _describe_stop(self._last_failure)

    def admit(self, caller: Hashable | None) -> bool:
        """Let a request through; `record_success`, `record_failure` or `record_abandonment` must follow.

        Returns:
            Whether this request is the probe.

        Raises:
            CircuitOpen: the request must not be sent.
        """
        self.check()
        if caller is not None and len(self._callers) < FAILURES_TO_OPEN:
            self._callers.add(caller)
        self._probing = self.open
        return self._probing

    def record_success(self) -> None:
        """Record that the platform answered, even if with an error."""
        self._failures = 0
        self._failing.clear()
        if self._opened_at is not None:
            self._log.info("platform_reachable", duration_seconds=round(self._clock.elapsed() - self._opened_at, 3))
            self._opened_at = None
            self._probing = False
            self.recoveries += 1

    def record_failure(self, caller: Hashable | None, error: UpstreamError, *, probe: bool) -> None:
        """Record that a request of ``caller`` found the platform unreachable."""
        of_proxy = isinstance(error, ProxyRefused)
        if self.open and not probe and (self.open_for_proxy or not of_proxy):
            return  # It was under way when the circuit opened, and says nothing new.
        self._last_failure = error
        first, longest = (FIRST_PROXY_DELAY, MAX_PROXY_DELAY) if of_proxy else (FIRST_PROBE_DELAY, MAX_PROBE_DELAY)
        if self.open:
            self._delay = min(max(first, 2 * self._delay), longest)
            self._schedule_probe()
            return
        self._failures += 1
        self._failing.add(caller)
        if of_proxy or (self._failures >= FAILURES_TO_OPEN and len(self._failing) >= len(self._callers)):
            self._opened_at = self._clock.elapsed()
            self._delay = first
            self._schedule_probe()
            self._log.warning("platform_unreachable", reason=error.reason, error=str(error))

    def record_abandonment(self, *, probe: bool) -> None:
        """Record that a request was cancelled before its outcome was known."""
        if probe and self.open:
            self._schedule_probe()

    def _schedule_probe(self) -> None:
        self._probing = False
        # Random, so that several exporters do not probe at the same time.
        self._probe_at = self._clock.elapsed() + self._delay * self._rng.uniform(0.5, 1)


class ClosedBreaker(CircuitBreaker):
    """Never opens, for requests whose outcome says nothing about others."""

    def record_failure(self, caller: Hashable | None, error: UpstreamError, *, probe: bool) -> None:
        """Ignore a failure."""


def _describe_stop(failure: UpstreamError) -> CircuitOpen:
    """Return the error of a request that is not sent, after a failure that opened the circuit."""
    message = Text("the platform is unreachable, nothing was sent: %(failure)s", failure=failure.message)
    stopped = CircuitOpen(failure.reason, message, advice=failure.advice)
    stopped.last_failure = failure.message
    return stopped
