import json
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.upstream.answer import describe_shape, explain, judge_body, judge_status, parse_http_date, redact, to_utf8
from exporter.upstream.errors import UpstreamError

NOW = 1_628_823_600.0


def _refusal(body: bytes, expect: type = object, secrets: tuple[str, ...] = ()) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        judge_body(body, expect, secrets)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success(status: int) -> None:
    """After an HTTP status of success, the body decides."""
    assert judge_status(status, None, NOW, with_token=True) is None


@pytest.mark.parametrize(
    "status,reason,transient,unreachable",
    [
        (301, "http", False, False),
        (304, "http", False, False),
        (400, "http", False, False),
        (401, "auth", False, False),
        (403, "auth", False, False),
        (404, "http", False, False),
        (429, "http", True, False),
        (500, "http", True, True),
        (502, "http", True, True),
        (503, "http", True, True),
        (599, "http", True, True),
    ],
)
def test_http_status(status: int, reason: str, *, transient: bool, unreachable: bool) -> None:
    """Each HTTP status has its reason, and decides whether a repetition may help."""
    error = judge_status(status, None, NOW, with_token=True)
    assert error
    assert f"HTTP status {status}" in str(error)
    assert (reason, status, transient, unreachable) == (
        error.reason,
        error.status,
        error.transient,
        error.unreachable,
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_without_a_token_says_nothing_about_the_account(status: int) -> None:
    """A firewall in front of the platform may answer so to every secret; only the platform's own code counts."""
    error = judge_status(status, None, NOW, with_token=False)
    assert error
    assert "http" == error.reason
    assert "auth" == explain(error, b'{"errorCode": 200800002}', ()).reason


def test_a_token_that_may_not_have_a_report_is_no_wrong_secret() -> None:
    """The advice names the rights of the account and the gateways on the way."""
    error = judge_status(403, None, NOW, with_token=True)
    assert error
    assert "may use the API" in str(error.advice)
    assert "no gateway" in str(error.advice)


@pytest.mark.parametrize("status, told", [(100, False), (301, True), (304, False), (308, True), (400, False)])
def test_redirects_are_told_from_other_statuses(status: int, *, told: bool) -> None:
    """The message about redirects leads to the cause: a proxy or another URL."""
    assert told is ("redirects are not followed" in str(judge_status(status, None, NOW, with_token=True)))


@pytest.mark.parametrize(
    "status,header,expected",
    [
        (429, "7", 7),
        (503, " 0 ", 0),
        (503, "Fri, 13 Aug 2021 03:00:30 GMT", 30),
        (503, "Fri, 13 Aug 2021 02:00:00 GMT", 0),
        (429, "999999999", 3600),
        (429, "Fri, 13 Aug 2100 03:00:30 GMT", 3600),
        (429, "-5", 0),
        (429, "soon", None),
        (429, "9" * 5000, None),
        (429, "", None),
        (429, None, None),
        (500, "7", None),
        (404, "7", None),
    ],
)
def test_retry_after(status: int, header: str | None, expected: float | None) -> None:
    """Retry-After can be seconds or a date, is limited, and counts with 429 and 503."""
    error = judge_status(status, header, NOW, with_token=True)
    assert error
    assert expected == error.retry_after


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b'{"errorCode": 200800002, "errorMsg": "wrong"}', ("auth", 401, 200800002)),
        (400, b'{"errorCode": "200800003"}', ("auth", 400, 200800003)),
        (400, b'{"errorCode": 10000002}', ("http", 400, 10000002)),
        (403, b'{"errorCode": 10000002}', ("auth", 403, 10000002)),
        (403, b'{"errorCode": 0}', ("auth", 403, None)),
        (401, b"<html>", ("auth", 401, None)),
        (401, b"", ("auth", 401, None)),
        (401, b"[]", ("auth", 401, None)),
    ],
)
def test_a_refusal_may_explain_itself(status: int, body: bytes, expected: tuple[str, int, int | None]) -> None:
    """A platform that answers a wrong secret with a status instead of 200 still has its error code."""
    refusal = judge_status(status, None, NOW, with_token=True)
    assert refusal

    error = explain(refusal, body, ())

    assert expected == (error.reason, error.status, error.code)
    assert f"HTTP status {status}" in str(error)


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Fri, 13 Aug 2021 03:00:00 GMT", NOW),
        ("Fri, 13 Aug 2021 11:00:00 +0800", NOW),
        ("Fri, 13 Aug 2021 03:00:00 -0000", NOW),
        ("", None),
        ("yesterday", None),
        ("Fri, 99 Aug 2021 03:00:00 GMT", None),
        ("Fri, 13 Aug 2021 03:00:00 +9999999999", None),
    ],
)
def test_http_date(text: str, expected: float | None) -> None:
    """An invalid date is None, not an error."""
    assert expected == parse_http_date(text)


