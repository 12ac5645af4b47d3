"""``query --explain`` agrees with the metrics page."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from commands.conftest import TENANT, Shell
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from upstream.conftest import FakeClock

from exporter.commands.query_explain import Explanation, FieldFate, RecordFate, explain
from exporter.polling import windows
from exporter.polling.calendar import find_midnight
from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.exposition import Exposition
from exporter.upstream.reports import DAY as DAY_REPORT
from exporter.upstream.reports import HOUR

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
DAY: Final = date(2026, 5, 20)
RULES: Final = windows.Rules(HOUR, SHANGHAI, settle_delay=600, empty_hour_delay=7200)
BOT: Final = BotId("main", "t1", "b1", 'bil"ling', "acme")


def at(hour: float, of: date = DAY) -> float:
    """Return a local time of a date, in epoch seconds."""
    return find_midnight(of, SHANGHAI) + 3600 * hour


def row(hour: float, calls: object = 7, **fields: object) -> dict[str, object]:
    """Return a record as the platform writes it."""
    return {
        "recordTime": round(at(hour) * 1000),
        "tenantId": "t1",
        "accessCode": "b1",
        "type": "hour",
        "callCount": calls,
        "autonomyRate": "0.5000",
        **fields,
    }


def explain_rows(*rows: object, hour: float = 15.5, day: date = DAY) -> Explanation:
    """Explain rows for a local time of the date."""
    return explain(BOT, RULES, day, rows, at(hour))


def fate(record: RecordFate, name: str) -> FieldFate:
    """Return the fate of one field."""
    return next(field for field in record.fields if field.name == name)


def test_the_complete_hour_and_the_newest() -> None:
    """Each field has the samples of the metrics page."""
    complete, newest = explain_rows(row(14), row(15, 3)).records

    labels = r'{tenant_id="t1",access_code="b1",bot="bil\"ling"}'
    assert [f"oifde_hour_calls{labels} 7.0"] == fate(complete, "callCount").samples
    assert [f"oifde_hour_autonomy_ratio{labels} 0.5"] == fate(complete, "autonomyRate").samples
    assert [f"oifde_live_hour_calls{labels} 3.0"] == fate(newest, "callCount").samples
    assert "oifde_calls_total" == fate(newest, "callCount").adds_to
    assert [
        "oifde_hour_*: shown",
        "oifde_live_hour_*: not shown: 15:00 is a newer record",
        "oifde_*_total: counted",
    ] == list(complete.uses)
    assert "oifde_hour_*: not shown: complete at 16:10 (settle_delay)" == newest.uses[0]


def test_an_older_hour() -> None:
    """The counters include it, but no gauge shows it."""
    overtaken = explain_rows(row(13), row(14), row(15)).records[0]

    assert "oifde_hour_*: not shown: 14:00 is a newer complete hour" == overtaken.uses[0]
    assert "oifde_calls_total" == fate(overtaken, "callCount").adds_to
    assert "no gauge shows this record" == fate(overtaken, "autonomyRate").why_not


@pytest.mark.parametrize(
    "fields, name, why",
    [
        ({"autonomyRate": "-1.0000"}, "autonomyRate", '"-1.0000" means that there was nothing to measure'),
        ({"autonomyRate": None}, "autonomyRate", "null means that there was nothing to measure"),
        (
            {"callCount": "1,234"},
            "callCount",
            'the value is a number with thousands separators; counted in {}{{reason="invalid_field"}}',
        ),
        (
            {"autonomyRate": "1.2"},
            "autonomyRate",
            'the value is not a number from 0 to 1; counted in {}{{reason="invalid_field"}}',
        ),
        (
            {"callCount": None},
            "callCount",
            'the value is not a whole number, 0 or more; counted in {}{{reason="invalid_field"}}',
        ),
        ({}, "interactCount", "the record does not have the field"),
        ({"mood": 3}, "mood", 'this exporter does not know the field; counted in {}{{reason="unknown_field"}}'),
    ],
)
def test_why_a_field_has_no_sample(fields: dict[str, object], name: str, why: str) -> None:
    """The explanation names the anomaly that counts it."""
    (record,) = explain_rows(row(14, **fields)).records

    assert why.format("oifde_report_anomalies_total") == fate(record, name).why_not
    assert [] == list(fate(record, name).samples)


@pytest.mark.parametrize(
    "unusable, words",
    [
        ("text", "an item that is not a record"),
        (row(14, accessCode="b2"), "of another tenant, bot or report (recordTime=1779256800000 accessCode='b2')"),
        (row(-1), "not of 2026-05-20, the date of the request"),
    ],
)
def test_why_a_record_is_not_used(unusable: object, words: str) -> None:
    """The explanation names the anomaly that counts it."""
    record = explain_rows(unusable, row(15)).records[0]

    assert words in record.uses[0]
    assert "counted in oifde_report_anomalies_total{reason=" in record.uses[0]
    assert not any(field.samples or field.adds_to for field in record.fields)


def test_two_records_of_an_hour() -> None:
    """The record with more calls counts, unless another was stored later."""
    fewer, more = explain_rows(row(14, 5), row(14, 6)).records

    assert "another record of the same hour was stored later" in fewer.uses[0]
    assert "oifde_calls_total" == fate(more, "callCount").adds_to
    assert fate(fewer, "callCount").adds_to is None


def test_an_hour_without_a_record() -> None:
    """A note says that it counts as an hour without calls."""
    explanation = explain_rows(row(10), hour=15.5)

    assert [
        (
            "The last complete hour is 12:00. It has no record, and counts as an hour without calls since 15:00"
            " (empty_hour_delay)."
        )
    ] == list(explanation.notes)
    assert any(line.startswith("oifde_hour_calls{") and line.endswith(" 0.0") for line in explanation.samples)


def test_just_after_midnight() -> None:
    """The metrics show yesterday, and the explanation says until when."""
    explanation = explain_rows(row(0), hour=0.5)

    assert ["No hour of 2026-05-20 is complete yet. Until then, the metrics show an hour of the day before."] == list(
        explanation.notes
    )
    assert (
        "oifde_*_total: not counted: the counters count the day before until all its hours are complete, or until"
        " 02:00" == explanation.records[0].uses[2]
    )


def test_the_day_before() -> None:
    """The samples are those of a daemon that starts at that time. Without --at, a future record is a wrong clock's."""
    explanation = explain(BOT, RULES, DAY, [row(0), row(6)], at(0.1), before=[row(-2, 5), row(-1, 4)], hindsight=True)

    samples = parse_samples(list(explanation.samples))
    labels = r'{tenant_id="t1",access_code="b1",bot="bil\"ling"}'
    assert (5, 7, 9) == tuple(
        samples[f"oifde_{name}{labels}"] for name in ("hour_calls", "live_hour_calls", "calls_total")
    )
    first, later = explanation.records
    assert first.uses[2].startswith("oifde_*_total: not counted: the counters count the day before until")
    assert ["not used: the record begins after --at"] == list(later.uses)
    assert "oifde_live_hour_*: shown" == explain_rows(row(0), row(6), hour=0.1).records[1].uses[1]


