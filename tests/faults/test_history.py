"""History, on platforms that work or fail."""

import asyncio
from pathlib import Path

import pytest

from harness import faults

from .rig import LOGIN, QUERY, TENANT, Rig

DAY = 86_400
DAYS = 7


@pytest.fixture(autouse=True)
def with_history(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable a week of history."""
    platform = rig.platform

    async def start_platform(*arguments: object, **options: object) -> object:
        simulator = await platform(*arguments, **options)  # type: ignore[arg-type]
        rig.settings["history"] = {"days": DAYS}
        return simulator

    monkeypatch.setattr(rig, "platform", start_platform)


async def known(rig: Rig, seconds: float = 0.0) -> set[float]:
    """Return the length of the past of each bot after a while, in days."""
    page = await rig.after(seconds)
    return {value / DAY for value in page.by("access_code", "oifde_history_seconds").values()}


def requests(rig: Rig) -> int:
    """Return the number of requests for reports."""
    return rig.simulator.journal.counts[QUERY]


async def test_the_past_is_known_within_two_minutes(rig: Rig) -> None:
    """Each day of each bot is one request in addition to the polls, and each bot is judged."""
    await rig.platform()
    bots = len((await rig.start()).up)
    assert {DAYS} == await known(rig, 120)
    page = await rig.page()
    assert bots == len(page.by("access_code", "oifde_hour_expected_calls"))
    assert bots * (DAYS + 5) >= requests(rig)
    assert [] == rig.events(level="warn")


async def test_an_outage_stops_the_history(rig: Rig) -> None:
    """The platform receives only single probes, and afterwards all days are fetched."""
    await rig.platform()
    await rig.start()
    rule = rig.simulator.faults.add(faults.HttpStatus(503))
    await asyncio.sleep(10)
    before = requests(rig)
    await asyncio.sleep(300)
    assert requests(rig) - before <= 300 / 2.5 + 1
    rig.simulator.faults.remove(rule)
    assert {DAYS} == await known(rig, 900)


async def test_a_refused_login_stops_the_history(rig: Rig) -> None:
    """Polls and history together try a wrong secret once."""
    await rig.platform()
    tenant = rig.settings["platforms"][0]["tenants"][0]
    rig.settings["platforms"][0]["tenants"] = [tenant | {"auth": {"app_secret": "0f5c-not-the-secret"}}]
    await rig.start()
    await asyncio.sleep(3600)
    assert (1, 0) == (rig.simulator.journal.counts[LOGIN], requests(rig))


async def test_a_restart_requests_what_is_missing(rig: Rig, tmp_path: Path) -> None:
    """With ``history.path`` no known day is requested again."""
    await rig.platform()
    rig.settings["history"]["path"] = str(tmp_path)
    bots = len((await rig.start()).up)
    assert {DAYS} == await known(rig, 300)
    await rig.stop()
    before = requests(rig)
    await rig.start()
    assert {DAYS} == await known(rig, 120)
    assert requests(rig) - before <= bots * 5
    assert [] == [event for event in rig.events(level="warn") if "cache" in event["msg"]]


async def test_a_reload_keeps_the_past(rig: Rig) -> None:
    """The past stays; a reload that disables the history removes its series."""
    await rig.platform()
    bots = len((await rig.start()).up)
    assert {DAYS} == await known(rig, 120)
    before = requests(rig)
    rig.settings["settle_delay"] = "20m"
    assert 200 == await rig.reload()
    assert {DAYS} == await known(rig, 120)
    assert requests(rig) - before <= bots * 5
    rig.settings["history"] = {"days": 0}
    assert 200 == await rig.reload()
    page = await rig.after(120)
    assert {} == page.by("access_code", "oifde_history_seconds")
    assert {} == page.by("access_code", "oifde_anomaly_score", tenant_id=TENANT)
