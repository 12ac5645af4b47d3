"""Which days are requested, in what order, and how often."""

import asyncio
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise

from exporter.history.fetching import pack_finished_day
from exporter.history.pasts import FetchedDay
from exporter.reasons import FailureReason
from exporter.upstream.errors import CircuitOpen, LoginBlocked, UpstreamError
from exporter.upstream.reports import HOUR, parse

from .conftest import RULES, MakeRig, full_day

HOUR_SECONDS = 3600.0


def unreachable() -> UpstreamError:
    """A failure of the whole platform."""
    return UpstreamError(FailureReason.TIMEOUT, "no answer")


def give(error: UpstreamError, _: str, __: date) -> object:
    """The same for every bot and date."""
    return error


async def test_newest_first(make_rig: MakeRig) -> None:
    """Yesterday of every bot comes before the day before of any bot, and so on for ``history.days`` days."""
    rig = make_rig(bots=("b1", "b2"))
    await rig.run(60)
    assert [(bot, f"05-{day}") for day in range(19, 12, -1) for bot in ("b1", "b2")] == rig.platform.days
    assert [f"05-{day}" for day in range(13, 20)] == rig.known("b1") == rig.known("b2")
    assert ["history_complete"] == rig.events


async def test_a_finished_day_is_requested_once_more(make_rig: MakeRig) -> None:
    """A day is requested again when the next day is over, because records are restated, and never after that."""
    rig = make_rig()
    await rig.run(60)
    rig.platform.asked.clear()
    rig.platform.answer = lambda _, day: full_day(day, 50)
    await rig.run(4 * 24 * HOUR_SECONDS)
    twice = ["05-20", "05-21", "05-22"]  # when they are over, and a day later
    assert sorted(["05-19", *twice, *twice, "05-23"]) == sorted(day for _, day in rig.platform.days)
    assert 50 == rig.pasts["main", "t1", "b1"].past[date(2026, 5, 19)][0]
    assert 100 == rig.pasts["main", "t1", "b1"].past[date(2026, 5, 18)][0]


async def test_a_day_that_is_not_settled_is_not_requested(make_rig: MakeRig) -> None:
    """Yesterday is requested when its hours without records count as hours without calls."""
    rig = make_rig(start="2026-05-20T01:00")
    await rig.run(HOUR_SECONDS)
    assert "05-19" not in rig.known()
    assert [f"05-{day}" for day in range(13, 19)] == rig.known()
    await rig.run(HOUR_SECONDS)
    assert "05-19" in rig.known()


async def test_a_day_from_polling_is_not_requested(make_rig: MakeRig) -> None:
    """A day that polls have completed is requested only once, a day later."""
    rig = make_rig()
    day = date(2026, 5, 19)
    parsed = parse(HOUR, full_day(day), tenant_id="t1", access_code="b1")
    rig.worker.take("b1", FetchedDay(day, rig.clock.start, pack_finished_day(parsed, RULES, day)))
    await rig.run(60)
    assert "05-19" not in [day for _, day in rig.platform.days]
    assert "05-19" in rig.known()


async def test_days_before_the_first_call_are_unknown(make_rig: MakeRig) -> None:
    """The bot may be new, or the platform may keep fewer days."""
    rig = make_rig()
    rig.platform.answer = lambda _, day: full_day(day) if day >= date(2026, 5, 17) and day.day != 18 else []
    await rig.run(HOUR_SECONDS)
    assert ["05-17", "05-18", "05-19"] == rig.known()
    assert 7 == len(rig.platform.asked)
    assert ["history_complete"] == rig.events


async def test_a_day_with_a_record_without_a_place_is_unknown(make_rig: MakeRig) -> None:
    """The unusable record may belong to an hour without a record."""
    rig = make_rig()
    rig.platform.answer = lambda _, day: [*full_day(day)[:20], *([{"recordTime": "late"}] if day.day == 17 else [])]
    await rig.run(60)
    assert ["05-13", "05-14", "05-15", "05-16", "05-18", "05-19"] == rig.known()


async def test_an_outage_stops_all_requests(make_rig: MakeRig) -> None:
    """After a failure of the platform nothing is sent for a pause that doubles; afterwards the rest is fetched."""
    rig = make_rig(bots=("b1", "b2", "b3"))
    rig.platform.answer = lambda _, __: unreachable()
    await rig.run(HOUR_SECONDS)
    times = [moment for moment, _, _ in rig.platform.asked]
    # Two at a time, since two may be under way.
    assert len(times) <= 2 * 13
    assert max(later - earlier for earlier, later in pairwise(times)) > 599
    assert ["history_failing"] == rig.events
    rig.platform.answer = lambda _, day: full_day(day)
    await rig.run(1300)
    assert 7 == len(rig.known("b3"))
    assert ["history_failing", "history_complete"] == rig.events


async def test_what_others_log_is_not_logged_here(make_rig: MakeRig) -> None:
    """The circuit breaker and the login log their own state, once."""
    rig = make_rig()
    errors: list[UpstreamError] = [
        CircuitOpen(FailureReason.TIMEOUT, "unreachable"),
        LoginBlocked(FailureReason.AUTH, "blocked"),
    ]
    for error in errors:
        rig.platform.answer = partial(give, error)
        await rig.run(HOUR_SECONDS)
    assert [] == rig.events
    assert len(rig.platform.asked) < 60


async def test_one_bot_that_fails_does_not_hold_up_the_others(make_rig: MakeRig) -> None:
    """Its days are requested again after 5 minutes, 10 minutes, and so on up to 6 hours."""
    rig = make_rig(bots=("bad", "b1"))
    refused = UpstreamError(FailureReason.API, "bad parameter", code=10000002)
    rig.platform.answer = lambda bot, day: refused if bot == "bad" else full_day(day)
    await rig.run(24 * HOUR_SECONDS)
    assert 7 == len(rig.known("b1"))
    assert 6 <= len([bot for bot, _ in rig.platform.days if bot == "bad"]) <= 32


async def test_new_bots_are_added_and_others_forgotten(make_rig: MakeRig) -> None:
    """When discovery changes the plan, only the days of new bots are requested."""
    rig = make_rig(bots=("b1", "b2"))
    await rig.run(60)
    rig.platform.asked.clear()
    rig.worker.replan(replace(rig.worker.plan, bots=("b2", "b3")), rig.platform)
    await rig.run(60)
    assert {"b3"} == {bot for bot, _ in rig.platform.days}
    assert {"b2", "b3"} == {key[2] for key in rig.pasts}


async def test_another_time_zone_begins_anew(make_rig: MakeRig) -> None:
    """The days of another zone are other days."""
    rig = make_rig()
    await rig.run(60)
    rig.platform.asked.clear()
    rig.worker.replan(replace(rig.worker.plan, owner=rig.worker.plan.owner._replace(zone="Asia/Tokyo")), rig.platform)
    await rig.run(60)
    assert 7 == len(rig.platform.asked)


async def test_requests_of_a_tenant_are_limited(make_rig: MakeRig) -> None:
    """A slow platform never has more concurrent requests than the plan allows."""
    rig = make_rig(bots=tuple("abcdef"))
    rig.platform.latency = 10
    task = asyncio.create_task(rig.worker.run(0.0))
    await asyncio.sleep(5)
    assert 2 == len(rig.platform.asked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
