"""Decide when requests to a platform may be sent: polls in their order, other requests when polls leave room."""

import asyncio
import math
from collections import deque
from typing import Final

_LONGEST_PAUSE: Final = 1.0
"""Seconds after which a low-priority request looks for room again, at the latest."""
_TICK: Final = 0.001
"""Seconds by which a wait is longer than computed, so that rounding does not make it too short."""


class Lanes:
    """Two queues for the same limits.

    Polls are served first come, first served, and do not wait for requests of low priority. Those are sent

    - while no poll waits,
    - at no more than half of the rate, on at most half of the connections, with one connection left free,
    - while the last second has room for them and for a tenth of the rate besides.

    So polls never wait for other requests if they use up to half of the rate, or more of it steadily. A poll may have to
    wait for one request of low priority if the rate is below two a second, or if there is a single connection.
    """

    def __init__(self, rate: float, concurrency: int) -> None:
        """``rate`` is in requests a second; ``concurrency`` is the number of requests at the same time."""
        self._slots = asyncio.Semaphore(concurrency)
        # A virtual clock (GCRA, ITU-T I.371): at most ``rate`` in any one second, and evenly. ``burst`` of them may come
        # at once, more than one where the event loop's timers are too coarse, and the rest flows that much more slowly.
        burst = max(1.0, rate / 20)
        self._spacing = 1 / (rate - (burst - 1))
        self._tolerance = (burst - 1) * self._spacing
        self._next = -math.inf
        self._turn = asyncio.Lock()
        self._window = max(1.0, 1 / rate)
        self._limit = max(1, int(rate * self._window))
        self._reserve = min(self._limit - 1, math.ceil(self._limit / 10))
        self._pause = min(1 / rate, _LONGEST_PAUSE)
        self._sent = deque[float]()
        """When the requests of the last window were sent, on the loop's clock."""
        self._waiting = 0
        """Polls that wait for a connection or for the rate."""
        self._running = 0
        self._low_turn = asyncio.Lock()
        self._low_spacing = 2 / rate
        self._low_most = max(1, concurrency // 2)
        self._low_running = 0
        self._low_sent = -math.inf
        self._most = max(1, concurrency - 1)

    async def enter(self, *, low_priority: bool) -> None:
        """Wait for a connection; with low priority for the rate, too. `leave` must follow."""
        if low_priority:
            async with self._low_turn:
                while not self._has_room():  # noqa: ASYNC110 - room comes with time, too
                    await asyncio.sleep(self._pause)
                await self._slots.acquire()  # at once: there is room
                self._low_running += 1
                self._low_sent = self._note()
        else:
            self._waiting += 1
            try:
                await self._slots.acquire()
            finally:
                self._waiting -= 1
        self._running += 1

    async def wait(self) -> None:
        """Wait until a poll that has entered may be sent."""
        self._waiting += 1
        try:
            async with self._turn:
                early = self._next - self._tolerance - asyncio.get_running_loop().time()
                if early > 0:
                    await asyncio.sleep(early)
                while self._low_sent > (begin := self._forget()) and len(self._sent) >= self._limit:  # noqa: ASYNC110
                    await asyncio.sleep(self._sent[0] - begin + _TICK)
                self._next = max(self._next, self._note()) + self._spacing
        finally:
            self._waiting -= 1

    def leave(self, *, low_priority: bool) -> None:
        """Release the connection."""
        self._running -= 1
        self._low_running -= low_priority
        self._slots.release()

    def _has_room(self) -> bool:
        """Whether a request of low priority can be sent now without delaying a poll."""
        now = asyncio.get_running_loop().time()
        self._forget()
        return (
            not self._waiting
            and self._running < self._most
            and self._low_running < self._low_most
            and now >= self._low_sent + self._low_spacing
            and len(self._sent) + self._reserve < self._limit
        )

    def _note(self) -> float:
        now = asyncio.get_running_loop().time()
        self._forget()
        self._sent.append(now)
        return now

    def _forget(self) -> float:
        """Forget what was sent before the window; return when it began."""
        begin = asyncio.get_running_loop().time() - self._window
        while self._sent and self._sent[0] <= begin:
            self._sent.popleft()
        return begin
