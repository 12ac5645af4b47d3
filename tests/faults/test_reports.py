"""Several reports of each bot, of which one fails, is slow or is removed."""

import asyncio

from exporter.simulator import SimulatedWorld, Simulator
from harness import faults

from .rig import INTERVAL, QUERY, STALE_AFTER, TENANT, Page, Rig, Series, shanghai

REPLIES = "query_chatbot"
UP = {"b1": 1, "b2": 1, "b3": 1}
DOWN = {"b1": 0, "b2": 0, "b3": 0}
DAY_INTERVAL = 600.0
CHATBOT_NAMES = ("oifde_chatbot_", "oifde_repl", "oifde_unknown_replies", "oifde_feedback", "oifde_positive_feedback")


async def started(rig: Rig) -> Simulator:
    """Start an exporter that fetches every report, at a moment between two polls."""
    simulator = await rig.platform()
    rig.settings["reports"] = ["hour", "day", "chatbot"]
    await rig.start()
    await rig.after(INTERVAL + 45)
    rig.forget_events()
    return simulator


def up(page: Page, report: str) -> dict[str, float]:
    """Return ``oifde_up`` of a report by access code."""
    return page.by("access_code", "oifde_up", report=report)


def report_of(name: str) -> str:
    """Return the report that a metric comes from."""
    return "day" if name.startswith("oifde_day_") else "chatbot" if name.startswith(CHATBOT_NAMES) else "hour"


def shown(page: Page, report: str, access_code: str = "b1") -> Series:
    """Return the series of a bot that come from a report."""
    return {key: value for key, value in page.data(access_code).items() if report_of(key[0]) == report}


def days_asked(simulator: Simulator) -> int:
    """Return the number of requests for the report by day."""
    return sum(request.body["type"] == "day" for request in simulator.journal.of(QUERY))


async def test_every_report_is_shown(rig: Rig) -> None:
    """Each report has its own metrics, with the true counts of the last hour and of yesterday."""
    simulator = await started(rig)
    page = await rig.page()
    world = simulator.world
    assert isinstance(world, SimulatedWorld)
    midnight = int(shanghai("2026-05-20T00:00").timestamp())
    hour = world.truth(TENANT, "b1", midnight + 11 * 3600)
    yesterday = [world.truth(TENANT, "b1", midnight - 3600 * ago).calls for ago in range(1, 25)]

    assert UP == up(page, "hour") == up(page, "day") == up(page, "chatbot")
    assert hour.calls == page.value("oifde_hour_calls", access_code="b1")
    assert hour.interactions == page.value("oifde_chatbot_hour_replies", access_code="b1")
    assert sum(yesterday) == page.value("oifde_day_calls", access_code="b1")
    assert midnight - 86400 == page.value("oifde_day_start_timestamp_seconds", access_code="b1")
    replies = page.value("oifde_replies_total", access_code="b1")
    assert replies is not None
    assert replies > hour.interactions
    assert [] == rig.events()


async def test_one_report_fails_and_the_others_continue(rig: Rig) -> None:
    """Its values stay, are removed when they are stale, and come back; the bot's other reports are updated."""
    simulator = await started(rig)
    before = await rig.page()
    asked = simulator.journal.counts[QUERY]

    rule = simulator.faults.add(faults.ErrorCode(10000003, "no such report"), operation=REPLIES)
    failing = await rig.after(INTERVAL)
    assert (UP, UP, DOWN) == (up(failing, "hour"), up(failing, "day"), up(failing, "chatbot"))
    assert shown(before, "chatbot") == shown(failing, "chatbot") != {}

    late = await rig.after(STALE_AFTER)
    assert (UP, UP, DOWN) == (up(late, "hour"), up(late, "day"), up(late, "chatbot"))
    assert {} == shown(late, "chatbot")
    assert shown(before, "hour").keys() == shown(late, "hour").keys()
    assert shown(before, "hour") != shown(late, "hour")
    assert shown(before, "day") == shown(late, "day")
    assert 6 == late.value("oifde_poll_failures_total", access_code="b1", report="chatbot")
    assert 0 == late.value("oifde_poll_failures_total", access_code="b1", report="hour")
    assert ({"api": 18}, {}) == (late.failures(REPLIES), late.failures(QUERY))
    assert {"chatbot"} == {event["report"] for event in rig.events("bot_failing")}
    assert 3 * 6 <= simulator.journal.counts[QUERY] - asked <= 3 * 7

    simulator.faults.remove(rule)
    after = await rig.after(INTERVAL)
    assert UP == up(after, "chatbot")
    assert shown(before, "chatbot").keys() == shown(after, "chatbot").keys()


async def test_a_report_that_never_answers_delays_no_other(rig: Rig) -> None:
    """It has its own schedule, and ends with all its retries before its next poll."""
    simulator = await started(rig)
    simulator.faults.add(faults.Hang(), operation=REPLIES)

    page = await rig.after(10 * INTERVAL)

    assert (UP, DOWN) == (up(page, "hour"), up(page, "chatbot"))
    times = [request.at for request in simulator.journal.of(QUERY, access_code="b1") if request.body["type"] == "hour"]
    assert {60} == {round(later - earlier) for earlier, later in zip(times[-9:], times[-8:], strict=False)}


async def test_the_report_by_day_is_requested_every_ten_minutes(rig: Rig) -> None:
    """This holds for every poll interval; one failed poll removes no value, half an hour without success does."""
    simulator = await started(rig)
    await rig.after(DAY_INTERVAL)

    count = days_asked(simulator)
    await rig.after(3 * DAY_INTERVAL)
    assert count + 3 * len(UP) == days_asked(simulator)

    rig.hurry()
    simulator.faults.add(faults.HttpStatus(503), operation=QUERY)
    page = await rig.after(1150)
    assert (DOWN, DOWN, UP) == (up(page, "hour"), up(page, "day"), up(page, "chatbot"))
    assert {} == shown(page, "hour")
    assert {} != shown(page, "day")
    page = await rig.after(700)
    assert {} == shown(page, "day")
    assert {} != shown(page, "chatbot")


async def test_a_report_is_removed(rig: Rig) -> None:
    """After the reload nothing is left of it, and nothing else has changed; when it is configured again, it is back."""
    simulator = await started(rig)
    before = await rig.page()
    everything = {report: shown(before, report) for report in ("hour", "day", "chatbot")}
    counts = simulator.journal.counts.copy()

    rig.settings["reports"] = ["hour"]
    assert 200 == await rig.reload()
    page = await rig.page()
    assert everything["hour"] == page.data("b1")
    for name in ("oifde_up", "oifde_poll_failures_total", "oifde_last_success_timestamp_seconds"):
        assert {"hour"} == page.by("report", name, access_code="b1").keys()
    for name in ("oifde_report_anomalies_total", "oifde_record_revisions_total"):
        assert {"hour"} == page.by("report", name, tenant_id=TENANT).keys()
    assert counts == simulator.journal.counts

    rig.settings["reports"] = ["hour", "day", "chatbot"]
    assert 200 == await rig.reload()
    page = await rig.after(10)
    assert UP == up(page, "day") == up(page, "chatbot")
    assert everything["chatbot"].keys() == shown(page, "chatbot").keys()
    await asyncio.sleep(INTERVAL)
    assert [] == rig.names(level="warn")