@given(st.text() | st.from_regex(r"\w{3}, \d{1,4} \w{3} \d{1,6} [\d:.]{1,12} .{0,9}", fullmatch=True))
def test_any_date(text: str) -> None:
    """Any text in the header Date is a date or None."""
    assert isinstance(parse_http_date(text), float | None)


@pytest.mark.parametrize(
    "body,expected",
    [
        (b"[]", []),
        (b' [{"callCount": 1}] ', [{"callCount": 1}]),
        (b"\xef\xbb\xbf[]", []),
        (b'{"errorCode": 0, "total": 1}', {"errorCode": 0, "total": 1}),
        (b'{"errorCode": "0"}', {"errorCode": "0"}),
        (b'{"errorCode": null}', {"errorCode": None}),
        (b'{"errorCode": ""}', {"errorCode": ""}),
        (b'{"errorCode": " "}', {"errorCode": " "}),
        (b'{"errorMsg": "fine"}', {"errorMsg": "fine"}),
        (b'{"errorCode": 900001, "errorCode": 0}', {"errorCode": 0}),
        (b'[{"errorCode": 900001}]', [{"errorCode": 900001}]),
    ],
)
def test_good_answers(body: bytes, expected: object) -> None:
    """An array, or an object without an error code, is an answer."""
    assert expected == judge_body(body, object, ())


def test_number_literals_that_are_not_json() -> None:
    """The parser of the report judges NaN: one bad field does not lose the record."""
    answer = judge_body(b'[{"a": NaN, "b": -Infinity, "c": 1e999}]', list, ())
    assert isinstance(answer, list)
    assert ["nan", "-inf", "inf"] == [str(value) for value in answer[0].values()]


@pytest.mark.parametrize(
    "body,message",
    [
        (b"", "the answer is empty"),
        (b" \r\n", "the answer is empty"),
        (b"null", "the answer is null, not an array or an object"),
        (b"7", "the answer is a number, not an array or an object"),
        (b"true", "the answer is a boolean, not an array or an object"),
        (b'"ok"', "the answer is a string, not an array or an object"),
        (b'[{"callCount": 1}', "the answer is not JSON: Expecting ',' delimiter at character 17"),
        (b" <html>502 Bad Gateway</html>", "the answer is HTML or XML, not JSON"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><error/>", "the answer is HTML or XML, not JSON"),
        (b"OK", "the answer is not JSON: Expecting value at character 0"),
        (b'["\xff"]', "the answer is not UTF-8"),
        (b"[" * 1_000_000, "the answer is nested too deeply"),
        (b'{"a":' * 1_000_000, "the answer is nested too deeply"),
        (b"[" + b"9" * 100_000 + b"]", "the answer is not JSON: a number has too many digits"),
        (b'{"errorCode": "E1"}', "the answer's errorCode is not a number"),
        (b'{"errorCode": true}', "the answer's errorCode is not a number"),
        (b'{"errorCode": 1.5}', "the answer's errorCode is not a number"),
        (b'{"errorCode": NaN}', "the answer's errorCode is not a number"),
        (b'{"errorCode": {}}', "the answer's errorCode is not a number"),
        (b'{"errorCode": ' + b"9" * 4000 + b"}", "the answer's errorCode is not a number"),
    ],
)
def test_unusable_answers(body: bytes, message: str) -> None:
    """Anything but a JSON array or object is invalid; the message says why without quoting it."""
    error = _refusal(body)
    assert ("invalid", message) == (error.reason, str(error))
    assert (error.__cause__, error.__context__) == (None, None)


def test_an_encoding_that_nobody_knows_is_reported_to_the_developers() -> None:
    """The advice says how."""
    assert "report it to the exporter's developers" in str(_refusal(b'["\xff"]').advice)


@pytest.mark.parametrize(
    ("answer", "expect", "says", "shape"),
    [
        (
            {"returnCode": "0", "data": [{"callCount": 7, "autonomyRate": "1.0", "x": None}] * 24},
            list,
            "the answer is an object, not an array; its keys: returnCode, data",
            "{returnCode: text, data: [24 x {callCount: number, autonomyRate: text, x: null}]}",
        ),
        (
            {"result": {"data": [], "ok": True}},
            list,
            "the answer is an object, not an array; its keys: result (data, ok)",
            "{result: {data: [], ok: true or false}}",
        ),
        (
            {"x" * 41: 1, "a\nb": {}, "s3cret": 2},
            list,
            "the answer is an object, not an array; its keys: a key of 41 characters, a key of 3 characters, <secret>",
            "{a key of 41 characters: number, a key of 3 characters: {}, <secret>: number}",
        ),
        ({}, list, "the answer is an object, not an array", None),
        ([1], dict, "the answer is an array, not an object", None),
    ],
)
def test_the_form_of_an_unusable_answer(answer: object, expect: type, says: str, shape: str | None) -> None:
    """The keys lead to the cause; values, and texts that may hold anything, are not repeated."""
    error = _refusal(json.dumps(answer).encode(), expect, ("s3cret",))

    assert (says, shape) == (str(error), error.shape)
    assert (shape is None) == (error.advice is None)


def test_a_large_form_is_shortened() -> None:
    """It stays readable on a terminal."""
    deep: object = 1
    for _ in range(100):
        deep = {"a": deep}

    shape = describe_shape({"deep": [deep], **{f"k{number}": 0 for number in range(100)}})

    assert shape.startswith("{deep: [1 x {a: {a: {a: ...}}}], k0: number,")
    assert shape.endswith("k18: number, ...}")


TEXT = '[{"name": "计费机器人"}]'


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", ""),
        ("utf-8", "application/json; charset=ISO-8859-1"),  # Tomcat's default, whatever is sent
        ("utf-8", "application/json; charset=nonsense"),
        ("utf-8-sig", "application/json"),
        ("gbk", "application/json;charset=GBK"),
        ("gbk", "application/json; charset='gb2312'"),
        ("gb18030", 'application/json; Charset = "GB18030"'),
        ("utf-16", "application/json"),
        ("utf-16-le", "application/json;charset=UTF-16LE"),
        ("utf-16-be", "application/json;charset=UTF-16"),
        ("utf-32", ""),
    ],
)
def test_encodings(encoding: str, content_type: str) -> None:
    """JSON is read in the encodings that a platform may use."""
    assert json.loads(TEXT) == judge_body(to_utf8(TEXT.encode(encoding), content_type), list, ())


