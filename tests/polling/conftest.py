"""Fixtures for polling without a platform: a loop in which sleeping takes no time, and a session with given answers."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
import structlog

from exporter.polling.poller import Plan, Poller
from exporter.polling.snapshot import BotId, Snapshot
from exporter.polling.store import Listener, Store
from exporter.polling.windows import Rules
from exporter.upstream.anomalies import Anomaly
from exporter.upstream.progress import Progress
from exporter.upstream.reports import HOUR, Report
from harness.clocks import LoopClock
from harness.loops import VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests in loops in which sleeping takes no time, except those with real sockets."""
    if item.path.name == "test_fleet.py":
        return {"asyncio": asyncio.new_event_loop}
    return {"looptime": VirtualLoop}


@dataclass
class FakeSession:
    """Answers each query with the result of ``answer`` for the date requested, and notes when each query came."""

    report: Report = HOUR
    answer: Callable[[datetime], object] = lambda _: []
    asked: list[tuple[float, datetime]] = field(default_factory=list)
    login: float = 0.0
    """Seconds of a login that comes first."""
    queue: float = 0.0
    """Seconds until it is the call's turn."""
    compares: bool = True
    """Whether it lets the caller recognise an answer by its bytes, as the real one does."""
    decoded: int = 0
    decoded_rows: int = 0
    """The rows that the caller wanted of the latest answer."""
    """How many answers the caller did not recognise."""
    running: int = 0
    most_running: int = 0

    async def query(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        *,
        expect: type,
        progress: Progress,
    ) -> object:
        """Return the answer. Raise it if it is an exception; a number is an empty answer after that many seconds."""
        report = self.report
        assert (report.operation, report.path, report.type, list) == (operation, path, body["type"], expect)
        assert isinstance(body["timestamp"], int)
        if self.login:
            progress.login_sent()
            await asyncio.sleep(self.login)
            progress.login_ended()
        await asyncio.sleep(self.queue)
        progress.sent()
        day = datetime.fromtimestamp(body["timestamp"] / 1000, ZoneInfo("Asia/Shanghai"))
        self.asked.append((asyncio.get_running_loop().time(), day))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            answer = self.answer(day)
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, (int, float)):
                await asyncio.sleep(answer)
                answer = []
            if self.compares:
                news = progress.find_news(json.dumps(answer, separators=(",", ":")).encode())
                if news is None:
                    return None
                answer = json.loads(news)
            self.decoded += 1
            self.decoded_rows = len(answer) if isinstance(answer, list) else 0
            return answer
        finally:
            self.running -= 1

    def redact(self, text: str) -> str:
        """Return the text unchanged."""
        return text


@dataclass
class Findings:
    """The anomalies and revisions that a poller reported."""

    reasons: list[str] = field(default_factory=list)
    revisions: int = 0

    def __call__(self, _report: str, anomalies: Sequence[Anomaly], revisions: int) -> None:
        self.reasons += [anomaly.kind for anomaly in anomalies]
        self.revisions += revisions


@dataclass
class Rig:
    """A poller with all parts around it."""

    poller: Poller
    session: FakeSession
    store: Store
    clock: LoopClock
    lags: list[float]
    findings: Findings
    log: structlog.testing.CapturingLogger

    @property
    def snapshot(self) -> Snapshot:
        """The bot's snapshot in the store."""
        return self.store.bots[self.poller.plan.bot][self.poller.plan.rules.report.name]

    @property
    def events(self) -> list[str]:
        """The events logged at level info or above."""
        return [call.kwargs["event"] for call in self.log.calls if call.method_name != "debug"]


class MakeRig(Protocol):
    """Builds a ``Rig``; times in seconds, ``start`` in Shanghai's time zone."""

    def __call__(
        self,
        *,
        start: str = ...,
        interval: float = ...,
        stale_after: float = ...,
        report: Report = ...,
        listeners: Sequence[Listener] = ...,
    ) -> Rig: ...


BOT = BotId("main", "t1", "b1", "billing", "acme")


@pytest.fixture
def make_rig() -> MakeRig:
    """Return a function that builds a poller of a bot in Shanghai, by default at noon."""

    def make(
        *,
        start: str = "2026-05-20T12:00",
        interval: float = 60,
        stale_after: float = 300,
        report: Report = HOUR,
        listeners: Sequence[Listener] = (),
    ) -> Rig:
        clock = LoopClock(datetime.fromisoformat(start).replace(tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC))
        store, session, lags, findings = Store(listeners), FakeSession(report), list[float](), Findings()
        log = structlog.testing.CapturingLogger()
        rules = Rules(report, ZoneInfo("Asia/Shanghai"), settle_delay=600, empty_hour_delay=7200)
        poller = Poller(
            Plan(BOT, rules, interval, stale_after, budget=min(interval, 30)),
            session,
            store=store,
            clock=clock,
            log=structlog.wrap_logger(log, processors=[], wrapper_class=structlog.make_filtering_bound_logger("debug")),
            observe_lag=lags.append,
            observe_findings=findings,
        )
        return Rig(poller, session, store, clock, lags, findings, log)

    return make
