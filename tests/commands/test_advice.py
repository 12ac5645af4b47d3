"""Every error comes with an advice."""

from pathlib import Path

import pytest

from exporter.commands.advice import advise
from exporter.reasons import FailureReason
from exporter.upstream.bindings import IncompleteListing
from exporter.upstream.codes import CODES
from exporter.upstream.errors import CircuitOpen, UpstreamError


@pytest.mark.parametrize("reason", FailureReason)
def test_every_reason(reason: FailureReason) -> None:
    """An unknown code or status does not change the advice."""
    words = {
        advise(error)
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
        (UpstreamError(FailureReason.AUTH, "x", code=200800002, status=401), "Correct the secret"),
        (UpstreamError(FailureReason.AUTH, "x", code=200800001), "docs/where-to-find.md"),
        (UpstreamError(FailureReason.AUTH, "x", code=200800003), "administrator to unlock the account"),
        (UpstreamError(FailureReason.HTTP, "x", status=403), "allow-list"),
        (UpstreamError(FailureReason.AUTH, "x", status=401), "the secret or the token"),
        (UpstreamError(FailureReason.TIMEOUT, "x"), "http or https"),
        (UpstreamError(FailureReason.TLS, "x"), "tls_config.ca_file"),
        (UpstreamError(FailureReason.HTTP, "x", status=429), "lower requests_per_second"),
        (IncompleteListing("x", []), "list the bots under bots"),
    ],
)
def test_the_most_specific_fact_decides(error: UpstreamError, words: str) -> None:
    """The platform's code comes before the HTTP status, and the status before the reason."""
    assert words in advise(error)


@pytest.mark.parametrize("code", CODES)
def test_the_page_explains_every_code(code: int) -> None:
    """In the words of the advice."""
    page = (Path(__file__).parents[2] / "docs" / "where-to-find.md").read_text(encoding="utf-8")

    assert f"| {code} | {CODES[code].meaning} | {CODES[code].advice} |\n" in page
