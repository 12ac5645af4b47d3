"""The parser of a report's records."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.reports import (
    CHATBOT,
    DAY,
    HOUR,
    MAX_COUNT,
    REPORTS,
    Kind,
    Parsed,
    Record,
    Value,
    parse,
)
from harness.records import make_record, make_row, read_field

# The vendor's own example, byte for byte.
DOCUMENTED = """\
[{"recordTime": 1628820000000, "tenantId": "202104237142", "accessCode": "943370855474270208", "callCount": 1,
  "exitNoConsultCount": 0, "callStaffNoConsultCount": 0, "callStaffConsultCount": 0, "exitConsultingCount": 1,
  "interactCount": 2, "autonomyRate": "1.0000", "averageInteractPerCall": "2.00", "dbRecordTime": 1628820000000,
  "type": "hour", "interfaceRequestCount": 0, "interfaceSuccessCount": 0, "interfaceSuccessRate": "-1.0000"}]
"""
TENANT = "202104237142"
BOT = "943370855474270208"


def row(**changes: object) -> dict[str, Any]:
    """Return the documented record with changes, and 0 in fields that were documented later."""
    documented: dict[str, Any] = json.loads(DOCUMENTED)[0]
    return make_row(HOUR, 0) | documented | changes


def parsed(*rows: object) -> Parsed:
    """Parse an answer."""
    return parse(HOUR, rows, tenant_id=TENANT, access_code=BOT)


def value(of: Record, field: str) -> Value:
    """Return a field of a record."""
    return read_field(HOUR, of.values, field)


def found(result: Parsed) -> list[tuple[str, str]]:
    """Return the anomalies without their details."""
    return [(anomaly.kind, anomaly.where) for anomaly in result.anomalies]


def test_the_documented_requests() -> None:
    """Each report is asked for with the path and the body of the vendor's interface reference, and has a title."""
    assert [(report.title, report.path, report.request("t", "b", 1.5)) for report in REPORTS.values()] == [
        (title, path, {"type": type_, "tenantId": "t", "accessCode": "b", "timestamp": 1500})
        for title, path, type_ in (
            ("Calls by hour", "queryCallStatisticsReport", "hour"),
            ("Calls by day", "queryCallStatisticsReport", "day"),
            ("Replies by hour", "queryChatbotReport", "hour"),
        )
    ]


def test_the_documented_record() -> None:
    """Every value of the vendor's example is read; its ratio of -1 is None."""
    (record,), anomalies = parsed(*json.loads(DOCUMENTED))

    expected = make_record(
        HOUR,
        1628820000,
        default=None,
        stored=1628820000,
        callCount=1,
        exitNoConsultCount=0,
        callStaffNoConsultCount=0,
        callStaffConsultCount=0,
        exitConsultingCount=1,
        interactCount=2,
        averageInteractPerCall=2.0,
        autonomyRate=1.0,
        interfaceRequestCount=0,
        interfaceSuccessCount=0,
    )
    assert expected == record
    assert {"missing_field"} >= {anomaly.kind for anomaly in anomalies}


def test_a_record_of_the_chatbots_report() -> None:
    """Every documented field is read; a ratio of -1 is None."""
    answer = {
        "recordTime": 1628820000000,
        "tenantId": TENANT,
        "accessCode": BOT,
        "type": "hour",
        "consultCount": 40,
        "responseSuccessCount": "37",
        "unknowCount": 3,
        "responseRate": "0.9250",
        "feedbackCount": 0,
        "positiveFeedbackCount": 0,
        "positiveFeedbackRate": "-1.0000",
    }

    (record,), anomalies = parse(CHATBOT, [answer], tenant_id=TENANT, access_code=BOT)

    expected = make_record(
        CHATBOT,
        1628820000,
        default=None,
        consultCount=40,
        responseSuccessCount=37,
        unknowCount=3,
        responseRate=0.925,
        feedbackCount=0,
        positiveFeedbackCount=0,
    )
    assert expected == record
    assert {"missing_field"} >= {anomaly.kind for anomaly in anomalies}


def test_a_record_of_an_hour_is_not_one_of_a_day() -> None:
    """If a platform mixes hours and days, no hour counts as a day."""
    hour, day = row(), row(type="day")

    assert [("foreign_record", "recordTime=1628820000000 type='hour'")] == found(
        parse(DAY, [hour, day], tenant_id=TENANT, access_code=BOT)
    )


