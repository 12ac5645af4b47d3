"""Polling one report of one bot."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter.polling.snapshot import BotId, Failure, Snapshot, TenantId, TenantStatus
from exporter.reasons import FailureReason
from exporter.upstream.errors import CircuitOpen, UpstreamError
from exporter.upstream.reports import DAY, HOUR, Record, Value
from harness.records import make_row, read_field

from .conftest import MakeRig, Rig


def row(at: datetime, hour: int, calls: object) -> dict[str, Any]:
    """Build an hour's record of the day requested."""
    return make_row(HOUR, at.replace(hour=hour).timestamp(), callCount=calls)


def calls(rig: Rig) -> Value:
    """Return the counter of calls shown."""
    return counted(rig.snapshot)


def counted(snapshot: Snapshot) -> Value:
    """Return the counter of calls of a snapshot."""
    return read_field(HOUR, snapshot.totals, "callCount") if snapshot.totals else None


def calls_of(record: Record | None) -> Value:
    """Return the calls of a record."""
    return read_field(HOUR, record.values, "callCount") if record else None


async def run_for(rig: Rig, seconds: float, phase: float = 0.5) -> None:
    """Run the poller for a while."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await rig.poller.run(phase)
    rig.poller.close()


async def test_the_first_poll_is_at_once_then_at_the_bots_own_moment(make_rig: MakeRig) -> None:
    """Polls come once per interval, always at the same phase."""
    rig = make_rig()
    before = asyncio.get_running_loop().time()

    await run_for(rig, 200)

    first, *rest = [at for at, day in rig.session.asked if day.day == 20]
    assert before == first
    assert [30.0] * len(rest) == [at % 60 for at in rest]
    assert 3 <= len(rest) <= 4
    assert {0.0} == set(rig.lags)


async def test_a_slow_platform_makes_no_poll_overlap_or_drift(make_rig: MakeRig) -> None:
    """A poll that takes longer than its interval skips slots; the other slots stay."""
    rig = make_rig(interval=10)
    rig.session.answer = lambda day: 9.9 if day.day == 20 else []

    await run_for(rig, 100)

    assert 1 == rig.session.most_running
    assert {5.0} == {at % 10 for at, day in rig.session.asked[1:] if day.day == 20}


async def test_a_poll_ends_with_its_budget(make_rig: MakeRig) -> None:
    """A platform that never answers is a timeout, and the next poll is on time."""
    rig = make_rig()
    rig.session.answer = lambda _: 10_000

    await run_for(rig, 80, phase=0.75)

    assert rig.snapshot.failure
    assert ("timeout", 2) == (rig.snapshot.failure.reason, rig.snapshot.failures)
    assert [0.0, 45.0] == [at for at, _ in rig.session.asked]


@pytest.mark.parametrize(
    ("login", "queue", "answer", "reason"),
    [
        (0, 100, 29, None),  # waiting for the platform's limits is not the platform's fault
        (20, 100, 9, None),
        (20, 100, 11, "timeout"),
        (31, 0, 0, "timeout"),
    ],
)
async def test_the_budget_excludes_the_queue(
    make_rig: MakeRig, login: float, queue: float, answer: float, reason: str | None
) -> None:
    """The budget includes the login and the answer, but not the wait in the queue."""
    rig = make_rig()
    rig.session.login, rig.session.queue = login, queue
    rig.session.answer = lambda _: answer

    await rig.poller.poll(None)

    assert reason == (rig.snapshot.failure and rig.snapshot.failure.reason)
    rig.poller.close()


async def test_a_success_is_shown_and_a_failure_changes_no_data(make_rig: MakeRig) -> None:
    """The data stays; ``up``, the number of failures and the reason show the failure."""
    rig = make_rig()
    rig.session.answer = lambda day: [row(day, 10, 7), row(day, 12, 1)]
    await rig.poller.poll(None)
    good = rig.snapshot

    rig.session.answer = lambda _: UpstreamError(FailureReason.HTTP, "HTTP status 503", status=503)
    await asyncio.sleep(60)
    await rig.poller.poll(None)

    assert (True, 0, None) == (good.up, good.failures, good.failure)
    assert good.hour
    assert (7, 8) == (calls_of(good.hour.record), counted(good))
    failed = rig.snapshot
    assert (good.hour, good.live, good.totals, good.expires, good.last_success) == (
        failed.hour,
        failed.live,
        failed.totals,
        failed.expires,
        failed.last_success,
    )
    assert (False, 1) == (failed.up, failed.failures)
    assert Failure("http", "HTTP status 503", since=rig.clock.now()) == failed.failure
    rig.poller.close()


async def test_a_bot_is_known_before_its_first_poll(make_rig: MakeRig) -> None:
    """It is down, without data and without a last success."""
    rig = make_rig()

    assert (False, 0, None, None) == (
        rig.snapshot.up,
        rig.snapshot.failures,
        rig.snapshot.last_success,
        rig.snapshot.totals,
    )
    assert rig.snapshot.expires <= rig.clock.elapsed()
    rig.poller.close()


async def test_only_changes_are_logged(make_rig: MakeRig) -> None:
    """One line when a bot begins to fail, one when it recovers, with the duration."""
    rig = make_rig()
    await run_for(rig, 150)
    assert [] == rig.events

    rig.session.answer = lambda _: UpstreamError(FailureReason.CONNECT, "refused")
    await run_for(rig, 600)
    assert ["bot_failing"] == rig.events

    rig.session.answer = lambda _: []
    await run_for(rig, 150)
    assert ["bot_failing", "bot_recovered"] == rig.events
    assert 600 == rig.log.calls[-1].kwargs["duration_seconds"]
    assert "b1" == rig.log.calls[-1].kwargs["access_code"]


async def test_an_outage_of_the_platform_is_not_logged_for_each_bot(make_rig: MakeRig) -> None:
    """While the platform is unreachable, its bots are down without a line each."""
    rig = make_rig()
    rig.session.answer = lambda _: CircuitOpen(FailureReason.CONNECT, "refused")

    await rig.poller.poll(None)
    rig.session.answer = lambda _: []
    await rig.poller.poll(None)

    assert [] == rig.events
    assert 1 == rig.snapshot.failures
    rig.poller.close()


async def test_an_internal_error_does_not_end_the_polling(make_rig: MakeRig) -> None:
    """An internal error is a failed poll with a traceback in the log; the next poll comes."""
    rig = make_rig()
    rig.session.answer = lambda _: ZeroDivisionError("ours")

    await run_for(rig, 70)

    assert 2 <= len(rig.session.asked)
    assert rig.snapshot.failure
    assert "internal" == rig.snapshot.failure.reason
    assert "poll_crashed" in rig.events


class Fragile:
    """A listener that fails at some snapshots."""

    def __init__(self, fails_at: Callable[[Snapshot], bool]) -> None:
        self.fails_at = fails_at
        self.heard: list[Snapshot] = []

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        if self.fails_at(snapshot):
            raise ZeroDivisionError
        self.heard.append(snapshot)

    def bot_removed(self, bot: BotId) -> None:
        """Ignore it."""

    def report_removed(self, bot: BotId, report: str) -> None:
        """Ignore it."""

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Ignore it."""

    def tenant_removed(self, tenant: TenantId) -> None:
        """Ignore it."""


