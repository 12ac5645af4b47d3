"""Discovery of a tenant's bots, on platforms that list them correctly or not."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator
from exporter.simulator.faults import Fault
from exporter.upstream.bindings import OPERATION
from harness import faults

from .cases import CASES
from .rig import INTERVAL, LOGIN, QUERY, TENANT, Page, Rig, bots_named

EVERY = 600.0
"""Seconds between two discoveries: the default."""
OTHER = "202206018301"


def world(*bots: SimBot, other: Sequence[SimBot] = ()) -> SimulatedWorld:
    """Return a platform whose tenant has these bots; another tenant has others."""
    tenants = [SimTenant(TENANT, bots), *([SimTenant(OTHER, tuple(other))] if other else [])]
    return SimulatedWorld(1, tenants, CALM)


async def platform(rig: Rig, *bots: SimBot, **discovery: Any) -> Simulator:
    """Start a platform of one tenant whose bots are discovered."""
    simulator = await rig.platform((SimTenant(TENANT, bots),))
    tenant = rig.settings["platforms"][0]["tenants"][0]
    del tenant["bots"]
    tenant["discovery"] = discovery
    return simulator


def tenant_of(rig: Rig) -> dict[str, Any]:
    """Return the tenant's part of the configuration."""
    tenant: dict[str, Any] = rig.settings["platforms"][0]["tenants"][0]
    return tenant


def listing(rows: Sequence[object]) -> dict[str, object]:
    """Return a page with all rows."""
    return {"total": len(rows), "accessInfoList": rows}


def names(page: Page) -> set[str]:
    """Return the label ``bot`` of each bot that is up."""
    return {bot for bot, up in page.by("bot", "oifde_up").items() if up}


async def test_the_bots_of_both_sources_are_found_and_polled(rig: Rig) -> None:
    """They have the platform's names and need one login; the exporter is ready once they have been polled."""
    bots = (*bots_named("b1", "b2"), SimBot("b3", 'a "b"\\c', source="IVR"))
    simulator = await platform(rig, *bots)

    page = await rig.start()

    assert {"b1-name", "b2-name", 'a "b"\\c'} == names(page)
    assert (1, 3, 3) == (
        page.value("oifde_discovery_up", platform="main", tenant_id=TENANT),
        page.value("oifde_discovered_bots", platform="main", tenant_id=TENANT),
        page.value("oifde_exporter_bots"),
    )
    last = page.value("oifde_discovery_last_success_timestamp_seconds")
    assert last is not None
    assert 0 <= rig.clock.now() - last <= 5
    assert {LOGIN: 1, OPERATION: 2, QUERY: 3} == simulator.journal.counts
    assert 2 == page.value("oifde_upstream_requests_total", operation=OPERATION)
    (changed,) = rig.events("bots_changed")
    assert (3, 0, 0, 3) == tuple(changed[key] for key in ("found", "gone", "renamed", "bots"))

    page = await rig.after(EVERY + 5)
    assert last < (page.value("oifde_discovery_last_success_timestamp_seconds") or 0)
    assert 4 == simulator.journal.counts[OPERATION]


async def test_bots_come_and_go(rig: Rig) -> None:
    """A new bot is polled at once; a removed one keeps its series until that is confirmed; others are not affected."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    await rig.start()
    rig.hurry()
    simulator.world = world(*bots_named("b1", "b3"))

    page = await rig.after(EVERY + 5)
    assert {"b1": 1, "b2": 1, "b3": 1} == page.up
    assert {} != page.data("b2")
    (missing,) = rig.events("bots_missing")
    assert (1, "b2") == (missing["count"], missing["first"])
    polls = len(simulator.journal.of(QUERY, access_code="b1"))

    page = await rig.after(EVERY)
    assert {"b1": 1, "b3": 1} == page.up
    assert "b2" not in page.by("access_code", "oifde_bot_info")
    assert 2 == page.value("oifde_discovered_bots")
    assert EVERY / INTERVAL == len(simulator.journal.of(QUERY, access_code="b1")) - polls
    assert 0 == page.value("oifde_poll_failures_total", access_code="b1")


async def test_a_bot_that_is_missing_once_stays(rig: Rig) -> None:
    """None of its polls is left out."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    await rig.start()
    rig.hurry()
    await rig.after(3 * INTERVAL)  # a bot's second poll asks for yesterday besides
    without_b2 = faults.Changed(
        lambda _, answer: listing([row for row in answer["accessInfoList"] if row["accessCode"] != "b2"])
    )

    for _ in range(3):
        simulator.faults.add(without_b2, operation=OPERATION, first=2)
        polls = len(simulator.journal.of(QUERY, access_code="b2"))
        page = await rig.after(2 * EVERY)
        assert {"b1": 1, "b2": 1} == page.up
        assert 2 * EVERY / INTERVAL == len(simulator.journal.of(QUERY, access_code="b2")) - polls
    assert 3 == len(rig.events("bots_missing"))
    assert 1 == len(rig.events("bots_changed"))


