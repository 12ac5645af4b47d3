"""Snapshots, and a page that shows them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from exporter.judging.judge import Signal
from exporter.judging.usual import Expected, Range
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, Hour, Snapshot, TenantId
from exporter.serving.exposition import Exposition
from exporter.upstream.reports import HOUR, Record
from harness.records import make_record, make_totals

START = 1628820000.0  # 2021-08-13 10:00 in Shanghai


class FakeClock:
    """A clock that stands still until a test moves it."""

    passed = 0.0

    def now(self) -> float:
        """The wall clock."""
        return START + 4500.0 + self.passed

    def elapsed(self) -> float:
        """The monotonic clock."""
        return 100.0 + self.passed


@pytest.fixture
def clock() -> FakeClock:
    """The exporter's clock."""
    return FakeClock()


@pytest.fixture
def wait(clock: FakeClock) -> Callable[[float], None]:
    """Moves the clock by some seconds."""

    def move(seconds: float) -> None:
        clock.passed += seconds

    return move


@pytest.fixture
def registry() -> CollectorRegistry:
    """The registry of the exporter's own families, empty until a test adds one."""
    return CollectorRegistry()


@pytest.fixture
def verdicts() -> dict[BotId, Verdict]:
    """The verdicts on bots, empty until a test adds one."""
    return {}


@pytest.fixture
def verdict() -> Verdict:
    """A bot whose autonomy has dropped by 23 points."""
    expected = Expected(Range(212.0, 150.5, 280.0), Range(0.71, 0.65, 0.77), None)
    return Verdict(
        history_seconds=35 * 86400.0,
        expected=expected,
        signals={
            "autonomy_drop": Signal(5.625, 0.23, 10800),
            "direct_transfers_rise": Signal(1.5, 0.04, 3600),
            "calls_drop": Signal(0.0, 0.0, 3600),
            "calls_rise": Signal(0.0, 0.0, 3600),
        },
        expect_today=lambda: {START: expected},
    )


@pytest.fixture
def exposition(registry: CollectorRegistry, clock: FakeClock, verdicts: dict[BotId, Verdict]) -> Exposition:
    """A page without bots."""
    return Exposition(registry, clock=clock, judgement=verdicts.get)


@pytest.fixture
def page(exposition: Exposition) -> Callable[..., str]:
    """Returns the present page, in the classic format unless ``openmetrics=True``."""

    def read(*, openmetrics: bool = False) -> str:
        return b"".join(exposition.chunks(openmetrics=openmetrics)).decode()

    return read


@pytest.fixture
def bot() -> BotId:
    """The vendor's example."""
    return BotId("main", "202104237142", "943370855474270208", "billing", "acme", (("team", "care"),), "Asia/Shanghai")


@pytest.fixture
def tenant() -> TenantId:
    """The tenant of ``bot``."""
    return TenantId("main", "202104237142", "acme")


@pytest.fixture
def record() -> Record:
    """The vendor's example: a call that the bot handled alone, without requests to interfaces."""
    return make_record(
        HOUR,
        START,
        stored=START,
        callCount=1,
        exitConsultingCount=1,
        interactCount=2,
        averageInteractPerCall=2.0,
        autonomyRate=1.0,
        interfaceSuccessRate=None,
    )


@pytest.fixture
def snapshot(record: Record) -> Snapshot:
    """After a successful poll: an hour is complete, the next one has begun."""
    live = make_record(
        HOUR,
        START + 3600.0,
        stored=START,
        callCount=12,
        exitNoConsultCount=1,
        callStaffNoConsultCount=2,
        callStaffConsultCount=3,
        exitConsultingCount=5,
        interactCount=40,
        averageInteractPerCall=3.33,
        autonomyRate=0.5,
        interfaceRequestCount=7,
        interfaceSuccessCount=6,
        interfaceSuccessRate=0.8571,
    )
    return Snapshot(
        hour=Hour(START, record),
        live=live,
        totals=make_totals(
            HOUR,
            callCount=13,
            exitNoConsultCount=1,
            callStaffNoConsultCount=2,
            callStaffConsultCount=3,
            exitConsultingCount=6,
            interactCount=42,
            interfaceRequestCount=7,
            interfaceSuccessCount=6,
        ),
        up=True,
        failures=2,
        last_attempt=START + 4440.25,
        last_success=START + 4440.25,
        expires=400.0,
    )


@pytest.fixture
def documented_answer() -> Any:
    """The example of ``/api/v1/bots`` in docs/http.md."""
    text = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
    return json.loads(text.split("```json\n")[1].split("```")[0])
