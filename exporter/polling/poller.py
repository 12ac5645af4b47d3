"""Polls one report of one bot on its schedule, and publishes each result as a snapshot."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.language import Text
from exporter.polling import windows
from exporter.polling.calendar import find_day_before, find_local_date, find_midnight
from exporter.polling.reconciler import describe_crash
from exporter.polling.schedule import repeat
from exporter.polling.snapshot import NO_RECORDS, BotId, Failure, Snapshot
from exporter.polling.store import Store
from exporter.reasons import FailureReason
from exporter.upstream.anomalies import Anomaly
from exporter.upstream.answer import judge_body
from exporter.upstream.errors import LoginFailed, UpstreamError
from exporter.upstream.progress import Progress
from exporter.upstream.reports import Parsed, Record, parse


class Session(Protocol):
    """Sends a tenant's calls to its platform."""

    async def query(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        *,
        expect: type,
        progress: Progress,
    ) -> object:
        """Make an authenticated call, with retries. Raises UpstreamError."""

    def redact(self, text: str) -> str:
        """Remove secrets from a text of the platform, which may repeat what it was sent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a bot's report is polled; times in seconds."""

    bot: BotId
    rules: windows.Rules
    interval: float
    stale_after: float
    budget: float
    """The time for a poll with all its retries, from when its first request is sent."""


