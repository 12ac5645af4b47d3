"""``query --explain``: what it says of each field is what the exporter does with it."""

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
from exporter.polling.calendar import midnight
from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.exposition import Exposition
from exporter.upstream.reports import DAY as DAY_REPORT
from exporter.upstream.reports import HOUR

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
DAY: Final = date(2026, 5, 20)
RULES: Final = windows.Rules(HOUR, SHANGHAI, settle_delay=600, empty_hour_delay=7200)
BOT: Final = BotId("main", "t1", "b1", 'bil"ling', "acme")


def at(hour: float, of: date = DAY) -> float:
    """A local time of a date, in epoch seconds."""
    return midnight(of, SHANGHAI) + 3600 * hour


def row(hour: float, calls: object = 7, **fields: object) -> dict[str, object]:
    """A record as the platform has it."""
    return {
        "recordTime": round(at(hour) * 1000),
        "tenantId": "t1",
        "accessCode": "b1",
        "type": "hour",
        "callCount": calls,
        "autonomyRate": "0.5000",
        **fields,
    }


def explained(*rows: object, hour: float = 15.5, day: date = DAY) -> Explanation:
    """What becomes of rows, as of a local time of the date."""
    return explain(BOT, RULES, day, rows, at(hour))


def fate(record: RecordFate, name: str) -> FieldFate:
    """What became of one field."""
    return next(each for each in record.fields if each.name == name)


def test_the_hour_shown_and_the_newest() -> None:
    """Each field has the samples that stand on the metrics page."""
    complete, newest = explained(row(14), row(15, 3)).records

    labels = r'{tenant_id="t1",access_code="b1",bot="bil\"ling"}'
    assert [f"oifde_hour_calls{labels} 7.0"] == fate(complete, "callCount").samples
    assert [f"oifde_hour_autonomy_ratio{labels} 0.5"] == fate(complete, "autonomyRate").samples
    assert [f"oifde_live_hour_calls{labels} 3.0"] == fate(newest, "callCount").samples
    assert "oifde_calls_total" == fate(newest, "callCount").counter
    assert [
        "oifde_hour_*: shown",
        "oifde_live_hour_*: not shown: 15:00 is a newer record",
        "oifde_*_total: counted",
    ] == list(complete.uses)
    assert "oifde_hour_*: not shown: complete at 16:10 (settle_delay)" == newest.uses[0]


def test_an_hour_that_was_overtaken() -> None:
    """Counts, and is not shown: its ratios are in no sample."""
    overtaken = explained(row(13), row(14), row(15)).records[0]

    assert "oifde_hour_*: not shown: 14:00 is a newer complete hour" == overtaken.uses[0]
    assert "oifde_calls_total" == fate(overtaken, "callCount").counter
    assert "no gauge shows this record" == fate(overtaken, "autonomyRate").why_not