async def test_an_empty_listing_must_be_confirmed(rig: Rig) -> None:
    """The first empty listing is ignored, the second counts as one without the bots, the third removes them."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    await rig.start()
    rig.hurry()
    simulator.world = world()

    for listing, bots in enumerate((2, 2, 0), 1):
        page = await rig.after(EVERY + 5 if listing == 1 else EVERY)
        assert bots == len(page.up)
        assert (1, bots) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))
    assert ["discovery_doubted", "bots_missing", "bots_changed"] == [
        name for name in rig.names() if name.startswith(("disc", "bots"))
    ][1:]

    simulator.world = world(*bots_named("b1"))
    assert {"b1": 1} == (await rig.after(EVERY)).up


async def test_a_renamed_bot_continues_under_its_new_name(rig: Rig) -> None:
    """Its values, its counters and its schedule stay the same."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    await rig.start()
    rig.hurry()
    before = await rig.after(EVERY - 60)
    simulator.world = world(SimBot("b1", "new name", calls_per_hour=30.0, profile=(1.0,) * 24), *bots_named("b2"))
    simulator.faults.add(faults.HttpStatus(500), operation=QUERY)

    page = await rig.after(65)

    assert {"new name", "b2-name"} == set(page.by("bot", "oifde_bot_info"))
    total = "oifde_calls_total"
    assert before.value(total, bot="b1-name") == page.value(total, bot="new name") is not None
    (_, changed) = rig.events("bots_changed")
    assert (0, 0, 1, 2) == tuple(changed[key] for key in ("found", "gone", "renamed", "bots"))


async def test_configured_bots_win(rig: Rig) -> None:
    """A configured bot keeps its configured name and labels, whether it is discovered or excluded."""
    simulator = await platform(rig, *bots_named("b1", "b2", "b3"), exclude="b1|b3-.*")
    tenant_of(rig)["bots"] = [{"access_code": "b1", "name": "mine", "labels": {"team": "care"}}, {"access_code": "b9"}]

    page = await rig.start()

    assert {"mine", "b2-name", "b9"} == names(page)
    assert {"care": 1} == page.by("team", "oifde_bot_info", bot="mine")
    assert 1 == page.value("oifde_discovered_bots")
    assert set() == {request.access_code for request in simulator.journal.of(QUERY)} & {"b3"}


@pytest.mark.parametrize(
    ("change", "up", "asked"),
    [
        (lambda _: None, {"b1", "b2", "x1"}, 0),
        (lambda tenant: tenant["discovery"].update(include="b.*"), {"b1", "b2"}, 0),
        (lambda tenant: tenant["discovery"].update(exclude="b2"), {"b1", "x1"}, 0),
        (lambda tenant: tenant.update(bots=[{"access_code": "b2"}]), {"b1", "b2", "x1"}, 0),
        (lambda tenant: tenant["discovery"].update(interval="5m"), {"b1", "b2", "x1"}, 2),
        (lambda tenant: tenant.update(bots=[{"access_code": "b2"}], discovery={"enabled": False}), {"b2"}, 0),
        (lambda tenant: (tenant.update(bots=[{"access_code": "b2"}]), tenant.pop("discovery")), {"b2"}, 0),
        (lambda tenant: tenant.update(name="renamed"), {"b1", "b2", "x1"}, 0),
    ],
    ids=["nothing", "include", "exclude", "a bot", "interval", "disabled", "removed", "name"],
)
async def test_a_reload_acts_at_once(rig: Rig, change: Callable[[Any], None], up: set[str], asked: int) -> None:
    """It applies to the known bots; the platform is asked again only if the schedule changes."""
    simulator = await platform(rig, *bots_named("b1", "b2", "x1"))
    await rig.start()
    await rig.after(45)
    change(tenant_of(rig))

    assert 200 == await rig.reload()
    page = await rig.after(10)

    assert dict.fromkeys(up, 1) == page.up
    assert asked == simulator.journal.counts[OPERATION] - 2
    discovered = "discovery" in tenant_of(rig) and tenant_of(rig)["discovery"].get("enabled", True)
    assert bool(discovered) == (page.value("oifde_discovery_up") is not None)
    assert 1 == simulator.journal.counts[LOGIN]


