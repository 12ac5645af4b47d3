"""How a tenant's login stands, for the status page, the metrics and the log."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config.characters import find_odd_character
from exporter.language import Text
from exporter.upstream.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class SessionState:
    """How a tenant's login stands; times in epoch seconds."""

    token_expiry: float | None = None
    """When the newest token expires; None for a ready token and before the first login."""
    blocked: bool = False
    """The platform refused the login, and the exporter waits before it tries again, so as not to lock the account."""
    reason: str | None = None
    """What is wrong, in words; None if nothing is wrong."""
    code: int | None = None
    """The platform's error code, if it sent one."""
    retry_at: float | None = None
    """When the next login may be tried; None if none is due, or only after the secret has changed."""


class Standing:
    """Keeps a `SessionState`, reports its changes and logs each of them once."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger, on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._logged: tuple[object, ...] | None = None  # the failure that was logged last, until it is over
        self._failing_since = 0.0
        self._logged_in_before = False
        self._odd_secret: str | None = None
        self.state = SessionState()

    def check_secret(self, secret: str) -> Text | None:
        """Return what looks wrong in a secret, if anything, and log it once until it changes."""
        odd = find_odd_character(secret)
        problem = odd.problem if odd else None
        if problem and problem != self._odd_secret:
            self._log.warning("secret_looks_wrong", problem=f"the secret {problem}")
        self._odd_secret = problem
        return problem

    def record_login(self, life: float) -> None:
        """Record a login that gave a token with ``life`` seconds to live."""
        log = self._log.debug if self._logged_in_before else self._log.info
        self._logged_in_before = True
        log("login_succeeded", expires_in_seconds=life)
        self._become(replace(self.state, token_expiry=self._clock.now() + life))

    def record_recovery(self) -> None:
        """Record that nothing is wrong."""
        if self._logged is not None:
            self._log.info("login_recovered", duration_seconds=round(self._clock.elapsed() - self._failing_since, 3))
            self._logged = None
            self.reset()

    def record_failure(self, error: UpstreamError, *, blocked: bool, delay: float | None) -> None:
        """Record that a login or its token was refused.

        Args:
            error: The refusal.
            blocked: The platform refused the login; otherwise it was not reached.
            delay: Seconds until the next login may be tried; None if something must change first.
        """
        failure = (blocked, error.reason, error.code)
        log = self._log.debug if failure == self._logged else self._log.warning
        if self._logged is None:
            self._failing_since = self._clock.elapsed()
        self._logged = failure
        retry = {} if delay is None else {"retry_in_seconds": round(delay, 3)}
        log("login_blocked" if blocked else "login_failed", reason=error.reason, error=str(error), **retry)
        retry_at = None if delay is None else self._clock.now() + delay
        self._become(SessionState(self.state.token_expiry, blocked, error.message, error.code, retry_at))

    def reset(self) -> None:
        """Forget what was wrong: the next call finds out."""
        self._become(SessionState(token_expiry=self.state.token_expiry))

    def _become(self, state: SessionState) -> None:
        if state != self.state:
            self.state = state
            self._on_change()
