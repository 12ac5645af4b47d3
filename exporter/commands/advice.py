"""Advise the person at the keyboard what to do about a request that failed."""

from http import HTTPStatus
from typing import Final

import click

from exporter import logs
from exporter.language import Language, Text
from exporter.reasons import FailureReason
from exporter.upstream.codes import CODES
from exporter.upstream.errors import KEY_UNKNOWN, KEY_WRONG, CircuitOpen, UpstreamError

_CHECK_ALLOW_LIST: Final = Text(
    "Check that the platform's allow-list, or the firewall or proxy in front of it, lets this machine in."
)
_BY_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: _CHECK_ALLOW_LIST,
    HTTPStatus.FORBIDDEN: _CHECK_ALLOW_LIST,
    HTTPStatus.NOT_FOUND: Text(
        "Check that the url is the platform's, with its port and its path prefix if it has one."
    ),
    HTTPStatus.TOO_MANY_REQUESTS: Text("The platform asks for fewer requests: lower requests_per_second."),
}


def advise(error: UpstreamError) -> Text:
    """Return what may help, in a sentence or two."""
    if error.advice:
        return error.advice
    if not isinstance(error, CircuitOpen):
        if error.code is not None and error.code in CODES:
            advice = CODES[error.code].advice
            if error.code not in (KEY_UNKNOWN, KEY_WRONG):
                return advice
            return Text(
                "%(advice)s docs/where-to-find.md and the help page of the exporter show where the platform has them.",
                advice=advice,
            )
        if error.status in _BY_STATUS and error.reason == FailureReason.HTTP:
            return _BY_STATUS[HTTPStatus(error.status)]
    return error.reason.advice


def complain(error: UpstreamError, language: Language, where: Text | None = None) -> None:
    """Print an error and what may help on stderr."""
    message = Text("%(error)s. %(advice)s", error=error.message, advice=advise(error))
    if where:
        message = Text("%(where)s: %(message)s", where=where, message=message)
    click.echo(logs.escape_text(f"oifde-exporter: {language.text(message)}"), err=True)
