"""The files that promtool reads."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.backfill.partfile import PartFile
from exporter.polling.snapshot import BotId, Hour, Snapshot
from exporter.upstream.reports import HOUR
from harness.records import make_record, make_totals

BILLING = BotId("main", "t1", "b1", 'a "quoted" \\ 账单\nname', "acme", (("team", "care"),))
CLAIMS = BotId("main", "t1", "b2", "claims", "acme")
LABELS = (("job", "oifde"), ("instance", 'x"y'))
VALUES: dict[str, Any] = {
    "callCount": 7,
    "exitNoConsultCount": 1,
    "callStaffNoConsultCount": 2,
    "callStaffConsultCount": 3,
    "exitConsultingCount": 1,
    "interactCount": 30,
    "averageInteractPerCall": 4.29,
    "autonomyRate": None,
    "interfaceRequestCount": 5,
    "interfaceSuccessCount": 4,
    "interfaceSuccessRate": 0.8,
}


def snapshot(calls: int) -> Snapshot:
    """An hour of 7 calls, and so many counted."""
    return Snapshot(
        hour=Hour(0.0, make_record(HOUR, 0.0, **VALUES)), totals=make_totals(HOUR, **(VALUES | {"callCount": calls}))
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file of two bots."""
    path = tmp_path / "2026-05-20.om"
    with PartFile(path, HOUR, LABELS) as file:
        for bot in (BILLING, CLAIMS):
            file.add(bot, [(240, snapshot(8)), (480, snapshot(9)), (720, Snapshot())])
        file.finish()
    return path


def test_it_is_openmetrics_with_whole_families(written: Path) -> None:
    """A strict parser takes it: each family once, its series' samples in the order of time."""
    families = {family.name: family for family in text_string_to_metric_families(written.read_text(encoding="utf-8"))}  # type: ignore[no-untyped-call]

    counted = families["oifde_calls"]
    assert "counter" == counted.type
    labels = {"tenant_id": "t1", "access_code": "b1", "bot": BILLING.bot, "job": "oifde", "instance": 'x"y'}
    assert [(labels, 8.0, 240), (labels, 9.0, 480)] == [
        (sample.labels, sample.value, float(sample.timestamp)) for sample in counted.samples[:2]
    ]
    assert 4 == len(counted.samples)
    (info, *_) = families["oifde_bot_info"].samples
    assert {**labels, "platform": "main", "tenant": "acme", "team": "care"} == info.labels


def test_what_has_no_value_has_no_sample(written: Path) -> None:
    """Nor has a family without samples a header; the live hour is never history."""
    text = written.read_text(encoding="utf-8")

    assert "oifde_hour_interactions_per_call" in text
    assert "oifde_hour_autonomy_ratio" not in text
    assert "oifde_live_hour" not in text
    assert " 720\n" not in text


def test_it_is_there_only_when_it_is_complete(tmp_path: Path) -> None:
    """One that was not finished leaves nothing behind; one without samples is none."""
    with PartFile(tmp_path / "left.om", HOUR, LABELS) as file:
        file.add(BILLING, [(240, snapshot(8))])
    with PartFile(tmp_path / "empty.om", HOUR, LABELS) as file:
        file.add(BILLING, [(240, Snapshot())])
        file.finish()

    assert [] == list(tmp_path.iterdir())
