"""Reports that arrive correctly with wrong content."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator.world import Record
from harness import faults

from .rig import INTERVAL, STALE_AFTER, TENANT, Page, Rig
from .script import Script

MINUTE = 60.0
HOUR = 3600.0


@pytest.fixture
def script() -> Script:
    """Return half past noon in Shanghai, with ten calls in each hour since midnight and five in the present one."""
    script = Script()
    script.write_until("2026-05-20T11", hours=12)
    script.write("2026-05-20T12", calls=5)
    return script


async def started(rig: Rig, script: Script, poll_interval: str = "60s") -> Page:
    """Start an exporter and let it poll the script."""
    await rig.platform(script.tenants(), world=script)
    rig.settings["poll_interval"] = poll_interval
    page = await rig.start()
    assert {"b1": 1} == page.up
    rig.forget_events()
    return page


def shown(page: Page, script: Script) -> tuple[str, float | None]:
    """Return the start of the last complete hour, and its calls."""
    start = page.value("oifde_hour_start_timestamp_seconds", access_code="b1") or 0
    hours = (f"2026-05-{day}T{hour:02d}" for day in (19, 20, 21) for hour in range(24))
    return next(hour for hour in hours if script.start(hour) == start), page.value("oifde_hour_calls")


def anomalies(page: Page) -> dict[str, float]:
    """Return the anomalies so far, by kind."""
    found = page.by("reason", "oifde_report_anomalies_total", tenant_id=TENANT)
    return {reason: count for reason, count in found.items() if count}


def revisions(page: Page) -> float | None:
    """Return the number of settled hours that were changed so far."""
    return page.value("oifde_record_revisions_total", tenant_id=TENANT)


async def test_hours_are_corrected(rig: Rig, script: Script) -> None:
    """The hour shown follows; counters follow upwards, and keep their value if it would decrease. Each change counts once."""
    page = await started(rig, script)
    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))

    script.write("2026-05-20T11", calls=12)
    page = await rig.after(INTERVAL)
    assert (("2026-05-20T11", 12), 127) == (shown(page, script), page.value("oifde_calls_total"))
    assert (1, {}) == (revisions(page), anomalies(page))

    script.write("2026-05-20T11", calls=7)
    page = await rig.after(10 * INTERVAL)
    assert (("2026-05-20T11", 7), 127) == (shown(page, script), page.value("oifde_calls_total"))
    assert (2, {"decreased": 1}) == (revisions(page), anomalies(page))

    script.write("2026-05-20T12", calls=20)
    page = await rig.after(INTERVAL)
    assert 137 == page.value("oifde_calls_total")
    assert {"b1": 1} == page.up
    assert ["records_revised", "report_anomaly", "records_revised"] == rig.names()


async def test_an_hour_is_late_and_shown(rig: Rig, script: Script) -> None:
    """While it is missing, the hour before stays under its own start, and no 0 is shown."""
    del script.calls["2026-05-20T12"]
    await started(rig, script)
    page = await rig.after(30 * MINUTE + 69 * MINUTE)  # 69 minutes after 13:00
    assert ("2026-05-20T11", 10) == shown(page, script)

    script.write("2026-05-20T12", calls=9)
    page = await rig.after(INTERVAL)
    assert (("2026-05-20T12", 9), 129) == (shown(page, script), page.value("oifde_calls_total"))
    assert (0, {}) == (revisions(page), anomalies(page))
    assert [] == rig.names()


async def test_an_hour_is_late_and_overtaken(rig: Rig, script: Script) -> None:
    """Once the next hour is shown, the late one is never shown, but its calls are counted."""
    del script.calls["2026-05-20T12"]
    await started(rig, script)
    script.write("2026-05-20T13", calls=8)
    page = await rig.after(30 * MINUTE + 71 * MINUTE)
    assert (("2026-05-20T13", 8), 128) == (shown(page, script), page.value("oifde_calls_total"))

    script.write("2026-05-20T12", calls=9)
    page = await rig.after(INTERVAL)
    assert (("2026-05-20T13", 8), 137) == (shown(page, script), page.value("oifde_calls_total"))
    assert [] == rig.names()


async def test_an_empty_report_at_midday(rig: Rig, script: Script) -> None:
    """Values stay; the anomaly is reported once, and is over when the records are back."""
    before = await started(rig, script)
    kept = dict(script.calls)

    script.calls.clear()
    page = await rig.after(5 * INTERVAL)
    assert {"b1": 1} == page.up
    assert before.data("b1") == page.data("b1")
    assert {"vanished_record": 13} == anomalies(page)

    script.calls |= kept | {"2026-05-20T12": 6}
    page = await rig.after(5 * INTERVAL)
    assert 126 == page.value("oifde_calls_total")
    assert {"vanished_record": 13} == anomalies(page)
    assert ["report_anomaly"] == rig.names()


async def test_a_report_stops_growing(rig: Rig, script: Script) -> None:
    """The live hour's start shows the delay; an hour counts as empty only two hours after its end."""
    page = await started(rig, script, poll_interval="5m")
    live = page.value("oifde_live_hour_start_timestamp_seconds")
    assert script.start("2026-05-20T12") == live

    page = await rig.after(2.4 * HOUR)  # five minutes before 15:00
    assert ("2026-05-20T12", 5) == shown(page, script)
    assert 1 == page.value("oifde_hour_reported")
    rig.hurry()
    page = await rig.after(2.2 * HOUR)  # after 17:00
    assert ("2026-05-20T14", 0) == shown(page, script)
    assert 0 == page.value("oifde_hour_reported")
    assert None is page.value("oifde_hour_autonomy_ratio")
    assert live == page.value("oifde_live_hour_start_timestamp_seconds")
    assert 125 == page.value("oifde_calls_total")
    assert {"b1": 1} == page.up
    assert [] == rig.names()


