"""The discovery of a tenant's bots: when it lists them, what it shows and logs. Sleeping takes no time here."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import structlog

from exporter.polling.discovery import Discovery, DiscoveryPlan
from exporter.polling.snapshot import DiscoveryStatus
from exporter.reasons import FailureReason
from exporter.upstream.errors import CircuitOpen, LoginFailed, UpstreamError
from exporter.upstream.session import TenantSession
from harness.clocks import LoopClock

PLAN = DiscoveryPlan("main", "t1", interval=600, retry_interval=60, budget=30)
DOWN = UpstreamError(FailureReason.CONNECT, "no route")
START = 1_000_000.0


class Listing(list[object]):
    """A listing with a total of its own."""

    def __init__(self, rows: list[object], total: int) -> None:
        super().__init__(rows)
        self.total = total


class Listings:
    """A session whose listings are given one after another, the last one again and again, and the time of each."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []
        self.seconds = 0.0
        self.tenants: set[object] = set()

    async def query(self, operation: str, path: str, body: Mapping[str, object], *, expect: type) -> object:
        """Return the bots as the source IVR; an exception is raised."""
        self.tenants.add(body["tenantId"])
        if body["source"] != "IVR":
            return {"total": 0, "accessInfoList": []}
        self.asked.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(self.seconds)
        if isinstance(answer, Exception):
            raise answer
        rows = [{"accessCode": row} if isinstance(row, str) else row for row in cast("Sequence[object]", answer)]
        return {"total": answer.total if isinstance(answer, Listing) else len(rows), "accessInfoList": rows}


