"""The invariants of every metrics page, whatever the platform does."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from lab.soak.ledger import COUNTS, FIELDS, BotKey, Delays, Figures, Ledger, Settled, Testimony, local_date, midnight
from lab.soak.page import Page, Shown

ZERO_SHOWN: Final = 120.0
"""Seconds for which a new day's counters show 0, and before that the last values of the day before."""

_SLACK: Final = 1.5
"""Seconds of tolerance for measured times."""

_CLOCKS: Final = 0.02
"""Seconds by which the exporter's clock may be behind the platforms' clocks."""

_PATIENCE: Final = 15.0
"""Seconds that a busy machine and the circuit breaker may add to a poll's schedule."""

_LONGEST_DETAIL: Final = 800

EXIST: Final = "every configured bot has its oifde_up, and no other bot has series"
AGREE: Final = "oifde_up agrees with the outcome of the latest poll"
POLLED: Final = "every bot is polled on schedule"
ANSWERED: Final = "a successful poll had a correct answer of the platform"
LIVE: Final = "the live hour has the platform's values"
HOURLY: Final = "the last complete hour has the platform's values, is settled and is the newest"
COUNTED: Final = "the day's counters have the platform's values"
LAST_DAY: Final = "the last day is over, and has the platform's values"
NEVER_BACK: Final = "the hours and the last day never go back"
NEVER_DOWN: Final = "counters decrease at most once a day, after midnight, to a visible 0"
UNCHANGED: Final = "without a successful poll the hours stay the same"
WITHDRAWN: Final = "series are removed after stale_after, and not before"
RECOVERED: Final = "a bot is up again soon after its fault has ended"
FAILED: Final = "a bot that cannot be polled is down"
MONOTONIC: Final = "the exporter's own counters never decrease"


@dataclass(frozen=True, slots=True)
class Expectation:
    """The poll interval of a bot, and the longest duration of a poll, in seconds."""

    interval: float
    budget: float


@dataclass(slots=True)
class _Memory:
    """The state of a bot from one page to the next; times in epoch seconds."""

    seen: Shown | None = None
    began: float = 0.0
    polled: float | None = None
    """When the latest poll's outcome was first seen."""
    day: dict[str, float] = field(default_factory=dict)
    """The counters that were shown last, even if they have been removed since."""
    day_began: float = 0.0
    hour_start: float = float("-inf")
    live_start: float = float("-inf")
    last_day_start: float = float("-inf")
    turned: date | None = None
    """The date whose 0 was seen."""
    zero_after: float | None = None
    """The earliest time at which the 0 may have begun."""
    zero_seen: float | None = None


