"""Translate exceptions of aiohttp, ssl and the operating system into failures of the platform.

Their own texts are not used: they may hold the URL of the proxy with its password, or data that the platform sent.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp.http_exceptions import (
    BadHttpMessage,
    BadStatusLine,
    ContentEncodingError,
    LineTooLong,
    PayloadEncodingError,
)
from yarl import URL

from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream.errors import CHECK_PROXY_USER, USE_HTTPS, ProxyRefused, UpstreamError

KINDS: Final[tuple[tuple[type[Exception], FailureReason, str], ...]] = (
    (aiohttp.ClientSSLError, FailureReason.TLS, "no TLS connection"),
    (aiohttp.ClientHttpProxyError, FailureReason.CONNECT, "the proxy does not connect: %(cause)s"),
    (aiohttp.ClientProxyConnectionError, FailureReason.CONNECT, "cannot connect to the proxy: %(cause)s"),
    (aiohttp.ClientConnectorDNSError, FailureReason.CONNECT, "the host name cannot be resolved: %(cause)s"),
    (aiohttp.ClientConnectorError, FailureReason.CONNECT, "cannot connect: %(cause)s"),
    (aiohttp.ServerDisconnectedError, FailureReason.CONNECT, "the connection was closed before the answer"),
    (aiohttp.ClientConnectionError, FailureReason.CONNECT, "the connection was lost: %(cause)s"),
    (aiohttp.ClientPayloadError, FailureReason.CONNECT, "the connection was lost in the middle of the answer"),
    (aiohttp.InvalidURL, FailureReason.CONNECT, "the url is not valid"),
    (aiohttp.NonHttpUrlClientError, FailureReason.CONNECT, "the url is not valid"),
    (OSError, FailureReason.CONNECT, "the connection was lost: %(cause)s"),
)
"""The first match counts: some of aiohttp's exceptions are special cases of others that follow."""

MAX_HEADER_BYTES: Final = 64 * 1024
"""The longest header of an answer that is read. Some gateways add long cookies, tokens or policies."""

_FIX_HTTP: Final = Text(
    "Ask the administrator of the platform, or of the proxy in front of it, to correct the answer; curl -v shows it."
)
_HTTP_PROBLEMS: Final = (
    ("Too many headers", Text("the answer has too many headers")),
    ("Duplicate Content-Length", Text("the answer has two Content-Length headers")),
    ("can't be present with", Text("the answer has both Content-Length and Transfer-Encoding")),
    ("Content-Length", Text("the answer's Content-Length is not a number")),
    ("chunk", Text("the answer's chunks are broken")),
    ("header", Text("the answer has a header that is not valid HTTP")),
)
"""Parts of the parser's messages, most special first, and our words: its own messages quote the answer."""

_SET_CA_FILE: Final = Text(
    "If the certificate is self-signed or from a private authority, such as that of a proxy that inspects TLS, set"
    " tls_config.ca_file."
)
_SET_PROXY_CA_FILE: Final = Text(
    "If the proxy's certificate is self-signed or from a private authority, set proxy_ca_file."
)
_SET_SERVER_NAME: Final = Text(
    "Set tls_config.server_name to the name in the certificate; openssl s_client -connect HOST:PORT shows it."
)
_SET_CERT_FILE: Final = Text("Set tls_config.cert_file and key_file to a client certificate that the platform accepts.")
_SET_MIN_VERSION: Final = Text(
    "Update TLS on the platform. Until then, tls_config.min_version: TLS10 allows old versions, ciphers and keys."
)
_CHECK_HANDSHAKE: Final = Text(
    "Check that the port expects TLS. If the platform asks for a client certificate, set tls_config.cert_file and key_file."
)
_RENEW: Final = Text("Renew the certificate on the platform, and check this machine's clock.")

_ASK_PROXY: Final = Text("Ask the proxy's administrator to allow connections to the platform's host and port.")

_HANDSHAKE_FAILED: Final = Text("the handshake failed")

_RAISE_LIMIT: Final = Text("Raise the limit of open files: ulimit -n, or LimitNOFILE in systemd.")
_ADVICE: Final[Mapping[int | None, Text]] = {errno.EMFILE: _RAISE_LIMIT, errno.ENFILE: _RAISE_LIMIT}
"""By the number of the system's error."""

_CERTIFICATE_ADVICE: Final = {
    9: _RENEW,  # not yet valid
    10: _RENEW,  # expired
    62: _SET_SERVER_NAME,  # another host name
    64: _SET_SERVER_NAME,  # another IP address
    66: _SET_MIN_VERSION,  # a short key
    67: _SET_MIN_VERSION,  # an authority's short key
    68: _SET_MIN_VERSION,  # an authority's weak signature
}
"""By OpenSSL's code of a failed verification (x509_vfy.h)."""

_TLS_PROBLEMS: Final = (
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"),
        Text("the port answers without TLS"),
        Text("If the platform has no TLS on this port, begin the url with http; otherwise correct the port."),
    ),
    (("UNRECOGNIZED_NAME",), Text("the server does not know the name"), _SET_SERVER_NAME),
    (
        ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"),
        Text("the server asks for a client certificate, or rejects the configured one"),
        _SET_CERT_FILE,
    ),
)
"""Parts of OpenSSL's reasons, our words and an advice."""


class HandshakeFailed(UpstreamError):  # noqa: N818 - what happened
    """The TLS handshake failed for a reason that only the server knows, such as no cipher in common."""

    def explain(self, offer: str) -> UpstreamError:
        """Return the error with what the server offers to clients that allow old versions and ciphers."""
        message = Text("no TLS version or cipher in common: the platform offers %(offer)s", offer=offer)
        return UpstreamError(self.reason, message, advice=_SET_MIN_VERSION)


