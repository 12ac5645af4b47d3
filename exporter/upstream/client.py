"""Send requests to one platform, limit their rate and time, and account for them."""

import asyncio
import json
import random
import ssl
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiohttp
from structlog.typing import FilteringBoundLogger
from yarl import URL

from exporter import __version__
from exporter.clock import Clock
from exporter.config import Platform, TlsConfig
from exporter.health import Health
from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream import answer, failures
from exporter.upstream.breaker import CircuitBreaker, ClosedBreaker
from exporter.upstream.errors import ProxyRefused, UpstreamError
from exporter.upstream.lanes import Lanes
from exporter.upstream.resolver import Resolver
from exporter.upstream.tls import TlsContext

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""The longest answer that is read, after decompression; 10,000 records take 6 MB."""

MAX_ERROR_CODES: Final = 50
"""This many error codes of a platform get a series each; others are counted as ``other``."""

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
_NO_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({})
_MAX_SECRETS: Final = 10_000
_SECRET_FIELDS: Final = ("authToken", "appSecret")
_SECRET_HEADERS: Final = ("token",)


def do_nothing() -> None:
    """Do nothing."""


def _take_all(answer: bytes) -> bytes | None:
    return answer


@dataclass(frozen=True, slots=True)
class _Call:
    """A request; the fields are those of `PlatformClient.call`."""

    operation: str
    path: str
    body: Mapping[str, object] = field(repr=False)  # secrets
    headers: Mapping[str, str] = field(repr=False)
    find_news: Callable[[bytes], bytes | None]
    expect: type


class _Connector(aiohttp.TCPConnector):
    """Connects to an https proxy with its own TLS context; aiohttp would use the platform's."""

    def __init__(self, proxy: URL | None, tls: TlsContext, **options: Any) -> None:
        super().__init__(**options)
        self._proxy = proxy
        self._proxy_tls = tls

    def _get_ssl_context(self, req: aiohttp.ClientRequest) -> ssl.SSLContext | None:
        if req.is_ssl() and self._proxy is not None and req.url.origin() == self._proxy.origin():
            return self._proxy_tls.load()
        return super()._get_ssl_context(req)


