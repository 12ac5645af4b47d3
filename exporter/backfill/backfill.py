"""Read the missing history of many bots from their platforms, and write one file per day (UTC). No file is partial."""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from exporter.backfill.journal import Journal
from exporter.backfill.partfile import PartFile
from exporter.backfill.replay import Span, Tally, count_hours, find_first_record, list_days, list_hours_in, replay
from exporter.clock import Clock
from exporter.polling.snapshot import BotId
from exporter.polling.windows import Rules
from exporter.serving.exposition import Labels
from exporter.upstream.errors import CircuitOpen, UpstreamError
from exporter.upstream.reports import Parsed

PATIENCE: Final = 300.0
"""Seconds for which requests to a platform that has stopped answering are repeated."""

_BOTS_AHEAD: Final = 32
"""The number of bots whose reports are fetched while another is written. The platform's limits apply, too."""

_MAX_DELAY: Final = 30
"""Seconds between two tries."""

_PART_SECONDS: Final = 86_400


@dataclass(slots=True)
class Source:
    """A bot, and how to read its past."""

    bot: BotId
    rules: Rules
    gap: Span
    fetch: Callable[[date], Awaitable[Parsed]]
    """Fetches the report of a local date; raises UpstreamError."""
    answers: dict[date, Parsed] = field(default_factory=dict)
    """The reports that the current part or the next one needs."""
    known_since: float | None = None
    failed: bool = False
    """Whether it could not be read for the latest part."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one bot in one part, or in all parts.

    ``failed`` is a number of hours, too. ``error`` says why the last failed part failed.
    """

    tally: Tally = Tally()  # noqa: RUF009 - immutable
    failed: int = 0
    known_since: float | None = None
    error: str = ""

    def __add__(self, later: "Outcome") -> "Outcome":
        known = [since for since in (self.known_since, later.known_since) if since is not None]
        return Outcome(
            Tally(*(before + after for before, after in zip(self.tally, later.tally, strict=True))),
            self.failed + later.failed,
            min(known, default=None),
            later.error or self.error,
        )


class NothingRead(Exception):  # noqa: N818 - what happened
    """No bot can be read any more, so the run ends."""

    def __init__(self, error: UpstreamError) -> None:
        """``error`` is the last failure."""
        super().__init__(str(error))
        self.error: Final = error


