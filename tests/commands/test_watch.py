"""``check --live --watch`` measures when hours appear and change."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from commands.conftest import Shell

from exporter.commands.check_watch import watch_tenants
from exporter.commands.platforms import TenantAccess
from exporter.commands.watching import describe_delay, describe_reach
from exporter.config import Bot, load
from exporter.language import BY_CODE
from exporter.polling.calendar import find_local_date, find_midnight
from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import Report
from harness.clocks import LoopClock

ZONE = ZoneInfo("Asia/Shanghai")
CONFIG = load(
    """
platforms:
  - name: main
    url: https://platform
    tenants:
      - tenant_id: "1"
        name: acme
        auth: {token: x}
        bots: [{access_code: "10", name: billing}, {access_code: "11", name: claims}]
""",
    {},
)


class Client:
    """Has no secrets."""

    def redact(self, text: str) -> str:
        """Return the text."""
        return text


@dataclass
class Access:
    """A tenant whose platform stores an hour, and changes it, some seconds after its end."""

    clock: LoopClock
    appears: float = 360.0
    changes: float = 900.0
    keeps: int = 60
    """Days."""
    shift: float = 0.0
    """Seconds by which the day of the platform begins later."""
    fails: Callable[[float], bool] = lambda _: False
    platform: Any = CONFIG.platforms[0]
    tenant: Any = CONFIG.platforms[0].tenants[0]
    client: Client = field(default_factory=Client)
    asked: list[tuple[str, date]] = field(default_factory=list)

    async def list_bots(self) -> tuple[Bot, ...]:
        """Return the configured bots."""
        return cast("tuple[Bot, ...]", self.tenant.bots)

    async def ask(self, report: Report, access_code: str, day: date) -> list[object]:
        """Answer with the hours of a day that are stored."""
        now = self.clock.now()
        self.asked.append((access_code, day))
        if self.fails(now):
            raise UpstreamError(FailureReason.HTTP, "HTTP status 429", status=429)
        if (find_local_date(now, ZONE) - day).days > self.keeps:
            return []
        first = find_midnight(day, ZONE) + self.shift
        ends = [first + 3600 * (hour + 1) for hour in range(24)]
        return [
            {
                "recordTime": int(end - 3600) * 1000,
                "callCount": int(access_code) + (now >= end + self.changes),
                "dbRecordTime": int(end + self.appears) * 1000,
            }
            for end in ends
            if now >= end + self.appears
        ]


async def run(start: str, hours: float, **platform: Any) -> tuple[list[str], Access]:
    """Watch a platform, and return what is said."""
    clock = LoopClock(datetime.fromisoformat(start).replace(tzinfo=ZONE))
    access = Access(clock, **platform)
    said: list[str] = []
    await watch_tenants([cast("TenantAccess", access)], hours * 3600, said.append, clock=clock)
    return said, access


async def test_when_an_hour_appears_and_changes() -> None:
    """Each event comes with its delay, and the delays to configure come last."""
    said, _ = await run("2026-05-20T13:30", 2)

    assert [
        "acme on main: Watching claims, billing, every 60 s.",
        "acme on main: The report by hour has records 60 days ago, and none 90 days ago.",
        "acme on main: By dbRecordTime, records were stored 6.0 min after the end of the hour.",
        "05-20 14:06:00 acme on main, claims: the record of 13:00 appeared, 6.0 min after the end of the hour",
        "05-20 14:06:00 acme on main, billing: the record of 13:00 appeared, 6.0 min after the end of the hour",
        "05-20 14:15:00 acme on main, claims: the record of 13:00 changed, 15.0 min after the end of the hour",
        "05-20 14:15:00 acme on main, billing: the record of 13:00 changed, 15.0 min after the end of the hour",
    ] == said[:7]
    assert [
        "acme on main: 4 hours of bots ended: 0 had a record before their end, 4 after it, 0 have none.",
        "acme on main: Records appeared 6.0 min after the end of the hour.",
        "acme on main: The last change came 15.0 min after the end of the hour.",
        "acme on main: Use at least settle_delay: 20m and empty_hour_delay: 20m.",
    ] == said[-4:]


async def test_an_event_in_chinese() -> None:
    """All of it is translated but the names."""
    said, _ = await run("2026-05-20T13:30", 1)

    assert "05-20 14:06:00 平台 main 的租户 acme，机器人 billing：13:00 的记录出现，在小时结束之后 6.0 分钟" in [
        BY_CODE["zh"].text(words) for words in said
    ]


async def test_the_day_rolls_over() -> None:
    """Yesterday's last hour is still watched, and the first answer for the new day is told."""
    said, access = await run("2026-05-20T23:30", 1)

    assert (
        "05-21 00:00:00 acme on main, claims: the first answer for 2026-05-21 has 0 records, 0 of another date" in said
    )
    assert any("the record of 23:00 appeared" in words for words in said)
    assert ("10", date(2026, 5, 20)) in access.asked[-8:]


async def test_a_platform_with_another_day() -> None:
    """Records of another date are told."""
    said, _ = await run("2026-05-20T23:30", 2, shift=-2 * 3600, appears=0.0)

    assert (
        "05-21 00:00:00 acme on main, claims: the first answer for 2026-05-21 has 2 records, 2 of another date" in said
    )


async def test_a_short_watch_learns_nothing() -> None:
    """It says how long to watch."""
    said, _ = await run("2026-05-20T13:10", 0.5)

    assert (
        "acme on main: No hour with calls ended during the watch. Watch for 2h or more, in the busy part of the day."
        == said[-1]
    )


async def test_failures_are_told_once_and_the_watch_goes_on() -> None:
    """A rate limit shows here."""
    began = datetime(2026, 5, 20, 13, 30, tzinfo=ZONE).timestamp()
    said, _ = await run("2026-05-20T13:30", 2, fails=lambda now: began + 60 <= now < began + 600)

    assert 1 == sum("HTTP status 429" in words for words in said)
    assert any("4 hours of bots ended" in words for words in said)


async def test_a_cancelled_watch_says_what_it_has_learned() -> None:
    """Ctrl-C is the usual end of a long watch."""
    clock = LoopClock(datetime(2026, 5, 20, 13, 30, tzinfo=ZONE))
    said: list[str] = []
    task = asyncio.create_task(watch_tenants([cast("TenantAccess", Access(clock))], 86_400, said.append, clock=clock))
    await asyncio.sleep(3600)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert any("2 hours of bots ended" in words for words in said)


@pytest.mark.parametrize("seconds, words", [(-90, "1.5 min before"), (30, "0.5 min after"), (9000, "150.0 min after")])
def test_delays(seconds: float, words: str) -> None:
    """They are relative to the end of the hour."""
    assert f"{words} the end of the hour" == describe_delay(seconds)


def test_a_platform_without_a_past() -> None:
    """The report may have no record at all."""
    assert "The report by hour has no record 1, 7 days ago." == describe_reach({1: 0, 7: 0})


def test_the_command(shell: Shell) -> None:
    """The watch follows the findings."""
    result = shell.run("check", "--live", "--watch=1s", width=200)

    assert 0 == result.exit_code, result.output
    assert "Watching 账单助手, every 60 s." in result.stdout
    assert "No hour with calls ended during the watch" in result.stdout


@pytest.mark.parametrize("arguments", [["--watch=1s"], ["--live", "--watch=1s", "--format=json"]])
def test_flags_that_contradict(shell: Shell, arguments: list[str]) -> None:
    """It needs requests, and people who read."""
    result = shell.run("check", *arguments)

    assert 2 == result.exit_code
    assert "--watch" in result.stderr
