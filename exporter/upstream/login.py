"""A tenant's token: fetched with the app secret or ready-made, and never a login more than is good for the account."""

import asyncio
import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Literal, Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Secret, SecretUnavailable
from exporter.health import Health
from exporter.reasons import FailureReason
from exporter.upstream.client import PlatformClient
from exporter.upstream.errors import (
    ACCOUNT_LOCKED,
    KEY_UNKNOWN,
    KEY_WRONG,
    CircuitOpen,
    LoginBlocked,
    LoginFailed,
    UpstreamError,
)
from exporter.upstream.progress import Progress

OPERATION: Final = "get_token"

DEFAULT_LIFE: Final = 3600.0
"""Seconds a token lives when the platform does not say."""
MAX_LIFE: Final = 86400.0
MIN_RENEWAL: Final = 10.0
"""A token is renewed this many seconds after it was fetched at the earliest."""
REFUSALS_TO_BLOCK: Final = 2
"""After so many refusals in a row, for whichever bot, it is the login that is at fault.

A ready token is then no longer sent with every call."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """How a tenant's login stands; times in seconds since the epoch."""

    token_expiry: float | None = None
    """When the newest token expires; None for a ready one and before the first login."""
    blocked: bool = False
    """The platform refused the login, and to spare the account none is tried for now."""
    reason: str | None = None
    """What is wrong, in words; None if nothing is."""
    code: int | None = None
    """The platform's error code that says what is wrong, if it was one."""
    retry_at: float | None = None
    """When the next login may be tried; None if none is due, or only once the secret has changed."""


class Standing:
    """Keeps a `SessionState`, tells of its changes and logs them, each once."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger, on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._known: tuple[object, ...] | None = None
        self._failing_since = 0.0
        self._logins = 0
        self.state = SessionState()

    def logged_in(self, life: float) -> None:
        """A login gave a token that lives ``life`` seconds."""
        self._logins += 1
        note = self._log.info if self._logins == 1 else self._log.debug
        note("login_succeeded", expires_in_seconds=life)
        self._become(replace(self.state, token_expiry=self._clock.now() + life))

    def recovered(self) -> None:
        """Nothing is wrong any more, if anything was."""
        if self._known is not None:
            self._log.info("login_recovered", duration_seconds=round(self._clock.elapsed() - self._failing_since, 3))
            self._known = None
        self._become(SessionState(token_expiry=self.state.token_expiry))

    def failed(self, error: UpstreamError, *, blocked: bool, delay: float | None) -> None:
        """A login or its token was refused; the next is tried in ``delay`` seconds, or not before something changes."""
        kind = (blocked, error.reason, error.code)
        note = self._log.debug if kind == self._known else self._log.warning
        if self._known is None:
            self._failing_since = self._clock.elapsed()
        self._known = kind
        retry = {} if delay is None else {"retry_in_seconds": round(delay, 3)}
        note("login_blocked" if blocked else "login_failed", reason=error.reason, error=str(error), **retry)
        retry_at = None if delay is None else self._clock.now() + delay
        self._become(
            SessionState(
                self.state.token_expiry, blocked=blocked, reason=str(error), code=error.code, retry_at=retry_at
            )
        )

    def reset(self) -> None:
        """Forget what was wrong, as what comes next will tell."""
        self._become(SessionState(token_expiry=self.state.token_expiry))

    def _become(self, state: SessionState) -> None:
        if state != self.state:
            self.state = state
            self._on_change()


@dataclass(slots=True, eq=False)
class Token:
    """A token; times on ``clock.elapsed()``."""

    text: str = field(repr=False)
    renew_at: float = math.inf
    dies_at: float = math.inf
    accepted: bool = False


class Tokens(Protocol):
    """Where a session has its token from."""

    async def current(self, progress: Progress) -> Token:
        """Return the token for a call; raises `UpstreamError` if there is none to be had for now.

        ``progress`` hears of a login that this waits for.
        """

    async def replacement(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        """Return another token for a call whose token was refused; None if it should not be repeated.

        ``progress`` is as for `current`. Raises `LoginFailed` where it is the login that is at fault, not the call.
        """

    def accepted(self, token: Token, *, repeated: bool) -> None:
        """Take note that a call succeeded, be it the repetition of a refused one."""

    def refused_again(self, token: Token, error: UpstreamError) -> None:
        """Take note that the replacement was refused as well; raises as `replacement` does."""

    def reset(self) -> None:
        """Try again what is blocked."""


_Kind: TypeAlias = Literal["passing", "refused", "locked", "relogin", "probe"]
_DELAYS: Final[Mapping[_Kind, tuple[float, float]]] = {
    "passing": (1, 60),
    "refused": (10, 600),
    "locked": (1800, 8 * 3600),
    "relogin": (10, 600),
    "probe": (60, 1800),
}
"""Seconds until the next try: after the first failure, and at most; each failure doubles it."""


class _Backoff:
    """Counts failures in a row, by kind."""

    def __init__(self) -> None:
        self._failures: Counter[_Kind] = Counter()

    def next(self, kind: _Kind) -> float:
        first, most = _DELAYS[kind]
        delay = min(first * 2.0 ** min(self._failures[kind], 32), most)
        self._failures[kind] += 1
        return delay

    def reset(self) -> None:
        self._failures.clear()


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why no login is tried: until a time on ``clock.elapsed()``, or until the secret is another one."""

    error: LoginFailed
    until: float
    secret: str | None = field(repr=False)
    recoveries: int | None
    """For a failure that says nothing of the account: how often the platform had become reachable again by then."""


