"""One bot's answers fail in every way, while those of the others are correct."""

import tracemalloc

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter.simulator import SimTenant
from exporter.simulator.faults import Fault
from exporter.upstream.client import MAX_BODY_BYTES
from harness import faults

from .cases import CASES, Case
from .rig import INTERVAL, LOGIN, QUERY, STALE_AFTER, TENANT, Rig, bots_named

BETWEEN_POLLS = 45.0
"""Seconds after a start at which no poll of a bot is under way; so are those an interval, two intervals... later."""


@pytest.mark.parametrize("case", [pytest.param(case, id=case.what) for case in CASES])
async def test_a_bots_answers_fail(rig: Rig, case: Case) -> None:
    """Its values stay until they are stale; other bots are not affected; after the fault all values are back."""
    simulator = await rig.platform()
    await rig.start()
    before = await rig.after(BETWEEN_POLLS)
    sent = simulator.journal.counts[QUERY], len(simulator.journal.of(QUERY, access_code="b1"))
    logins = simulator.journal.counts[LOGIN]
    rig.forget_events()

    rule = simulator.faults.add(case.fault, access_code="b1")
    failing = await rig.after(INTERVAL)
    assert {"b1": 0, "b2": 1, "b3": 1} == failing.up
    assert before.data("b1") == failing.data("b1") != {}
    assert before.data("b2") != failing.data("b2")
    failure = (await rig.bots())["b1"]["failure"]
    assert case.reason == failure["reason"]
    assert case.says in failure["message"]

    late = await rig.after(STALE_AFTER)
    assert {"b1": 0, "b2": 1, "b3": 1} == late.up
    assert {} == late.data("b1")
    assert before.data("b2").keys() == late.data("b2").keys()
    polls = 6
    assert polls == late.value("oifde_poll_failures_total", access_code="b1", report="hour")
    assert {case.reason: polls * case.requests} == late.failures()
    assert polls * (case.requests - 1) == late.value("oifde_upstream_retries_total", operation=QUERY)
    codes = {} if case.code is None else {str(case.code): polls * case.requests}
    assert codes == late.by("code", "oifde_upstream_api_errors_total")
    assert polls * case.requests == len(simulator.journal.of(QUERY, access_code="b1")) - sent[1]
    assert polls * (case.requests + 2) == simulator.journal.counts[QUERY] - sent[0]

    simulator.faults.remove(rule)
    after = await rig.after(INTERVAL)
    assert {"b1": 1, "b2": 1, "b3": 1} == after.up
    assert before.data("b1").keys() == after.data("b1").keys()
    calls = before.value("oifde_calls_total", access_code="b1"), after.value("oifde_calls_total", access_code="b1")
    assert calls[0] is not None
    assert calls[1] is not None
    assert calls[0] < calls[1]
    assert logins == simulator.journal.counts[LOGIN]

    down, up = rig.events()
    assert ("bot_failing", "warn", "b1", case.reason) == tuple(
        down[key] for key in ("msg", "level", "access_code", "reason")
    )
    assert case.says in down["error"]
    assert ("bot_recovered", "info", "b1", polls * INTERVAL) == tuple(
        up[key] for key in ("msg", "level", "access_code", "duration_seconds")
    )


@pytest.mark.parametrize(
    "fault",
    [
        faults.DuplicateKeys(),
        faults.ContentType("text/html"),
        faults.ContentType(""),
        faults.Encoded("utf-16"),
        faults.Encoded("utf-8-sig"),
        faults.Encoded("gb18030", {"Content-Type": "application/json; charset=GB18030"}),
        faults.Encoded("utf-8", {"X-Policy": "a" * 60_000}),
        faults.Delay(9.0),
    ],
    ids=[
        "duplicate keys",
        "Content-Type text/html",
        "no Content-Type",
        "UTF-16",
        "a byte order mark",
        "GB18030",
        "a header of 60,000 bytes",
        "slow, but within the timeout",
    ],
)
async def test_unusual_but_correct_answers_are_accepted(rig: Rig, fault: Fault) -> None:
    """The values are updated, and nothing is logged."""
    simulator = await rig.platform()
    await rig.start()
    before = await rig.after(BETWEEN_POLLS)
    rig.forget_events()

    simulator.faults.add(fault, access_code="b1")
    after = await rig.after(10 * INTERVAL)

    assert {"b1": 1, "b2": 1, "b3": 1} == after.up
    assert before.data("b1").keys() == after.data("b1").keys()
    calls = (page.value("oifde_calls_total", access_code="b1") or 0 for page in (before, after))
    assert 3 <= -next(calls) + next(calls) <= 7  # of thirty calls an hour, ten minutes'
    assert [] == rig.events()


