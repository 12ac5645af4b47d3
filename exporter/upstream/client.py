"""Requests to one platform: when they are sent, how long they may take, and what became of them."""

import asyncio
import json
import random
from collections.abc import Callable, Hashable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp
from structlog.typing import FilteringBoundLogger
from yarl import URL

from exporter import __version__
from exporter.clock import Clock
from exporter.config import Platform
from exporter.health import Health
from exporter.reasons import FailureReason
from exporter.upstream import answer, failures
from exporter.upstream.breaker import CircuitBreaker
from exporter.upstream.errors import UpstreamError
from exporter.upstream.lanes import Lanes
from exporter.upstream.resolver import Resolver
from exporter.upstream.tls import TlsContext

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""The longest answer that is read, decompressed; 10,000 records have 6 MB."""

MAX_ERROR_CODES: Final = 50
"""How many error codes of a platform get a series each; any others are counted as ``other``."""

_API: Final = "/oifde/rest/api/"
_CHUNK_BYTES: Final = 64 * 1024
_MAX_EXPLANATION_BYTES: Final = 16 * 1024
_MAY_EXPLAIN: Final = frozenset({400, 401, 403})
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json; charset=UTF-8",
    "User-Agent": f"oifde-exporter/{__version__}",
}
_MAX_SECRETS: Final = 10_000
_SECRET_FIELDS: Final = ("authToken", "appSecret")
_SECRET_HEADERS: Final = ("token",)


def do_nothing() -> None:
    """Do nothing."""


def _is_new(_answer: bytes) -> bool:
    return False


class PlatformClient:
    """Sends requests to a platform, within the limits that its configuration sets.

    To be made, used and closed within one event loop. Calls are served first come, first served.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        clock: Clock,
        health: Health,
        log: FilteringBoundLogger,
        rng: random.Random,
    ) -> None:
        """Takes the limits from ``platform``; ``rng`` spreads the probes of one that is unreachable."""
        self.platform: Final = platform.name
        self._url = platform.url + _API
        self._timeout = platform.request_timeout
        self._clock = clock
        self._health = health
        self._log = log.bind(platform=platform.name)
        self.breaker: Final = CircuitBreaker(clock=clock, log=self._log, rng=rng)
        """Open while the platform is unreachable."""
        self._lanes = Lanes(platform.requests_per_second, platform.max_concurrency)
        self._tls = TlsContext(platform.tls_config, self._log) if URL(platform.url).scheme == "https" else None
        self._server_name = platform.tls_config.server_name
        self._secrets = dict.fromkeys(_passwords(platform.url, platform.proxy_url))  # those used last come last
        self._codes: set[int] = set()
        self._calls: set[asyncio.Task[object] | None] = set()
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=platform.max_concurrency, resolver=Resolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            proxy=platform.proxy_url,
            # Ours covers all of it, and is exact where aiohttp's is rounded up to a second.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
        )

    def url(self, path: str) -> str:
        """Where a call of ``path`` goes, without the user and the password that the URL may hold."""
        return str(URL(self._url + path).with_user(None))

    def redact(self, text: str) -> str:
        """Replace in a text of the platform's what it has been told in confidence."""
        return answer.redact(self._secrets, text)

    async def close(self) -> None:
        """Cancel the calls that are waiting or under way, and close all connections."""
        self._closing = True
        for task in self._calls:
            if task is not None:
                task.cancel()
        await self._idle.wait()
        await self._http.close()

    async def call(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
        on_turn: Callable[[], None] = do_nothing,
        is_known: Callable[[bytes], bool] = _is_new,
        expect: type = object,
        low_priority: bool = False,
    ) -> object:
        """Send one request when its turn has come. It is not repeated, whatever becomes of it.

        Args:
            operation: The label ``operation`` of the metrics.
            path: What follows ``/oifde/rest/api/``.
            body: Sent as JSON.
            headers: Sent besides the usual ones.
            on_turn: Called right before it is sent.
            is_known: Returns whether the body of a successful answer need not be decoded.
            expect: `list` or `dict` where the answer must be a JSON array or object.
            low_priority: Send it only where other requests leave room, and not to find out whether the platform is back.

        Returns:
            The JSON array or object that was answered; None if ``is_known``.

        Raises:
            UpstreamError: it failed.
            CircuitOpen: the platform is unreachable, and it was not sent.
        """
        self.breaker.check(may_probe=not low_priority)
        task = asyncio.current_task()
        self._calls.add(task)
        self._idle.clear()
        try:
            await self._lanes.enter(low_priority=low_priority)
            try:
                # While it waited the circuit may have opened: no need then to wait for the rate limit as well.
                self.breaker.check(may_probe=not low_priority)
                if not low_priority:
                    await self._lanes.wait()
                probe = self.breaker.admit(_caller(body))
                try:
                    on_turn()
                    outcome = await self._attempt(operation, path, body, headers or {}, is_known, expect)
                except BaseException:
                    self.breaker.record_abandonment(probe=probe)
                    raise
            finally:
                self._lanes.leave(low_priority=low_priority)
            if not isinstance(outcome, UpstreamError):
                self.breaker.record_success()
                return outcome
            if outcome.unreachable:
                self.breaker.record_failure(_caller(body), outcome, probe=probe)
            else:
                self.breaker.record_success()
        finally:
            self._calls.discard(task)
            if not self._calls:
                self._idle.set()
        # Not from within a handler: what aiohttp raises would be its context, and may hold secrets.
        raise outcome

    async def _attempt(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        headers: Mapping[str, str],
        is_known: Callable[[bytes], bool],
        expect: type,
    ) -> object:
        """Send a request and account for it; a failure is returned, not raised."""
        started = self._clock.elapsed()
        self._health.requests.labels(self.platform, operation).inc()
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await self._exchange(path, body, headers, is_known, expect)
        except UpstreamError as error:
            # What was received, up to several megabytes, is not to stay for as long as the failure is remembered.
            outcome = error.with_traceback(None)
        except (aiohttp.ClientError, OSError) as error:
            failure = failures.describe(error, self._timeout)
            if failure is None:
                raise
            outcome = failure
        except asyncio.CancelledError:
            # A platform that is no longer configured has no series any more.
            if not self._closing:
                given_up = UpstreamError(FailureReason.TIMEOUT, "no complete answer while its caller was waiting")
                self._account(operation, started, given_up)
            raise
        self._account(operation, started, outcome)
        return outcome

    def _account(self, operation: str, started: float, outcome: object) -> None:
        labels = (self.platform, operation)
        self._health.duration.labels(*labels).observe(self._clock.elapsed() - started)
        if isinstance(outcome, UpstreamError):
            self._health.failures.labels(*labels, outcome.reason).inc()
            if outcome.code is not None:
                self._health.api_errors.labels(*labels, self._code_label(outcome.code)).inc()
            self._log.debug("request_failed", operation=operation, reason=outcome.reason, error=str(outcome))

    async def _exchange(
        self,
        path: str,
        body: Mapping[str, object],
        headers: Mapping[str, str],
        is_known: Callable[[bytes], bool],
        expect: type,
    ) -> object:
        self._remember_secrets(body, headers)
        with_token = "authToken" in body or "token" in headers
        request = self._http.post(
            self._url + path,
            data=json.dumps(body).encode(),
            headers=headers,
            allow_redirects=False,
            ssl=self._tls.current() if self._tls is not None else True,
            server_hostname=self._server_name,
        )
        async with request as response:
            now = self._clock.now()
            date = answer.http_date(response.headers.get("Date", ""))
            if date is not None:
                self._health.clock_skew.labels(self.platform).set(date - now)
            refusal = answer.judge_status(
                response.status, response.headers.get("Retry-After"), now, with_token=with_token
            )
            if refusal is not None:
                beginning = await _beginning(response) if response.status in _MAY_EXPLAIN else b""
                raise answer.explain(refusal, beginning, self._secrets)
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                if len(content) > MAX_BODY_BYTES:
                    response.close()
                    raise UpstreamError(FailureReason.INVALID, f"the answer has more than {MAX_BODY_BYTES >> 20} MiB")
        whole = bytes(content)
        return None if is_known(whole) else answer.judge_body(whole, expect, self._secrets)

    def _remember_secrets(self, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        """Note what the platform is told and must not be told to anybody else, should it come back in a message."""
        told = [body.get(field) for field in _SECRET_FIELDS] + [headers.get(header) for header in _SECRET_HEADERS]
        for secret in told:
            if isinstance(secret, str) and secret:
                self._secrets.pop(secret, None)
                self._secrets[secret] = None
        while len(self._secrets) > _MAX_SECRETS:
            del self._secrets[next(iter(self._secrets))]

    def _code_label(self, code: int) -> str:
        if len(self._codes) < MAX_ERROR_CODES:
            self._codes.add(code)
        return str(code) if code in self._codes else "other"


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read what little an answer that says why it is none has to say."""
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > _MAX_EXPLANATION_BYTES:
            response.close()
            return b""
    return bytes(content)


def _caller(body: Mapping[str, object]) -> Hashable | None:
    """The bot that a request is for: one that fails is to be told from a platform that fails."""
    return (body.get("tenantId"), body["accessCode"]) if "accessCode" in body else None


def _passwords(*urls: str | None) -> list[str]:
    passwords = [unquote(urlsplit(url).password or "") for url in urls if url]
    return [password for password in passwords if password]
