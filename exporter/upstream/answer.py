"""Judge an answer of the platform: by its HTTP status, then its JSON type, then its errorCode."""

import codecs
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream.errors import CHECK_PROXY_USER, USE_HTTPS, ProxyRefused, UpstreamError, classify_code

_MAX_MESSAGE: Final = 200
_REPORT_FORM: Final = Text(
    "The answer is JSON, but not as the platform documents it; a gateway may have changed it. oifde-exporter query"
    " --explain shows its form without values: report it to the exporter's developers."
)
_REPORT_ENCODING: Final = Text(
    "If the url leads to the platform itself, the platform or a gateway uses an encoding that the exporter does not know:"
    " report it to the exporter's developers, with the file of oifde-exporter query --capture."
)
_CHECK_RIGHTS: Final = Text(
    "The secret is rarely the cause: check that this account may use the API, and that no gateway in front of the"
    " platform blocks the request."
)
_MAX_KEYS: Final = 20
_MAX_KEY: Final = 40
_MAX_DEPTH: Final = 5
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_CHINESE: Final = frozenset({"gbk", "gb2312", "gb18030", "cp936"})
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_WANTS_TLS: Final = (b"HTTPS port", b"requires TLS", b"SSL-enabled server port")
"""How nginx, Tomcat and Apache answer a request without TLS on a port for TLS."""
_MAX_RETRY_AFTER: Final = 3600.0
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_CODE_LIMIT: Final = 10**18
_KINDS: Final[Mapping[type, Text]] = {
    list: Text("an array"),
    dict: Text("an object"),
    str: Text("a string"),
    int: Text("a number"),
    float: Text("a number"),
    bool: Text("a boolean"),
    type(None): Text("null"),
}
_SCALARS: Final[Mapping[type, str]] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    type(None): "null",
}


def judge_status(status: int, retry_after: str | None, now: float, *, with_token: bool) -> UpstreamError | None:
    """Judge an HTTP status.

    Args:
        retry_after: The header Retry-After (RFC 9110, 10.2.3); it counts with 429 and 503.
        now: Epoch seconds; a date in that header is relative to it.
        with_token: A token was sent. Without one, 401 and 403 say nothing about the account: a firewall, an allow-list
            or a proxy may have answered.

    Returns:
        The error (auth, http); None for a success. A redirect is an error, since it is not followed.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if with_token and status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        advice = _CHECK_RIGHTS if status == HTTPStatus.FORBIDDEN else None
        message = Text("HTTP status %(status)s", status=status)
        return UpstreamError(FailureReason.AUTH, message, status=status, advice=advice)
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        message = Text("HTTP status %(status)s", status=status)
        return ProxyRefused(FailureReason.HTTP, message, status=status, advice=CHECK_PROXY_USER)
    if status in _REDIRECTS:
        message = Text("HTTP status %(status)s: redirects are not followed", status=status)
    else:
        message = Text("HTTP status %(status)s", status=status)
    heeded = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    wait = _read_delay(retry_after, now) if heeded and retry_after else None
    return UpstreamError(FailureReason.HTTP, message, status=status, retry_after=wait)


def explain(refusal: UpstreamError, body: bytes, secrets: Iterable[str]) -> UpstreamError:
    """Add what the body says to an HTTP error: the platform's own error, as that a secret is wrong, or that TLS is missing.

    Args:
        refusal: The error that `judge_status` returned.
        body: The answer's body; empty if it was not read.
        secrets: As for `judge_body`.
    """
    try:
        judge_body(body, dict, secrets)
    except UpstreamError as error:
        if error.code is not None:
            reason = FailureReason.AUTH if FailureReason.AUTH in (error.reason, refusal.reason) else refusal.reason
            message = Text("%(refusal)s, %(error)s", refusal=refusal.message, error=error.message)
            return UpstreamError(reason, message, code=error.code, status=refusal.status)
    if any(words in body for words in _WANTS_TLS):
        message = Text("%(refusal)s: the port expects TLS", refusal=refusal.message)
        return UpstreamError(refusal.reason, message, status=refusal.status, advice=USE_HTTPS)
    return refusal


def judge_body(body: bytes, expect: type, secrets: Iterable[str]) -> object:
    """Decode the body of a successful HTTP answer and judge it.

    Args:
        expect: `list` or `dict`, or `object` for either of them.
        secrets: Texts to remove from the platform's own message.

    Returns:
        The JSON array or object.

    Raises:
        UpstreamError: (invalid) the body is something else; (auth, api) it says that the call failed.
    """
    answer = _decode(body)
    if isinstance(answer, dict):
        code = _read_code(answer.get("errorCode"))
        if code:
            quoted = _quote(answer.get("errorMsg"), secrets)
            if quoted:
                message = Text("the platform's error %(code)s: %(message)s", code=code, message=quoted)
            else:
                message = Text("the platform's error %(code)s", code=code)
            raise UpstreamError(classify_code(code), message, code=code)
    if not isinstance(answer, list | dict) or not isinstance(answer, expect):
        wanted = _KINDS.get(expect, Text("an array or an object"))
        problem = Text("the answer is %(kind)s, not %(wanted)s", kind=_KINDS[type(answer)], wanted=wanted)
        raise reject(problem, answer, secrets)
    return answer


def reject(problem: Text, answer: object, secrets: Iterable[str]) -> UpstreamError:
    """Return the error about an answer of another form than expected, with its keys: they lead to the cause."""
    keys = _list_keys(answer, deep=True)
    if not keys:
        return UpstreamError(FailureReason.INVALID, problem)
    message = Text("%(problem)s; its keys: %(keys)s", problem=problem, keys=redact(secrets, keys))
    shape = redact(secrets, describe_shape(answer))
    return UpstreamError(FailureReason.INVALID, message, advice=_REPORT_FORM, shape=shape)


def describe_shape(value: object, depth: int = 0) -> str:
    """Return the keys and the types of a JSON value, without its texts and numbers."""
    if isinstance(value, dict | list) and value and depth == _MAX_DEPTH:
        return "..."
    if isinstance(value, dict):
        pairs = [f"{_name_key(key)}: {describe_shape(value[key], depth + 1)}" for key in list(value)[:_MAX_KEYS]]
        return f"{{{', '.join(pairs)}{', ...' if len(value) > _MAX_KEYS else ''}}}"
    if isinstance(value, list):
        return f"[{len(value)} x {describe_shape(value[0], depth + 1)}]" if value else "[]"
    return _SCALARS[type(value)]


def to_utf8(body: bytes, content_type: str) -> bytes:
    """Return a JSON text in UTF-8; it may be in UTF-16 or UTF-32, or in Chinese if its Content-Type says so."""
    match = _CHARSET.search(content_type)
    charset = "gb18030" if match and match[1].lower() in _CHINESE else json.detect_encoding(body)
    if charset.startswith("utf-8"):
        return body
    try:
        return body.decode(charset).encode()
    except UnicodeError:
        return body


def unzip(body: bytes, limit: int) -> bytes:
    """Return at most ``limit`` bytes of a text that is compressed with gzip, whatever its Content-Encoding."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = unpacker.decompress(body, limit)
    except zlib.error:
        text = None
    if text is None or not (unpacker.eof or unpacker.unconsumed_tail):
        raise UpstreamError(FailureReason.INVALID, Text("the answer cannot be decompressed"))
    return text


