"""The rate of requests and the waiting time of polls, in the time of a loop."""

import asyncio
import math
from itertools import pairwise

import pytest

from exporter.upstream.lanes import Lanes


class Traffic:
    """Sends requests that a platform answers after ``latency`` seconds."""

    def __init__(self, rate: float, concurrency: int, latency: float = 0.2) -> None:
        self.lanes = Lanes(rate, concurrency)
        self.latency = latency
        self.polls: list[float] = []
        self.low: list[float] = []
        self.waited: list[float] = []
        self.running = 0
        self.most_running = 0

    async def send(self, *, low_priority: bool) -> None:
        """Send one request."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.lanes.enter(low_priority=low_priority)
        try:
            if not low_priority:
                await self.lanes.wait()
                self.waited.append(loop.time() - began)
            (self.low if low_priority else self.polls).append(loop.time())
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            await asyncio.sleep(self.latency)
            self.running -= 1
        finally:
            self.lanes.leave(low_priority=low_priority)

    async def run(self, seconds: float, polls_per_second: float) -> None:
        """Poll evenly, while another request of low priority always waits."""
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._hoard(seconds)) for _ in range(4)]
        for number in range(int(seconds * polls_per_second)):
            await asyncio.sleep(number / polls_per_second - loop.time())
            tasks.append(asyncio.create_task(self.send(low_priority=False)))
        await asyncio.sleep(seconds - loop.time())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hoard(self, seconds: float) -> None:
        while asyncio.get_running_loop().time() < seconds:
            await self.send(low_priority=True)


def most_in_a_second(moments: list[float]) -> int:
    """Return the largest number of requests in any one second."""
    return max(sum(begin <= moment < begin + 1 for moment in moments) for begin in moments)


@pytest.mark.parametrize(
    ("rate", "concurrency", "polls"),
    [(20.0, 8, 3.0), (20.0, 8, 12.0), (20.0, 8, 17.0), (4.0, 2, 1.0), (100.0, 8, 20.0)],
)
async def test_polls_wait_no_longer_than_without(rate: float, concurrency: int, polls: float) -> None:
    """Low priority uses what polls leave, at most half of the rate, and no poll waits for it."""
    traffic = Traffic(rate, concurrency, latency=2 / rate)
    await traffic.run(10, polls)
    begun = 2 * int(polls)  # polls that begin at nearly the full rate may wait for what was sent in the second before
    assert max(traffic.waited[begun:]) < 0.01
    assert most_in_a_second(traffic.polls + traffic.low) <= rate
    assert most_in_a_second(traffic.low) <= rate / 2 + 1
    assert traffic.most_running <= concurrency
    assert len(traffic.low) >= min(0.8 * rate / 2, 0.5 * (rate - polls)) * 10 - 2


@pytest.mark.parametrize(("rate", "concurrency"), [(20.0, 8), (2.5, 2), (1.0, 1), (0.5, 4)])
async def test_the_limits_hold_when_polls_come_all_at_once(rate: float, concurrency: int) -> None:
    """A burst of polls gets the full rate, and the sum stays within it."""
    traffic = Traffic(rate, concurrency, latency=0.01)
    hoard = asyncio.create_task(traffic._hoard(1000))
    await asyncio.sleep(10 / rate)
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(traffic.send(low_priority=False) for _ in range(40)))
    ended = asyncio.get_running_loop().time()
    hoard.cancel()
    assert most_in_a_second(traffic.polls + traffic.low) <= math.ceil(rate)
    assert [] == [moment for moment in traffic.low if begun + 2 / rate < moment < traffic.polls[-1]]
    assert ended - begun <= 40 / rate + 1 / rate + 0.1


async def test_low_priority_is_evenly_spread() -> None:
    """Without polls, low priority is sent at half of the rate, one at a time."""
    traffic = Traffic(10, 8, latency=0.01)
    await traffic.run(20, 0.05)
    assert all(later - earlier >= 0.199 for earlier, later in pairwise(traffic.low))
    assert len(traffic.low) == pytest.approx(100, abs=5)


async def test_slow_answers_leave_a_connection_to_polls() -> None:
    """Requests of low priority that hang take half of the connections, and polls still find one."""
    traffic = Traffic(20, 4, latency=30)
    await traffic.run(20, 0.1)
    assert max(traffic.waited) < 0.01
    assert len(traffic.low) == 2


async def test_a_cancelled_request_leaves_the_limits() -> None:
    """A request that is cancelled while it waits leaves the limits unchanged."""
    traffic = Traffic(1, 1, latency=5)
    first = asyncio.create_task(traffic.send(low_priority=False))
    await asyncio.sleep(0.1)
    waiting = [asyncio.create_task(traffic.send(low_priority=low)) for low in (True, False)]
    await asyncio.sleep(0.1)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await first
    await traffic.send(low_priority=True)
    assert len(traffic.low) == 1
