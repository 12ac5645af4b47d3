"""Judge each bot by its past when a poll brings something new."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger
from yarl import URL

from exporter import config
from exporter.clock import Clock
from exporter.history.cache import Cache, Owner
from exporter.history.fetching import list_rows, read_counts
from exporter.history.pasts import BotKey, BotPast, FetchedDay
from exporter.history.worker import HistoryPlan, HistoryWorker
from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Past, flatten, pack, unpack_calls
from exporter.judging.judge import Signal, judge
from exporter.judging.reach import Reach
from exporter.judging.usual import Baseline, Expected, Straying, expect, learn, pool
from exporter.judging.verdict import Verdict
from exporter.polling.calendar import find_hour_end, find_local_date, list_hours, list_hours_begun
from exporter.polling.fleet import PolledTenant, TenantKey
from exporter.polling.snapshot import BotId, Hour, Snapshot, TenantId, TenantStatus
from exporter.polling.windows import Rules
from exporter.upstream.reports import HOUR, Record
from exporter.upstream.session import TenantSession

_DAY: Final = timedelta(days=1)
_DAY_SECONDS: Final = 86_400
_JUDGED_EVERY: Final = 300.0
"""Seconds until a bot is judged again although polls bring nothing new: more calls may be missing."""
_REACHING_HOURS: Final = 3
"""The number of newest hours that show how far the tenant's reports reach."""
_LEARNING_PAUSE: Final = 9
"""The pause after learning from one bot, as a multiple of the time that it took: polls and scrapes must not wait."""


@dataclass(slots=True)
class _Judged:
    """What the keeper knows about a bot between two polls."""

    baseline: Baseline | None = None
    learned_from: Past | None = None
    snapshot: Snapshot | None = None
    """The snapshot of ``verdict``; None if the next poll has to judge in any case."""
    verdict: Verdict | None = None