def redact(secrets: Iterable[str], text: str) -> str:
    """Replace secrets in a text, also in the form that they have in JSON."""
    forms = {form for secret in secrets for form in (secret, json.dumps(secret, ensure_ascii=False)[1:-1])}
    # The longest first: one secret may be the beginning of another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "<secret>")
    return text


@lru_cache(maxsize=16)  # many answers a second have the same date
def parse_http_date(text: str) -> float | None:
    """Convert an HTTP date to epoch seconds; None if the text is not a date."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _read_delay(retry_after: str, now: float) -> float | None:
    text = retry_after.strip()
    if _INTEGER.fullmatch(text):
        return min(max(0.0, float(text)), _MAX_RETRY_AFTER)
    date = parse_http_date(text)
    return None if date is None else min(max(0.0, date - now), _MAX_RETRY_AFTER)


def _decode(body: bytes) -> object:
    # Raised outside the handlers: an exception of json holds the body, and would be the context of ours.
    advice = None
    try:
        return json.loads(body.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError:
        problem, advice = Text("the answer is not UTF-8"), _REPORT_ENCODING
    except RecursionError:
        problem = Text("the answer is nested too deeply")
    except json.JSONDecodeError as error:
        problem = _name_text(body) or Text(
            "the answer is not JSON: %(what)s at character %(place)s", what=error.msg, place=error.pos
        )
    except ValueError:
        problem = Text("the answer is not JSON: a number has too many digits")
    raise UpstreamError(FailureReason.INVALID, problem, advice=advice)


def _name_text(body: bytes) -> Text | None:
    """Say what a text is that is not JSON; None if that is not obvious."""
    beginning = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"": Text("the answer is empty"), b"<": Text("the answer is HTML or XML, not JSON")}.get(beginning)


def _list_keys(answer: object, *, deep: bool = False) -> str:
    """Return the keys of an object, and those of the objects in it in parentheses; empty for another type."""
    if not isinstance(answer, dict):
        return ""
    names = [_name_key(key) for key in list(answer)[:_MAX_KEYS]]
    if deep:
        inner = [_list_keys(value) for value in list(answer.values())[:_MAX_KEYS]]
        names = [f"{name} ({keys})" if keys else name for name, keys in zip(names, inner, strict=True)]
    return ", ".join([*names, "..."] if len(answer) > _MAX_KEYS else names)


def _name_key(key: str) -> str:
    return key if len(key) <= _MAX_KEY and key.isprintable() else f"a key of {len(key)} characters"


def _read_code(value: object) -> int:
    """Read the errorCode; 0 is success."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if _INTEGER.fullmatch(text) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _CODE_LIMIT:
        return value
    raise UpstreamError(FailureReason.INVALID, Text("the answer's errorCode is not a number"))


def _quote(message: object, secrets: Iterable[str]) -> str:
    if not isinstance(message, str) or not message.strip():
        return ""
    message = redact(secrets, message)
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message[:_MAX_MESSAGE])
    return escaped[:_MAX_MESSAGE]
