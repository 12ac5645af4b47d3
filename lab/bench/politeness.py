"""Whether fetching the history of ten thousand bots keeps the limits and delays polls: in virtual time, so on any machine."""

import asyncio
from bisect import bisect_left
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import looptime

from exporter.upstream.lanes import Lanes
from lab.report import Table, progress, run_alone, tail

_MS: Final = 1e-3
_INTERVAL: Final = 60.0
_LATENCY: Final = 0.05
_CONCURRENCY: Final = 32
_DAYS: Final = 35


class _Loop(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time."""


class _Platform:
    """Polls and requests for the history, which share the limits of one platform."""

    def __init__(self, rate: float) -> None:
        self._lanes = Lanes(rate, _CONCURRENCY)
        self.polls: list[float] = []
        """When each was sent, in seconds."""
        self.history: list[float] = []
        self.waited: list[float] = []
        """How long each poll had to wait for that."""

    async def run(self, bots: int, seconds: float, *, history: bool) -> None:
        """Poll evenly, while requests for the history always wait."""
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._fetch()) for _ in range(_CONCURRENCY if history else 0)]
        for number in range(round(seconds * bots / _INTERVAL)):
            await asyncio.sleep(number * _INTERVAL / bots - loop.time())
            tasks.append(asyncio.create_task(self._poll()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._lanes.enter(low_priority=False)
        await self._lanes.wait()
        self.waited.append(loop.time() - began)
        await self._answer(self.polls, low_priority=False)

    async def _fetch(self) -> None:
        while True:
            await self._lanes.enter(low_priority=True)
            await self._answer(self.history, low_priority=True)

    async def _answer(self, sent: list[float], *, low_priority: bool) -> None:
        sent.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(_LATENCY)
        finally:
            self._lanes.leave(low_priority=low_priority)


def measure(*, bots: int = 10_000, rate: float = 600.0, seconds: float = 120.0) -> Sequence[Table]:
    """Poll for some virtual seconds, without requests for the history and with as many as the limits allow."""
    rows = []
    for history in (False, True):
        progress(f"politeness: {seconds:.0f} virtual seconds {'with' if history else 'without'} history")
        platform = _Platform(rate)
        _run(platform.run(bots, seconds, history=history))
        rows.append(
            (
                "with" if history else "without",
                f"{len(platform.polls) / seconds:.0f}",
                f"{len(platform.history) / seconds:.0f}",
                str(_most_in_a_second(platform.history)),
                str(_most_in_a_second(sorted(platform.polls + platform.history))),
                *tail(platform.waited, (0.99,), _MS),
            )
        )
    columns = (
        "history",
        "polls a second",
        "history requests a second",
        "most of them in one second",
        "most requests in one second",
        "wait of a poll p99, ms",
        "max, ms",
    )
    allowed = rate / 2
    notes = (
        (
            f"{seconds:.0f} s of virtual time; an answer takes {_LATENCY / _MS:.0f} ms. `requests_per_second` is {rate:.0f}, so the"
            f" history may have {allowed:.0f} a second: {_DAYS} days of {bots:,} bots take {bots * _DAYS / allowed / 60:.0f} minutes."
        ),
    )
    return [Table(f"Politeness: {bots:,} bots, each polled every {_INTERVAL:.0f} s", columns, rows, notes)]


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: _Loop(start=0.0)) as runner:
        runner.run(work)


def _most_in_a_second(moments: Sequence[float]) -> int:
    """Return the largest number of moments in any one second; they are in order."""
    return max((bisect_left(moments, moment + 1) - first for first, moment in enumerate(moments)), default=0)


if __name__ == "__main__":
    run_alone(measure)
