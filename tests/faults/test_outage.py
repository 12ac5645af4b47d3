"""A platform with a thousand bots is unreachable for an hour, and comes back."""

from bisect import bisect_left
from datetime import datetime

import pytest

from exporter.simulator import Journal, SimTenant

from .rig import LOGIN, QUERY, Page, Rig, bots_named, shanghai
from .test_network import A_FEW_SECONDS, Break, half_open, nobody

HOUR = 3600.0
INTERVAL = 300.0
RATE = 20
"""Requests a second: the default."""
PROBE = 2.5
"""The least number of seconds between two later probes: half of the longest delay."""


def most_in_a_second(journal: Journal) -> int:
    """Return the largest number of requests within one second."""
    times = [request.at for request in journal.latest]
    return max(bisect_left(times, at + 1) - index for index, at in enumerate(times))


def sent(page: Page) -> float:
    """Return the number of requests so far."""
    return sum(page.by("operation", "oifde_upstream_requests_total").values())


@pytest.fixture
def start_of_test() -> datetime:
    """Start at night, when the reports are short."""
    return shanghai("2026-05-20T03:20")


@pytest.mark.parametrize(
    ("bots", "outage", "slow"),
    [(1000, nobody, 0.0), (100, half_open, 10.0)],
    ids=["a thousand bots, refused", "a hundred bots, never answered"],
)
async def test_the_platform_is_unreachable_for_an_hour(rig: Rig, bots: int, outage: Break, slow: float) -> None:
    """There is a probe every few seconds; when the platform is back, all bots recover within an interval at the allowed rate."""
    codes = [f"b{number:04d}" for number in range(bots)]
    tenants = [SimTenant(f"t{number}", bots_named(*codes[number::4])) for number in range(4)]
    simulator = await rig.platform(tenants)
    port = simulator.port
    rig.settings["poll_interval"] = f"{INTERVAL:g}s"
    rig.hurry()
    await rig.start(level="info")
    before = await rig.after(60)
    assert dict.fromkeys(codes, 1) == before.up
    assert most_in_a_second(simulator.journal) <= RATE
    rig.forget_events()

    await rig.no_platform()
    async with outage(rig, port):
        page = await rig.after(HOUR)
    assert dict.fromkeys(codes, 0) == page.up
    assert {} == page.data(codes[0]) == page.data(codes[-1])
    # Those that find out, one probe at a time, and what was under way when it went.
    assert HOUR / (5.5 + slow) <= sent(page) - sent(before) <= HOUR / (PROBE + slow) + 20
    assert 1 == len(rig.events("platform_unreachable"))
    assert len(rig.names()) <= 1 + 5 + len(tenants)  # the bots that found it out, and the tenants whose tokens ended

    simulator = await rig.platform(tenants, port=port)
    page = await rig.after(INTERVAL + A_FEW_SECONDS + slow)
    assert dict.fromkeys(codes, 1) == page.up
    assert before.data(codes[0]).keys() == page.data(codes[0]).keys()
    assert most_in_a_second(simulator.journal) <= RATE
    assert simulator.journal.most_at_once[""] <= 8
    assert len(tenants) == simulator.journal.counts[LOGIN]
    assert simulator.journal.counts[QUERY] <= bots * (1 + 0.1)
    assert 1 == len(rig.events("platform_reachable"))
