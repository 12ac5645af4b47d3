"""Every failure comes with something to try."""

from typing import get_args

import pytest

from exporter.commands.advice import advice
from exporter.upstream.errors import CircuitOpen, Reason, UpstreamError


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason(reason: Reason) -> None:
    """With or without an error code or a status that is not known."""
    words = {
        advice(error)
        for error in (
            UpstreamError(reason, "x"),
            UpstreamError(reason, "x", code=1, status=599),
            CircuitOpen(reason, "x", code=200800002),
        )
    }

    assert 1 == len(words)
    assert all(words)


@pytest.mark.parametrize(
    "error, words",
    [
        (UpstreamError("auth", "x", code=200800002, status=401), "Correct the secret"),
        (UpstreamError("auth", "x", code=200800003), "unlocked by the platform's administrator"),
        (UpstreamError("tls", "x"), "tls_config.ca_file"),
        (UpstreamError("http", "x", status=429), "lower requests_per_second"),
    ],
)
def test_the_most_telling_fact_decides(error: UpstreamError, words: str) -> None:
    """The platform's code before the HTTP status, and that before the reason."""
    assert words in advice(error)
