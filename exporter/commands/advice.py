"""Advise the person at the keyboard what to do about a request that failed."""

from http import HTTPStatus
from typing import Final

from exporter.reasons import FailureReason
from exporter.upstream.codes import CODES
from exporter.upstream.errors import KEY_UNKNOWN, KEY_WRONG, CircuitOpen, UpstreamError

_CHECK_ALLOW_LIST: Final = (
    "Check that the platform's allow-list, or the firewall or proxy in front of it, lets this machine in."
)
_WHERE: Final = "docs/where-to-find.md and the help page of the exporter show where the platform has them."
_BY_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: _CHECK_ALLOW_LIST,
    HTTPStatus.FORBIDDEN: _CHECK_ALLOW_LIST,
    HTTPStatus.NOT_FOUND: "Check that the url is the platform's, with its port and its path prefix if it has one.",
    HTTPStatus.TOO_MANY_REQUESTS: "The platform asks for fewer requests: lower requests_per_second.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "Check the user and the password in proxy_url.",
}


def advise(error: UpstreamError) -> str:
    """Return what may help, in a sentence or two."""
    if error.advice:
        return error.advice
    if not isinstance(error, CircuitOpen):
        if error.code is not None and error.code in CODES:
            where = f" {_WHERE}" if error.code in (KEY_UNKNOWN, KEY_WRONG) else ""
            return CODES[error.code].advice + where
        if error.status in _BY_STATUS and error.reason == FailureReason.HTTP:
            return _BY_STATUS[HTTPStatus(error.status)]
    return error.reason.advice