async def test_all_values_decrease(rig: Rig, script: Script) -> None:
    """When a platform restarts its counts at 0, the counters keep their value until it has caught up."""
    await started(rig, script)

    script.write_until("2026-05-20T11", hours=12, calls=1)
    script.write("2026-05-20T12", calls=0)
    page = await rig.after(3 * INTERVAL)
    assert 125 == page.value("oifde_calls_total")
    assert {"decreased": 13} == anomalies(page)

    script.write("2026-05-20T12", calls=120)
    page = await rig.after(INTERVAL)
    assert 132 == page.value("oifde_calls_total")


@pytest.mark.parametrize("cut", ["UTC", "America/New_York", "Asia/Tokyo"])
async def test_days_that_begin_in_another_zone(rig: Rig, cut: str) -> None:
    """The anomaly is reported, no hour counts as empty because of it, and the live hour is correct."""
    script = Script(cut=ZoneInfo(cut))
    script.write_until("2026-05-20T11", hours=36)
    script.write("2026-05-20T12", calls=5)
    await rig.platform(script.tenants(), world=script)
    page = await rig.start()
    assert {"b1": 1} == page.up
    page = await rig.after(10 * INTERVAL)

    assert {"outside_date"} == anomalies(page).keys()
    many = anomalies(page)["outside_date"]
    assert page.value("oifde_hour_reported") != 0
    newest = max(record["recordTime"] for record in _asked_for(script, rig))
    assert newest / 1000 == page.value("oifde_live_hour_start_timestamp_seconds")
    page = await rig.after(30 * INTERVAL)
    assert page.value("oifde_hour_reported") != 0
    assert many == anomalies(page)["outside_date"]  # once per record, not per poll
    assert 1 <= rig.names().count("report_anomaly") <= 2  # of today's report, and of yesterday's


def _asked_for(script: Script, rig: Rig) -> Iterator[dict[str, int]]:
    """Yield the records that today's report has."""
    midnight = script.start("2026-05-20T00")
    for record in script.records("", "hour", TENANT, "b1", int(midnight * 1000), rig.clock.now()):
        assert isinstance(record["recordTime"], int)
        yield {"recordTime": record["recordTime"]}


async def test_records_of_tomorrow(rig: Rig, script: Script) -> None:
    """They are reported but not counted, and no hour counts as empty while they are present."""
    script.more = [script.record("2026-05-21T03", 1000)]
    page = await started(rig, script)

    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert script.start("2026-05-21T03") == page.value("oifde_live_hour_start_timestamp_seconds")
    page = await rig.after(5 * INTERVAL)
    assert {"outside_date": 1} == anomalies(page)


async def test_a_record_of_next_year(rig: Rig, script: Script) -> None:
    """It never becomes the live hour."""
    script.more = [script.record("2027-05-20T11", 1000)]
    page = await started(rig, script)

    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert script.start("2026-05-20T12") == page.value("oifde_live_hour_start_timestamp_seconds")
    page = await rig.after(5 * INTERVAL)
    assert {"outside_date": 1} == anomalies(page)


