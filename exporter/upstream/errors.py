"""What can go wrong with a request to the platform, and what each failure means for the next one.

Messages are for people: they hold neither secrets nor the platform's text as it came.
"""

from http import HTTPStatus
from typing import Final

from exporter.reasons import FailureReason

# The platform's own codes: their meanings are documented by the vendor, what to do about them is inferred.
KEY_UNKNOWN: Final = 200800001
KEY_WRONG: Final = 200800002
ACCOUNT_LOCKED: Final = 200800003
_TOKEN_REFUSED: Final = frozenset({900001, 900002})
_INTERNAL: Final = frozenset({10000001, 200900002})
_LOGIN_CODES: Final = range(200800000, 200900000)


def reason_of_code(code: int) -> FailureReason:
    """Tell whether one of the platform's error codes is about the login or about anything else."""
    return FailureReason.AUTH if code in _TOKEN_REFUSED or code in _LOGIN_CODES else FailureReason.API


class UpstreamError(Exception):
    """A request to the platform failed.

    ``code`` is the platform's error code and ``status`` the HTTP status, where it was one of them that said so.
    ``retry_after`` is how many seconds to wait at least before the request may succeed, if that is known.
    """

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        *,
        code: int | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.reason: Final = reason
        self.code: Final = code
        self.status: Final = status
        self.retry_after: Final = retry_after

    def __str__(self) -> str:
        return str(self.args[1])

    @property
    def unreachable(self) -> bool:
        """Nothing that works was reached: a success with another request is not to be expected either."""
        no_http = self.reason == FailureReason.HTTP and self.status is None
        return (
            self.reason in (FailureReason.TIMEOUT, FailureReason.CONNECT, FailureReason.TLS)
            or no_http
            or _of_server(self.status)
        )

    @property
    def transient(self) -> bool:
        """The same request may succeed a moment later."""
        return (
            self.reason in (FailureReason.TIMEOUT, FailureReason.CONNECT)
            or self.code in _INTERNAL
            or self.status == HTTPStatus.TOO_MANY_REQUESTS
            or _of_server(self.status)
        )

    @property
    def token_refused(self) -> bool:
        """It was the token that the platform did not take, so another one may help."""
        return self.status == HTTPStatus.UNAUTHORIZED or self.code in _TOKEN_REFUSED


class CircuitOpen(UpstreamError):  # noqa: N818 - the state that the pattern's literature calls so
    """The platform is known to be unreachable: nothing was sent. The reason is that of the last failure."""

    @property
    def transient(self) -> bool:
        return False


class LoginFailed(UpstreamError):  # noqa: N818 - what happened; it is no error of its own
    """The call was not made, as there is no token for it: a login was refused, or its answer never came."""


class LoginBlocked(LoginFailed):
    """No login is tried for now, and nothing was sent. The reason is that of the last login's failure."""


def _of_server(status: int | None) -> bool:
    return status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