async def test_a_listener_that_fails_does_not_end_the_polling(make_rig: MakeRig) -> None:
    """The poll fails with a traceback in the log, and the data stays; the next poll succeeds once the cause is gone."""
    fragile = Fragile(lambda snapshot: calls_of(snapshot.live) == 13)
    rig = make_rig(listeners=[fragile])
    rig.session.answer = lambda day: [row(day, 12, 7)]
    await rig.poller.poll(None)
    good = rig.snapshot

    rig.session.answer = lambda day: [row(day, 12, 13)]
    await run_for(rig, 150)
    broken = rig.snapshot
    assert (False, "internal") == (broken.up, broken.failure and broken.failure.reason)
    assert (good.live, good.totals, good.expires) == (broken.live, broken.totals, broken.expires)
    assert broken is fragile.heard[-1]
    assert broken.failures == rig.events.count("poll_crashed") >= 3
    assert {"poll_crashed", "bot_failing"} == set(rig.events)
    assert 1 == rig.events.count("bot_failing")

    rig.session.answer = lambda day: [row(day, 12, 14)]
    await rig.poller.poll(None)
    assert (True, 14) == (rig.snapshot.up, calls(rig))
    assert "bot_recovered" == rig.events[-1]
    rig.poller.close()


async def test_a_listener_that_always_fails_does_not_end_the_polling(make_rig: MakeRig) -> None:
    """A listener that fails each time fails for a new bot and in each poll; the log has all of it."""
    fragile = Fragile(lambda _: True)
    rig = make_rig(listeners=[fragile])
    rig.session.answer = lambda _: UpstreamError(FailureReason.HTTP, "HTTP status 503", status=503)
    await run_for(rig, 70)
    assert ["publish_crashed", "bot_failing", *["poll_crashed", "publish_crashed"] * 2] == rig.events

    fragile.fails_at = lambda _: False
    rig.session.answer = lambda day: [row(day, 12, 7)]
    await rig.poller.poll(None)
    assert (True, 7) == (rig.snapshot.up, calls(rig))
    rig.poller.close()


