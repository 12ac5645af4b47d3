"""Advise the person at the keyboard what to do about a request that failed."""

from http import HTTPStatus
from typing import Final

from exporter.reasons import FailureReason
from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG, CircuitOpen, UpstreamError

_CHECK_IDS: Final = "The platform rejects a parameter of the request: check tenant_id and access_code."
_CHECK_ALLOW_LIST: Final = (
    "Check that the platform's allow-list, or the firewall or proxy in front of it, lets this machine in."
)
_BY_CODE: Final = {
    KEY_UNKNOWN: "Check that app_key (default: the tenant_id) is the one that the platform gave out.",
    KEY_WRONG: "Correct the secret before you try again: each try with a wrong secret brings the account closer to being locked.",
    ACCOUNT_LOCKED: "Ask the platform's administrator to unlock the account, or wait; stop the exporter until then.",
    10000002: _CHECK_IDS,
    10000003: _CHECK_IDS,
    200900003: _CHECK_IDS,
}
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
        if error.code in _BY_CODE:
            return _BY_CODE[error.code]
        if error.status in _BY_STATUS and error.reason == FailureReason.HTTP:
            return _BY_STATUS[HTTPStatus(error.status)]
    return error.reason.advice
