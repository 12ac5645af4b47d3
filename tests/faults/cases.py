"""The failures between the exporter and a platform, and what a user sees of them: the tables of docs/reliability.md."""

from dataclasses import dataclass
from typing import Final

from exporter.simulator.faults import Fault
from harness import faults

PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Case:
    """A fault of the answers to one bot, its reason, the number of requests in a poll, and the text in the log and on the pages."""

    what: str
    fault: Fault
    reason: str
    requests: int
    says: str
    code: int | None = None


def _status(what: str, status: int, requests: int, *, reason: str = "http", says: str = "", **headers: str) -> Case:
    fault = faults.HttpStatus(status, {name.replace("_", "-"): value for name, value in headers.items()})
    return Case(what, fault, reason, requests, f"HTTP status {status}{says}")


def _code(code: int, meaning: str, reason: str, requests: int) -> tuple[Case, Case]:
    what, says = f"errorCode `{code}`, number or text: {meaning}", f"the platform's error {code}: {meaning}"
    number, text = faults.ErrorCode(code, meaning), faults.ErrorCode(str(code), meaning)
    return Case(what, number, reason, requests, says, code), Case(what, text, reason, requests, says, code)


def _body(what: str, fault: Fault, says: str) -> Case:
    return Case(what, fault, "invalid", 1, says)


CASES: Final = (
    Case("no answer", faults.Hang(), "timeout", 3, "no answer within 30 s, retries included"),
    Case("stops in the headers", faults.Hang("headers"), "timeout", 3, "no answer within 30 s, retries included"),
    Case("stops in the body", faults.Hang("body"), "timeout", 3, "no answer within 30 s, retries included"),
    Case("one byte a second", faults.Drip(1.0), "timeout", 3, "no answer within 30 s, retries included"),
    Case("connection reset", faults.Reset(), "connect", 3, "the connection was lost: Connection reset by peer"),
    Case("connection closed", faults.Close(), "connect", 3, "the connection was closed before the answer"),
    Case(
        "connection closed in the body",
        faults.Truncated(announced=True),
        "connect",
        3,
        "the connection was lost in the middle of the answer",
    ),
    _status("HTTP 400", 400, 1),
    _status("HTTP 403", 403, 1, reason="auth"),
    _status("HTTP 404", 404, 1),
    _status("HTTP 429", 429, 3),
    _status("HTTP 429, `Retry-After: 2`", 429, 3, Retry_After="2"),
    _status("HTTP 429, `Retry-After: 600`", 429, 1, Retry_After="600"),
    _status("HTTP 500", 500, 3),
    Case(
        "HTTP 502 with an HTML page",
        faults.HttpStatus(502, {"Content-Type": "text/html"}, PAGE),
        "http",
        3,
        "HTTP status 502",
    ),
    _status("HTTP 503", 503, 3),
    _status("HTTP 503, `Retry-After: 2`", 503, 3, Retry_After="2"),
    _status("HTTP 503, `Retry-After: 600`", 503, 1, Retry_After="600"),
    *_code(10000001, "internal error", "api", 3),
    *_code(200900002, "internal error", "api", 3),
    *_code(10000002, "bad parameter", "api", 1),
    *_code(10000003, "missing parameter", "api", 1),
    *_code(200900003, "bad or missing parameter", "api", 1),
    *_code(200800001, "key does not exist", "auth", 1),
    *_code(200800002, "key wrong", "auth", 1),
    *_code(200800003, "account locked", "auth", 1),
    *_code(424242, "any other", "api", 1),
    _body("the array inside an object", faults.Wrapped(), "the answer is an object, not an array"),
    _body("an empty body", faults.EMPTY_BODY, "the answer is empty"),
    _body("`null`", faults.NULL_BODY, "the answer is null, not an array"),
    _body("an HTML page with HTTP 200", faults.Body(PAGE), "the answer is HTML or XML, not JSON"),
    _body("half of the JSON", faults.Truncated(), "the answer is not JSON: "),
    _body("100,000 nested arrays", faults.deep_nesting(), "the answer is nested too deeply"),
    _body("invalid UTF-8", faults.INVALID_UTF8, "the answer is not UTF-8"),
    _body("100 MB", faults.HugeBody(100_000_000), "the answer has more than 8 MiB"),
    _body("a gzip bomb of 100 MB", faults.GzipBomb(100_000_000), "the answer has more than 8 MiB"),
    _body(
        "`Content-Encoding: gzip` on plain JSON",
        faults.Body(b"[]", {"Content-Encoding": "gzip"}),
        "the answer cannot be decompressed",
    ),
)


@dataclass(frozen=True)
class Outage:
    """An outage of the whole platform, its reason, and the text in the log and on the pages."""

    what: str
    reason: str
    says: str


REFUSED: Final = Outage("connections are refused", "connect", "cannot connect: Connection refused")
HALF_OPEN: Final = Outage("connections are accepted and never answered", "timeout", "no complete answer within 10 s")
RESET: Final = Outage("connections are reset", "connect", "the connection was lost: Connection reset by peer")
GARBAGE: Final = Outage("something that is not HTTP", "http", "the answer is not HTTP")
NO_DNS: Final = Outage(
    "the host name does not resolve", "connect", "the host name cannot be resolved: Name or service not known"
)
UNAVAILABLE: Final = Outage("HTTP 503 for every request", "http", "HTTP status 503")
EXPIRED: Final = Outage("an expired certificate", "tls", "the certificate is not trusted: certificate has expired")
SELF_SIGNED: Final = Outage(
    "a certificate that is self-signed, or of an unknown authority", "tls", "the certificate is not trusted: "
)
OTHER_NAME: Final = Outage("a certificate for another name", "tls", "the certificate is not trusted: ")
NO_TLS: Final = Outage("plain HTTP on a TLS port", "tls", "no TLS connection: ")
TLS_CLOSED: Final = Outage(
    "a TLS handshake that is broken off", "tls", "the connection was closed during the TLS handshake"
)
TLS_HANGS: Final = Outage("a TLS handshake that never ends", "timeout", "no complete answer within 10 s")

OUTAGES: Final = (
    REFUSED,
    HALF_OPEN,
    RESET,
    GARBAGE,
    NO_DNS,
    UNAVAILABLE,
    EXPIRED,
    SELF_SIGNED,
    OTHER_NAME,
    NO_TLS,
    TLS_CLOSED,
    TLS_HANGS,
)