async def test_a_listener_that_fails_between_polls_is_called_again(make_rig: MakeRig) -> None:
    """The timer shows the new day's 0 outside of any poll; the next poll repeats what the listener missed."""
    fragile = Fragile(lambda snapshot: counted(snapshot) == 0)
    rig = make_rig(start="2026-05-21T01:50", interval=1800, stale_after=7200, listeners=[fragile])
    rig.session.answer = lambda day: [row(day, 12, 8)] if day.day == 20 else [row(day, 0, 5)]
    await rig.poller.poll(None)
    assert 8 == calls(rig)

    await asyncio.sleep(660)
    assert ["publish_crashed"] == rig.events
    await asyncio.sleep(120)
    await rig.poller.poll(None)
    assert (True, 5) == (rig.snapshot.up, calls(rig))
    rig.poller.close()


async def test_a_report_by_day_shows_the_last_day(make_rig: MakeRig) -> None:
    """A poll sends one request for the days up to today; the other fields of the snapshot stay empty."""
    rig = make_rig(report=DAY, interval=600)
    rig.session.answer = lambda day: [row(day - timedelta(days=ago), 0, ago) | {"type": "day"} for ago in range(3)]

    await run_for(rig, 2000)

    assert {20} == {day.day for _, day in rig.session.asked}
    assert 600 == rig.session.asked[-1][0] - rig.session.asked[-2][0]
    assert 1 == calls_of(rig.snapshot.day)
    assert (None, None, None, {}, {}) == (
        rig.snapshot.hour,
        rig.snapshot.live,
        rig.snapshot.totals,
        rig.snapshot.records,
        rig.snapshot.yesterday,
    )


async def test_anomalies_are_logged_and_counted_once(make_rig: MakeRig) -> None:
    """The same invalid field in each poll is one line and one count."""
    rig = make_rig()
    rig.session.answer = lambda day: [row(day, 10, "many")] if day.day == 20 else []

    await run_for(rig, 200)

    assert ["invalid_field"] == rig.findings.reasons
    assert ["report_anomaly"] == rig.events


async def test_a_poll_that_brings_nothing_new_keeps_the_records(make_rig: MakeRig) -> None:
    """Listeners recognise by identity that nothing has changed; only the time of the request changes."""
    rig = make_rig()
    rig.session.answer = lambda day: [row(day, 11, 7)]
    await rig.poller.poll(None)
    await rig.poller.poll(None)
    first = rig.snapshot

    await asyncio.sleep(60)
    await rig.poller.poll(None)
    assert (first.records, first.yesterday) == (rig.snapshot.records, rig.snapshot.yesterday)
    assert first.records is rig.snapshot.records
    assert first.yesterday is rig.snapshot.yesterday
    assert first.asked == rig.clock.now() - 60
    assert rig.snapshot.asked == rig.clock.now()

    rig.session.answer = lambda day: [row(day, 11, 8)]
    await rig.poller.poll(None)
    assert first.records is not rig.snapshot.records
    rig.poller.close()


