"""Many bots and days: how they are asked for, and what is kept of them meanwhile."""

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from exporter.backfill.backfill import PATIENCE, Backfill, NothingRead, Source
from exporter.backfill.journal import Journal
from exporter.backfill.replay import Span
from exporter.polling.calendar import find_hour_end, find_hour_start, find_midnight, list_hours
from exporter.polling.snapshot import BotId
from exporter.polling.windows import Rules
from exporter.reasons import FailureReason
from exporter.upstream.errors import CircuitOpen, UpstreamError
from exporter.upstream.reports import HOUR, Parsed, parse
from harness.clocks import LoopClock

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())
DAY = 86_400


class Asked:
    """A platform that answers after a second, and remembers what it was asked."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, date]] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.fail: Callable[[str], UpstreamError | None] = lambda _: None

    async def ask(self, code: str, day: date) -> Parsed:
        """A call in each hour."""
        self.counts[code, day] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(1)
        self.at_once -= 1
        if error := self.fail(code):
            raise error
        start = int(find_midnight(day, ZONE)) * 1000
        rows = [{"recordTime": start + 3_600_000 * hour, "callCount": 1} for hour in range(24)]
        return parse(HOUR, rows, tenant_id="t1", access_code=code)


class MakeBackfill(Protocol):
    """Builds a backfill of bots b0, b1 and so on over some days (UTC)."""

    def __call__(self, platform: Asked, *, bots: int, days: int, step: int = 3600) -> Backfill: ...


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Return the journal of the test's directory."""
    with Journal(tmp_path, {}, limit=0) as journal:
        yield journal


@pytest.fixture
def make(tmp_path: Path, journal: Journal) -> MakeBackfill:
    """Builds backfills in the test's directory."""

    def make_one(platform: Asked, *, bots: int, days: int, step: int = 3600) -> Backfill:
        sources = [
            Source(
                BotId("main", "t1", f"b{number}", f"bot {number}", "acme"),
                Rules(HOUR, ZONE, settle_delay=600, empty_hour_delay=7200),
                Span(BEGIN, BEGIN + days * DAY),
                partial(platform.ask, f"b{number}"),
            )
            for number in range(bots)
        ]
        return Backfill(
            sources,
            tmp_path,
            journal,
            step=step,
            labels=(("job", "oifde"),),
            clock=LoopClock(datetime.fromtimestamp(BEGIN + 100 * DAY, UTC)),
        )

    return make_one


def written(directory: Path) -> Mapping[str, int]:
    """The sizes of the files."""
    return {file.name: file.stat().st_size for file in sorted(directory.glob("*.om"))}


def ignore(_: int) -> None:
    """Ignore the progress."""


async def test_each_day_of_a_bot_is_asked_for_once(make: MakeBackfill, tmp_path: Path) -> None:
    """Though a day (UTC) has two of the tenant's; and no more bots at a time than a few."""
    platform = Asked()
    steps: list[int] = []

    work = make(platform, bots=70, days=2)
    await work.run(steps.append)

    assert 70 * 4 == len(platform.counts)
    assert {1} == set(platform.counts.values())
    assert 32 == platform.most_at_once
    assert (work.steps, []) == (sum(steps), work.left)
    assert ["2026-05-01.om", "2026-05-02.om"] == list(written(tmp_path))
    assert {(48, 0, 0)} == {outcome.tally for _, outcome in work.list_outcomes()}


async def test_what_is_kept_does_not_grow(make: MakeBackfill) -> None:
    """A year needs no more memory than a few days do."""
    days = 12
    kept: list[int] = []

    def measure(_: int) -> None:
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0])

    work = make(Asked(), bots=2, days=days, step=1800)
    tracemalloc.start()
    try:
        for number in range(4096):  # the calendar's caches, which are bounded, are full from the start
            find_hour_start(3600.0 * number, ZONE)
            find_hour_end(3600.0 * number, ZONE)
            find_midnight(date(1970, 1, 1) + timedelta(days=number), ZONE)
            list_hours(date(1970, 1, 1) + timedelta(days=number), ZONE)
        await work.run(measure)
    finally:
        tracemalloc.stop()

    assert 2 * days == len(kept)
    # The median, since something else may take memory once. The records of a day of both bots take more than 10 KiB.
    assert median(later - earlier for earlier, later in pairwise(kept[8::2])) < 4096


async def test_a_platform_that_is_away_is_waited_for(make: MakeBackfill) -> None:
    """Nothing is missing once it is back."""
    platform = Asked()
    back = PATIENCE - 60
    away = CircuitOpen(FailureReason.CONNECT, "the platform is unreachable, nothing was sent")
    platform.fail = lambda _: away if asyncio.get_running_loop().time() < back else None

    work = make(platform, bots=3, days=1)
    await work.run(ignore)

    assert [] == work.left
    # Each after twice as long as the time before, up to half a minute.
    assert max(platform.counts.values()) < 16


async def test_a_platform_that_stays_away_ends_it(make: MakeBackfill) -> None:
    """Soon, however many bots and days there are; the part that cannot be read is to be done another time."""
    platform = Asked()

    def fail(_: str) -> UpstreamError | None:
        away = asyncio.get_running_loop().time() > 10
        return UpstreamError(FailureReason.TIMEOUT, "no answer within 10 s") if away else None

    platform.fail = fail
    work = make(platform, bots=40, days=30)

    with pytest.raises(NothingRead, match="no answer within 10 s"):
        await work.run(ignore)

    assert asyncio.get_running_loop().time() < 2 * PATIENCE
    assert f"{datetime.fromtimestamp(BEGIN, UTC) + timedelta(days=29):%Y-%m-%d}" == work.left[-1]


async def test_a_bot_that_never_answers_is_waited_for_once(make: MakeBackfill) -> None:
    """Not on each of many days."""
    platform = Asked()
    platform.fail = lambda code: UpstreamError(FailureReason.TIMEOUT, "no answer within 10 s") if code == "b1" else None

    work = make(platform, bots=2, days=20)
    await work.run(ignore)

    assert asyncio.get_running_loop().time() < 2 * PATIENCE
    assert [0, 20 * 24] == [outcome.failed for _, outcome in work.list_outcomes()]
    assert list(work.parts) == work.left