class Keeper:
    """Plans the fetching of each bot's past, learns what is usual, and judges.

    It is a listener of the store, before those that show verdicts, and the work of each tenant for the fleet.
    """

    def __init__(self, *, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._pasts: dict[BotKey, BotPast] = {}
        self._workers: dict[TenantKey, HistoryWorker] = {}
        self._caches: dict[Path, Cache] = {}
        self._judged: dict[BotKey, _Judged] = {}
        self._reaches: defaultdict[TenantKey, Reach] = defaultdict(Reach)
        self._straying: defaultdict[TenantKey, dict[BotKey, Straying]] = defaultdict(dict)
        self._pools: dict[TenantKey, Straying] = {}
        """What is typical of a tenant's bots, until one of them has been learned again."""
        self._to_measure: dict[BotKey, None] = {}
        self._to_learn: dict[BotKey, None] = {}
        self._something_to_learn = asyncio.Event()

    def judgement(self, bot: BotId) -> Verdict | None:
        """Return the verdict on a bot; None if there is no history."""
        judged = self._judged.get(_make_key(bot))
        return judged.verdict if judged else None

    # The work of a tenant

    def plan(self, tenant: PolledTenant) -> HistoryPlan | None:
        """Plan the history of a tenant's bots; None without a history or without the report by hour."""
        settings, platform = tenant.config.history, tenant.platform
        if not settings.days or HOUR.name not in tenant.config.reports:
            self._forget(tenant.key)
            return None
        return HistoryPlan(
            platform=platform.name,
            owner=Owner(str(URL(platform.url).with_user(None)), tenant.tenant.tenant_id, tenant.tenant.timezone.key),
            rules=Rules.of(tenant.config, tenant.tenant, HOUR),
            days=settings.days,
            bots=tuple(bot.access_code for bot in tenant.bots),
            calendar=tenant.tenant.calendar,
            concurrency=max(1, platform.max_concurrency // 2),
            path=settings.path,
        )

    def make(self, key: TenantKey, plan: HistoryPlan, session: TenantSession) -> HistoryWorker:
        """Build the worker that fetches a tenant's history."""
        worker = self._workers[key] = HistoryWorker(
            plan,
            session,
            pasts=self._pasts,
            open_cache=self._open_cache,
            clock=self._clock,
            log=self._log,
            on_change=self._learn_soon,
        )
        return worker

    # The listener of the store

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Judge a bot if its latest poll has brought something new."""
        worker = self._workers.get((bot.platform, bot.tenant_id))
        if report == HOUR.name and worker and snapshot.asked is not None and snapshot.up:
            try:
                self._update(worker, bot, snapshot)
            except Exception:  # noqa: BLE001 - the metrics of the poll are shown without a verdict
                self._log.exception("judging_crashed", tenant_id=bot.tenant_id, access_code=bot.access_code)

    def bot_removed(self, bot: BotId) -> None:
        """Forget the verdict; the past stays as long as its tenant has the bot."""
        self._judged.pop(_make_key(bot), None)
        self._learn_soon(_make_key(bot))

    def report_removed(self, bot: BotId, report: str) -> None:
        """Forget the verdict with the report by hour."""
        if report == HOUR.name:
            self.bot_removed(bot)

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Do nothing."""

    def tenant_removed(self, tenant: TenantId) -> None:
        """Forget everything about a tenant."""
        self._forget((tenant.platform, tenant.tenant_id))

    # The rest

    async def run(self) -> None:
        """Learn what is usual for each bot whose past has changed, until cancelled.

        First each bot is learned by itself, then again with what is typical of all bots of its tenant. So the same pasts
        give the same numbers in every process, in whatever order they came.
        """
        while True:
            await self._something_to_learn.wait()
            began = self._clock.elapsed()
            queue, learn_one = (
                (self._to_measure, self._learn_alone) if self._to_measure else (self._to_learn, self._learn_in_tenant)
            )
            key = next(iter(queue))
            del queue[key]
            if not self._to_measure and not self._to_learn:
                self._something_to_learn.clear()
            try:
                learn_one(key)
            except Exception:  # noqa: BLE001 - the other bots are still learned
                self._log.exception("learning_crashed", tenant_id=key[1], access_code=key[2])
            await asyncio.sleep(_LEARNING_PAUSE * (self._clock.elapsed() - began))

    async def close(self) -> None:
        """Write the days that are not in the caches yet."""
        for cache in self._caches.values():
            await cache.close()

    def _update(self, worker: HistoryWorker, bot: BotId, snapshot: Snapshot) -> None:
        """Judge a bot again, unless nothing has changed."""
        key = _make_key(bot)
        judged = self._judged.get(key) or self._judged.setdefault(key, _Judged())
        kept = self._pasts.get(key) or self._pasts.setdefault(key, BotPast())
        self._keep_yesterday(worker, bot, snapshot, kept)
        if judged.learned_from is kept.past and judged.snapshot and _is_same(judged.snapshot, snapshot):
            return
        known = len(kept.past) * _DAY_SECONDS
        baseline = judged.baseline
        if baseline and baseline.zone == worker.plan.rules.zone:
            signals, expect_today = self._judge(worker, bot, baseline, kept.past, snapshot)
            if judged.snapshot and judged.verdict and judged.snapshot.hour is snapshot.hour:
                expected = judged.verdict.expected
            else:
                expected = _find_expected(baseline, snapshot.hour)
            judged.verdict = Verdict(known, expected, signals, expect_today)
        else:
            judged.verdict = Verdict(known)
        judged.snapshot = snapshot

    def _judge(
        self, worker: HistoryWorker, bot: BotId, baseline: Baseline, past: Past, snapshot: Snapshot
    ) -> tuple[Mapping[str, Signal], Callable[[], Mapping[float, Expected]]]:
        """Judge a bot; return the signals, and what computes the expected values of today."""
        rules, now = worker.plan.rules, snapshot.asked
        assert now is not None  # noqa: S101 - the caller has looked
        today = find_local_date(now, rules.zone)
        yesterday = today - _DAY
        if snapshot.yesterday and yesterday not in past:
            past = {**past, yesterday: pack(list_rows(snapshot.yesterday, rules, yesterday))}
        known = flatten(list_rows(snapshot.records, rules, today))
        reach = self._reaches[bot.platform, bot.tenant_id]
        begun = list_hours_begun(today, rules.zone, now)
        newest = slice(max(0, len(begun) - _REACHING_HOURS), len(begun))
        usual, came = baseline.day(today).low_calls, unpack_calls(known)
        for (start, _), expected, calls in zip(begun[newest], usual[newest], came[newest], strict=True):
            reach.add(bot.access_code, start, expected, calls)
        settled = find_hour_end(snapshot.hour.start, rules.zone) if snapshot.hour else now
        known_until = reach.known_until(bot.access_code, settled, now)
        return judge(baseline, past, known, now, known_until), partial(_expect_day, baseline, today, snapshot.records)

    def _keep_yesterday(self, worker: HistoryWorker, bot: BotId, snapshot: Snapshot, kept: BotPast) -> None:
        """Keep yesterday if polls have completed it."""
        if not snapshot.yesterday_settled:
            return
        rules, now = worker.plan.rules, self._clock.now()
        yesterday = find_local_date(now, rules.zone) - _DAY
        if kept.wants(yesterday, final=False):
            found = pack(list_rows(snapshot.yesterday, rules, yesterday))
            worker.take(bot.access_code, FetchedDay(yesterday, now, found))

    def _learn_soon(self, key: BotKey) -> None:
        self._to_measure[key] = None
        self._something_to_learn.set()

    def _learn_alone(self, key: BotKey) -> None:
        straying = self._straying[key[:2]]
        straying.pop(key, None)
        self._pools.pop(key[:2], None)
        if baseline := self._learn(key):
            straying[key] = baseline.straying
        self._to_learn.update(dict.fromkeys(straying))
        if self._to_learn:
            self._something_to_learn.set()

    def _learn_in_tenant(self, key: BotKey) -> None:
        tenant = key[:2]
        if tenant not in self._pools:
            self._pools[tenant] = pool(self._straying[tenant].values())
        self._learn(key, self._pools[tenant])

    def _learn(self, key: BotKey, tenant: Straying | None = None) -> Baseline | None:
        worker, kept = self._workers.get(key[:2]), self._pasts.get(key)
        if worker is None or kept is None:
            self._judged.pop(key, None)
            return None
        rules = worker.plan.rules
        today = find_local_date(self._clock.now(), rules.zone)
        judged = self._judged.setdefault(key, _Judged())
        judged.baseline = learn(kept.past, make_calendar(worker.plan.calendar), rules.zone, today, tenant)
        judged.learned_from = kept.past
        judged.snapshot = None
        return judged.baseline

    def _open_cache(self, path: Path | None) -> Cache | None:
        if path is None:
            return None
        if path not in self._caches:
            self._caches[path] = Cache(path, self._log)
        return self._caches[path]

    def _forget(self, tenant: TenantKey) -> None:
        self._workers.pop(tenant, None)
        self._reaches.pop(tenant, None)
        self._straying.pop(tenant, None)
        self._pools.pop(tenant, None)
        for kept in (self._pasts, self._judged):
            for key in [key for key in kept if key[:2] == tenant]:
                del kept[key]


def _is_same(judged: Snapshot, snapshot: Snapshot) -> bool:
    """Return whether a snapshot has nothing new, and the bot has been judged a short time ago."""
    return (
        judged.records is snapshot.records
        and judged.yesterday is snapshot.yesterday
        and judged.asked is not None
        and snapshot.asked is not None
        and judged.asked <= snapshot.asked < judged.asked + _JUDGED_EVERY
    )


def _find_expected(baseline: Baseline, hour: Hour | None) -> Expected | None:
    """Return the expected values of the hour that the metrics show."""
    return expect(baseline, hour.start, read_counts(hour.record)) if hour else None


def _expect_day(baseline: Baseline, day: date, records: Mapping[float, Record]) -> Mapping[float, Expected]:
    """Return the expected values of a date's hours, by their starts."""
    return {
        start: expect(baseline, start, read_counts(records.get(start))) for start, _ in list_hours(day, baseline.zone)
    }


def _make_key(bot: BotId) -> BotKey:
    return bot.platform, bot.tenant_id, bot.access_code


@lru_cache(maxsize=256)
def make_calendar(settings: config.Calendar) -> Calendar:
    """Return the calendar of a tenant."""
    return Calendar(settings.country, settings.subdivision, settings.special_days)
