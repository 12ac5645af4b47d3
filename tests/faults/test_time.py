"""Clock changes, new days, daylight saving and suspended machines."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator import CALM, SimTenant, SimulatedWorld

from .rig import INTERVAL, LOGIN, SHANGHAI, TENANT, Page, Rig, bots_named
from .script import Script

MINUTE = 60.0
HOUR = 3600.0
ZONES = (ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/Sao_Paulo"))


def start_of(page: Page) -> float:
    """Return the start of the hour shown."""
    start = page.value("oifde_hour_start_timestamp_seconds", access_code="b1")
    assert start is not None
    return start


def calls(page: Page) -> float:
    """Return the day's counter of calls."""
    value = page.value("oifde_calls_total", access_code="b1")
    assert value is not None
    return value


class Increase:
    """Computes ``increase`` as Prometheus does: after a decrease, the counter began again at 0."""

    def __init__(self, first: float) -> None:
        self.last = first
        self.sum = 0.0
        self.resets = 0

    def add(self, value: float) -> None:
        """Add the value of a scrape."""
        if value < self.last:
            self.resets += 1
            self.last = 0.0
        self.sum += value - self.last
        self.last = value


# The wall clock is set


@pytest.fixture
def script() -> Script:
    """Return half past noon in Shanghai, with ten calls in each hour since midnight and five in the present one."""
    script = Script()
    script.write_until("2026-05-20T11", hours=12)
    script.write("2026-05-20T12", calls=5)
    return script


async def started(rig: Rig, script: Script) -> Page:
    """Start an exporter that polls the script, and stop between two polls."""
    await rig.platform(script.tenants(), world=script)
    await rig.start()
    page = await rig.after(45)
    rig.forget_events()
    return page


async def test_the_clock_is_set_back(rig: Rig, script: Script) -> None:
    """No value goes back or becomes stale, and there is no login; the skew metric shows the change."""
    before = await started(rig, script)

    rig.clock.step(-HOUR)
    page = await rig.page()
    assert before.data("b1") == page.data("b1")
    page = await rig.after(10 * INTERVAL)
    assert {"b1": 1} == page.up
    assert before.data("b1") == page.data("b1")
    assert HOUR == pytest.approx(page.value("oifde_upstream_clock_skew_seconds"), abs=2)

    script.write("2026-05-20T12", calls=9)
    page = await rig.after(INTERVAL)
    assert 129 == calls(page)
    rig.clock.step(HOUR)
    page = await rig.after(31 * INTERVAL)
    assert script.start("2026-05-20T12") == start_of(page)
    assert 0 == pytest.approx(page.value("oifde_upstream_clock_skew_seconds"), abs=2)
    assert 1 == rig.simulator.journal.counts[LOGIN]
    assert [] == rig.names()


async def test_the_clock_is_set_forward(rig: Rig, script: Script) -> None:
    """An hour may be shown early, but is updated; when the clock is correct again, no value goes back."""
    before = await started(rig, script)

    rig.clock.step(HOUR)
    page = await rig.page()
    assert before.data("b1") == page.data("b1")
    page = await rig.after(10 * INTERVAL)
    assert {"b1": 1} == page.up
    assert script.start("2026-05-20T12") == start_of(page)
    assert -HOUR == pytest.approx(page.value("oifde_upstream_clock_skew_seconds"), abs=2)

    rig.clock.step(-HOUR)
    script.write("2026-05-20T12", calls=9)
    page = await rig.after(INTERVAL)
    assert (script.start("2026-05-20T12"), 9) == (start_of(page), page.value("oifde_hour_calls"))
    assert 129 == calls(page)
    page = await rig.after(29 * INTERVAL)
    assert script.start("2026-05-20T12") == start_of(page)
    assert 1 == rig.simulator.journal.counts[LOGIN]
    assert {"records_revised"} == set(rig.names())


async def test_the_clock_is_set_over_midnight_and_back(rig: Rig, script: Script) -> None:
    """The next day begins early, once; it does not end or begin again, and its calls count once."""
    script.write_until("2026-05-20T22", hours=23)
    script.write("2026-05-20T23", calls=4)
    rig.clock.step(11 * HOUR - 5 * MINUTE)  # 23:25
    page = await started(rig, script)
    assert 234 == calls(page)
    increase = Increase(234)

    rig.clock.step(HOUR)  # 00:26 of the next day
    increase.add(calls(await rig.after(INTERVAL)))
    rig.clock.step(-HOUR)
    for _ in range(35):
        page = await rig.after(INTERVAL)
        increase.add(calls(page))
        assert {"b1": 1} == page.up
    assert (1, 0) == (increase.resets, increase.last)

    script.write("2026-05-21T00", calls=3)  # it is past midnight now by any clock
    for _ in range(30):
        increase.add(calls(await rig.after(INTERVAL)))
    assert (1, 3, 3) == (increase.resets, increase.last, increase.sum)


# The day turns


