"""Tokens fetched with the app secret: one login at a time, and never so many that the account could be locked."""

import asyncio
import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, TypeAlias

from exporter.config import Secret, SecretUnavailable
from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream.answer import reject
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
from exporter.upstream.standing import Standing
from exporter.upstream.tokens import REFUSALS_TO_BLOCK, Backoff, Token, Trouble, block

OPERATION: Final = "get_token"

DEFAULT_LIFE: Final = 3600.0
"""Seconds a token lives when the platform does not say."""
MAX_LIFE: Final = 86400.0
MIN_RENEWAL: Final = 10.0
"""A token is renewed no sooner than this many seconds after it was fetched."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There is no token, and a login may be tried."""

    token: None = None


@dataclass(frozen=True, slots=True)
class Valid:
    """There is a token, which may have expired."""

    token: Token


@dataclass(frozen=True, slots=True)
class Refused:
    """The last login failed. The token before it, if any, serves to its end."""

    token: Token | None
    error: LoginFailed
    until: float
    """When the next login may be tried, on ``clock.elapsed()``."""
    secret: str | None = field(repr=False)
    """The secret that may be wrong: another one may be tried at once."""
    recoveries: int | None
    """For a failure that says nothing about the account: how many times the platform had become reachable again."""


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login is under way. It belongs to no call: it continues even if all that wait for it have given up.

    The platform counts a login that was sent, whether or not its answer is read.
    """

    former: Idle | Valid | Refused
    outcome: asyncio.Task[Token | UpstreamError]
    sent: asyncio.Event

    @property
    def token(self) -> Token | None:
        """The token that serves meanwhile."""
        return self.former.token


_State: TypeAlias = Idle | Valid | Refused | LoggingIn


class FetchedTokens:
    """Fetches a session's tokens. All calls that need a login wait for the same one and share its outcome."""

    def __init__(self, client: PlatformClient, app_key: str, secret: Secret, standing: Standing) -> None:
        self._client = client
        self._app_key = app_key
        self._secret = secret
        self._standing = standing
        self._clock = client.clock
        self._state: _State = Idle()
        self._backoff = Backoff()
        self._refused_tokens = 0  # since one was accepted
        self._relogin_at = -math.inf  # when a refused token may lead to the next login

    async def get(self, progress: Progress) -> Token:
        token, now = self._state.token, self._clock.elapsed()
        if token is None or now >= token.dies_at:
            return await self._log_in(progress)
        if now >= token.renew_at and not isinstance(self._state, LoggingIn) and self._blocked() is None:
            # The old token still serves; if the new login ends it, its calls are repeated with the new one.
            self._begin()
        return token

    async def replace(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        if self._state.token is refused and not isinstance(self._state, LoggingIn):
            now = self._clock.elapsed()
            if now < self._relogin_at:
                self.record_refusal(refused, error)
                return None
            self._refused_tokens += not refused.accepted
            # Counted now: only a repetition that succeeds shows that a new token helps. A bot that is always refused
            # must not keep changing the others' token.
            self._relogin_at = now + self._backoff.next("relogin")
            self._state = replace(self._state, token=None) if isinstance(self._state, Refused) else Idle()
        token = self._state.token
        return await self._log_in(progress) if token is None or token is refused else token

    def record_success(self, token: Token, *, repeated: bool) -> None:
        if repeated:
            self._allow_relogin()
        if token is self._state.token and not token.accepted:
            token.accepted = True
            if self._distrusted:
                self._standing.record_recovery()
            self._refused_tokens = 0

    def record_refusal(self, token: Token, error: UpstreamError) -> None:
        # While the calls of other bots succeed, it is the bot that is refused, and not the login.
        if token is not self._state.token or token.accepted:
            return
        self._refused_tokens += 1
        if self._distrusted:
            failure = error.become(
                LoginFailed, Text("a token just fetched was refused: %(error)s", error=error.message)
            )
            delay = max(0.0, self._relogin_at - self._clock.elapsed())
            self._standing.record_failure(failure, blocked=True, delay=delay)
            raise failure from None

    def reset(self) -> None:
        self._backoff.reset()
        self._allow_relogin()
        if isinstance(self._state, LoggingIn):
            self._state = replace(self._state, former=_forget(self._state.former))
        else:
            self._state = _forget(self._state)
        self._standing.reset()

    @property
    def _distrusted(self) -> bool:
        return self._refused_tokens >= REFUSALS_TO_BLOCK

    def _allow_relogin(self) -> None:
        self._backoff.reset("relogin")
        self._relogin_at = -math.inf

    async def _log_in(self, progress: Progress) -> Token:
        """Wait for the login that is under way, or for a new one."""
        login = self._state
        if not isinstance(login, LoggingIn):
            blocked = self._blocked()
            if blocked is not None:
                raise blocked
            login = self._begin()
        await login.sent.wait()
        if not login.outcome.done():
            progress.login_sent()
        # A call that is cancelled while it waits leaves the login to the others.
        outcome = await asyncio.shield(login.outcome)
        progress.login_ended()
        if isinstance(outcome, UpstreamError):
            # A copy for each call, or all would write their traceback into the same exception.
            raise copy.copy(outcome)
        return outcome

    def _begin(self) -> LoggingIn:
        assert not isinstance(self._state, LoggingIn)  # noqa: S101 - one at a time
        sent = asyncio.Event()
        self._state = login = LoggingIn(self._state, asyncio.create_task(self._run(sent)), sent)
        login.outcome.add_done_callback(lambda _: sent.set())  # also if nothing was sent
        return login

    async def _run(self, sent: asyncio.Event) -> Token | UpstreamError:
        """Log in, and set the state that follows; a failure is returned, not raised."""
        try:
            return await self._fetch(sent)
        finally:
            if isinstance(self._state, LoggingIn):  # nothing is known about the account
                self._state = self._state.former

    async def _fetch(self, sent: asyncio.Event) -> Token | UpstreamError:
        try:
            secret = self._secret.read()
        except SecretUnavailable as error:
            failure = LoginFailed(FailureReason.AUTH, Text("there is no app_secret: %(error)s", error=error.message))
            self._standing.record_failure(failure, blocked=False, delay=None)
            return failure

        self._standing.check_secret(secret)

        def on_turn() -> None:
            sent.set()
            if isinstance(self._state, LoggingIn) and _is_transient(self._state.former):
                self._client.health.retries.labels(self._client.platform, OPERATION).inc()

        body = {"appKey": self._app_key, "appSecret": secret}
        try:
            answer = await self._client.call(OPERATION, "gettoken", body, on_turn=on_turn, expect=dict)
        except CircuitOpen as error:
            return error
        except UpstreamError as error:
            return self._refuse(error, secret)
        fields: Mapping[object, object] = answer if isinstance(answer, dict) else {}
        text = fields.get("authToken")
        # It may be sent as a header, so it must not hold what ends one.
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            self._client.health.failures.labels(self._client.platform, OPERATION, FailureReason.INVALID).inc()
            return self._refuse(reject(Text("the answer holds no authToken"), answer, [secret]), secret)
        return self._accept(text, _life(fields.get("expireTime")))

    def _accept(self, text: str, life: float) -> Token:
        now = self._clock.elapsed()
        renew_at = now + max(0.9 * life, life - 60, MIN_RENEWAL)
        token = Token(text, renew_at=renew_at, dies_at=max(now + life, renew_at))
        self._state = Valid(token)
        self._backoff.reset("passing", "refused", "denied", "locked")
        self._standing.record_login(life)
        if not self._distrusted:
            self._standing.record_recovery()
        return token

    def _refuse(self, error: UpstreamError, secret: str) -> LoginFailed:
        """Decide when the next login may be tried."""
        wrong = error.code in (KEY_UNKNOWN, KEY_WRONG)
        trouble = _classify(error)
        delay = None if wrong else max(self._backoff.next(trouble), error.retry_after or 0)
        if error.code == KEY_WRONG and (odd := self._standing.check_secret(secret)):
            message = Text("the login failed: %(error)s; the secret %(problem)s", error=error.message, problem=odd)
        elif trouble == "denied":
            message = Text(
                "the login failed: %(error)s: the platform, or what is in front of it, may not allow this machine's address",
                error=error.message,
            )
        else:
            message = Text("the login failed: %(error)s", error=error.message)
        failure = error.become(LoginFailed, message, retry_after=delay)
        self._state = Refused(
            self._state.token,
            failure,
            until=math.inf if delay is None else self._clock.elapsed() + delay,
            secret=secret if wrong or trouble == "denied" else None,
            recoveries=self._client.breaker.recoveries if trouble == "passing" else None,
        )
        self._standing.record_failure(failure, blocked=trouble != "passing", delay=delay)
        return failure

    def _blocked(self) -> LoginBlocked | None:
        """Return why no login may be tried now; None if one may."""
        refused = self._state
        if not isinstance(refused, Refused) or self._secret_changed(refused.secret):
            return None
        if math.isinf(refused.until):
            return block(refused.error, Text("until the app_secret is changed"))
        breaker = self._client.breaker
        if refused.recoveries is not None and (breaker.open or breaker.recoveries != refused.recoveries):
            # The breaker decides: it sees sooner than this tenant that the platform is back.
            return None
        wait = refused.until - self._clock.elapsed()
        return block(refused.error, Text("for %(wait).0f s", wait=wait), wait=wait) if wait > 0 else None

    def _secret_changed(self, secret: str | None) -> bool:
        try:
            return secret is not None and self._secret.read() != secret
        except SecretUnavailable:  # it may be in the middle of a change
            return False


def _forget(state: Idle | Valid | Refused) -> Idle | Valid:
    """Drop a refusal."""
    return Idle() if state.token is None else Valid(state.token)


def _is_transient(state: Idle | Valid | Refused) -> bool:
    return isinstance(state, Refused) and state.error.transient


def _classify(error: UpstreamError) -> Trouble:
    """Tell the failures that may bring the account nearer to its lock from those that say nothing about it."""
    if error.code == ACCOUNT_LOCKED:
        return "locked"
    if error.code is None and error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "denied"
    if error.transient or error.unreachable:
        return "passing"
    # An object without a token, or 400, may be the platform's way to refuse a secret.
    unknown = error.code is not None or error.reason == FailureReason.INVALID or error.status == HTTPStatus.BAD_REQUEST
    return "refused" if unknown else "passing"


def _life(expire_time: object) -> float:
    """Return the seconds a token lives by the answer's expireTime, which may be missing or nonsense."""
    try:
        life = float(expire_time) if isinstance(expire_time, int | float | str) else 0.0
    except (ValueError, OverflowError):
        life = 0.0
    # NaN is not greater than 0 either.
    return min(life, MAX_LIFE) if life > 0 else DEFAULT_LIFE