def describe(error: Exception, request_timeout: float, proxy: URL | None = None) -> UpstreamError | None:
    """Translate an exception of sending a request or receiving its answer; None if it is another exception."""
    of_proxy = _is_of_proxy(error, proxy)
    for link in _list_causes(error):
        if isinstance(link, TimeoutError):
            return UpstreamError(
                FailureReason.TIMEOUT, Text("no complete answer within %(timeout)g s", timeout=request_timeout)
            )
        if known := _describe_cause(link, of_proxy=of_proxy):
            return known
    # A TCP connection that is not established cannot be reset: it was in the TLS handshake.
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionResetError):
        message = Text(
            "the connection was closed during the TLS handshake with the proxy"
            if of_proxy
            else "the connection was closed during the TLS handshake"
        )
        return HandshakeFailed(FailureReason.TLS, message, advice=_CHECK_HANDSHAKE)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _describe_refusal(error)
    for kind, reason, words in KINDS:
        if isinstance(error, kind):
            return UpstreamError(
                reason, Text(words, cause=_find_reason(error)), advice=_ADVICE.get(_find_number(error))
            )
    return None


def _describe_refusal(error: aiohttp.ClientHttpProxyError) -> UpstreamError:
    message = Text("the proxy does not connect: %(cause)s", cause=_find_reason(error))
    wants_user = error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
    return ProxyRefused(FailureReason.CONNECT, message, advice=CHECK_PROXY_USER if wants_user else _ASK_PROXY)


def _describe_cause(error: BaseException, *, of_proxy: bool) -> UpstreamError | None:
    """Translate the cause of an exception if it says more than the exception itself."""
    if isinstance(error, ContentEncodingError):
        return UpstreamError(FailureReason.INVALID, Text("the answer cannot be decompressed"))
    if isinstance(error, BadHttpMessage) and not isinstance(error, PayloadEncodingError):
        return _describe_http(error)
    # Also the cause of a lost connection: TLS 1.3 refuses a client's certificate late.
    if isinstance(error, ssl.SSLError) and not isinstance(error, aiohttp.ClientError):
        return _describe_proxy_tls(error) if of_proxy else _describe_tls(error)
    return None


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _describe_http(error: BadHttpMessage) -> UpstreamError:
    text, advice = error.message, _FIX_HTTP
    if isinstance(error, LineTooLong):
        words = Text("the answer has a header of more than %(size)s KiB", size=MAX_HEADER_BYTES >> 10)
    elif not isinstance(error, BadStatusLine):
        words = next((words for part, words in _HTTP_PROBLEMS if part in text), Text("the answer is not valid HTTP"))
    elif "'HTTP/" in text:
        words = Text("the answer's status line is not valid HTTP")
    elif "'\\x15\\x03" in text:
        words, advice = Text("the answer is TLS, not HTTP"), USE_HTTPS
    else:
        return UpstreamError(FailureReason.HTTP, Text("the answer is not HTTP"))
    return UpstreamError(FailureReason.HTTP, words, advice=advice)


def _describe_tls(error: ssl.SSLError) -> UpstreamError:
    if isinstance(error, ssl.SSLCertVerificationError):
        message = Text("the certificate is not trusted: %(problem)s", problem=error.verify_message)
        advice = _CERTIFICATE_ADVICE.get(error.verify_code, _SET_CA_FILE)
        return UpstreamError(FailureReason.TLS, message, advice=advice)
    code = getattr(error, "reason", None) or ""
    for parts, words, advice in _TLS_PROBLEMS:
        if any(part in code for part in parts):
            message = Text("no TLS connection: %(problem)s (%(code)s)", problem=words, code=code)
            return UpstreamError(FailureReason.TLS, message, advice=advice)
    message = Text("no TLS connection: %(problem)s", problem=code or _HANDSHAKE_FAILED)
    return HandshakeFailed(FailureReason.TLS, message, advice=_CHECK_HANDSHAKE)


def _describe_proxy_tls(error: ssl.SSLError) -> UpstreamError:
    if isinstance(error, ssl.SSLCertVerificationError):
        message = Text("the proxy's certificate is not trusted: %(problem)s", problem=error.verify_message)
        return UpstreamError(FailureReason.TLS, message, advice=_SET_PROXY_CA_FILE)
    problem = getattr(error, "reason", None) or _HANDSHAKE_FAILED
    return UpstreamError(
        FailureReason.TLS,
        Text("no TLS connection to the proxy: %(problem)s", problem=problem),
        advice=Text("Check the scheme and the port of proxy_url."),
    )


def _is_of_proxy(error: Exception, proxy: URL | None) -> bool:
    """Return whether the connection that failed is the one to the proxy."""
    return (
        proxy is not None
        and isinstance(error, aiohttp.ClientConnectorError)
        and (error.host, error.port) == (proxy.host, proxy.port)
    )


def _find_reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Text("HTTP status %(status)s", status=error.status)
    cause = _find_system_error(error)
    if isinstance(cause, socket.gaierror):  # its numbers are not those of errno
        return str(cause.strerror)
    number = _find_number(error)
    return os.strerror(number) if number else Text("no reason given")


def _find_system_error(error: Exception) -> Exception:
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error


def _find_number(error: Exception) -> int | None:
    cause = _find_system_error(error)
    return cause.errno if isinstance(cause, OSError) else None