class TestRepeatedAnswers:
    """Answers that are byte for byte the last one: most of them are."""

    async def test_they_are_not_decoded_again(self, make_rig: MakeRig) -> None:
        """A changed answer is decoded, also if it equals an earlier one than the last."""
        rig = make_rig()
        rig.session.answer = lambda day: [row(day, 11, 7)] if day.day == 20 else []
        for _ in range(5):
            await rig.poller.poll(None)
        assert 2 == rig.session.decoded  # today's report and yesterday's

        rig.session.answer = lambda day: [row(day, 11, 8)]
        await rig.poller.poll(None)
        rig.session.answer = lambda day: [row(day, 11, 7)]
        await rig.poller.poll(None)
        assert 4 == rig.session.decoded
        rig.poller.close()

    async def test_only_the_rows_that_have_changed_are_decoded(self, make_rig: MakeRig) -> None:
        """The other records stay."""
        rig = make_rig()
        rig.session.answer = lambda day: [row(day, hour, 7) for hour in range(11)]
        for _ in range(2):  # the second one requests yesterday's report, too
            await rig.poller.poll(None)

        rig.session.answer = lambda day: [row(day, hour, 8 if hour == 10 else 7) for hour in range(11)]
        await rig.poller.poll(None)

        assert 1 == rig.session.decoded_rows
        assert 11 == len(rig.snapshot.records)
        rig.poller.close()

    async def test_a_field_is_not_missing_if_an_unchanged_row_has_it(self, make_rig: MakeRig) -> None:
        """A changed row alone does not show which fields the platform sends."""
        rig = make_rig()
        rig.session.answer = lambda day: [row(day, hour, 7) for hour in range(11)]
        for _ in range(2):
            await rig.poller.poll(None)

        less = row(rig.session.asked[0][1], 10, 8)
        del less["callCount"]
        rig.session.answer = lambda day: [*(row(day, hour, 7) for hour in range(10)), less]
        await rig.poller.poll(None)

        assert [] == rig.findings.reasons
        assert 11 == len(rig.snapshot.records)
        rig.poller.close()

    async def test_an_anomalous_one_is_decoded(self, make_rig: MakeRig) -> None:
        """A record that cannot be assigned to an hour may be assigned later: tomorrow's record, for example, after midnight."""
        rig = make_rig()
        rig.session.answer = lambda day: [row(day + timedelta(days=1), 0, 7)]
        for _ in range(3):
            await rig.poller.poll(None)

        assert len(rig.session.asked) == rig.session.decoded
        rig.poller.close()

    @pytest.mark.parametrize("start", ["2026-05-20T12:00", "2026-05-20T23:00"])
    async def test_they_show_what_decoding_them_would(self, make_rig: MakeRig, start: str) -> None:
        """Hours settle and days end by the clock: during half a day, also over midnight, the snapshots are equal."""
        rigs = [make_rig(start=start), make_rig(start=start)]
        rigs[1].session.compares = False
        for rig in rigs:
            rig.session.answer = lambda day: [row(day, hour, hour) for hour in (1, 9, 11, 14, 20, 23)]

        for _ in range(12 * 12):
            for rig in rigs:
                await rig.poller.poll(None)
            assert rigs[0].snapshot == rigs[1].snapshot
            await asyncio.sleep(300)

        assert rigs[0].session.decoded < rigs[1].session.decoded / 10
        for rig in rigs:
            rig.poller.close()