class Backfill:
    """Write the missing parts of a history."""

    def __init__(
        self,
        sources: Sequence[Source],
        directory: Path,
        journal: Journal,
        *,
        step: int,
        labels: Labels,
        clock: Clock,
        patience: float = PATIENCE,
    ) -> None:
        """``sources`` share one report; ``step`` and ``patience`` are in seconds; ``labels`` are added to each series."""
        self._sources = sources
        self._directory = directory
        self._journal = journal
        self._step = step
        self._labels = tuple(labels)
        self._clock = clock
        self._patience = patience
        self._answered: dict[str, float] = {}
        self.parts: Final = _list_parts([source.gap for source in sources])
        """The days (UTC) to write, by name, in the order of time."""

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole run."""
        return len(self.parts) * len(self._sources)

    @property
    def left(self) -> Sequence[str]:
        """Return the names of the parts that are not complete."""
        return [name for name in self.parts if not self._is_complete(name)]

    def list_outcomes(self) -> Sequence[tuple[Source, Outcome]]:
        """Return the result of each bot so far."""
        totals = [Outcome() for _ in self._sources]
        for name in self.parts:
            if of_part := self._read_outcomes(name):
                totals = [total + outcome for total, outcome in zip(totals, of_part, strict=True)]
        return list(zip(self._sources, totals, strict=True))

    async def run(self, advance: Callable[[int], None]) -> None:
        """Write part after part. The next run writes a part again in which a bot failed. Raises NothingRead.

        ``advance`` gets the number of ``steps`` that are done.
        """
        for name, part in self.parts.items():
            if self._is_complete(name):
                self._learn(self._read_outcomes(name))
                advance(len(self._sources))
            else:
                await self._write(name, part, advance)

    def _read_outcomes(self, name: str) -> Sequence[Outcome]:
        """Return the result of each bot in a part; empty if the part is not written yet."""
        return [Outcome(Tally(*row[:3]), *row[3:]) for row in self._journal.read_outcome(name) or ()]

    def _is_complete(self, name: str) -> bool:
        outcomes = self._read_outcomes(name)
        return bool(outcomes) and not any(outcome.error for outcome in outcomes)

    def _learn(self, outcomes: Sequence[Outcome]) -> None:
        for source, outcome in zip(self._sources, outcomes, strict=True):
            if source.known_since is None:
                source.known_since = outcome.known_since

    async def _write(self, name: str, part: Span, advance: Callable[[int], None]) -> None:
        outcomes: list[Outcome] = []
        with PartFile(self._directory / f"{name}.om", self._sources[0].rules.report, self._labels) as file:
            async with aclosing(self._read(part)) as read:
                async for source, failure in read:
                    outcomes.append(self._add(file, source, part, failure))
                    advance(1)
                    if failure and all(source.failed for source in self._sources):
                        raise NothingRead(failure)
            file.finish()
        self._journal.note(name, _to_json(outcomes))

    def _add(self, file: PartFile, source: Source, part: Span, failure: UpstreamError | None) -> Outcome:
        span = part.within(source.gap)
        if span.begin >= span.end:
            return Outcome()
        source.failed = failure is not None
        if failure:
            return Outcome(failed=sum(1 for _ in list_hours_in(span, source.rules)), error=str(failure))
        reports, rules = source.answers, source.rules
        if source.known_since is None:
            source.known_since = find_first_record(reports, rules)
        known = source.known_since
        file.add(source.bot, replay(reports, rules, span, gap=source.gap, step=self._step, known_since=known))
        return Outcome(count_hours(reports, rules, span, known), known_since=known)

    async def _read(self, part: Span) -> AsyncGenerator[tuple[Source, UpstreamError | None], None]:
        """Yield every source, in order, when its answers have come; with the error if they have not."""
        coming: deque[tuple[Source, asyncio.Task[UpstreamError | None]]] = deque()
        waiting = deque(self._sources)
        try:
            while waiting or coming:
                while waiting and len(coming) < _BOTS_AHEAD:
                    source = waiting.popleft()
                    coming.append((source, asyncio.create_task(self._fetch(source, part))))
                source, task = coming[0]
                yield source, await task
                coming.popleft()
        finally:
            for _, task in coming:
                task.cancel()
            await asyncio.gather(*(task for _, task in coming), return_exceptions=True)

    async def _fetch(self, source: Source, part: Span) -> UpstreamError | None:
        """Fetch the answers that a source needs for a part and does not have."""
        span = part.within(source.gap)
        if span.begin >= span.end:
            return None
        days = list_days(span, source.rules, self._step)
        source.answers = {day: known for day, known in source.answers.items() if day in days}
        try:
            for day in days:
                if day not in source.answers:
                    source.answers[day] = await self._ask(source, day)
        except UpstreamError as error:
            return error.with_traceback(None)
        source.answers = {day: source.answers[day] for day in days}  # in order, however they came
        return None

    async def _ask(self, source: Source, day: date) -> Parsed:
        """Fetch once, or retry while the platform seems to be down; a bot that failed before gets no retries."""
        platform = source.bot.platform
        self._answered.setdefault(platform, self._clock.elapsed())
        for attempt in itertools.count():
            began = self._clock.elapsed()
            try:
                parsed = await source.fetch(day)
            except UpstreamError as error:
                away = isinstance(error, CircuitOpen) or error.unreachable
                silent = self._clock.elapsed() - self._answered[platform]
                others_answered = self._answered[platform] > began
                if source.failed or not away or silent >= self._patience or (others_answered and attempt):
                    raise
                await asyncio.sleep(min(2**attempt, _MAX_DELAY))
            else:
                self._answered[platform] = self._clock.elapsed()
                return parsed
        raise AssertionError("it never ends")


def _list_parts(gaps: Sequence[Span]) -> Mapping[str, Span]:
    """Return the days (UTC) that contain a part of a gap, by their dates."""
    first = min((gap.begin for gap in gaps), default=0) // _PART_SECONDS
    end = -(-max((gap.end for gap in gaps), default=0) // _PART_SECONDS)
    spans = (Span(number * _PART_SECONDS, (number + 1) * _PART_SECONDS) for number in range(first, end))
    return {datetime.fromtimestamp(span.begin, UTC).date().isoformat(): span for span in spans}


def _to_json(outcomes: Sequence[Outcome]) -> list[Any]:
    return [[*outcome.tally, outcome.failed, outcome.known_since, outcome.error] for outcome in outcomes]
