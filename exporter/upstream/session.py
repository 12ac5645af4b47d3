"""Make a tenant's calls: with its token, after a login if needed, and repeated where that may help."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from exporter.config import SessionSettings
from exporter.upstream.client import PlatformClient, do_nothing
from exporter.upstream.errors import LoginFailed, UpstreamError
from exporter.upstream.login import FetchedTokens
from exporter.upstream.progress import Progress
from exporter.upstream.ready_token import ReadyToken
from exporter.upstream.standing import SessionState, Standing
from exporter.upstream.tokens import Token, Tokens

UNHEARD: Final = Progress()
MAX_ATTEMPTS: Final = 3
FIRST_DELAY: Final = 0.5
"""Seconds: the delay before the first repetition is random up to this, before the second up to twice as much."""
MAX_RETRY_AFTER: Final = 10.0
"""Seconds: if the platform asks for a longer wait, the call fails at once, and the next poll tries again."""


class TenantSession:
    """Makes a tenant's calls to its platform."""

    def __init__(
        self,
        client: PlatformClient,
        settings: SessionSettings,
        *,
        on_change: Callable[[], None] = do_nothing,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``on_change`` is called whenever `state` has changed."""
        self._client = client
        self.settings: Final = settings
        self._sleep = sleep
        self._standing = Standing(client.clock, client.log.bind(tenant_id=settings.tenant_id), on_change)
        self._tokens: Tokens
        auth = settings.auth
        if auth.app_secret is not None:
            self._tokens = FetchedTokens(client, auth.app_key, auth.app_secret, self._standing)
        elif auth.token is not None:
            self._tokens = ReadyToken(auth.token, self._standing, clock=client.clock)
        else:
            raise ValueError("a tenant has an app_secret or a token")

    async def query(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        *,
        progress: Progress = UNHEARD,
        expect: type = object,
        low_priority: bool = False,
    ) -> object:
        """Make a call with the tenant's token, and repeat it a few times where that may help.

        The caller limits its time; it can be cancelled at any moment.

        Args:
            operation: The label ``operation`` of the metrics.
            path: The path below ``/oifde/rest/api/``.
            body: Sent as JSON, with the token added to it.
            progress: Receives the events of this call and of a login that it waits for.
            expect: `list` or `dict` where the answer must be a JSON array or object.
            low_priority: Send it only where other requests leave room, and do not repeat it.

        Returns:
            The JSON array or object that was answered; None if ``progress`` knows the answer.

        Raises:
            UpstreamError: the last attempt's failure.
            LoginFailed: there is no token for the call.
            LoginBlocked: there is no token, and no login is tried for now.
            CircuitOpen: the platform is unreachable.
        """

        async def send(token: Token) -> object:
            full, headers = authorise(body, token.text, self.settings.auth.header_user)
            return await self._client.call(
                operation,
                path,
                full,
                headers=headers,
                on_turn=progress.sent,
                find_news=progress.find_news,
                expect=expect,
                low_priority=low_priority,
            )

        attempts = 1 if low_priority else MAX_ATTEMPTS
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(send, progress)
            except UpstreamError as error:
                if attempt == attempts or not _worth_repeating(error):
                    raise
                delay = self._choose_delay(error, attempt)
                # The repetition of a login is counted in login.py: many calls may wait for the same login.
                counted = not isinstance(error, LoginFailed)
            if counted:
                self._client.health.retries.labels(self._client.platform, operation).inc()
            await self._sleep(delay)

    def redact(self, text: str) -> str:
        """Replace the secrets that were sent to the platform in a text that came from it."""
        return self._client.redact(text)

    def state(self) -> SessionState:
        """Return how the login stands."""
        return self._standing.state

    def reset(self) -> None:
        """Allow the next login at once: an operator's reload is permission to retry."""
        self._tokens.reset()

    async def _attempt(self, send: Callable[[Token], Awaitable[object]], progress: Progress) -> object:
        """Send a call with a token, and again with another one if the first is refused."""
        token = await self._tokens.get(progress)
        try:
            answer = await send(token)
        except UpstreamError as error:
            if not error.token_refused:
                raise
            replacement = await self._tokens.replace(token, error, progress)
            if replacement is None:
                raise
        else:
            self._tokens.record_success(token, repeated=False)
            return answer
        try:
            answer = await send(replacement)
        except UpstreamError as error:
            if error.token_refused:
                self._tokens.record_refusal(replacement, error)
            raise
        self._tokens.record_success(replacement, repeated=True)
        return answer

    def _choose_delay(self, error: UpstreamError, attempt: int) -> float:
        """Add full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter") to the wait the platform asks for."""
        return (error.retry_after or 0.0) + self._client.rng.uniform(0, FIRST_DELAY * 2 ** (attempt - 1))


def authorise(
    body: Mapping[str, object], token: str, header_user: str | None
) -> tuple[Mapping[str, object], Mapping[str, str]]:
    """Put the token into a call's body, or into headers for an internal system; return both."""
    if header_user is None:
        return {**body, "authToken": token}, {}
    return body, {"userName": header_user, "token": token}


def _worth_repeating(error: UpstreamError) -> bool:
    return error.transient and (error.retry_after or 0.0) <= MAX_RETRY_AFTER
