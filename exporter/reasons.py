"""Why a request to the platform fails: one entry for each value of the label ``reason``.

The client, the metrics, their reference, the status pages and ``check --live`` all read it from here.
"""

from enum import StrEnum
from typing import Self

from exporter.language import Text


class FailureReason(StrEnum):
    """A reason: its label value, its meaning in a few words, and what an operator can do about it."""

    meaning: Text
    """Continues "The request failed: ..."."""
    advice: Text

    def __new__(cls, label: str, meaning: str, advice: str) -> Self:
        """Raise TypeError at import if an entry lacks a part."""
        reason = str.__new__(cls, label)
        reason._value_ = label
        reason.meaning = Text(meaning)
        reason.advice = Text(advice)
        return reason

    TIMEOUT = (
        "timeout",
        "no answer in time",
        "Check that the url is right (http or https, host, port) and the platform is up. If it is only slow, raise request_timeout.",
    )
    CONNECT = (
        "connect",
        "no connection",
        "Check the url (http or https, host, port), and that this machine can reach it. If it can only do so through a proxy, set proxy_url.",
    )
    TLS = (
        "tls",
        "no trusted TLS connection",
        "If the certificate is self-signed or from a private authority, set tls_config.ca_file.",
    )
    HTTP = (
        "http",
        "HTTP error",
        "Check that the url leads to the platform itself. If it does, read its log, or that of the proxy in front of it.",
    )
    AUTH = (
        "auth",
        "login or token refused",
        "Check that the secret or the token belongs to this tenant, and that it may use the platform's API.",
    )
    API = (
        "api",
        "error of the platform",
        "The platform reports an error of its own. Try again later; if it stays, ask the platform's administrator.",
    )
    INVALID = (
        "invalid",
        "unusable answer",
        "Check that the url leads to the platform itself, and not to a login page or a proxy in front of it.",
    )