class Rig:
    """A discovery, with what it did."""

    def __init__(self, *answers: object, plan: DiscoveryPlan = PLAN) -> None:
        self.session = Listings(*answers)
        self.followed: list[list[str]] = []
        self.changes: list[DiscoveryStatus] = []
        self.broken: Exception | None = None
        self.events: list[dict[str, Any]] = []
        self.discovery = Discovery(
            plan,
            cast("TenantSession", self.session),
            clock=LoopClock(datetime.fromtimestamp(START, UTC)),
            log=structlog.wrap_logger(structlog.PrintLogger(), processors=[self._keep]),
            follow=self._follow,
            on_change=self._on_change,
        )

    def _keep(self, _: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        self.events.append({"level": method, **event})
        raise structlog.DropEvent

    async def _follow(self) -> None:
        self.followed.append(list(self.discovery.roster.names))

    def _on_change(self) -> None:
        self.changes.append(self.discovery.status)
        if self.broken:
            raise self.broken

    async def run(self, seconds: float, phase: float = 0.5) -> None:
        """Run for a while."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.discovery.run(phase)

    def logged(self) -> list[tuple[str, str]]:
        """Return the level and name of each event."""
        return [(event["level"], event["event"]) for event in self.events]


async def test_it_lists_at_once_and_then_at_its_phase_of_each_interval() -> None:
    """A restart shows the bots at once; the discoveries of many tenants are spread."""
    rig = Rig(["a", "b"])

    await rig.run(1600)

    assert [0, 300, 900, 1500] == rig.session.asked
    assert [["a", "b"]] * 4 == rig.followed
    assert {"t1"} == rig.session.tenants
    assert DiscoveryStatus(up=True, last_attempt=START + 1500, last_success=START + 1500) == rig.discovery.status
    assert [] == rig.events


async def test_a_failed_listing_is_repeated_sooner() -> None:
    """At the retry interval until one succeeds, then at the usual one; the bots found before stay."""
    rig = Rig(["a"], DOWN, DOWN, ["a"])

    await rig.run(1000)

    assert [0, 300, 330, 390, 900] == rig.session.asked
    assert [["a"]] * 3 == rig.followed
    assert [True, False, False, True, True] == [status.up for status in rig.changes]


async def test_a_failure_shows_when_it_was_tried_last() -> None:
    """The time of the last success stays."""
    rig = Rig(["a"], DOWN)
    await rig.run(400)

    assert DiscoveryStatus(up=False, problem="no route", last_attempt=START + 390, last_success=START) == (
        rig.discovery.status
    )


async def test_a_success_names_the_time_of_the_request_and_of_the_answer() -> None:
    """The listing takes 20 seconds."""
    rig = Rig(["a"])
    rig.session.seconds = 20
    await rig.discovery.discover()

    assert (START, START + 20) == (rig.discovery.status.last_attempt, rig.discovery.status.last_success)


async def test_a_listing_that_takes_longer_than_the_interval_delays_the_next_one() -> None:
    """No two run at the same time, and the next one keeps its phase."""
    rig = Rig(["a"], plan=replace(PLAN, budget=1000))
    rig.session.seconds = 700

    await rig.run(3000)

    assert [0, 900, 2100] == rig.session.asked


async def test_a_listing_that_takes_too_long_fails() -> None:
    """All its pages together have the budget, and the log says so."""
    rig = Rig(["a"])
    rig.session.seconds = 30.1

    await rig.discovery.discover()

    assert DiscoveryStatus(problem="no complete listing within 30 s", last_attempt=START) == rig.discovery.status
    assert [("warning", "discovery_failing")] == rig.logged()
    assert "timeout" == rig.events[0]["reason"]
    assert [] == rig.followed


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (replace(PLAN, interval=200), [0, 30, 90, 100, 300]),
        (replace(PLAN, retry_interval=40), [0, 20, 60, 300]),
        (replace(PLAN, budget=5), [0, 30, 90, 150, 210, 270, 330]),
    ],
)
async def test_a_reload_that_changes_one_time_acts_on_the_next_listings(
    changed: DiscoveryPlan, asked: list[float]
) -> None:
    """Each of the interval, the retry interval and the budget; the bots found before stay."""
    rig = Rig(["a"], DOWN, DOWN, ["a"])
    await rig.discovery.discover()
    rig.session.asked.clear()
    rig.session.seconds = 6
    rig.discovery.replan(changed, cast("TenantSession", rig.session))
    begin = asyncio.get_running_loop().time()

    await rig.run(360)

    assert asked == [moment - begin for moment in rig.session.asked]
    assert ["a"] == list(rig.discovery.roster.names)
    assert changed == rig.discovery.plan


async def test_a_reload_may_bring_another_session() -> None:
    """The next listing goes through it, and its log still names platform and tenant."""
    rig, other = Rig(["a"]), Listings(DOWN)

    rig.discovery.replan(replace(PLAN, tenant_id="t2"), cast("TenantSession", other))
    await rig.discovery.discover()

    assert ([], {"t2"}) == (rig.session.asked, other.tenants)
    assert [("main", "t2")] == [(event["platform"], event["tenant_id"]) for event in rig.events]


async def test_an_outage_is_logged_twice() -> None:
    """When it begins and when it ends, with its length; at level debug at each failure between."""
    rig = Rig(DOWN, DOWN, ["a"], DOWN)

    await rig.run(350)

    assert [
        ("warning", "discovery_failing"),
        ("debug", "discovery_failed"),
        ("info", "discovery_recovered"),
        ("warning", "discovery_failing"),
        ("debug", "discovery_failed"),
    ] == rig.logged()
    assert {"reason": "connect", "error": "no route", "platform": "main", "tenant_id": "t1"}.items() <= (
        rig.events[0].items()
    )
    assert {"reason": "connect", "error": "no route"}.items() <= rig.events[1].items()
    assert 90 == rig.events[2]["duration_seconds"]


@pytest.mark.parametrize("failure", [CircuitOpen, LoginFailed])
async def test_what_is_logged_elsewhere_is_no_warning_here(failure: type[UpstreamError]) -> None:
    """An unreachable platform or a refused login affects many requests; a failure of its own is still a warning."""
    rig = Rig(failure(FailureReason.AUTH, "elsewhere"), DOWN)

    await rig.run(31)

    assert [("debug", "discovery_failed"), ("warning", "discovery_failing")] == rig.logged()
    assert "elsewhere" == rig.changes[0].problem


async def test_an_internal_error_does_not_end_it() -> None:
    """It is shown by its type, logged with its traceback, and the next listing comes at the retry interval."""
    rig = Rig(KeyError("secret"), ["a"])

    await rig.run(31)

    assert [False, True] == [status.up for status in rig.changes]
    assert "internal error: KeyError" == rig.changes[0].problem
    assert ["discovery_failing", "discovery_recovered"] == [
        event for _, event in rig.logged() if event != "discovery_crashed"
    ]
    assert ("error", "discovery_crashed") in [
        ("error" if level == "exception" else level, event) for level, event in rig.logged()
    ]
    assert {"reason": "internal", "error": "internal error: KeyError"}.items() <= rig.events[1].items()
    assert [["a"]] == rig.followed


async def test_an_error_from_outside_is_shown_and_not_logged() -> None:
    """The logger may be its cause."""
    rig = Rig(["a"])
    await rig.discovery.discover()
    await asyncio.sleep(7)

    rig.discovery.fail(OSError("disk"))

    assert DiscoveryStatus(up=False, problem="internal error: OSError", last_attempt=START + 7, last_success=START) == (
        rig.discovery.status
    )
    assert [] == rig.events


async def test_a_listener_that_fails_does_not_end_it() -> None:
    """Its error is logged."""
    rig = Rig(["a"])
    rig.broken = RuntimeError("ours")

    await rig.run(301)

    assert [0, 300] == rig.session.asked
    assert ["publish_crashed"] * 2 == [event["event"] for event in rig.events]


@pytest.mark.parametrize("answer", [["a"], DOWN, KeyError("ours")])
async def test_the_first_listing_counts_as_tried_whatever_comes_of_it(answer: object) -> None:
    """The exporter is ready then, and not before the bots are polled."""
    rig = Rig(answer)
    assert not rig.discovery.tried.is_set()

    await rig.discovery.discover()

    assert rig.discovery.tried.is_set()


async def test_missing_bots_are_logged_once() -> None:
    """With their number and the first one; those that were missing before are not new."""
    rig = Rig(["a", "b", "c", "d"], ["a", "d"], ["a", "d"], ["a", "d"])

    await rig.run(1600)

    (event,) = rig.events
    assert ("info", "bots_missing", 2, "b") == (event["level"], event["event"], event["count"], event["first"])
    assert [["a", "b", "c", "d"]] * 2 + [["a", "d"]] * 2 == rig.followed


async def test_a_bot_that_goes_missing_beside_another_is_logged_alone() -> None:
    """One is missing first, another when the first is dropped."""
    rig = Rig(["a", "b", "c"], ["a", "c"], ["a"], ["a"])

    await rig.run(1600)

    assert [(1, "b"), (1, "c")] == [(event["count"], event["first"]) for event in rig.events]


async def test_an_empty_listing_after_others_is_doubted() -> None:
    """The status says that the known bots are kept; the next listing clears it."""
    rig = Rig(["a", "b"], [], ["a", "b"])

    await rig.run(1000)

    problem = "the platform lists no bots any more; the 2 known bots are kept until the next listing confirms it"
    assert [None, problem, None] == [status.problem for status in rig.changes]
    assert [True] * 3 == [status.up for status in rig.changes]
    (event,) = rig.events
    assert ("warning", "discovery_doubted", 0, 2) == (event["level"], event["event"], event["listed"], event["kept"])


async def test_an_incomplete_listing_adds_bots_and_removes_none() -> None:
    """It is a failure: it is logged once, and the next listing comes at the retry interval."""
    incomplete = [Listing(["a", "c"], total=3)] * 4  # two pages, twice
    rig = Rig(["a", "b"], *incomplete, ["a", "c"], ["a", "c"])

    await rig.run(1000)

    assert [["a", "b"], ["a", "b", "c"], ["a", "b", "c"], ["a", "c"]] == rig.followed
    assert [True, False, True, True] == [status.up for status in rig.changes]
    assert "the listing is incomplete: 2 of 3 bots of the source IVR" == rig.changes[1].problem
    assert ["discovery_failing", "bots_missing", "discovery_recovered"] == [
        event for level, event in rig.logged() if level != "debug"
    ]


async def test_rows_that_are_not_usable_are_logged_when_they_change() -> None:
    """Once by reason with their number, not at each listing."""
    rig = Rig(["a", {"accessId": "1"}], ["a", {"accessId": "1"}], ["a", {"accessId": "1"}, 7])

    await rig.run(1600)

    assert [
        ("a row has no accessCode", 1),
        ("a row has no accessCode", 1),
        ("a row is not an object", 1),
    ] == [(event["problem"], event["count"]) for event in rig.events]
    assert {("warning", "bindings_unusable")} == set(rig.logged())