async def test_discovery_is_switched_on_by_a_reload(rig: Rig) -> None:
    """The first discovery runs at once; the configured bot keeps its name and is not disturbed."""
    simulator = await rig.platform()
    tenant_of(rig)["bots"] = [{"access_code": "b1", "name": "mine"}]
    await rig.start()
    before = await rig.after(45)
    assert None is before.value("oifde_discovery_up")

    tenant_of(rig)["discovery"] = {}
    assert 200 == await rig.reload()
    page = await rig.after(5)

    assert {"mine", "b2-name", "b3-name"} == names(page)
    assert before.data("b1") == page.data("b1") != {}
    assert 1 == len(simulator.journal.of(QUERY, access_code="b1"))
    assert 0 == page.value("oifde_upstream_request_failures_total", operation=OPERATION, reason="http")


async def test_a_removed_tenant_ends_its_discovery(rig: Rig) -> None:
    """A tenant that is removed during a discovery leaves no series, request or task."""
    simulator = await rig.platform((SimTenant(TENANT, bots_named("b1")), SimTenant(OTHER, bots_named("c1"))))
    tenants = rig.settings["platforms"][0]["tenants"]
    for tenant in tenants:
        del tenant["bots"]
        tenant["discovery"] = {"interval": "1m"}
    await rig.start()
    assert {"b1": 1, "c1": 1} == (await rig.after(45)).up
    simulator.faults.add(faults.Hang(), operation=OPERATION, tenant_id=OTHER)
    await simulator.journal.reached(simulator.journal.counts[OPERATION] + 4, OPERATION)

    del tenants[1]
    assert 200 == await rig.reload()

    page = await rig.after(5)
    assert {"b1": 1} == page.up
    assert None is page.value("oifde_discovery_up", tenant_id=OTHER)
    asked = [request.tenant_id for request in simulator.journal.of(OPERATION)]
    await rig.after(180)
    assert asked.count(OTHER) == [request.tenant_id for request in simulator.journal.of(OPERATION)].count(OTHER)
    assert [] == [task.get_name() for task in asyncio.all_tasks() if OTHER in task.get_name()]
    assert 0 == simulator.journal.under_way.total()


async def test_reloads_and_discoveries_at_the_same_time(rig: Rig) -> None:
    """The last listing and the last configuration decide what is polled, in every order."""
    simulator = await platform(rig, *bots_named("b1", "b2", "b3"), interval="1s")
    await rig.start()
    rig.hurry()
    simulator.faults.add(faults.Delay(0.3), probability=0.5)

    for number in range(60):
        simulator.world = world(*bots_named("b1", *(["b2"] if number % 3 else []), *(["b3"] if number % 2 else [])))
        tenant_of(rig)["discovery"]["exclude"] = "b3" if number % 5 else ""
        rig.settings["platforms"][0]["request_timeout"] = f"{5 + number % 7 // 6}s"
        assert 200 == await rig.reload()
        await asyncio.sleep(0.37 * (number % 4))
    simulator.world = world(*bots_named("b1", "b3", "b4"))
    tenant_of(rig)["discovery"]["exclude"] = "b4"
    assert 200 == await rig.reload()

    page = await rig.after(70)
    assert {"b1": 1, "b3": 1} == page.up
    assert (2, 2) == (page.value("oifde_exporter_bots"), page.value("oifde_discovered_bots"))
    workers = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("main/")]
    assert [f"main/{TENANT}", f"main/{TENANT}/b1/hour", f"main/{TENANT}/b3/hour"] == sorted(workers)
    assert [] == rig.events(level="error")