async def test_times_in_seconds(rig: Rig, script: Script) -> None:
    """No series begins in 1970, no hour counts as empty, and the log names the unit."""
    await started(rig, script)
    await rig.after(INTERVAL)  # yesterday's report, which would have it too, is not asked for again
    seconds = script.record("2026-05-20T11", 7)
    script.more = [seconds | {"recordTime": int(str(seconds["recordTime"])) // 1000}]
    page = await rig.after(5 * INTERVAL)

    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert {"invalid_record": 1} == anomalies(page)
    (event,) = rig.events("report_anomaly")
    assert "seconds instead of milliseconds" == event["detail"]


@pytest.mark.parametrize(
    "fields", [{"tenantId": "999"}, {"accessCode": "999"}, {"type": "day"}], ids=["tenant", "bot", "report"]
)
async def test_records_of_another(rig: Rig, script: Script, fields: dict[str, object]) -> None:
    """They appear under no bot's name."""
    script.more = [script.record("2026-05-20T11", 1000, **fields), script.record("2026-05-20T12", 1000, **fields)]
    page = await started(rig, script)
    page = await rig.after(5 * INTERVAL)

    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert {"foreign_record": 2} == anomalies(page)


def _rename(record: Record) -> Record:
    return {"totalCalls" if name == "callCount" else name: value for name, value in record.items()}


async def test_a_field_that_no_record_has(rig: Rig, script: Script) -> None:
    """A renamed field is reported once with its new name, also on the next day; the other fields are shown."""
    simulator = await rig.platform(script.tenants(), world=script)
    simulator.faults.add(faults.Mutated(lambda records: [_rename(record) for record in records]))
    script.write("2026-05-21T00", "2026-05-21T01")
    rig.settings["poll_interval"] = "10m"
    await rig.start()
    page = await rig.after(14 * HOUR)

    assert {"b1": 1} == page.up
    assert page.value("oifde_live_hour_calls") is None
    assert 20 == page.value("oifde_live_hour_interactions")
    assert {"missing_field": 1, "unknown_field": 1} == anomalies(page)
    missing, _ = rig.events("report_anomaly")
    assert ("missing_field", "callCount") == (missing["reason"], missing["first"])
    assert "missing: callCount; unknown: totalCalls" == missing["detail"]


async def test_ten_thousand_records(rig: Rig, script: Script) -> None:
    """Today's records are shown, and the others are one line in the log."""
    simulator = await rig.platform(script.tenants(), world=script)
    simulator.faults.add(faults.many_records(10_000))
    page = await rig.start()
    page = await rig.after(5 * INTERVAL)

    assert {"b1": 1} == page.up
    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert {"outside_date": 10_000 - 13} == anomalies(page)
    assert 1 == len(rig.events("report_anomaly"))


async def test_a_bot_vanishes(rig: Rig, script: Script) -> None:
    """Values stay while the report is empty; once the platform refuses the report, it fails like any other."""
    before = await started(rig, script)
    simulator = rig.simulator

    script.calls.clear()
    page = await rig.after(INTERVAL)
    assert before.data("b1") == page.data("b1")
    simulator.faults.add(faults.ErrorCode(10000002, "no such accessCode"), access_code="b1")
    page = await rig.after(INTERVAL)
    assert {"b1": 0} == page.up
    assert before.data("b1") == page.data("b1")
    page = await rig.after(STALE_AFTER)
    assert {} == page.data("b1")
    assert ["report_anomaly", "bot_failing"] == rig.names()


async def test_invalid_values_and_records(rig: Rig, script: Script) -> None:
    """A bad field loses only that field, a bad record only that record; each error is counted once."""
    await started(rig, script)
    await rig.after(INTERVAL)  # yesterday's report, which has all these too, is not asked for again
    script.more = [{"recordTime": time} for time in (None, "never", -5, 10**30, True)]
    script.more.append(
        script.record("2026-05-20T13", 1, callCount=-1, interactCount="many", autonomyRate="NaN", newField=1)
    )
    page = await rig.after(5 * INTERVAL)

    assert (("2026-05-20T11", 10), 125) == (shown(page, script), page.value("oifde_calls_total"))
    assert script.start("2026-05-20T13") == page.value("oifde_live_hour_start_timestamp_seconds")
    assert None is page.value("oifde_live_hour_calls")
    assert {"invalid_field": 3, "invalid_record": 5, "unknown_field": 1} == anomalies(page)
    assert 3 == len(rig.events("report_anomaly"))