@given(st.binary(max_size=50), st.sampled_from(["", "charset=gbk", "charset=utf-16"]))
def test_any_encoding(body: bytes, content_type: str) -> None:
    """What is in no encoding stays as it came, and is invalid."""
    with suppress(UpstreamError):
        judge_body(to_utf8(body, content_type), object, ())


@pytest.mark.parametrize("body,expect", [(b"{}", list), (b"[]", dict), (b"null", list)])
def test_another_type_than_expected(body: bytes, expect: type) -> None:
    """An object instead of an array is invalid."""
    assert _refusal(body, expect).reason == "invalid"


@pytest.mark.parametrize(
    "code,reason,token_refused,transient",
    [
        (900001, "auth", True, False),
        (900002, "auth", True, False),
        (200800001, "auth", False, False),
        (200800002, "auth", False, False),
        (200800003, "auth", False, False),
        (200899999, "auth", False, False),
        (10000001, "api", False, True),
        (200900002, "api", False, True),
        (10000002, "api", False, False),
        (10000003, "api", False, False),
        (200900003, "api", False, False),
        (-1, "api", False, False),
        (42, "api", False, False),
    ],
)
@pytest.mark.parametrize("written", ["{}", '"{}"', '" {} "'])
def test_error_codes(code: int, reason: str, written: str, *, token_refused: bool, transient: bool) -> None:
    """Every error code, as number or text, has its reason, and decides what may help."""
    error = _refusal(b'{"errorCode": %s, "errorMsg": ""}' % written.format(code).encode(), list)
    assert (reason, code, token_refused, transient) == (error.reason, error.code, error.token_refused, error.transient)
    assert f"the platform's error {code}" == str(error)


def test_error_message_is_quoted_with_care() -> None:
    """The platform's message cannot forge log lines, repeat secrets or be very long."""
    message = "wrong: s3cret and s3cret-longer\r\nlevel=error \x1b[31m \u202e" + "x" * 1000
    error = _refusal(json.dumps({"errorCode": 1, "errorMsg": message}).encode(), list, ("s3cret", "s3cret-longer"))
    assert str(error).startswith(
        r"the platform's error 1: wrong: <secret> and <secret>\r\nlevel=error \x1b[31m \u202exxx"
    )
    assert len(str(error)) <= 230
    assert str(error).isprintable()


@pytest.mark.parametrize("message", [None, 7, ["s3cret"], "", "  "])
def test_no_error_message(message: object) -> None:
    """A message that is not text is left out."""
    error = _refusal(json.dumps({"errorCode": 1, "errorMsg": message}).encode())
    assert str(error) == "the platform's error 1"


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.randoms(use_true_random=False))
def test_any_body(body: bytes, rng: random.Random) -> None:
    """Every body is an answer or a failure of the platform."""
    with suppress(UpstreamError):
        assert isinstance(judge_body(body, rng.choice([list, dict, object]), ()), list | dict)


def test_secrets_are_replaced_in_json_too() -> None:
    """Secrets are replaced with their quotes and backslashes escaped, and if one begins like another."""
    secrets = ['pa"ss\\', 'pa"ss\\word', "plain"]
    text = f"{' '.join(secrets)} {json.dumps(secrets)}"

    assert '<secret> <secret> <secret> ["<secret>", "<secret>", "<secret>"]' == redact(secrets, text)