def listing_fails(fault: Fault) -> tuple[str, int, str]:
    """Return the reason, the requests and the text for each of ``CASES`` if an object is expected."""
    (case,) = (case for case in CASES if case.fault is fault)
    if case.reason == "timeout":
        return case.reason, case.requests, "no complete answer within 10 s"
    if isinstance(fault, faults.Wrapped):
        return case.reason, case.requests, "the answer has no array accessInfoList"
    return case.reason, case.requests, case.says.replace("not an array", "not an object")


async def test_a_discovery_fails_in_every_way(rig: Rig) -> None:
    """No bot is added or removed; the next try comes a poll interval later; gauge and log show failure and recovery once."""
    simulator = await platform(rig, *bots_named("b1"), interval="2m")
    tenant_of(rig)["bots"] = [{"access_code": "b9"}]
    tenant_of(rig)["poll_interval"] = "100s"
    await rig.start()
    rig.hurry()

    for case in CASES:
        reason, requests, says = listing_fails(case.fault)
        failures = (await rig.page()).failures(OPERATION)
        rig.forget_events()
        rule = simulator.faults.add(case.fault, operation=OPERATION)
        await simulator.journal.reached(simulator.journal.counts[OPERATION] + 1, OPERATION)
        page = await rig.after(45)
        assert (case.what, 0, 1) == (case.what, page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))
        assert {"b1": 1, "b9": 1} == page.up
        (failing,) = rig.events("discovery_failing")
        assert reason == failing["reason"]
        assert says in failing["error"]
        if not isinstance(case.fault, faults.Wrapped):
            assert failures.get(reason, 0) + requests <= page.failures(OPERATION)[reason]

        simulator.faults.remove(rule)
        page = await rig.after(100)
        assert (1, 1) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))
        assert ["discovery_failing", "discovery_recovered"] == [
            name for name in rig.names() if name.startswith(("disc", "bots"))
        ]


@pytest.mark.parametrize(
    ("total", "shown", "says"),
    [
        (250, slice(240), "240 of 250 bots of the source OIFDE"),
        (None, slice(10, 240), "pages of the source OIFDE overlap"),
    ],
    ids=["fewer rows than the total", "pages cut from an unstable order"],
)
async def test_an_incomplete_listing_removes_no_bot(rig: Rig, total: int | None, shown: slice, says: str) -> None:
    """New bots on it are polled, none goes missing, and the discovery is down until a listing is complete."""
    codes = [f"b{number:03d}" for number in range(250)]
    simulator = await platform(rig, *bots_named(*codes), include="b00.|a")
    tenant_of(rig)["poll_interval"] = "1h"
    await rig.start()
    simulator.world = world(*bots_named("a", *codes))

    class Cut:
        """Answer with pages of some of the rows; the second page begins with the last row of the first."""

        async def __call__(self, request: Any, asked: Any, respond: Any) -> Any:
            rows = [{"accessCode": code} for code in ("a", *codes)][shown]
            number = int(asked.body["pageNum"])
            page = rows[max(0, 100 * (number - 1) - (total is None)) : 100 * number]
            return web.json_response({"accessInfoList": page} | ({} if total is None else {"total": total}))

    rule = simulator.faults.add(Cut(), operation=OPERATION)
    for _ in range(3):
        page = await rig.after(EVERY)
        assert (0, 10 + (total is not None)) == (
            page.value("oifde_discovery_up"),
            page.value("oifde_discovered_bots"),
        )
    assert [] == rig.events("bots_missing")
    (failing,) = rig.events("discovery_failing")
    assert ("invalid", True) == (failing["reason"], says in failing["error"])

    simulator.faults.remove(rule)
    page = await rig.after(EVERY)
    assert (1, 11) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))


async def test_one_bad_page_changes_nothing(rig: Rig) -> None:
    """An error on the third page fails the discovery: the bots of the first pages do not count as new."""
    simulator = await platform(rig, *bots_named(*(f"b{number:03d}" for number in range(250))), include="b00.|x1")
    tenant_of(rig)["poll_interval"] = "1h"
    page = await rig.start()
    assert 10 == page.value("oifde_discovered_bots")
    simulator.world = world(*bots_named("x1", *(f"b{number:03d}" for number in range(250))))
    refuse = faults.ErrorCode(10000001)

    class ThirdPage:
        """Answer with an error."""

        async def __call__(self, request: Any, asked: Any, respond: Any) -> Any:
            return await (refuse(request, asked, respond) if asked.body["pageNum"] == "3" else respond())

    rule = simulator.faults.add(ThirdPage(), operation=OPERATION)
    await rig.after(10)  # no discovery is under way so long after its turn
    for _ in range(2):
        page = await rig.after(EVERY)
        assert (0, 10) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))

    simulator.faults.remove(rule)
    page = await rig.after(EVERY)
    assert (1, 11) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))