class PlatformClient:
    """Sends requests to a platform, within the limits of its configuration and in the order of the calls.

    Create, use and close it within one event loop.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        clock: Clock,
        health: Health,
        log: FilteringBoundLogger,
        rng: random.Random,
        session_options: Mapping[str, Any] = _NO_OPTIONS,
    ) -> None:
        """Take the limits from ``platform``.

        Args:
            platform: Its limits, and how to reach it.
            clock: For the rate, the times and the clock skew.
            health: Counts the requests.
            log: Gets the changes of the platform's state.
            rng: Spreads the probes of an unreachable platform, and repeated calls.
            session_options: Further arguments of `aiohttp.ClientSession`, such as traces.
        """
        self.settings: Final = platform
        self.platform: Final = platform.name
        self._url = platform.url + _API
        self._timeout = platform.request_timeout
        self.clock: Final = clock
        self.health: Final = health
        self.log: Final = log.bind(platform=platform.name)
        self.rng: Final = rng
        self.breaker: Final = CircuitBreaker(clock=clock, log=self.log, rng=rng)
        """Open while the platform is unreachable."""
        self._closed_breaker = ClosedBreaker(clock=clock, log=self.log, rng=rng)
        self._lanes = Lanes(platform.requests_per_second, platform.max_concurrency)
        self._tls = TlsContext(platform.tls_config, self.log) if URL(platform.url).scheme == "https" else None
        self._server_name = platform.tls_config.server_name
        self._proxy = None if platform.proxy_url is None else URL(platform.proxy_url)
        self._secrets = dict.fromkeys(
            _find_passwords(platform.url, platform.proxy_url)
        )  # in the order of their last use
        self._codes: set[int] = set()
        self._calls: set[asyncio.Task[object] | None] = set()
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._http = aiohttp.ClientSession(
            connector=_Connector(
                self._proxy,
                TlsContext(TlsConfig(ca_file=platform.proxy_ca_file), self.log, "proxy_"),
                limit=platform.max_concurrency,
                resolver=Resolver(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            max_line_size=failures.MAX_HEADER_BYTES,
            max_field_size=failures.MAX_HEADER_BYTES,
            proxy=platform.proxy_url,
            # `request_timeout` covers the whole request, exactly; aiohttp rounds its own up to a second.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            **session_options,
        )

    def url(self, path: str) -> str:
        """Return the URL of ``path``, without the user and the password that it may hold."""
        return str(URL(self._url + path).with_user(None))

    def redact(self, text: str) -> str:
        """Replace the secrets that were sent to the platform in a text that came from it."""
        return answer.redact(self._secrets, text)

    async def close(self) -> None:
        """Cancel all calls, and close all connections."""
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
        find_news: Callable[[bytes], bytes | None] = _take_all,
        expect: type = object,
        low_priority: bool = False,
        guarded: bool = True,
    ) -> object:
        """Send one request when its turn has come; it is never repeated.

        Args:
            operation: The label ``operation`` of the metrics.
            path: The path below ``/oifde/rest/api/``.
            body: Sent as JSON.
            headers: Sent in addition to the usual ones.
            on_turn: Called right before the request is sent.
            find_news: Returns the part of a successful answer's body to decode; None for nothing.
            expect: `list` or `dict` where the answer must be a JSON array or object.
            low_priority: Send it only when other requests leave room, and never as a probe of an unreachable platform.
            guarded: Do not send it while the platform is unreachable; its outcome counts for this.

        Returns:
            The JSON array or object of the answer; None if there are no news.

        Raises:
            UpstreamError: the request failed.
            CircuitOpen: the platform is unreachable, and the request was not sent.
        """
        call = _Call(operation, path, body, headers or {}, find_news, expect)
        breaker = self.breaker if guarded or self.breaker.open_for_proxy else self._closed_breaker
        breaker.check(may_probe=not low_priority)
        task = asyncio.current_task()
        self._calls.add(task)
        self._idle.clear()
        try:
            await self._lanes.enter(low_priority=low_priority)
            try:
                # The circuit may have opened meanwhile: then there is no need to wait for the rate limit as well.
                breaker.check(may_probe=not low_priority)
                if not low_priority:
                    await self._lanes.wait()
                probe = breaker.admit(_find_caller(body))
                try:
                    on_turn()
                    outcome = await self._attempt(call)
                except BaseException:
                    breaker.record_abandonment(probe=probe)
                    raise
            finally:
                self._lanes.leave(low_priority=low_priority)
            if not isinstance(outcome, UpstreamError):
                breaker.record_success()
                return outcome
            if isinstance(outcome, ProxyRefused):
                breaker = self.breaker
            if outcome.unreachable:
                breaker.record_failure(_find_caller(body), outcome, probe=probe)
            else:
                breaker.record_success()
        finally:
            self._calls.discard(task)
            if not self._calls:
                self._idle.set()
        # Outside the handlers: an exception of aiohttp would be its context, and may hold secrets.
        try:
            raise outcome
        finally:
            del outcome  # else it would hold itself, by way of its traceback, until a collection of garbage

    async def _attempt(self, call: _Call) -> object:
        """Send a request and account for it; a failure is returned, not raised."""
        started = self.clock.elapsed()
        self.health.requests.labels(self.platform, call.operation).inc()
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await self._exchange(call)
        except UpstreamError as error:
            # The traceback would keep the answer, up to several megabytes, as long as the failure is kept.
            outcome = error.with_traceback(None)
        except (aiohttp.ClientError, OSError) as error:
            failure = failures.describe(error, self._timeout, self._proxy)
            if failure is None:
                raise
            outcome = failure
        except asyncio.CancelledError:
            # After a reload that removed the platform, its series must not come back.
            if not self._closing:
                given_up = UpstreamError(FailureReason.TIMEOUT, Text("no complete answer while its caller was waiting"))
                self._account(call.operation, started, given_up)
            raise
        if isinstance(outcome, failures.HandshakeFailed):
            outcome = await self._add_offer(outcome)
        self._account(call.operation, started, outcome)
        return outcome

    async def _add_offer(self, failure: failures.HandshakeFailed) -> UpstreamError:
        """Add what the platform offers to a failed TLS handshake, if it is known."""
        if self._tls is not None and self._proxy is None:
            url = URL(self._url)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    if offer := await self._tls.find_offer(str(url.host), url.port or 443):
                        return failure.explain(offer)
        return failure

    def _account(self, operation: str, started: float, outcome: object) -> None:
        labels = (self.platform, operation)
        self.health.duration.labels(*labels).observe(self.clock.elapsed() - started)
        if isinstance(outcome, UpstreamError):
            self.health.failures.labels(*labels, outcome.reason).inc()
            if outcome.code is not None:
                self.health.api_errors.labels(*labels, self._label_code(outcome.code)).inc()
            self.log.debug("request_failed", operation=operation, reason=outcome.reason, error=str(outcome))

    async def _exchange(self, call: _Call) -> object:
        self._remember_secrets(call.body, call.headers)
        with_token = "authToken" in call.body or "token" in call.headers
        request = self._http.post(
            self._url + call.path,
            data=json.dumps(call.body).encode(),
            headers=call.headers,
            allow_redirects=False,
            ssl=self._tls.load() if self._tls is not None else True,
            server_hostname=self._server_name,
        )
        async with request as response:
            now = self.clock.now()
            date = answer.parse_http_date(response.headers.get("Date", ""))
            if date is not None:
                self.health.clock_skew.labels(self.platform).set(date - now)
            refusal = answer.judge_status(
                response.status, response.headers.get("Retry-After"), now, with_token=with_token
            )
            if refusal is not None:
                explanation = b""
                if response.status in _MAY_EXPLAIN:
                    with suppress(UpstreamError):  # a long page is no explanation
                        explanation = await _read(response, _MAX_EXPLANATION_BYTES)
                raise answer.explain(refusal, explanation, self._secrets)
            content = await _read(response, MAX_BODY_BYTES)
        news = call.find_news(content)
        return None if news is None else answer.judge_body(news, call.expect, self._secrets)

    def _remember_secrets(self, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        """Keep the secrets that are sent: the platform may repeat them in a message."""
        sent = [body.get(field) for field in _SECRET_FIELDS] + [headers.get(header) for header in _SECRET_HEADERS]
        for secret in sent:
            if isinstance(secret, str) and secret:
                self._secrets.pop(secret, None)
                self._secrets[secret] = None
        while len(self._secrets) > _MAX_SECRETS:
            del self._secrets[next(iter(self._secrets))]

    def _label_code(self, code: int) -> str:
        if len(self._codes) < MAX_ERROR_CODES:
            self._codes.add(code)
        return str(code) if code in self._codes else "other"


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes, as UTF-8."""
    content = bytearray()
    while len(content) <= limit and (chunk := await response.content.read(_CHUNK_BYTES)):
        content += chunk
    text = bytes(content)
    # An old name of gzip, which aiohttp does not know (RFC 9110, 8.4.1.3).
    if len(text) <= limit and response.headers.get("Content-Encoding", "").strip().lower() == "x-gzip":
        text = answer.unzip(text, limit + 1)
    if len(text) > limit:
        response.close()
        raise UpstreamError(FailureReason.INVALID, Text("the answer has more than %(size)s MiB", size=limit >> 20))
    return answer.to_utf8(text, response.headers.get("Content-Type", ""))


def _find_caller(body: Mapping[str, object]) -> Hashable | None:
    """Return the bot that a request is for, so that the breaker can tell a failing bot from a failing platform."""
    return (body.get("tenantId"), body["accessCode"]) if "accessCode" in body else None


def _find_passwords(*urls: str | None) -> list[str]:
    passwords = [unquote(urlsplit(url).password or "") for url in urls if url]
    return [password for password in passwords if password]
