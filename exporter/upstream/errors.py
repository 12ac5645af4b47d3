"""The errors of a request to the platform, and what each means for the next request.

Messages are for people: they contain no secrets, and the platform's text only with secrets and control characters removed.
"""

from http import HTTPStatus
from typing import Final, TypeVar

from exporter.language import Text
from exporter.reasons import FailureReason

# The platform's own codes. The vendor documents their meanings; the reactions to them are inferred.
KEY_UNKNOWN: Final = 200800001
KEY_WRONG: Final = 200800002
ACCOUNT_LOCKED: Final = 200800003
_TOKEN_REFUSED: Final = frozenset({900001, 900002})
_INTERNAL: Final = frozenset({10000001, 200900002})
_LOGIN_CODES: Final = range(200800000, 200900000)

USE_HTTPS: Final = Text("The port expects TLS: begin the url with https.")
CHECK_PROXY_USER: Final = Text("Check the user and the password in proxy_url.")


def classify_code(code: int) -> FailureReason:
    """Return ``auth`` for an error code about the login, ``api`` for any other."""
    return FailureReason.AUTH if code in _TOKEN_REFUSED or code in _LOGIN_CODES else FailureReason.API


Error = TypeVar("Error", bound="UpstreamError")


class UpstreamError(Exception):
    """A request to the platform failed.

    ``code`` is the platform's error code and ``status`` the HTTP status, if the failure has one. ``retry_after`` is the
    least number of seconds before the request may succeed, if known. ``advice`` says what an operator can do, if that is
    more special than what the reason, the code or the status advise. ``shape`` describes the JSON of an answer of another
    form than expected, without its values.
    """

    logged_once = False
    """Whether it is logged where it arises, since it affects many requests at once."""

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        *,
        code: int | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        advice: Text | None = None,
        shape: str | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.reason: Final = reason
        self.message: Final = message
        self.code: Final = code
        self.status: Final = status
        self.retry_after: Final = retry_after
        self.advice: Final = advice
        self.shape: Final = shape

    def become(self, kind: type[Error], message: str, *, retry_after: float | None = None) -> Error:
        """Return an error of another kind that has this one as its cause."""
        return kind(
            self.reason,
            message,
            code=self.code,
            status=self.status,
            retry_after=retry_after,
            advice=self.advice,
            shape=self.shape,
        )

    def __str__(self) -> str:
        return str(self.message)

    @property
    def unreachable(self) -> bool:
        """Return whether the platform was not reached, so that other requests are likely to fail as well."""
        no_http = self.reason == FailureReason.HTTP and self.status is None
        return (
            self.reason in (FailureReason.TIMEOUT, FailureReason.CONNECT, FailureReason.TLS)
            or no_http
            or _is_of_server(self.status)
        )

    @property
    def transient(self) -> bool:
        """Return whether the same request may succeed a moment later."""
        return (
            self.reason in (FailureReason.TIMEOUT, FailureReason.CONNECT)
            or self.code in _INTERNAL
            or self.status == HTTPStatus.TOO_MANY_REQUESTS
            or _is_of_server(self.status)
        )

    @property
    def token_refused(self) -> bool:
        """Return whether the platform refused the token, so that another token may help."""
        return self.status == HTTPStatus.UNAUTHORIZED or self.code in _TOKEN_REFUSED


class ProxyRefused(UpstreamError):  # noqa: N818 - what happened
    """The proxy refuses to connect, such as for a wrong password. Repetitions may lock its account."""

    @property
    def unreachable(self) -> bool:
        return True

    @property
    def transient(self) -> bool:
        return False


class CircuitOpen(UpstreamError):  # noqa: N818 - the name of the state in the literature
    """The platform is unreachable, so nothing was sent. The reason is that of the last failure."""

    logged_once = True
    last_failure = ""
    """The message of the failure that made it unreachable."""

    @property
    def transient(self) -> bool:
        return False


class LoginFailed(UpstreamError):  # noqa: N818 - what happened
    """The call was not made, since there is no token for it: a login was refused or not answered."""

    logged_once = True


class LoginBlocked(LoginFailed):
    """No login is tried for now, so nothing was sent. The reason is that of the last login."""


def _is_of_server(status: int | None) -> bool:
    return status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