def test_reports_are_asked_for_no_more_often_than_they_change() -> None:
    """The report by day is requested at most every ten minutes, by hour as often as configured."""
    assert {"hour": 0, "day": 600, "chatbot": 0} == {name: report.min_interval for name, report in REPORTS.items()}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        ("7", 7),
        ("0", 0),
        (" 7 ", 7),
        ("7.0", 7),
        ("7e2", 700),
        (MAX_COUNT, MAX_COUNT),
        (str(MAX_COUNT), MAX_COUNT),
    ],
)
def test_counts_come_as_numbers_or_numeric_text(raw: object, expected: int) -> None:
    """Numbers and numeric text are the same count."""
    (record,), anomalies = parsed(row(callCount=raw))

    assert expected == value(record, "callCount")
    assert isinstance(value(record, "callCount"), int)
    assert [] == anomalies


@pytest.mark.parametrize(
    "raw",
    [
        None,
        -1,
        "-1",
        3.5,
        "3.5",
        True,
        False,
        "",
        " ",
        "seven",
        "1_000",
        "1,000",
        "0x10",
        "٣",
        "NaN",
        "Infinity",
        "-1.0000",
        float("nan"),
        float("inf"),
        MAX_COUNT + 1,
        10**400,
        "9" * 400,
        "9" * 5000,
        "1e309",
        "1e999999999",
        [],
        [1],
        {},
        {"a": 1},
    ],
)
def test_any_other_count_is_lost_alone(raw: object) -> None:
    """The bad field is absent and an anomaly; the rest of the record is read."""
    (record,), anomalies = parsed(row(callCount=raw))

    assert value(record, "callCount") is None
    assert 2 == value(record, "interactCount")
    assert [("invalid_field", "recordTime=1628820000000 callCount")] == found(Parsed([], anomalies))


@pytest.mark.parametrize(
    ("field", "raw", "expected", "valid"),
    [
        ("autonomyRate", "0.8125", 0.8125, True),
        ("autonomyRate", 1, 1, True),
        ("autonomyRate", "-0.0000", 0, True),
        ("autonomyRate", "-1.000", None, True),
        ("autonomyRate", "-1.0000", None, True),
        ("autonomyRate", -1, None, True),
        ("autonomyRate", "1.0001", None, False),
        ("autonomyRate", "85.00", None, False),
        ("autonomyRate", "-0.5", None, False),
        ("autonomyRate", "85%", 0.85, True),
        ("autonomyRate", "98.5 %", 0.985, True),
        ("autonomyRate", "1.1%", 0.011, True),
        ("autonomyRate", "-100%", None, True),
        ("autonomyRate", "101%", None, False),
        ("autonomyRate", "%", None, False),
        ("autonomyRate", None, None, True),
        ("autonomyRate", "", None, True),
        ("autonomyRate", " -- ", None, True),
        ("autonomyRate", "none", None, False),
        ("autonomyRate", [], None, False),
        ("averageInteractPerCall", None, None, True),
        ("averageInteractPerCall", "--", None, True),
        ("averageInteractPerCall", "85%", None, False),
        ("averageInteractPerCall", "12.34", 12.34, True),
        ("averageInteractPerCall", "-1.00", None, False),
        ("averageInteractPerCall", "NaN", None, False),
    ],
)
def test_rates_and_means(field: str, raw: object, expected: float | None, *, valid: bool) -> None:
    """A ratio is 0 to 1, or -1 for a ratio of nothing; a mean is 0 or more. Null, "" and "--" are nothing, too."""
    (record,), anomalies = parsed(row(**{field: raw}))

    assert expected == value(record, field)
    assert not str(value(record, field)).startswith("-")
    assert valid == (not anomalies)


@pytest.mark.parametrize("raw", ["1,234", "12,345,678", "1 234", "1'234", "1，234", "1_234"])
def test_thousands_separators(raw: str) -> None:
    """A count with separators is not read, since 1,234 is 1.234 elsewhere; the anomaly says what it is."""
    (record,), (anomaly,) = parsed(row(callCount=raw))

    assert None is value(record, "callCount")
    assert ("invalid_field", f"{raw!r}, a number with thousands separators") == (anomaly.kind, anomaly.detail)