def test_the_counters_ignore_an_older_date() -> None:
    """The platform still has its records."""
    record = explain(BOT, RULES, DAY, [row(14)], at(12, date(2026, 5, 22))).records[0]

    assert "oifde_*_total: not counted: the counters count 2026-05-22" == record.uses[2]


def test_a_report_by_day() -> None:
    """The gauges show the newest day that is over. There are no counters."""
    rules = windows.Rules(DAY_REPORT, SHANGHAI, settle_delay=600, empty_hour_delay=7200)
    rows = [row(24 * days, type="day") for days in (-2, -1, 0, 1)]
    older, over, today, tomorrow = explain(BOT, rules, DAY, rows, at(15)).records

    assert ["oifde_day_*: not shown: 2026-05-19 is a newer complete day"] == list(older.uses)
    assert ["oifde_day_*: shown"] == list(over.uses)
    assert ["oifde_day_*: not shown: complete at 2026-05-21 00:10 (settle_delay)"] == list(today.uses)
    assert "not of 2026-05-20, the date of the request" in tomorrow.uses[0]
    assert [1, 0, 0] == [len(fate(record, "callCount").samples) for record in (over, older, today)]
    assert fate(over, "callCount").adds_to is None


def parse_samples(texts: Iterator[str] | list[str]) -> dict[str, float]:
    """Return the samples by series."""
    return {series: float(value) for series, _, value in (text.rpartition(" ") for text in texts)}


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            row,
            st.integers(-2, 25),
            st.one_of(st.integers(-1, 9), st.none()),
            dbRecordTime=st.one_of(st.none(), st.integers(0, 3)),
            accessCode=st.sampled_from(["b1", "b1", "b1", "b2"]),
            interactCount=st.integers(0, 9),
        ),
        max_size=8,
    ),
    st.floats(0, 30),
)
def test_every_sample_is_accounted_for(rows: list[dict[str, object]], hour: float) -> None:
    """Every explained sample is on the metrics page, and every sample on the page has a field."""
    explanation = explain_rows(*rows, hour=hour)

    exposition = Exposition(CollectorRegistry(), clock=FakeClock())
    state = explanation.state
    snapshot = Snapshot(hour=state.hour, live=state.live, totals=state.shown_totals, expires=float("inf"))
    exposition.bot_changed(BOT, "hour", snapshot)
    page = b"".join(exposition.chunks(openmetrics=False)).decode()
    shown = [line for line in page.splitlines() if 'bot="bil' in line and 'report="hour"' not in line]
    page_samples = parse_samples([line for line in shown if not line.startswith("oifde_bot_info")])
    assert page_samples == parse_samples(list(explanation.samples))

    of_fields = [sample for record in explanation.records for field in record.fields for sample in field.samples]
    assert parse_samples(of_fields).items() <= page_samples.items()
    own = ("_start_timestamp_seconds", "_reported", "_total")
    inferred = state.hour is not None and state.hour.record is None
    left = {
        series
        for series in page_samples.keys() - parse_samples(of_fields).keys()
        if not series.partition("{")[0].endswith(own) and not (inferred and series.startswith("oifde_hour_"))
    }
    assert set() == left
    calls = [
        int(fate(record, "callCount").raw)
        for record in explanation.records
        if any(field.name == "callCount" and field.adds_to for field in record.fields)
    ]
    total = next((value for series, value in page_samples.items() if series.startswith("oifde_calls_total")), None)
    if calls and not isinstance(state.phase, windows.ShowingZero):
        assert total == sum(calls)


