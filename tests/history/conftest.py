"""A platform with a past, without sockets, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from exporter.config import Calendar
from exporter.history.cache import Cache, Owner
from exporter.history.pasts import BotKey, BotPast
from exporter.history.worker import HistoryPlan, HistoryWorker
from exporter.polling.calendar import list_hours
from exporter.polling.windows import Rules
from exporter.upstream.reports import HOUR
from harness.clocks import LoopClock
from harness.loops import VirtualLoop

ZONE = ZoneInfo("Asia/Shanghai")
OWNER = Owner("https://platform:28090", "t1", "Asia/Shanghai")
RULES = Rules(HOUR, ZONE, settle_delay=600, empty_hour_delay=7200)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Sleeping takes no time here."""
    return {"looptime": VirtualLoop}


def full_day(day: date, calls: int = 100) -> list[object]:
    """The rows of a day with as many calls in each hour."""
    return [
        {
            "recordTime": int(start * 1000),
            "tenantId": "t1",
            "type": "hour",
            "callCount": calls,
            "callStaffNoConsultCount": calls // 10,
            "callStaffConsultCount": calls // 5,
            "exitConsultingCount": calls // 2,
            "interfaceRequestCount": calls,
            "interfaceSuccessCount": calls - 1,
        }
        for start, _ in list_hours(day, ZONE)
    ]


@dataclass
class FakePlatform:
    """Answers a request with what ``answer`` gives for the bot and the date, and notes when it was asked."""

    answer: Callable[[str, date], object] = lambda _, day: full_day(day)
    asked: list[tuple[float, str, date]] = field(default_factory=list)
    latency: float = 0.1

    async def query(
        self, operation: str, path: str, body: Mapping[str, object], *, expect: type, low_priority: bool
    ) -> object:
        """An answer that is an exception is raised."""
        assert low_priority
        assert (operation, path, list) == (HOUR.operation, HOUR.path, expect)
        assert isinstance(body["timestamp"], int)
        day = datetime.fromtimestamp(body["timestamp"] / 1000, ZONE).date()
        access_code = str(body["accessCode"])
        self.asked.append((asyncio.get_running_loop().time(), access_code, day))
        await asyncio.sleep(self.latency)
        answer = self.answer(access_code, day)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def redact(self, text: str) -> str:
        """There are none."""
        return text

    @property
    def days(self) -> list[tuple[str, str]]:
        """What was asked for, in order: access codes and dates."""
        return [(access_code, f"{day:%m-%d}") for _, access_code, day in self.asked]


@dataclass
class Rig:
    """A worker and all that it touches."""

    worker: HistoryWorker
    platform: FakePlatform
    clock: LoopClock
    pasts: dict[BotKey, BotPast]
    changes: list[BotKey]
    log: structlog.testing.CapturingLogger
    caches: dict[Path, Cache]

    async def run(self, seconds: float) -> None:
        """Let the worker run for so long, and what it has found be written."""
        task = asyncio.create_task(self.worker.run(0.0))
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for cache in self.caches.values():
            await cache.close()

    def known(self, access_code: str = "b1") -> list[str]:
        """The dates that are known of a bot."""
        return [f"{day:%m-%d}" for day in self.pasts["main", "t1", access_code].past]

    @property
    def events(self) -> list[str]:
        """The events logged at info level or above."""
        return [call.kwargs["event"] for call in self.log.calls if call.method_name != "debug"]


class MakeRig(Protocol):
    """Builds a ``Rig``; ``start`` is a local time."""

    def __call__(
        self, *, start: str = ..., days: int = ..., bots: tuple[str, ...] = ..., path: Path | None = ...
    ) -> Rig: ...


def capturing_log() -> tuple[structlog.testing.CapturingLogger, FilteringBoundLogger]:
    """A log, and what becomes of it."""
    captured = structlog.testing.CapturingLogger()
    log = structlog.wrap_logger(captured, processors=[], wrapper_class=structlog.make_filtering_bound_logger("debug"))
    return captured, log


@pytest.fixture
def make_rig() -> MakeRig:
    """A worker for a tenant in Shanghai, at noon unless a test says otherwise."""

    def make(
        *,
        start: str = "2026-05-20T12:00",
        days: int = 7,
        bots: tuple[str, ...] = ("b1",),
        path: Path | None = None,
    ) -> Rig:
        captured, log = capturing_log()
        clock, platform = LoopClock(datetime.fromisoformat(start).replace(tzinfo=ZONE)), FakePlatform()
        pasts: dict[BotKey, BotPast] = {}
        changes: list[BotKey] = []
        caches: dict[Path, Cache] = {}
        worker = HistoryWorker(
            HistoryPlan("main", OWNER, RULES, days, bots, Calendar(), concurrency=2, path=path),
            platform,
            pasts=pasts,
            open_cache=lambda path: caches.setdefault(path, Cache(path, log)) if path else None,
            clock=clock,
            log=log,
            on_change=changes.append,
        )
        return Rig(worker, platform, clock, pasts, changes, captured, caches)

    return make