async def test_one_failed_request_is_repeated(rig: Rig) -> None:
    """The request is repeated within the same poll: the bot stays up, and only counters show the failure."""
    simulator = await rig.platform()
    await rig.start()
    await rig.after(BETWEEN_POLLS)
    rig.forget_events()

    simulator.faults.add(faults.HttpStatus(500), first=2)
    page = await rig.after(INTERVAL)

    assert {"b1": 1, "b2": 1, "b3": 1} == page.up
    assert {"http": 2} == page.failures()
    assert 2 == page.value("oifde_upstream_retries_total", operation=QUERY)
    assert [] == rig.events()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(rig: Rig, status: int) -> None:
    """The target of the redirect receives no request, and so no token."""
    heard: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(await request.text())
        return web.json_response([])

    elsewhere = web.Application()
    elsewhere.router.add_route("*", "/{path:.*}", hear)
    simulator = await rig.platform()
    await rig.start()
    rig.forget_events()

    async with TestServer(elsewhere) as server:
        location = str(server.make_url("/oifde/rest/api/queryCallStatisticsReport"))
        simulator.faults.add(faults.Redirect(location, status))
        page = await rig.after(INTERVAL)

    assert [] == heard
    assert {"b1": 0, "b2": 0, "b3": 0} == page.up
    assert {"http"} == page.failures().keys()
    assert {f"HTTP status {status}: redirects are not followed"} == {
        event["error"] for event in rig.events("bot_failing")
    }


@pytest.mark.parametrize(
    "fault", [faults.HugeBody(100_000_000), faults.GzipBomb(100_000_000)], ids=["plain", "compressed"]
)
async def test_an_endless_answer_needs_little_memory(rig: Rig, fault: Fault) -> None:
    """Memory stays within a few times the documented limit, and none of the answer is kept."""
    simulator = await rig.platform((SimTenant(TENANT, bots_named("b1")),))
    await rig.start()
    simulator.faults.add(fault, operation=QUERY)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        page = await rig.after(2 * INTERVAL)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert {"b1": 0} == page.up
    assert {"invalid": 2} == page.failures()
    assert peak - before < 3 * MAX_BODY_BYTES
    assert held - before < MAX_BODY_BYTES / 4


async def test_many_bots_hang(rig: Rig) -> None:
    """Bots that hang delay only their own polls."""
    simulator = await rig.platform()
    await rig.start()
    rig.forget_events()
    simulator.faults.add(faults.Hang(), access_code="b1")
    simulator.faults.add(faults.Hang(), access_code="b2")
    page = await rig.after(10 * INTERVAL)

    assert {"b1": 0, "b2": 0, "b3": 1} == page.up
    assert 10 <= len(simulator.journal.of(QUERY, access_code="b3"))
    assert ["b1", "b2"] == sorted(event["access_code"] for event in rig.events())


async def test_retry_after_is_respected(rig: Rig) -> None:
    """A repetition waits for the platform's Retry-After, and stays within the poll's time."""
    simulator = await rig.platform()
    await rig.start()
    await rig.after(INTERVAL + BETWEEN_POLLS)
    simulator.faults.add(faults.HttpStatus(503, {"Retry-After": "7"}), access_code="b1", first=2)
    page = await rig.after(INTERVAL)

    assert {"b1": 1, "b2": 1, "b3": 1} == page.up
    first, second, third = (request.at for request in simulator.journal.of(QUERY, access_code="b1")[-3:])
    assert 7 <= second - first <= 8
    assert 7 <= third - second <= 9