class Poller:
    """Keeps a report of a bot up to date in the store. ``poll`` must not run twice at the same time."""

    def __init__(
        self,
        plan: Plan,
        session: Session,
        *,
        store: Store,
        clock: Clock,
        log: FilteringBoundLogger,
        observe_lag: Callable[[float], None],
        observe_findings: Callable[[str, Sequence[Anomaly], int], None],
    ) -> None:
        """Call ``observe_findings`` with the report's name, the new anomalies and the number of revisions."""
        self.plan = plan
        self.tried = asyncio.Event()
        self._session = session
        self._store = store
        self._clock = clock
        self._log = _bind(log, plan)
        self._observe_lag = observe_lag
        self._observe_findings = observe_findings
        self._state = windows.State()
        self._snapshot = Snapshot()
        self._timer: asyncio.TimerHandle | None = None
        self._warned = False
        self._day_before_asked: date | None = None
        self._answers: dict[date, _Answer] = {}
        """The last answer that was taken in, by the date it was requested for."""
        self._yesterday: windows.Day | None = None
        self._yesterday_settled = False
        self._show(self._snapshot)

    async def run(self, phase: float) -> None:
        """Poll at once, then at ``phase`` of each interval, until cancelled."""
        await repeat(self.poll, lambda: self.plan.interval, phase)

    async def poll(self, due: float | None) -> None:
        """Request today's report, and yesterday's if needed; ``due`` is the slot on the loop's clock, if any."""
        now = self._clock.now()
        former = self._snapshot.failure
        try:
            snapshot = await self._attempt(now, due)
            self._publish(snapshot)
        except Exception as error:  # noqa: BLE001 - an internal error must not end the polling
            self._log.exception("poll_crashed")
            self._show(self._record_failure("internal", describe_crash(error), now, warn=True))
        else:
            if snapshot.up and self._warned:
                self._warned = False
                self._log.info("bot_recovered", duration_seconds=round(now - former.since) if former else 0)
        finally:
            self.tried.set()

    def replan(self, plan: Plan, session: Session) -> None:
        """Continue under a new plan with the data collected so far, or start over if the time zone differs.

        Must not be called while ``run`` runs.
        """
        if plan.rules.zone != self.plan.rules.zone:
            self._state, self._snapshot = windows.State(), Snapshot()
            self._day_before_asked, self._answers = None, {}
        self.plan = plan
        self._session = session
        self._log = _bind(self._log, plan)
        self._show(self._snapshot)

    def fail(self, error: Exception) -> None:
        """Set the report down after an internal error, without logging it: the logger may be the cause."""
        self._show(self._mark_down("internal", describe_crash(error), self._clock.now()))

    def close(self) -> None:
        """Stop the timer. The series stay until the bot is removed from the store."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    async def _attempt(self, now: float, due: float | None) -> Snapshot:
        """Poll, and return the resulting snapshot."""
        today = find_local_date(now, self.plan.rules.zone)
        turn = _Turn(self._state, due, self.plan.budget, self._clock, self._observe_lag)
        try:
            await self._take(today, turn)
            if windows.wants_day_before(turn.state, self.plan.rules, now) or self._lacks_day_before(turn.state, today):
                await self._take_day_before(today, turn)
        except UpstreamError as error:
            return self._record_failure(error.reason, error.message, now, warn=not error.logged_once)
        return self._record_success(now, turn)

    def _lacks_day_before(self, state: windows.State, today: date) -> bool:
        """Return whether yesterday's report is still missing for comparison.

        It is requested once a day, successfully or not, and only after a successful poll, so that the first round after a
        start or an outage takes no longer than needed.
        """
        lacking = windows.lacks_day_before(state, self.plan.rules, today)
        return lacking and self._day_before_asked != today and self._snapshot.up

    async def _take_day_before(self, today: date, turn: "_Turn") -> None:
        self._day_before_asked = today
        try:
            await self._take(find_day_before(today), turn)
        except UpstreamError as error:  # today's report has come, and decides the result
            self._log.debug("day_before_failed", reason=error.reason, error=str(error))

    async def _take(self, day: date, turn: "_Turn") -> None:
        plan, report = self.plan, self.plan.rules.report
        bot = plan.bot
        body = report.request(bot.tenant_id, bot.access_code, find_midnight(day, plan.rules.zone))
        turn.asked = self._clock.now()
        turn.known = self._answers.get(day, _NO_ANSWER) if windows.can_confirm(turn.state, day) else _NO_ANSWER
        try:
            async with asyncio.timeout_at(turn.ends) as turn.timeout:
                rows = await self._session.query(report.operation, report.path, body, expect=list, progress=turn)
        except TimeoutError:
            if turn.logging_in:
                message = Text("no login within %(budget)g s, retries included", budget=plan.budget)
                raise LoginFailed(FailureReason.TIMEOUT, message) from None
            message = Text("no answer within %(budget)g s, retries included", budget=plan.budget)
            raise UpstreamError(FailureReason.TIMEOUT, message) from None
        if rows is None:
            turn.state = windows.confirm(turn.state, plan.rules, day, turn.asked)
            return
        assert isinstance(rows, list)  # noqa: S101 - `expect` promises it
        parsed = self._parse(rows)
        if parsed.anomalies and turn.known_rows:
            # Whether a field is missing depends on all rows.
            turn.forget_rows()
            rows = judge_body(turn.answer, list, ())
            assert isinstance(rows, list)  # noqa: S101 - `list` promises it
            parsed = self._parse(rows)
        turn.answers[day] = turn.remember(parsed)
        parsed = parsed._replace(records=[*turn.known_rows.values(), *parsed.records])
        turn.state, anomalies, revisions = windows.fold(turn.state, plan.rules, day, parsed, turn.asked)
        if anomalies or revisions:
            turn.findings.append((anomalies, revisions))

    def _parse(self, rows: Sequence[object]) -> Parsed:
        bot = self.plan.bot
        return parse(
            self.plan.rules.report,
            rows,
            tenant_id=bot.tenant_id,
            access_code=bot.access_code,
            redact=self._session.redact,
        )

    def _report_findings(self, anomalies: Sequence[Anomaly], revisions: int) -> None:
        for kind, number in Counter(anomaly.kind for anomaly in anomalies).items():
            first = next(anomaly for anomaly in anomalies if anomaly.kind == kind)
            self._log.warning("report_anomaly", reason=kind, count=number, first=first.where, detail=first.detail)
        if revisions:
            self._log.info("records_revised", count=revisions)
        self._observe_findings(self.plan.rules.report.name, anomalies, revisions)

    def _record_success(self, now: float, turn: "_Turn") -> Snapshot:
        done = self._clock.now()
        # The timer may have moved the counters on during the poll.
        state = turn.state._replace(phase=self._state.phase, totals=self._state.totals)
        self._state = windows.count(state, self.plan.rules, done)
        if turn.answers:
            answers = self._answers | turn.answers
            self._answers = {of: answers[of] for of in answers if windows.can_confirm(self._state, of)}
        for anomalies, revisions in turn.findings:
            self._report_findings(anomalies, revisions)
        return self._refresh(
            up=True,
            failure=None,
            last_attempt=now,
            last_success=done,
            expires=self._clock.elapsed() + self.plan.stale_after,
        )

    def _record_failure(self, reason: str, message: str, now: float, *, warn: bool) -> Snapshot:
        if warn and not self._warned:
            self._warned = True
            self._log.warning("bot_failing", reason=reason, error=message)
        else:
            self._log.debug("poll_failed", reason=reason, error=message)
        return self._mark_down(reason, message, now)

    def _mark_down(self, reason: str, message: str, now: float) -> Snapshot:
        former = self._snapshot.failure
        return self._snapshot._replace(
            up=False,
            failures=self._snapshot.failures + 1,
            failure=Failure(reason, message, former.since if former else now),
            last_attempt=now,
        )

    def _refresh(self, **changes: Any) -> Snapshot:
        """Return the snapshot with the data of the current state, and with ``changes``."""
        state = self._state
        today = find_local_date(self._clock.now(), self.plan.rules.zone)
        day, yesterday = state.day(today), state.day(find_day_before(today))
        if yesterday is not self._yesterday:
            self._yesterday = yesterday
            self._yesterday_settled = yesterday is not None and windows.is_settled(yesterday, self.plan.rules)
        return self._snapshot._replace(
            hour=state.hour,
            live=state.live,
            totals=state.shown_totals,
            day=state.last_day,
            records=day.records if day else NO_RECORDS,
            yesterday=yesterday.records if yesterday else NO_RECORDS,
            yesterday_settled=self._yesterday_settled,
            asked=day.asked if day else None,
            **changes,
        )

    def _publish(self, snapshot: Snapshot) -> None:
        """Publish a snapshot. If a listener of the store raises, raise it again; the former snapshot stays the latest."""
        self._store.put(self.plan.bot, self.plan.rules.report.name, snapshot)
        self._snapshot = snapshot
        self._arm()

    def _show(self, snapshot: Snapshot) -> None:
        """Publish a snapshot; log listener errors instead of raising them."""
        try:
            self._publish(snapshot)
        except Exception:  # noqa: BLE001 - no caller could do more than log it
            self._log.exception("publish_crashed")

    def _arm(self) -> None:
        """Set the timer for the next change without a poll: the start of a new day, and the end of its 0."""
        self.close()
        now = self._clock.now()
        due = windows.changes_at(self._state, self.plan.rules, now)
        if due is None:
            return
        # It may have just passed, if the snapshot was published before the timer could run.
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._on_time)

    def _on_time(self) -> None:
        if self._snapshot.expires <= self._clock.elapsed():
            # The series are not shown now, so a 0 would not be seen. The next successful poll starts the day.
            self._timer = None
            return
        self._state = windows.count(self._state, self.plan.rules, self._clock.now())
        self._show(self._refresh())


class _Answer(NamedTuple):
    """An answer that was taken in: its hash, and the records of its rows by the hash of their text."""

    digest: int | None = None
    rows: Mapping[int, Record] = MappingProxyType({})


_NO_ANSWER: Final = _Answer()


class _Turn(Progress):
    """A poll: its time, and what it brings. Nothing of that is shown before all of it has come.

    The time starts with the first request, and pauses while the poll is queued after a login.
    """

    def __init__(
        self,
        state: windows.State,
        due: float | None,
        budget: float,
        clock: Clock,
        observe_lag: Callable[[float], None],
    ) -> None:
        """Take the state before the poll, its slot on the loop's clock, if any, and its budget in seconds."""
        self.state = state
        """The state with the reports taken so far."""
        self.answers: dict[date, _Answer] = {}
        """The answers taken, by the date requested."""
        self.findings: list[tuple[Sequence[Anomaly], int]] = []
        """The new anomalies and the revisions of each report."""
        self.asked = 0.0
        """When the request was last sent, in epoch seconds."""
        self.ends: float | None = None
        """When the time ends, on the loop's clock; None while it is paused."""
        self.timeout: asyncio.Timeout
        self.logging_in = False
        self.known = _NO_ANSWER
        """The answer that need not be decoded again."""
        self.answer = b""
        """The latest answer."""
        self.known_rows: dict[int, Record] = {}
        """Those of its rows that ``known`` has, too."""
        self._new_rows: list[int] = []
        self._due = due
        self._left = budget
        self._clock = clock
        self._observe_lag = observe_lag

    def login_sent(self) -> None:
        self.logging_in = True
        self._run()

    def login_ended(self) -> None:
        self.logging_in = False
        if self.ends is not None:
            self._left = self.ends - asyncio.get_running_loop().time()
            self._end_at(None)

    def sent(self) -> None:
        self.asked = self._clock.now()
        self._run()

    def find_news(self, answer: bytes) -> bytes | None:
        self.answer = answer
        if hash(answer) == self.known.digest:
            return None
        texts = _split_rows(answer)
        rows = dict(zip(map(hash, texts), texts, strict=True))
        known = self.known.rows if len(rows) == len(texts) else {}
        self.known_rows = {row: known[row] for row in rows if row in known}
        self._new_rows = [row for row in rows if row not in known]
        return _join_rows([rows[row] for row in self._new_rows]) if self.known_rows else answer

    def forget_rows(self) -> None:
        """Treat all rows of the answer as new."""
        self.known_rows = {}
        self._new_rows = []

    def remember(self, parsed: Parsed) -> _Answer:
        """Return what to remember of the answer, whose new rows are ``parsed``: no rows if there are anomalies."""
        sound = not parsed.anomalies and len(parsed.records) == len(self._new_rows)
        new = zip(self._new_rows, parsed.records, strict=True) if sound else ()
        return _Answer(hash(self.answer), {**self.known_rows, **dict(new)} if sound else {})

    def _run(self) -> None:
        if self.ends is not None:
            return
        now = asyncio.get_running_loop().time()
        self._end_at(now + self._left)
        if self._due is not None:
            self._observe_lag(max(0.0, now - self._due))
            self._due = None

    def _end_at(self, moment: float | None) -> None:
        self.ends = moment
        self.timeout.reschedule(moment)


def _split_rows(answer: bytes) -> Sequence[bytes]:
    """Return the texts of the objects in a JSON array; empty if it is something else.

    A text begins with the comma that separates its object from the one before, and lacks the closing brace. If there are
    further braces within the objects, the texts are parts of rows, and their number differs from that of the rows.
    """
    if not (answer.startswith(b"[{") and answer.endswith(b"}]")):
        return ()
    return answer[1:-2].split(b"}")  # a single byte is found several times as fast as two


def _join_rows(texts: Sequence[bytes]) -> bytes:
    """Return the JSON array of some of the texts of ``_split_rows``."""
    return b"[%b}]" % b"}".join(texts).lstrip().removeprefix(b",") if texts else b"[]"


def _bind(log: FilteringBoundLogger, plan: Plan) -> FilteringBoundLogger:
    bot = plan.bot
    return log.bind(
        platform=bot.platform,
        tenant_id=bot.tenant_id,
        access_code=bot.access_code,
        bot=bot.bot,
        report=plan.rules.report.name,
    )