@pytest.mark.parametrize("raw", [None, "", "--", "12%"])
def test_a_count_is_not_nothing(raw: object) -> None:
    """A count is always known; only rates and means may have nothing to measure."""
    assert ["invalid_field"] == [anomaly.kind for anomaly in parsed(row(callCount=raw)).anomalies]


def test_a_field_that_one_record_lacks_is_absent() -> None:
    """Its other records show that the platform knows the field."""
    shorter = row()
    del shorter["interfaceRequestCount"]

    (record, _), anomalies = parsed(shorter, row(recordTime=1628823600000))

    assert value(record, "interfaceRequestCount") is None
    assert [] == anomalies


def test_a_field_that_no_record_has_is_reported_once() -> None:
    """A renamed field is reported with the unknown field that may be its new name."""
    renamed = [row(recordTime=1_628_820_000_000 + hour * 3_600_000, totalCalls=7) for hour in range(3)]
    for record in renamed:
        del record["callCount"], record["interactCount"]

    records, anomalies = parsed(*renamed)

    assert [None] * 3 == [value(record, "callCount") for record in records]
    assert [
        ("missing_field", "callCount", "missing: callCount, interactCount; unknown: totalCalls"),
        ("missing_field", "interactCount", "missing: callCount, interactCount; unknown: totalCalls"),
        ("unknown_field", "totalCalls", ""),
    ] == [(anomaly.kind, anomaly.where, anomaly.detail) for anomaly in anomalies]


def test_a_report_without_usable_records_lacks_no_field() -> None:
    """An empty report, and one of another bot's records, say nothing about the fields."""
    assert [] == parsed().anomalies
    assert ["foreign_record"] == [anomaly.kind for anomaly in parsed({**row(), "accessCode": "b2"}).anomalies]


def test_unknown_fields_are_named_once() -> None:
    """A new field of the vendor is reported once, however many records have it."""
    assert [("unknown_field", "mood")] == found(parsed(row(mood=1), row(mood=2, recordTime=1628823600000)))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        "text",
        [],
        [row()],
        {},
        row(recordTime=None),
        row(recordTime="soon"),
        row(recordTime=-1),
        row(recordTime=1e30),
        row(recordTime=float("nan")),
        row(recordTime=[1]),
    ],
)
def test_a_bad_record_is_lost_alone(bad: object) -> None:
    """The other records of the report are read."""
    records, anomalies = parsed(bad, row())

    assert 1 == len(records)
    assert ["invalid_record"] == [anomaly.kind for anomaly in anomalies]


@pytest.mark.parametrize(
    "changes", [{"tenantId": "other"}, {"accessCode": "other"}, {"type": "day"}, {"accessCode": ["x"]}]
)
def test_records_of_others_are_skipped(changes: dict[str, object]) -> None:
    """Records of another tenant, bot or report are skipped."""
    records, anomalies = parsed(row(**changes))

    assert [] == records
    assert ["foreign_record"] == [anomaly.kind for anomaly in anomalies]


def test_identifiers_may_be_numbers() -> None:
    """A number counts like its text; a missing identifier is accepted, since the request was for this bot."""
    number = row(tenantId=int(TENANT), accessCode=int(BOT))
    without = {name: raw for name, raw in row().items() if name not in ("tenantId", "accessCode", "type")}

    assert ([], []) == (parsed(number).anomalies, parsed(without).anomalies)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (1628820000000, 1628820000),
        ("1628820000000", 1628820000),
        ("2021-08-13T02:00:00Z", 1628820000),
        ("2021-08-13 10:00:00+08:00", 1628820000),
        ("2021-08-13 02:00:00", 1628820000),
        (None, float("-inf")),
        ("yesterday", float("-inf")),
        ([], float("-inf")),
    ],
)
def test_the_time_of_storing_comes_in_any_form(raw: object, expected: float) -> None:
    """An unknown form is not an anomaly, since the time only decides between duplicates."""
    (record,), anomalies = parsed(row(dbRecordTime=raw))

    assert expected == record.stored
    assert [] == anomalies


