"""What to do about a request that failed, in words for the person at the keyboard."""

from http import HTTPStatus
from typing import Final

from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG, CircuitOpen, UpstreamError

_BY_CODE: Final = {
    KEY_UNKNOWN: "Is app_key (by default the tenant_id) the one that the platform gave out?",
    KEY_WRONG: "Correct the secret before you try again: each try with a wrong one brings the account nearer to its lock.",
    ACCOUNT_LOCKED: "Have it unlocked by the platform's administrator, or wait; meanwhile keep the exporter from trying.",
    10000002: "The platform refuses what it was asked with: are tenant_id and access_code right?",
    10000003: "The platform misses something in what it was asked with: are tenant_id and access_code right?",
    200900003: "The platform refuses what it was asked with: are tenant_id and access_code right?",
}
_BY_STATUS: Final = {
    HTTPStatus.NOT_FOUND: "Is the url that of the platform, with its port and path prefix if it has one?",
    HTTPStatus.TOO_MANY_REQUESTS: "The platform wants fewer requests: lower requests_per_second.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "Does proxy_url hold the right user and password?",
}


def advice(error: UpstreamError) -> str:
    """What may help, in a sentence or two."""
    if isinstance(error, CircuitOpen):
        return error.reason.advice
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if error.status in _BY_STATUS:
        return _BY_STATUS[HTTPStatus(error.status)]
    return error.reason.advice