class FetchedTokens:
    """Fetches tokens with the app secret.

    One login at a time, and it is nobody's own: it runs to its end even if all who waited for it have given up, as
    one that was sent counts for the platform whether or not its answer is read. Whoever waits has its result.
    """

    def __init__(
        self,
        client: PlatformClient,
        app_key: str,
        secret: Secret,
        standing: Standing,
        *,
        clock: Clock,
        health: Health,
    ) -> None:
        self._client = client
        self._app_key = app_key
        self._secret = secret
        self._standing = standing
        self._clock = clock
        self._health = health
        self._token: Token | None = None
        self._distrusted = False
        self._login: asyncio.Task[Token | UpstreamError] | None = None
        self._login_sent = asyncio.Event()
        self._refused_unaccepted = 0  # tokens refused since one was accepted
        self._refusal: _Refusal | None = None
        self._backoff = _Backoff()
        self._relogins = _Backoff()
        self._relogin_at = -math.inf

    async def current(self, progress: Progress) -> Token:
        token = self._token
        now = self._clock.elapsed()
        if token is None or now >= token.dies_at:
            return await self._logged_in(progress)
        if now >= token.renew_at and self._under_way() is None and self._blocked() is None:
            # The old one still serves; should the new login end it, its calls are repeated with the new one.
            self._begin()
        return token

    async def replacement(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        if self._token is refused and self._under_way() is None:
            now = self._clock.elapsed()
            if now < self._relogin_at:
                self.refused_again(refused, error)
                return None
            self._refused_unaccepted += not refused.accepted
            # Counted beforehand: only a call that succeeds in its repetition shows that a new token helps. A bot that
            # is always refused must not keep changing the others' token.
            self._relogin_at = now + self._relogins.next("relogin")
            self._token = None
        if self._token is None or self._token is refused:
            return await self._logged_in(progress)
        return self._token

    def accepted(self, token: Token, *, repeated: bool) -> None:
        if repeated:
            self._relogins.reset()
            self._relogin_at = -math.inf
        if token is self._token and not token.accepted:
            token.accepted = True
            self._refused_unaccepted = 0
            if self._distrusted:
                self._distrusted = False
                self._standing.recovered()

    def refused_again(self, token: Token, error: UpstreamError) -> None:
        if token is not self._token or token.accepted:
            return
        # While the other bots' calls succeed it is the bot that is refused, not the login.
        self._refused_unaccepted += 1
        if self._refused_unaccepted >= REFUSALS_TO_BLOCK:
            self._distrusted = True
            failure = LoginFailed(
                error.reason, f"a token just fetched was refused: {error}", code=error.code, status=error.status
            )
            delay = max(0.0, self._relogin_at - self._clock.elapsed())
            self._standing.failed(failure, blocked=True, delay=delay)
            raise failure from None

    def reset(self) -> None:
        self._refusal = None
        self._backoff.reset()
        self._relogins.reset()
        self._relogin_at = -math.inf
        self._standing.reset()

    def _under_way(self) -> asyncio.Task[Token | UpstreamError] | None:
        return None if self._login is None or self._login.done() else self._login

    def _begin(self) -> asyncio.Task[Token | UpstreamError]:
        self._login_sent = sent = asyncio.Event()
        self._login = asyncio.create_task(self._fetch())
        self._login.add_done_callback(lambda _: sent.set())  # also when nothing came to be sent
        return self._login

    async def _logged_in(self, progress: Progress) -> Token:
        login = self._under_way()
        if login is None:
            blocked = self._blocked()
            if blocked is not None:
                raise blocked
            login = self._begin()
        await self._login_sent.wait()
        if not login.done():
            progress.login_sent()
        # Who is cancelled while waiting leaves the login to the others.
        outcome = await asyncio.shield(login)
        progress.login_ended()
        if isinstance(outcome, UpstreamError):
            # Everyone raises one of their own, or all would write their traceback into the same.
            raise copy.copy(outcome)
        return outcome

    def _blocked(self) -> LoginBlocked | None:
        """Say why no login may be tried now; None if one may."""
        refusal = self._refusal
        if refusal is None:
            return None
        wait = refusal.until - self._clock.elapsed()
        if refusal.secret is not None:
            try:
                if self._secret.read() != refusal.secret:
                    return None
            except SecretUnavailable:
                pass  # no change, then: it may be in the middle of one
            return _blocked(refusal.error, "until the app_secret is changed")
        breaker = self._client.breaker
        if refusal.recoveries is not None and (breaker.open or breaker.recoveries != refusal.recoveries):
            # The breaker decides, which sees sooner than this tenant that the platform is back.
            return None
        if wait <= 0:
            return None
        return _blocked(refusal.error, f"for {wait:.0f} s", retry_after=wait, retry_at=refusal.until)

    async def _fetch(self) -> Token | UpstreamError:
        """Log in; a failure is returned, not raised."""
        try:
            secret = self._secret.read()
        except SecretUnavailable as error:
            failure = LoginFailed(FailureReason.AUTH, f"there is no app_secret: {error}")
            self._standing.failed(failure, blocked=False, delay=None)
            return failure
        try:
            body = {"appKey": self._app_key, "appSecret": secret}
            answer = await self._client.call(OPERATION, "gettoken", body, on_turn=self._on_turn, expect=dict)
        except CircuitOpen as error:
            return error
        except UpstreamError as error:
            return self._refused(error, secret)
        fields: Mapping[object, object] = answer if isinstance(answer, dict) else {}
        text = fields.get("authToken")
        # It may be sent as a header, so it must not hold what ends one.
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            self._health.failures.labels(self._client.platform, OPERATION, FailureReason.INVALID).inc()
            return self._refused(UpstreamError(FailureReason.INVALID, "the answer holds no authToken"), secret)
        life = _life(fields.get("expireTime"))
        now = self._clock.elapsed()
        renew_at = now + max(0.9 * life, life - 60, MIN_RENEWAL)
        self._token = Token(text, renew_at=renew_at, dies_at=max(now + life, renew_at))
        self._refusal = None
        self._backoff.reset()
        self._standing.logged_in(life)
        if not self._distrusted:
            self._standing.recovered()
        return self._token

    def _on_turn(self) -> None:
        self._login_sent.set()
        if self._refusal is not None and self._refusal.error.transient:
            self._health.retries.labels(self._client.platform, OPERATION).inc()

    def _refused(self, error: UpstreamError, secret: str) -> LoginFailed:
        """Decide when the next login may be tried."""
        # Without a code of its own, 401 is as likely as not to mean the secret.
        wrong = error.code in (KEY_UNKNOWN, KEY_WRONG) or (
            error.code is None and error.status == HTTPStatus.UNAUTHORIZED
        )
        kind = _kind(error)
        delay = None if wrong else max(self._backoff.next(kind), error.retry_after or 0)
        failure = LoginFailed(
            error.reason, f"the login failed: {error}", code=error.code, status=error.status, retry_after=delay
        )
        self._refusal = _Refusal(
            failure,
            until=math.inf if delay is None else self._clock.elapsed() + delay,
            secret=secret if wrong else None,
            recoveries=self._client.breaker.recoveries if kind == "passing" else None,
        )
        self._standing.failed(failure, blocked=kind != "passing", delay=delay)
        return failure


class ReadyToken:
    """A token from the configuration; refused twice in a row, it is only tried now and then until it is another."""

    def __init__(self, secret: Secret, standing: Standing, *, clock: Clock) -> None:
        self._secret = secret
        self._standing = standing
        self._clock = clock
        self._token: Token | None = None
        self._refusals = 0
        self._backoff = _Backoff()
        self._blocked: LoginFailed | None = None
        self._probe_at = 0.0

    async def current(self, progress: Progress) -> Token:
        try:
            text = self._secret.read()
        except SecretUnavailable as error:
            failure = LoginFailed(FailureReason.AUTH, f"there is no token: {error}")
            self._standing.failed(failure, blocked=self._blocked is not None, delay=None)
            raise failure from None
        if self._token is None or self._token.text != text:
            self._token = Token(text)
            self.reset()
        if self._blocked is not None:
            wait = self._probe_at - self._clock.elapsed()
            if wait > 0:
                words = f"for {wait:.0f} s, or until the token is changed"
                raise _blocked(self._blocked, words, retry_after=wait, retry_at=self._probe_at)
            # This one is let through to see; until it is known what became of it, no other.
            self._block(self._blocked)
        return self._token

    async def replacement(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        if self._token is not refused:
            return self._token
        self._refusals += 1
        if self._refusals < REFUSALS_TO_BLOCK:
            return None
        failure = LoginFailed(error.reason, f"the token was refused: {error}", code=error.code, status=error.status)
        if self._blocked is None:
            self._block(failure)
        raise failure

    def accepted(self, token: Token, *, repeated: bool) -> None:
        if token is self._token:
            self.reset()
            self._standing.recovered()

    def refused_again(self, token: Token, error: UpstreamError) -> None:
        """Nothing: the next call will find out."""

    def reset(self) -> None:
        self._refusals = 0
        self._blocked = None
        self._backoff.reset()
        self._standing.reset()

    def _block(self, failure: LoginFailed) -> None:
        delay = self._backoff.next("probe")
        self._blocked = failure
        self._probe_at = self._clock.elapsed() + delay
        self._standing.failed(failure, blocked=True, delay=delay)


def _kind(error: UpstreamError) -> _Kind:
    """Tell the failures that may bring the account nearer to its lock from those that say nothing about it."""
    if error.code == ACCOUNT_LOCKED or (error.code is None and error.status == HTTPStatus.FORBIDDEN):
        return "locked"
    if error.transient or error.unreachable:
        return "passing"
    # An object without a token, or 400, may be the platform's way to refuse a secret.
    unknown = error.reason in (FailureReason.AUTH, FailureReason.API) or error.status == HTTPStatus.BAD_REQUEST
    return "refused" if unknown or error.reason == FailureReason.INVALID else "passing"


def _blocked(
    error: LoginFailed, words: str, *, retry_after: float | None = None, retry_at: float | None = None
) -> LoginBlocked:
    return LoginBlocked(
        error.reason,
        f"not tried {words}: {error}",
        code=error.code,
        status=error.status,
        retry_after=retry_after,
        retry_at=retry_at,
    )


def _life(expire_time: object) -> float:
    """Seconds a token lives by the answer's expireTime, which may be missing or nonsense."""
    try:
        life = float(expire_time) if isinstance(expire_time, int | float | str) else 0.0
    except (ValueError, OverflowError):
        life = 0.0
    # NaN is not greater than 0 either.
    return min(life, MAX_LIFE) if life > 0 else DEFAULT_LIFE