def test_the_whole_explanation_as_text(shell: Shell) -> None:
    """It has the request without its token, the answer, and the samples."""
    text = shell.run("query", "--explain").stdout

    assert f"POST {shell.simulator.url}/oifde/rest/api/queryCallStatisticsReport" in text
    assert '"timestamp": 1779206400000, "authToken": "<secret>"}' in text
    assert "Answer: 16 records" in text
    sample = (
        f'oifde_hour_calls{{tenant_id="{TENANT.tenant_id}",access_code="{TENANT.bots[0].access_code}",bot="账单助手"}}'
    )
    assert 2 == sum(line.strip().startswith(sample) for line in text.splitlines())


def test_the_whole_explanation_as_json(shell: Shell) -> None:
    """It has the headers of an internal system without their token."""
    shell.tenant["auth"]["header_user"] = shell.simulator.accounts[TENANT.tenant_id].app_key = "ipcc"
    explanation: dict[str, Any] = json.loads(shell.run("query", "--explain", "--format=json").stdout)["explanation"]

    assert {"userName": "ipcc", "token": "<secret>"} == explanation["request"]["headers"]
    assert "authToken" not in explanation["request"]["body"]
    assert 16 == len(explanation["answer"]) == len(explanation["records"])
    assert explanation["samples"]