def test_a_time_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time zone of this machine does not matter."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        (record,), _ = parsed(row(dbRecordTime="2021-08-13 02:00:00"))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert 1628820000 == record.stored


def test_the_first_and_the_last_record_time() -> None:
    """A record of the year 2000 is read; an earlier one is not, nor one whose day has no next day."""
    first, last = 946_684_800_000, 253_402_127_999_999

    assert [first / 1000, last / 1000] == [
        record.start for record in parsed(row(recordTime=first), row(recordTime=last)).records
    ]
    assert ["invalid_record"] * 3 == [
        anomaly.kind
        for anomaly in parsed(row(recordTime=0), row(recordTime=first - 1), row(recordTime=last + 1)).anomalies
    ]


@pytest.mark.parametrize(
    ("time", "detail"),
    [
        (1628820000, "seconds instead of milliseconds"),
        ("1628820000", "seconds instead of milliseconds"),
        (1628820000000000, "microseconds instead of milliseconds"),
        (0, ""),
        (None, ""),
        ("2021-08-13", ""),
    ],
)
def test_the_unit_of_a_record_time(time: object, detail: str) -> None:
    """A time in another unit would be in 1970, or far in the future."""
    records, (anomaly,) = parsed(row(recordTime=time))

    assert ([], "invalid_record", detail) == (records, anomaly.kind, anomaly.detail)


def test_a_long_value_is_not_quoted() -> None:
    """A log line has up to 80 characters of a value, quotes included, and else only its length."""
    anomalies = parsed(row(callCount="x" * 78), row(callCount="x" * 79)).anomalies

    assert [f"'{'x' * 78}'", "a text of 81 characters"] == [anomaly.detail for anomaly in anomalies]


def test_another_bad_value_is_the_same_anomaly() -> None:
    """A value that changes with every poll is counted and logged once."""
    assert parsed(row(callCount="many")).anomalies == parsed(row(callCount="few")).anomalies


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(sorted(HOUR.known))
_ROWS = st.lists(_JSON | st.dictionaries(_FIELDS, _JSON, max_size=16).map(lambda changes: row(**changes)), max_size=4)


@given(rows=_ROWS)
def test_any_answer_is_parsed(rows: list[object]) -> None:
    """For any input, values are in range and every lost record has an anomaly."""
    records, anomalies = parsed(*rows)

    assert {anomaly.kind for anomaly in anomalies} <= set(AnomalyKind)
    lost = sum(anomaly.kind in ("invalid_record", "foreign_record") for anomaly in anomalies)
    assert len(rows) == len(records) + lost
    for record in records:
        for field, number in zip(HOUR.fields, record.values, strict=True):
            assert number is None or 0 <= number <= (1 if field.kind is Kind.RATIO else MAX_COUNT)


@pytest.mark.parametrize("secret", ["tok-4f1d9a7e", "pa\"ss\\wo'rd\n", "48151623"])
@pytest.mark.parametrize(
    "repeated",
    [
        lambda secret: secret,
        lambda secret: {"recordTime": f"x{secret}"},
        lambda secret: row(accessCode=secret),
        lambda secret: row(callCount=f"x{secret}"),
        lambda secret: row(callCount=-int(secret)) if secret.isdigit() else row(callCount=f"{secret * 2}x"),
        lambda secret: row(**{secret: 1}),
        lambda secret: row(autonomyRate=f"{'x' * 70}{secret}{'x' * 70}"),
    ],
)
def test_a_secret_that_the_platform_repeats_is_redacted(repeated: Callable[[str], object], secret: str) -> None:
    """The secret is redacted however it is quoted, and in a long text."""
    _, anomalies = parse(
        HOUR,
        [repeated(secret)],
        tenant_id=TENANT,
        access_code=BOT,
        redact=lambda text: text.replace(secret, "<secret>"),
    )

    assert 1 == len(anomalies)
    assert not [part for part in (secret, secret[:4]) if part in str(anomalies)]


@pytest.mark.parametrize(("raw", "shown"), [([1], "an array"), ({"a": 1}, "an object"), (None, "None"), (True, "True")])
def test_the_inside_of_a_container_is_not_quoted(raw: object, shown: str) -> None:
    """It may be endless."""
    (anomaly,) = parsed(row(callCount=raw)).anomalies

    assert shown == anomaly.detail