async def test_the_first_discovery_fails(rig: Rig) -> None:
    """The exporter is ready after the first try, and tries again within a poll interval, not after ten minutes."""
    simulator = await platform(rig, *bots_named("b1"))
    rule = simulator.faults.add(faults.HttpStatus(500), operation=OPERATION)

    page = await rig.start()
    assert {} == page.up
    assert (0, None) == (
        page.value("oifde_discovery_up"),
        page.value("oifde_discovery_last_success_timestamp_seconds"),
    )
    assert rig.clock.now() - rig.true_clock.now() == 0
    simulator.faults.remove(rule)

    assert {"b1": 1} == (await rig.after(INTERVAL + 5)).up


async def test_the_first_discovery_hangs(rig: Rig) -> None:
    """The exporter is ready after half a minute; the configured bot is polled meanwhile."""
    simulator = await platform(rig, *bots_named("b1"))
    tenant_of(rig)["bots"] = [{"access_code": "b9"}]
    simulator.faults.add(faults.Hang(), operation=OPERATION)
    start = rig.clock.elapsed()

    page = await rig.start()

    assert 29 <= rig.clock.elapsed() - start <= 32
    assert {"b9": 1} == page.up


async def test_the_login_is_refused(rig: Rig) -> None:
    """Discovery and polls share one login, which is logged once; with the right secret the bots are found."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    simulator.accounts[TENANT].app_secret = "another"
    page = await rig.start()
    assert (0, 1) == (page.value("oifde_discovery_up"), page.value("oifde_auth_blocked"))
    await rig.after(5 * INTERVAL)
    assert {LOGIN: 1} == simulator.journal.counts
    assert [] == rig.events("discovery_failing")

    simulator.accounts[TENANT].app_secret = tenant_of(rig)["auth"]["app_secret"]
    assert 200 == await rig.reload()
    assert {"b1": 1, "b2": 1} == (await rig.after(INTERVAL + 5)).up


async def test_the_platform_is_unreachable_for_a_while(rig: Rig) -> None:
    """The known bots are polled again as soon as it is back, before the next discovery."""
    simulator = await platform(rig, *bots_named("b1", "b2"))
    await rig.start()
    rig.hurry()
    rule = simulator.faults.add(faults.HttpStatus(503))
    page = await rig.after(2 * EVERY)
    assert (0, 2) == (page.value("oifde_discovery_up"), page.value("oifde_discovered_bots"))
    assert {"b1": 0, "b2": 0} == page.up

    simulator.faults.remove(rule)
    page = await rig.after(2 * INTERVAL)
    assert {"b1": 1, "b2": 1} == page.up
    assert 1 == page.value("oifde_discovery_up")


async def test_rows_that_are_not_bots(rig: Rig) -> None:
    """They are skipped, and logged once while they stay the same."""
    simulator = await platform(rig, *bots_named("b1"))
    rows = [None, 7, {"accessCode": None}, {"accessCode": "x", "tenantId": OTHER}]
    simulator.faults.add(
        faults.Changed(lambda _, answer: listing(rows + answer["accessInfoList"])), operation=OPERATION
    )
    await rig.start()
    rig.hurry()
    page = await rig.after(3 * EVERY)

    assert {"b1": 1} == page.up
    assert 3 == len(rig.events("bindings_unusable"))


async def test_hundreds_of_bots_at_once(rig: Rig) -> None:
    """They are polled within the platform's limits; scrapes succeed meanwhile."""
    simulator = await platform(rig, *bots_named(*(f"b{number:04d}" for number in range(300))))
    rig.settings["poll_interval"] = "10m"
    rig.settings["platforms"][0]["requests_per_second"] = 50
    await rig.start(level="info")
    rig.hurry()

    page = await rig.after(2)
    assert 300 == page.value("oifde_discovered_bots")
    seconds = [int(request.at) for request in simulator.journal.of(QUERY)]
    assert max(map(seconds.count, set(seconds))) <= 51
    page = await rig.after(5)
    assert dict.fromkeys((f"b{number:04d}" for number in range(300)), 1) == page.up