class TestYesterday:
    """The hours of the day before, for comparison."""

    async def test_it_is_asked_for_once_and_not_in_the_first_round(self, make_rig: MakeRig) -> None:
        """Only the second poll of a bot requests it, successfully or not."""
        rig = make_rig()
        rig.session.answer = lambda day: [row(day, 10, day.day)]

        await rig.poller.poll(None)
        assert [20] == [day.day for _, day in rig.session.asked]
        assert {} == rig.snapshot.yesterday

        for _ in range(3):
            await rig.poller.poll(None)
        assert [20, 20, 19, 20, 20] == [day.day for _, day in rig.session.asked]
        assert [19] == [calls_of(record) for record in rig.snapshot.yesterday.values()]
        assert [20] == [calls_of(record) for record in rig.snapshot.records.values()]
        rig.poller.close()

    async def test_its_failure_decides_nothing(self, make_rig: MakeRig) -> None:
        """The bot is up, and the request is not repeated."""
        rig = make_rig()
        error = UpstreamError(FailureReason.API, "no such day")
        rig.session.answer = lambda day: [row(day, 10, 7)] if day.day == 20 else error

        for _ in range(4):
            await rig.poller.poll(None)

        assert 5 == len(rig.session.asked)
        assert (True, 0, {}) == (rig.snapshot.up, rig.snapshot.failures, rig.snapshot.yesterday)
        assert [] == rig.events
        rig.poller.close()

    async def test_an_outage_ends_without_it(self, make_rig: MakeRig) -> None:
        """The poll that ends an outage requests today's report only, so that all bots recover soon."""
        rig = make_rig()
        rig.session.answer = lambda _: UpstreamError(FailureReason.CONNECT, "refused")
        await rig.poller.poll(None)
        rig.session.answer = lambda _: []

        await rig.poller.poll(None)
        await rig.poller.poll(None)

        assert [20, 20, 20, 19] == [day.day for _, day in rig.session.asked]
        rig.poller.close()

    async def test_today_becomes_yesterday(self, make_rig: MakeRig) -> None:
        """A process that runs over midnight has yesterday's hours already."""
        rig = make_rig(start="2026-05-20T23:00", interval=600)
        rig.session.answer = lambda day: [row(day, 22, day.day)]

        await run_for(rig, 6 * 3600)

        assert [20] == [calls_of(record) for record in rig.snapshot.yesterday.values()]
        assert [21] == [calls_of(record) for record in rig.snapshot.records.values()]