@pytest.mark.parametrize(
    ("start_of_test", "zone"),
    [(datetime(2026, 5, 20, 22, 50, tzinfo=zone), zone) for zone in ZONES],
    ids=[zone.key for zone in ZONES],
)
async def test_midnight(rig: Rig, start_of_test: datetime, zone: ZoneInfo) -> None:
    """Every call before and after midnight counts once; at least two scrapes see the reset."""
    tenants = (SimTenant(TENANT, bots_named("b1"), timezone=zone),)
    world = SimulatedWorld(1, tenants, CALM)
    await rig.platform(tenants, world=world)
    page = await rig.start()
    first, hour = calls(page), start_of(page)
    increase, zeros = Increase(first), 0
    for minutes in (*[5] * 13, *[1] * 25, *[5] * 12):
        page = await rig.after(minutes * MINUTE)
        assert {"b1": 1} == page.up
        increase.add(calls(page))
        zeros += calls(page) == 0
        assert start_of(page) in (hour, hour + HOUR)
        hour = start_of(page)

    midnight = int(datetime(2026, 5, 21, tzinfo=zone).timestamp())
    yesterday = sum(world.truth(TENANT, "b1", midnight - number * 3600).calls for number in range(1, 25))
    assert (1, 2) == (increase.resets, zeros)
    assert yesterday - first + increase.last == increase.sum
    assert midnight == hour  # from 01:10 on
    assert ["starting", "listening", "config_loaded", "login_succeeded"] == rig.names()


SPRING = ZoneInfo("Europe/Berlin"), "2024-03-31T00:05", 23
AUTUMN = ZoneInfo("Europe/Berlin"), "2024-10-27T00:05", 25
NO_MIDNIGHT = ZoneInfo("America/Sao_Paulo"), "2018-11-04T01:05", 23
LONG_EVENING = ZoneInfo("America/Sao_Paulo"), "2018-02-17T00:05", 25


@pytest.mark.parametrize(
    ("start_of_test", "zone", "hours"),
    [
        pytest.param(datetime.fromisoformat(start).replace(tzinfo=zone), zone, hours, id=id_)
        for (zone, start, hours), id_ in {
            SPRING: "an hour is skipped at 02:00",
            AUTUMN: "an hour comes twice at 02:00",
            NO_MIDNIGHT: "midnight is skipped",
            LONG_EVENING: "an hour comes twice before midnight",
        }.items()
    ],
)
async def test_daylight_saving(rig: Rig, start_of_test: datetime, zone: ZoneInfo, hours: int) -> None:
    """Each hour is shown with its own calls, and the day's counter includes all of them."""
    tenants = (SimTenant(TENANT, bots_named("b1"), timezone=zone),)
    world = SimulatedWorld(1, tenants, CALM)
    await rig.platform(tenants, world=world)
    rig.settings["poll_interval"] = "10m"
    rig.hurry()
    page = await rig.start()
    shown = []
    for _ in range(hours * 3):
        page = await rig.after(20 * MINUTE)
        assert {"b1": 1} == page.up
        start = int(start_of(page))
        assert world.truth(TENANT, "b1", start).calls == page.value("oifde_hour_calls")
        if start not in shown:
            shown.append(start)

    midnight = int(start_of_test.timestamp()) - 300
    assert list(range(midnight - 3600, midnight + (hours - 1) * 3600, 3600)) == shown
    of_day = sum(world.truth(TENANT, "b1", midnight + number * 3600).calls for number in range(hours))
    assert of_day == calls(page)


# The machine sleeps


async def test_the_machine_was_suspended(rig: Rig) -> None:
    """After a resume, old values are not shown; one poll and one login later everything is back."""
    simulator = await rig.platform()
    await rig.start()
    before = await rig.after(45)
    rig.forget_events()

    rig.clock.suspend(2 * HOUR)
    rig.true_clock.suspend(2 * HOUR)
    page = await rig.page()
    assert {} == page.data("b1") == page.data("b2") == page.data("b3")
    page = await rig.after(INTERVAL)
    assert {"b1": 1, "b2": 1, "b3": 1} == page.up
    assert before.data("b1").keys() == page.data("b1").keys()
    assert start_of(before) + 2 * HOUR == start_of(page)
    assert 2 == simulator.journal.counts[LOGIN]
    assert [] == rig.names()


async def test_the_machine_was_suspended_over_midnight(rig: Rig) -> None:
    """The new day begins with a visible 0, then shows the true values."""
    rig.clock.step(10 * HOUR)
    rig.true_clock.step(10 * HOUR)
    await rig.platform()
    await rig.start()
    evening = await rig.after(45)
    assert calls(evening) > 500
    seconds = datetime.fromisoformat("2026-05-21T07:30").replace(tzinfo=SHANGHAI).timestamp() - rig.clock.now()

    rig.clock.suspend(seconds)
    rig.true_clock.suspend(seconds)
    page = await rig.after(INTERVAL)
    assert {"b1": 1, "b2": 1, "b3": 1} == page.up
    assert 0 == calls(page)
    page = await rig.after(INTERVAL)
    assert 0 == calls(page)
    page = await rig.after(2 * INTERVAL)
    assert 150 < calls(page) < 300
