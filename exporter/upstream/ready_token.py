"""A token from the configuration, used without a login."""

from exporter.clock import Clock
from exporter.config import Secret, SecretUnavailable
from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream.errors import LoginFailed, UpstreamError
from exporter.upstream.progress import Progress
from exporter.upstream.standing import Standing
from exporter.upstream.tokens import REFUSALS_TO_BLOCK, Backoff, Token, block


class ReadyToken:
    """Gives a session the configured token. After two refusals in a row it is tried only now and then, until it changes."""

    def __init__(self, secret: Secret, standing: Standing, *, clock: Clock) -> None:
        self._secret = secret
        self._standing = standing
        self._clock = clock
        self._token: Token | None = None
        self._refusals = 0
        self._refusal: LoginFailed | None = None
        self._probe_at = 0.0
        self._backoff = Backoff()

    async def get(self, progress: Progress) -> Token:
        try:
            text = self._secret.read()
        except SecretUnavailable as error:
            failure = LoginFailed(FailureReason.AUTH, Text("there is no token: %(error)s", error=error.message))
            self._standing.record_failure(failure, blocked=self._refusal is not None, delay=None)
            raise failure from None
        if self._token is None or self._token.text != text:
            self._standing.check_secret(text)
            self._token = Token(text)
            self.reset()
        if self._refusal is not None:
            wait = self._probe_at - self._clock.elapsed()
            if wait > 0:
                raise block(
                    self._refusal, Text("for %(wait).0f s, or until the token is changed", wait=wait), wait=wait
                )
            # This call tries the token; until its outcome is known, no other does.
            self._refuse(self._refusal)
        return self._token

    async def replace(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        if self._token is not refused:
            return self._token
        self._refusals += 1
        if self._refusals < REFUSALS_TO_BLOCK:
            return None
        failure = error.become(LoginFailed, Text("the token was refused: %(error)s", error=error.message))
        if self._refusal is None:
            self._refuse(failure)
        raise failure

    def record_success(self, token: Token, *, repeated: bool) -> None:
        if token is self._token:
            if self._refusals:
                self.reset()
            self._standing.record_recovery()

    def record_refusal(self, token: Token, error: UpstreamError) -> None:
        """Do nothing: the next call finds out."""

    def reset(self) -> None:
        self._refusals = 0
        self._refusal = None
        self._backoff.reset()
        self._standing.reset()

    def _refuse(self, failure: LoginFailed) -> None:
        delay = self._backoff.next("probe")
        self._refusal = failure
        self._probe_at = self._clock.elapsed() + delay
        self._standing.record_failure(failure, blocked=True, delay=delay)