class TestMidnight:
    """The change of the day in a running process."""

    async def test_yesterday_is_polled_as_long_as_it_is_needed(self, make_rig: MakeRig) -> None:
        """From midnight until an hour of today is complete. If it fails, the bot stays up."""
        rig = make_rig(start="2026-05-20T23:50", interval=600)

        def answer(day: datetime) -> object:
            if day.day == 20 and rig.clock.now() > day.timestamp() + 86400 + 1800:
                return UpstreamError(FailureReason.HTTP, "HTTP status 500", status=500)
            return [row(day, hour, 10) for hour in range(24) if day.replace(hour=hour).timestamp() < rig.clock.now()]

        rig.session.answer = answer
        await run_for(rig, 2 * 3600)

        yesterdays = [rig.clock.start + at for at, day in rig.session.asked if day.day == 20]
        midnight = datetime.fromisoformat("2026-05-21T00:00+08:00").timestamp()
        assert midnight + 3600 <= max(yesterdays) <= midnight + 3600 + 600
        assert (True, 0) == (rig.snapshot.up, rig.snapshot.failures)

    async def test_zero_is_shown_for_two_minutes_between_polls(self, make_rig: MakeRig) -> None:
        """With a poll each half hour, a timer shows the new day's 0 and ends it."""
        rig = make_rig(start="2026-05-20T23:40", interval=1800, stale_after=7200)
        rig.session.answer = lambda day: [row(day, 0, 5), row(day, 12, 3)] if day.day == 20 else [row(day, 0, 5)]
        seen: list[tuple[int, float | None]] = []

        async def watch() -> None:
            while True:
                value = calls(rig)
                if not seen or seen[-1][1] != value:
                    seen.append((round(rig.clock.now() - rig.clock.start), value))
                await asyncio.sleep(10)

        watcher = asyncio.create_task(watch())
        await run_for(rig, 3 * 3600, phase=0.25)
        watcher.cancel()

        (_, first), (zero_at, zero), (end_at, after) = seen[-3:]
        assert (8, 0, 5) == (first, zero, after)
        assert 140 * 60 <= zero_at <= 140 * 60 + 10  # 02:00: the last hour was empty
        assert 110 <= end_at - zero_at <= 130

    async def test_a_platform_that_is_down_at_midnight_hides_no_reset(self, make_rig: MakeRig) -> None:
        """The series are absent when the day changes, so the poll that restores them shows the 0 first."""
        rig = make_rig(start="2026-05-20T23:50")
        rig.session.answer = lambda day: [row(day, 0, 5 if day.day == 20 else 9)]
        await rig.poller.poll(None)
        assert 5 == calls(rig)

        await asyncio.sleep(4 * 3600)
        assert 5 == calls(rig)

        await rig.poller.poll(None)
        assert 0 == calls(rig)
        await asyncio.sleep(121)
        assert 9 == calls(rig)
        rig.poller.close()

    async def test_a_poll_that_fails_just_as_the_zero_ends_does_not_prolong_it(self, make_rig: MakeRig) -> None:
        """The failure is published after the end of the 0, and before the timer for it runs."""
        rig = make_rig(start="2026-05-21T02:00:30")
        rig.session.answer = lambda day: [row(day, 0, 5 if day.day == 20 else 9)]
        await rig.poller.poll(None)
        assert 0 == calls(rig)

        rig.clock.step(100)
        rig.session.answer = lambda _: UpstreamError(FailureReason.HTTP, "HTTP status 503", status=503)
        await rig.poller.poll(None)
        await asyncio.sleep(1)

        assert 9 == calls(rig)
        rig.poller.close()

    @pytest.mark.parametrize("is_cancelled", [False, True])
    async def test_a_zero_that_ends_during_a_poll_shows_no_half_of_it(
        self, make_rig: MakeRig, is_cancelled: bool
    ) -> None:
        """While the poll waits for yesterday's report, today's new one is not shown: it would be newer than the last success.

        A reload may cancel the poll. What it brought comes with the next one, and its anomaly counts once.
        """
        rig = make_rig(start="2026-05-21T02:00:30")
        rig.session.answer = lambda day: [row(day, 1, 5)] if day.day == 21 else []
        await rig.poller.poll(None)
        former = rig.snapshot
        assert (0, 5) == (counted(former), calls_of(former.live))

        await asyncio.sleep(80)
        rig.session.answer = lambda day: [row(day, 1, 6) | {"interactCount": "many"}] if day.day == 21 else 20
        poll = asyncio.create_task(rig.poller.poll(None))
        await asyncio.sleep(5)
        if is_cancelled:
            poll.cancel()
        await asyncio.sleep(10)

        assert former._replace(totals=rig.snapshot.totals) == rig.snapshot
        assert 5 == counted(rig.snapshot)
        if is_cancelled:
            poll = asyncio.create_task(rig.poller.poll(None))
        await poll
        assert (6, 6) == (counted(rig.snapshot), calls_of(rig.snapshot.live))
        assert rig.clock.now() == rig.snapshot.last_success
        assert ["invalid_field"] == rig.findings.reasons
        rig.poller.close()

    async def test_the_last_hour_of_yesterday_stays_until_today_has_one(self, make_rig: MakeRig) -> None:
        """A new process finds it, too."""
        rig = make_rig(start="2026-05-21T00:20")
        rig.session.answer = lambda day: [row(day, 23, 4)] if day.day == 20 else []

        await rig.poller.poll(None)

        assert rig.snapshot.hour
        assert datetime.fromisoformat("2026-05-20T23:00+08:00").timestamp() == rig.snapshot.hour.start
        rig.poller.close()


async def test_an_hour_settles_by_the_time_of_the_request(make_rig: MakeRig) -> None:
    """A request sent before the hour settles does not settle it, however long it takes; one that was queued until later does."""
    rig = make_rig(start="2026-05-20T12:09:50")
    rig.session.answer = lambda day: [row(day, 10, 7), row(day, 11, 3)]
    await rig.poller.poll(None)
    await asyncio.sleep(20)

    assert rig.snapshot.hour
    assert datetime.fromisoformat("2026-05-20T10:00+08:00").timestamp() == rig.snapshot.hour.start
    rig.clock.step(-20)
    rig.session.queue = 15
    await rig.poller.poll(None)
    assert datetime.fromisoformat("2026-05-20T11:00+08:00").timestamp() == rig.snapshot.hour.start
    rig.poller.close()
