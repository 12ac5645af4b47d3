"""Fetch the past of a tenant's bots, newest day first, with low priority."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Calendar
from exporter.history.cache import Cache, Owner
from exporter.history.fetching import Session, fetch_report, pack_finished_day
from exporter.history.pasts import BotKey, BotPast, FetchedDay, find_final_time
from exporter.polling.calendar import find_local_date, find_midnight
from exporter.polling.windows import Rules
from exporter.upstream.errors import CircuitOpen, LoginFailed, UpstreamError

GRACE: Final = 600.0
"""Seconds between the end of ``empty_hour_delay`` and the request for a day: polls may complete it in this time."""

_DAY: Final = timedelta(days=1)
_TENANT_PAUSE: Final = (5.0, 600.0)
"""Seconds without requests after a failure that affects the whole tenant: the first pause, and the longest."""
_BOT_PAUSE: Final = (300.0, 21_600.0)
"""The same for a failure that affects one bot."""
_LOOKS_PER_TURN: Final = 500


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """The bots and the number of days to fetch."""

    platform: str
    owner: Owner
    rules: Rules
    days: int
    bots: tuple[str, ...]
    """The access codes."""
    calendar: Calendar
    concurrency: int
    """The maximum number of concurrent requests."""
    path: Path | None = None
    """The folder of the cache."""
    interval: float = 300.0
    """Seconds between two searches for missing days."""


@dataclass(slots=True)
class _Pause:
    """A pause that doubles with each failure, up to a maximum."""

    first: float
    most: float
    until: float = float("-inf")
    length: float = field(default=0.0)

    def extend(self, now: float, at_least: float = 0.0) -> None:
        self.length = min(self.most, 2 * self.length or self.first)
        self.until = now + max(self.length, at_least)


class HistoryWorker:
    """Fetches the missing days of a tenant's bots.

    A day is requested when it is over and its hours are settled, and once more a day later, since records are restated.
    """

    def __init__(
        self,
        plan: HistoryPlan,
        session: Session,
        *,
        pasts: dict[BotKey, BotPast],
        open_cache: Callable[[Path | None], Cache | None],
        clock: Clock,
        log: FilteringBoundLogger,
        on_change: Callable[[BotKey], None],
    ) -> None:
        """``on_change`` is called with each bot whose past has changed."""
        self.plan = plan
        self._session = session
        self._pasts = pasts
        self._open_cache = open_cache
        self._cache = open_cache(plan.path)
        self._clock = clock
        self._log = log.bind(platform=plan.platform, tenant_id=plan.owner.tenant_id)
        self._on_change = on_change
        self._pause = _Pause(*_TENANT_PAUSE)
        self._bot_pauses: dict[str, _Pause] = {}
        self._asking: set[tuple[str, date]] = set()
        self._loaded: set[str] = set()
        self._fetched = 0
        self._warned = False
        self._forget_others()

    async def run(self, phase: float) -> None:
        """Fetch missing days, and search again at each interval, until cancelled."""
        await self._load()
        self._asking.clear()
        free = asyncio.Semaphore(self.plan.concurrency)
        async with asyncio.TaskGroup() as requests:
            while True:
                found = False
                async for access_code, day in self._list_missing():
                    await free.acquire()
                    while (left := self._pause.until - self._clock.elapsed()) > 0:  # noqa: ASYNC110
                        await asyncio.sleep(left)
                    self._asking.add((access_code, day))
                    requests.create_task(self._ask(access_code, day, free))
                    found = True
                if not found and not self._asking:
                    self._log_completion()
                    await asyncio.sleep(self.plan.interval)
                elif not found:
                    await asyncio.sleep(1)

    def replan(self, plan: HistoryPlan, session: Session) -> None:
        """Continue under a new plan, and forget days of another platform or time zone. Not while ``run`` runs."""
        if plan.owner != self.plan.owner or plan.path != self.plan.path:
            self._loaded.clear()
        if plan.owner != self.plan.owner:
            for access_code in self.plan.bots:
                self._pasts.pop(self._make_key(access_code), None)
        changed = (plan.owner, plan.calendar) != (self.plan.owner, self.plan.calendar)
        self.plan = plan
        if changed:
            for access_code in plan.bots:
                self._on_change(self._make_key(access_code))
        self._session = session
        self._cache = self._open_cache(plan.path)
        self._forget_others()

    def fail(self, error: Exception) -> None:
        """Do nothing: judgements continue with the known days."""

    def close(self) -> None:
        """Do nothing: nothing outlives ``run``."""

    def take(self, access_code: str, day: FetchedDay) -> None:
        """Keep a day from a request or from polls."""
        oldest = self._find_oldest()
        if self._cache:
            self._cache.put(self.plan.owner, access_code, day, oldest)
        key = self._make_key(access_code)
        if self._pasts.setdefault(key, BotPast()).take([day], self.plan.rules, oldest):
            self._on_change(key)

    async def _load(self) -> None:
        """Load the days of new bots from the cache."""
        new = [access_code for access_code in self.plan.bots if access_code not in self._loaded]
        if self._cache is None or not new:
            return
        rules, oldest = self.plan.rules, self._find_oldest()
        known = await self._cache.load(self.plan.owner, rules, oldest)
        for number, access_code in enumerate(new):
            if number % 100 == 0:
                await asyncio.sleep(0)
            key = self._make_key(access_code)
            if self._pasts.setdefault(key, BotPast()).take(known.get(access_code, ()), rules, oldest):
                self._on_change(key)
        self._loaded.update(new)

    async def _list_missing(self) -> AsyncIterator[tuple[str, date]]:
        """Yield the days to request, newest first, until a new day begins."""
        rules, looks = self.plan.rules, 0
        now = self._clock.now()
        day = newest = self._find_newest(now)
        oldest = self._find_oldest()
        while day >= oldest:
            final = now >= find_final_time(day, rules)
            for access_code in self.plan.bots:
                looks += 1
                if looks % _LOOKS_PER_TURN == 0:
                    await asyncio.sleep(0)
                pause = self._bot_pauses.get(access_code)
                if pause and pause.until > self._clock.elapsed():
                    continue
                kept = self._pasts.get(self._make_key(access_code))
                wanted = kept is None or kept.wants(day, final=final)
                if wanted and (access_code, day) not in self._asking:
                    yield access_code, day
                    if self._find_newest(self._clock.now()) != newest:
                        return
            day -= _DAY

    def _find_newest(self, now: float) -> date:
        """Return the newest complete date."""
        today = find_local_date(now, self.plan.rules.zone)
        settled = find_midnight(today, self.plan.rules.zone) + self.plan.rules.empty_hour_delay + GRACE
        return today - _DAY if now >= settled else today - 2 * _DAY

    def _find_oldest(self) -> date:
        return find_local_date(self._clock.now(), self.plan.rules.zone) - self.plan.days * _DAY

    async def _ask(self, access_code: str, day: date, free: asyncio.Semaphore) -> None:
        rules, now = self.plan.rules, self._clock.now()
        try:
            parsed = await fetch_report(
                self._session, rules, self.plan.owner.tenant_id, access_code, day, low_priority=True
            )
        except UpstreamError as error:
            self._fail(access_code, error)
        else:
            self._succeed(access_code)
            self.take(access_code, FetchedDay(day, now, pack_finished_day(parsed, rules, day)))
        finally:
            self._asking.discard((access_code, day))
            free.release()

    def _fail(self, access_code: str, error: UpstreamError) -> None:
        now = self._clock.elapsed()
        if isinstance(error, (CircuitOpen, LoginFailed)) or error.unreachable or error.retry_after:
            pause = self._pause
        else:
            pause = self._bot_pauses.setdefault(access_code, _Pause(*_BOT_PAUSE))
        if now >= pause.until:  # further requests that were under way say nothing new
            pause.extend(now, error.retry_after or 0.0)
        lasting = pause.length > pause.first and not isinstance(error, (CircuitOpen, LoginFailed))  # the log has those
        if lasting and not self._warned:
            self._warned = True
            self._log.warning("history_failing", access_code=access_code, reason=error.reason, error=str(error))
        else:
            self._log.debug("history_failed", access_code=access_code, reason=error.reason, error=str(error))

    def _succeed(self, access_code: str) -> None:
        self._fetched += 1
        self._pause.length = 0.0
        self._bot_pauses.pop(access_code, None)

    def _log_completion(self) -> None:
        if self._fetched and not self._bot_pauses:
            self._log.info("history_complete", bots=len(self.plan.bots), days=self._fetched)
            self._fetched = 0
            self._warned = False

    def _forget_others(self) -> None:
        """Forget the days of bots that are not in the plan."""
        own = {self._make_key(access_code) for access_code in self.plan.bots}
        tenant = (self.plan.platform, self.plan.owner.tenant_id)
        for key in [key for key in self._pasts if key[:2] == tenant and key not in own]:
            del self._pasts[key]
            self._loaded.discard(key[2])
            self._on_change(key)

    def _make_key(self, access_code: str) -> BotKey:
        return self.plan.platform, self.plan.owner.tenant_id, access_code
