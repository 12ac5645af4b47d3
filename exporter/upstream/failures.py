"""Translate exceptions of aiohttp, ssl and the operating system into failures of the platform.

Their own texts are not used: they may hold the URL of the proxy with its password, or data that the platform sent.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import aiohttp
from aiohttp.http_exceptions import (
    BadHttpMessage,
    BadStatusLine,
    ContentEncodingError,
    LineTooLong,
    PayloadEncodingError,
)

from exporter.reasons import FailureReason
from exporter.upstream.errors import USE_HTTPS, UpstreamError

_KINDS: Final[tuple[tuple[type[Exception], FailureReason, str], ...]] = (
    (aiohttp.ClientSSLError, FailureReason.TLS, "no TLS connection"),
    (aiohttp.ClientHttpProxyError, FailureReason.CONNECT, "the proxy does not connect: {cause}"),
    (aiohttp.ClientProxyConnectionError, FailureReason.CONNECT, "cannot connect to the proxy: {cause}"),
    (aiohttp.ClientConnectorDNSError, FailureReason.CONNECT, "the host name cannot be resolved: {cause}"),
    (aiohttp.ClientConnectorError, FailureReason.CONNECT, "cannot connect: {cause}"),
    (aiohttp.ServerDisconnectedError, FailureReason.CONNECT, "the connection was closed before the answer"),
    (aiohttp.ClientConnectionError, FailureReason.CONNECT, "the connection was lost: {cause}"),
    (aiohttp.ClientPayloadError, FailureReason.CONNECT, "the connection was lost in the middle of the answer"),
    (aiohttp.InvalidURL, FailureReason.CONNECT, "the url is not valid"),
    (aiohttp.NonHttpUrlClientError, FailureReason.CONNECT, "the url is not valid"),
    (OSError, FailureReason.CONNECT, "the connection was lost: {cause}"),
)
"""The first match counts: some of aiohttp's exceptions are special cases of others that follow."""

MAX_HEADER_BYTES: Final = 64 * 1024
"""The longest header of an answer that is read. Some gateways add long cookies, tokens or policies."""

_FIX_HTTP: Final = (
    "Ask the administrator of the platform, or of the proxy in front of it, to correct the answer; curl -v shows it."
)
_HTTP_PROBLEMS: Final = (
    ("Too many headers", "the answer has too many headers"),
    ("Duplicate Content-Length", "the answer has two Content-Length headers"),
    ("Transfer-Encoding can't be present", "the answer has both Content-Length and Transfer-Encoding"),
    ("Content-Length", "the answer's Content-Length is not a number"),
    ("chunk", "the answer's chunks are broken"),
    ("header", "the answer has a header that is not valid HTTP"),
)
"""Parts of the parser's messages, most special first, and our words: its own messages quote the answer."""


def describe(error: Exception, request_timeout: float) -> UpstreamError | None:
    """Translate an exception of sending a request or receiving its answer; None if it is another exception."""
    for link in _chain(error):
        if isinstance(link, TimeoutError):
            return UpstreamError(FailureReason.TIMEOUT, f"no complete answer within {request_timeout:g} s")
        if isinstance(link, ContentEncodingError):
            return UpstreamError(FailureReason.INVALID, "the answer cannot be decompressed")
        if isinstance(link, BadHttpMessage) and not isinstance(link, PayloadEncodingError):
            return _http_problem(link)
        # Also the cause of a lost connection: TLS 1.3 refuses a client's certificate late.
        if isinstance(link, ssl.SSLError) and not isinstance(link, aiohttp.ClientError):
            return UpstreamError(FailureReason.TLS, _tls_problem(link))
    for kind, reason, words in _KINDS:
        if isinstance(error, kind):
            return UpstreamError(reason, words.format(cause=_cause(error)))
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _http_problem(error: BadHttpMessage) -> UpstreamError:
    text, advice = error.message, _FIX_HTTP
    if isinstance(error, LineTooLong):
        words = f"the answer has a header of more than {MAX_HEADER_BYTES >> 10} KiB"
    elif not isinstance(error, BadStatusLine):
        words = next((words for part, words in _HTTP_PROBLEMS if part in text), "the answer is not valid HTTP")
    elif "'HTTP/" in text:
        words = "the answer's status line is not valid HTTP"
    elif "'\\x15\\x03" in text:
        words, advice = "the answer is TLS, not HTTP", USE_HTTPS
    else:
        return UpstreamError(FailureReason.HTTP, "the answer is not HTTP")
    return UpstreamError(FailureReason.HTTP, words, advice=advice)


def _tls_problem(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    return f"no TLS connection: {getattr(error, 'reason', None) or 'the handshake failed'}"


def _cause(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"HTTP status {error.status}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, socket.gaierror):  # its numbers are not those of errno
        return str(cause.strerror)
    number = cause.errno if isinstance(cause, OSError) else None
    return os.strerror(number) if number else "no reason given"
