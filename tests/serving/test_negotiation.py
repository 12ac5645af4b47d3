"""The format and the encoding for a client's headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.serving.negotiation import accepts_gzip, choose_language, prefers_openmetrics

OPENMETRICS = "application/openmetrics-text"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_TEXT_ONLY = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept, expected",
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        (PROMETHEUS_3_PROTOBUF, True),
        (PROMETHEUS_TEXT_ONLY, False),
        (FIREFOX, False),
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("text/plain", False),
        (OPENMETRICS, True),
        (f"{OPENMETRICS}; version=1.0.0; charset=utf-8", True),
        (f'{OPENMETRICS};version="1.0.0"', True),
        (f"{OPENMETRICS};version=0.0.1", True),
        ("Application/OpenMetrics-Text; Version=1.0.0; Q=0.5", True),
        (f"{OPENMETRICS};version=2.0.0", False),
        (f"{OPENMETRICS};version=abc", False),
        (f"{OPENMETRICS};version=", False),
        # what is liked more
        (f"{OPENMETRICS};q=0.4,text/plain;q=0.5", False),
        (f"{OPENMETRICS};q=0.5,text/plain;q=0.4", True),
        (f"{OPENMETRICS};q=0.4,text/plain;version=1.0.0;q=0.5", True),
        (f"{OPENMETRICS};q=0.4,*/*;q=0.5", False),
        (f"{OPENMETRICS};q=0.4,text/*;q=0.5", False),
        # liked alike
        (f"{OPENMETRICS},text/plain", True),
        (f"text/plain,{OPENMETRICS}", False),
        (f"*/*,{OPENMETRICS}", True),
        (f"{OPENMETRICS},*/*", True),
        (f"text/*,{OPENMETRICS}", True),
        (f"text/plain;version=0.0.4,{OPENMETRICS}", False),
        # not wanted
        (f"{OPENMETRICS};q=0", False),
        (f"{OPENMETRICS};q=0.000,*/*", False),
        (f"{OPENMETRICS},text/plain;q=0", True),
        # the most specific range decides
        (f"{OPENMETRICS};version=1.0.0;q=0,{OPENMETRICS}", False),
        (f"{OPENMETRICS};q=0,{OPENMETRICS};version=1.0.0", True),
        (f"{OPENMETRICS};q=0.6,text/plain;version=0.0.4;q=0.5,text/plain", True),
        (f"{OPENMETRICS};q=0.6,text/plain;q=0.5,*/*", True),
        (f"{OPENMETRICS};q=0.6,text/plain;q=0.5,text/*", True),
        (f"{OPENMETRICS};q=0.6,text/*;q=0.5,*/*", True),
        (f"{OPENMETRICS};version=0.0.1;q=0,{OPENMETRICS}", True),
        (f"{OPENMETRICS};version=0.0.1,{OPENMETRICS};q=0", False),
        # nonsense
        (f"{OPENMETRICS};q=many", False),
        (f"{OPENMETRICS};q=-1", False),
        (f"{OPENMETRICS};q=nan", False),
        (f"{OPENMETRICS};q=2", False),
        (f"{OPENMETRICS};q=1.5", False),
        (f"{OPENMETRICS};q=.5,text/plain;q=0.4", True),
        (f"{OPENMETRICS};q=1.000,text/plain;q=0.999", True),
        (f"{OPENMETRICS};q", False),
        (";;;=,,=;q=,", False),
    ],
)
def test_openmetrics_for_clients_that_prefer_it(accept: str, *, expected: bool) -> None:
    """Prometheus gets the format it prefers; all others get text that a person can read."""
    assert expected is prefers_openmetrics(accept)


@pytest.mark.parametrize(
    "accept_encoding, expected",
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("deflate;q=0.5, gzip;q=1.0", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("gzip;q=0.8, identity;q=0.8", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzipped", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("x-gzip;q=0, *", False),
        ("gzip;q=0.1, x-gzip;q=0.9, identity;q=0.5", True),
        ("x-gzip;q=0.5, *;q=0", True),
        ("gzip, *;q=0", True),
        ("*;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=much", False),
    ],
)
def test_gzip_for_clients_that_allow_it(accept_encoding: str, *, expected: bool) -> None:
    """A client that cannot decompress gets plain text."""
    assert expected is accepts_gzip(accept_encoding)


@pytest.mark.parametrize(
    "accept_language, expected",
    [
        ("", "en"),
        ("zh", "zh"),
        ("ZH-tw", "zh"),
        ("zh-Hans-CN,zh;q=0.9", "zh"),
        ("fr", "en"),
        ("fr, zh;q=0.1", "zh"),
        # the one liked more, then the first
        ("en;q=0.5, zh", "zh"),
        ("zh;q=0.5, en", "en"),
        ("en, zh", "en"),
        ("zh, en", "zh"),
        # any other
        ("*", "en"),
        ("en;q=0, *", "zh"),
        ("en;q=0.4, *;q=0.5", "zh"),
        ("zh;q=0.4, *;q=0.5", "en"),
        ("en;q=0.5, zh;q=0.4, *", "en"),
        # not wanted
        ("en;q=0", "en"),
        ("zh;q=0", "en"),
        ("*;q=0", "en"),
    ],
)
def test_the_language_a_reader_prefers(accept_language: str, expected: str) -> None:
    """English unless the browser asks for the other language."""
    assert expected == choose_language(accept_language, ["en", "zh"])


@given(st.text() | st.text("apliction/openmetrics-text*;,=q.01v\"' "))
def test_no_header_is_an_error(header: str) -> None:
    """Every client gets the metrics, whatever it sends."""
    assert prefers_openmetrics(header) in {True, False}
    assert accepts_gzip(header) in {True, False}