class Checker:
    """Compares one page after another with the ledger, and counts the checks."""

    def __init__(
        self,
        ledger: Ledger,
        delays: Delays,
        expectations: Mapping[BotKey, Expectation],
        *,
        clear_since: Callable[[BotKey], float | None],
        failing_since: Callable[[BotKey], float | None],
    ) -> None:
        """``clear_since`` and ``failing_since`` return since when all of a bot's requests succeed, or fail; else None."""
        self._ledger = ledger
        self._delays = delays
        self._expectations = expectations
        self._clear_since = clear_since
        self._failing_since = failing_since
        self._memories: dict[BotKey, _Memory] = defaultdict(_Memory)
        self._others: Mapping[str, float] = {}
        self._since: dict[BotKey, float] = {}
        self.checks: Counter[str] = Counter()
        """The number of checks of each invariant."""
        self.violations: Counter[str] = Counter()
        self.details: list[str] = []
        """The first violations, in words."""

    def forget(self, bot: BotKey) -> None:
        """Forget a bot that is no longer configured."""
        self._memories.pop(bot, None)
        self._since.pop(bot, None)

    def observe(self, page: Page, configured: Collection[BotKey], began: float, ended: float) -> None:
        """Check a page that was requested at ``began`` and received at ``ended`` (epoch seconds)."""
        self.claim(EXIST, set(configured) == page.bots.keys(), "page", set(configured) ^ page.bots.keys())
        for bot in configured:
            shown = page.bots.get(bot)
            if shown is not None:
                self._since.setdefault(bot, began)
                self._observe(bot, shown, self._memories[bot], began, ended)
        for name, value in page.others.items():
            if name.split("{")[0].endswith(("_total", "_bucket", "_count", "_sum")):
                former = self._others.get(name, 0.0)
                self.claim(MONOTONIC, value >= former, name, (former, value))
        self._others = page.others

    def claim(self, invariant: str, holds: bool, of: object, *details: object) -> None:
        """Count a check, and record it if it failed."""
        self.checks[invariant] += 1
        if not holds:
            self.violations[invariant] += 1
            if self.violations[invariant] <= 10:
                self.details.append(f"{invariant}: {of}: {' '.join(map(repr, details))}"[:_LONGEST_DETAIL])

    def _observe(self, bot: BotKey, shown: Shown, memory: _Memory, began: float, ended: float) -> None:
        exists = {shown.up, shown.by_day_up} <= {0.0, 1.0} and shown.failures is not None
        self.claim(EXIST, exists, bot, shown)
        self._check_last_day(bot, shown, memory, ended)
        former = memory.seen
        if former is None or (former.last_success, former.failures) != (shown.last_success, shown.failures):
            memory.polled = ended
        self._check_outcome(bot, shown, former, memory, began, ended)
        if shown.last_success is not None:
            self._check_presence(bot, shown, former, shown.last_success, began, ended)
        if shown.has_data and shown.last_success is not None:
            self._check_data(bot, shown, memory, shown.last_success, began, ended)
        if former and former.last_success == shown.last_success and former.has_data and shown.has_data:
            self.claim(UNCHANGED, (former.hour, former.live) == (shown.hour, shown.live), bot, former, shown)
        memory.seen, memory.began = shown, began

    def _check_outcome(
        self, bot: BotKey, shown: Shown, former: Shown | None, memory: _Memory, began: float, ended: float
    ) -> None:
        expected = self._expectations[bot]
        patience = expected.interval + expected.budget + _PATIENCE
        if former:
            succeeded = (shown.last_success or 0.0) - (former.last_success or 0.0)
            failed = (shown.failures or 0.0) - (former.failures or 0.0)
            agrees = {
                (False, False): shown.up == former.up,
                (True, False): shown.up == 1.0,
                (False, True): shown.up == 0.0,
                (True, True): True,
            }[succeeded > 0, failed > 0]
            self.claim(AGREE, agrees and succeeded >= 0 and failed >= 0, bot, former, shown)
        if memory.polled is not None:
            self.claim(POLLED, began - memory.polled <= patience, bot, began - memory.polled)
        first = max(self._since[bot], self._clear_since(bot) or float("inf"))
        if began >= first + patience:
            self.claim(RECOVERED, (shown.last_success or 0.0) >= first, bot, shown.last_success, first, began)
        failing = self._failing_since(bot)
        if failing is not None and began >= failing + patience + expected.budget:
            self.claim(FAILED, shown.up == 0.0, bot, failing, began)

    def _check_presence(
        self, bot: BotKey, shown: Shown, former: Shown | None, success: float, began: float, ended: float
    ) -> None:
        stale = success + self._delays.stale_after
        if began > stale + _SLACK:
            self.claim(WITHDRAWN, not shown.has_data, bot, success, began)
        elif ended < stale - _SLACK and former and former.has_data:
            self.claim(WITHDRAWN, shown.has_data, bot, success, ended)

    def _check_data(
        self, bot: BotKey, shown: Shown, memory: _Memory, success: float, began: float, ended: float
    ) -> None:
        budget = self._expectations[bot].budget
        zone = self._ledger.zone(bot)
        # A machine that stands still for a while stretches a poll's budget.
        last = success + _CLOCKS
        latest = max(
            (testimony.at for testimony in self._ledger.between(bot, success - _PATIENCE, last)), default=success
        )
        testimonies = self._ledger.between(bot, min(latest, success - budget - _SLACK / 3), last)
        # A poll that ran over midnight asked for the day that was today when it began.
        days = (local_date(success, zone), local_date(success - budget - _SLACK, zone))
        of_today = next(
            filter(None, ([testimony for testimony in testimonies if testimony.day == day] for day in days)), []
        )
        self.claim(ANSWERED, bool(of_today), bot, success, began)
        if not of_today:
            return
        self._check_live(bot, shown, testimonies, of_today)
        self._check_hour(bot, shown, testimonies, of_today, budget)
        self._check_day(bot, shown, memory, testimonies, began, ended)
        for name, window, start in (("hour", shown.hour, memory.hour_start), ("live", shown.live, memory.live_start)):
            newer = window.get("start_timestamp_seconds", start)
            self.claim(NEVER_BACK, newer >= start, bot, name, start, newer)
        memory.hour_start = shown.hour.get("start_timestamp_seconds", memory.hour_start)
        memory.live_start = shown.live.get("start_timestamp_seconds", memory.live_start)

    def _check_last_day(self, bot: BotKey, shown: Shown, memory: _Memory, ended: float) -> None:
        start = shown.last_day.get("start_timestamp_seconds")
        if start is None:
            self.claim(LAST_DAY, not shown.last_day, bot, shown.last_day)
            return
        zone = self._ledger.zone(bot)
        day = local_date(start, zone)
        self.claim(LAST_DAY, midnight(day + timedelta(days=1), zone) + self._delays.settle <= ended, bot, start, ended)
        told = self._ledger.ever_days(bot, day)
        self.claim(LAST_DAY, _figures(shown.last_day) in told, bot, shown.last_day, told)
        self.claim(NEVER_BACK, start >= memory.last_day_start, bot, "last day", memory.last_day_start, start)
        memory.last_day_start = start

    def _check_live(
        self, bot: BotKey, shown: Shown, testimonies: Sequence[Testimony], of_today: Sequence[Testimony]
    ) -> None:
        start = shown.live.get("start_timestamp_seconds")
        newest = [max(testimony.hours, default=None) for testimony in of_today]
        least = min((hour for hour in newest if hour is not None), default=None) if None not in newest else None
        if start is None:
            self.claim(LIVE, least is None and not shown.live, bot, "missing", least)
            return
        self.claim(LIVE, least is None or start >= least, bot, "old", start, least)
        told = [testimony.known[start] for testimony in testimonies if start in testimony.known]
        candidates = set(told) or self._ledger.ever_figures(bot, start)
        self.claim(LIVE, _figures(shown.live) in candidates, bot, start, shown.live, candidates)

    def _check_hour(
        self, bot: BotKey, shown: Shown, testimonies: Sequence[Testimony], of_today: Sequence[Testimony], budget: float
    ) -> None:
        zone = self._ledger.zone(bot)
        # It was asked somewhat earlier than it was answered, which decides what had settled.
        earlier = [testimony.settled(testimony.at - budget, zone, self._delays) for testimony in of_today]
        least = min((hour.start for hours in earlier for hour in hours), default=None) if all(earlier) else None
        start = shown.hour.get("start_timestamp_seconds")
        if start is None:
            self.claim(HOURLY, least is None and not shown.hour, bot, "missing", least)
            return
        self.claim(HOURLY, least is None or start >= least, bot, "old", start, least)
        candidates = {
            hour
            for testimony in testimonies
            for at in (testimony.at - budget, testimony.at)
            for hour in testimony.settled(at, zone, self._delays)
            if hour.start == start
        } or {hour for hour in self._ledger.ever_settled(bot) if hour.start == start}
        reported = shown.hour.get("reported") == 1.0
        figures = _figures(shown.hour)
        if reported:
            holds = Settled(start, figures) in candidates
        else:
            holds = Settled(start, None) in candidates and figures == _EMPTY
        self.claim(HOURLY, holds, bot, shown.hour, candidates)

    def _check_day(
        self, bot: BotKey, shown: Shown, memory: _Memory, testimonies: Sequence[Testimony], began: float, ended: float
    ) -> None:
        zone = self._ledger.zone(bot)
        today = local_date(ended, zone)
        yesterday = today - timedelta(days=1)
        since_midnight = ended - midnight(today, zone)
        sums = tuple(shown.day.get(metric) for metric in COUNTS)
        former = memory.day
        zero = _all_zero(sums)
        is_today = self._is_sum(bot, sums, today, [testimony for testimony in testimonies if testimony.day == today])
        is_yesterday = (
            memory.turned != today
            and since_midnight <= self._delays.empty + ZERO_SHOWN + _SLACK + (ended - began)
            and all(value in ever for value, ever in zip(sums, self._ledger.ever_sums(bot, yesterday), strict=True))
        )
        falls = any(shown.day.get(metric, 0.0) < value for metric, value in former.items())
        if falls or (zero and former and memory.turned != today and not is_today and not is_yesterday):
            holds = zero and memory.turned != today and since_midnight >= self._delays.settle
            self.claim(NEVER_DOWN, holds, bot, former, shown.day, since_midnight)
            # Where yesterday's counters were 0 as well, nobody can see when those of today began.
            memory.turned, memory.zero_seen = today, ended
            memory.zero_after = memory.day_began if falls else None
        else:
            self.claim(NEVER_DOWN, True, bot)
        is_zero = zero and (
            since_midnight <= self._delays.empty + 2 * ZERO_SHOWN + _SLACK + (ended - began)
            if memory.zero_seen is None
            else began <= memory.zero_seen + ZERO_SHOWN + _SLACK
        )
        self.claim(COUNTED, is_today or is_yesterday or is_zero, bot, shown.day, since_midnight)
        if memory.zero_after is not None and not zero:
            self.claim(NEVER_DOWN, ended >= memory.zero_after + ZERO_SHOWN, bot, "0 too short", memory.zero_after)
            memory.zero_after = None
        memory.day, memory.day_began = dict(shown.day), began

    def _is_sum(self, bot: BotKey, sums: Sequence[float | None], day: date, testimonies: Sequence[Testimony]) -> bool:
        """Return whether each value is the sum of the latest report, or a higher sum of an earlier report."""
        if not testimonies:
            return False
        for value, now, ever in zip(
            sums,
            zip(*(testimony.sums for testimony in testimonies), strict=True),
            self._ledger.ever_sums(bot, day),
            strict=True,
        ):
            lower = all(latest is None or (value is not None and latest < value) for latest in now)
            held = value is not None and value in ever and lower
            if value not in now and not held:
                return False
        return True


_EMPTY: Final[Figures] = tuple(0.0 if metric in COUNTS else None for metric in FIELDS.values())


def _figures(window: Mapping[str, float]) -> Figures:
    return tuple(window.get(metric) for metric in FIELDS.values())


def _all_zero(values: Sequence[float | None]) -> bool:
    return all(value in (None, 0.0) for value in values)