@pytest.mark.parametrize(
    "fields, name, why",
    [
        ({"autonomyRate": "-1.0000"}, "autonomyRate", "-1 means that there was nothing to measure"),
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
    """In words, with the anomaly that counts it."""
    (record,) = explained(row(14, **fields)).records

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
    """And where it is counted."""
    record = explained(unusable, row(15)).records[0]

    assert words in record.uses[0]
    assert "counted in oifde_report_anomalies_total{reason=" in record.uses[0]
    assert not any(each.samples or each.counter for each in record.fields)


def test_of_two_records_of_an_hour_one_counts() -> None:
    """The one with more calls, if none was stored later."""
    fewer, more = explained(row(14, 5), row(14, 6)).records

    assert "another record of the same hour was stored later" in fewer.uses[0]
    assert "oifde_calls_total" == fate(more, "callCount").counter
    assert fate(fewer, "callCount").counter is None


def test_an_hour_without_a_record_is_told() -> None:
    """Where it counts as one without calls."""
    explanation = explained(row(10), hour=15.5)

    assert [
        (
            "The last complete hour is 12:00. It has no record, and counts as an hour without calls since 15:00"
            " (empty_hour_delay)."
        )
    ] == list(explanation.notes)
    assert any(line.startswith("oifde_hour_calls{") and line.endswith(" 0.0") for line in explanation.samples)


def test_just_after_midnight_yesterday_is_shown() -> None:
    """And until when it is counted."""
    explanation = explained(row(0), hour=0.5)

    assert ["No hour of 2026-05-20 is complete yet. Until then, the metrics show an hour of the day before."] == list(
        explanation.notes
    )
    assert (
        "oifde_*_total: not counted: the counters count the day before until all its hours are complete, or until"
        " 02:00" == explanation.records[0].uses[2]
    )


def test_what_is_known_of_the_day_before() -> None:
    """Is shown and counted as by a daemon that starts then; but for ``--at``, what begins later is a wrong clock's."""
    explanation = explain(BOT, RULES, DAY, [row(0), row(6)], at(0.1), before=[row(-2, 5), row(-1, 4)], hindsight=True)

    samples = numbers(list(explanation.samples))
    labels = r'{tenant_id="t1",access_code="b1",bot="bil\"ling"}'
    assert (5, 7, 9) == tuple(
        samples[f"oifde_{each}{labels}"] for each in ("hour_calls", "live_hour_calls", "calls_total")
    )
    first, later = explanation.records
    assert first.uses[2].startswith("oifde_*_total: not counted: the counters count the day before until")
    assert ["not used: the record begins after --at"] == list(later.uses)
    assert "oifde_live_hour_*: shown" == explained(row(0), row(6), hour=0.1).records[1].uses[1]


def test_a_date_before_is_not_counted_any_more() -> None:
    """Though the platform still has it."""
    record = explain(BOT, RULES, DAY, [row(14)], at(12, date(2026, 5, 22))).records[0]

    assert "oifde_*_total: not counted: the counters count 2026-05-22" == record.uses[2]


def test_a_report_by_day() -> None:
    """Shows the newest day that is over; it has no counters."""
    rules = windows.Rules(DAY_REPORT, SHANGHAI, settle_delay=600, empty_hour_delay=7200)
    rows = [row(24 * days, type="day") for days in (-2, -1, 0, 1)]
    older, over, today, tomorrow = explain(BOT, rules, DAY, rows, at(15)).records

    assert ["oifde_day_*: not shown: 2026-05-19 is a newer complete day"] == list(older.uses)
    assert ["oifde_day_*: shown"] == list(over.uses)
    assert ["oifde_day_*: not shown: complete at 2026-05-21 00:10 (settle_delay)"] == list(today.uses)
    assert "not of 2026-05-20, the date of the request" in tomorrow.uses[0]
    assert [1, 0, 0] == [len(fate(each, "callCount").samples) for each in (over, older, today)]
    assert fate(over, "callCount").counter is None


def numbers(texts: Iterator[str] | list[str]) -> dict[str, float]:
    """Samples by series."""
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
    """What it says stands on the metrics page does, and what stands there comes from a field that says so."""
    explanation = explained(*rows, hour=hour)

    exposition = Exposition(CollectorRegistry(), clock=FakeClock())
    state = explanation.state
    snapshot = Snapshot(hour=state.hour, live=state.live, totals=state.shown_totals, expires=float("inf"))
    exposition.bot_changed(BOT, "hour", snapshot)
    page = b"".join(exposition.chunks(openmetrics=False)).decode()
    shown = [line for line in page.splitlines() if 'bot="bil' in line and 'report="hour"' not in line]
    page_samples = numbers([line for line in shown if not line.startswith("oifde_bot_info")])
    assert page_samples == numbers(list(explanation.samples))

    of_fields = [sample for record in explanation.records for each in record.fields for sample in each.samples]
    assert numbers(of_fields).items() <= page_samples.items()
    own = ("_start_timestamp_seconds", "_reported", "_total")
    inferred = state.hour is not None and state.hour.record is None
    left = {
        series
        for series in page_samples.keys() - numbers(of_fields).keys()
        if not series.partition("{")[0].endswith(own) and not (inferred and series.startswith("oifde_hour_"))
    }
    assert set() == left
    calls = [
        int(fate(record, "callCount").raw)
        for record in explanation.records
        if any(each.name == "callCount" and each.counter for each in record.fields)
    ]
    total = next((value for series, value in page_samples.items() if series.startswith("oifde_calls_total")), None)
    if calls and not isinstance(state.phase, windows.ShowingZero):
        assert total == sum(calls)


def test_all_of_it_on_a_terminal(shell: Shell) -> None:
    """The request without its token, the answer, and the samples as they can be copied."""
    text = shell.run("query", "--explain").stdout

    assert f"POST {shell.simulator.url}/oifde/rest/api/queryCallStatisticsReport" in text
    assert '"timestamp": 1779206400000, "authToken": "<secret>"}' in text
    assert "Answer: 16 records" in text
    sample = (
        f'oifde_hour_calls{{tenant_id="{TENANT.tenant_id}",access_code="{TENANT.bots[0].access_code}",bot="账单助手"}}'
    )
    assert 2 == sum(line.strip().startswith(sample) for line in text.splitlines())


def test_all_of_it_for_scripts(shell: Shell) -> None:
    """Also the headers of an internal system, without their token."""
    shell.tenant["auth"]["header_user"] = shell.simulator.accounts[TENANT.tenant_id].app_key = "ipcc"
    explanation: dict[str, Any] = json.loads(shell.run("query", "--explain", "--format=json").stdout)["explanation"]

    assert {"userName": "ipcc", "token": "<secret>"} == explanation["request"]["headers"]
    assert "authToken" not in explanation["request"]["body"]
    assert 16 == len(explanation["answer"]) == len(explanation["records"])
    assert explanation["samples"]
