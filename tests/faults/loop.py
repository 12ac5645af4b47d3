"""An event loop for both ends of real sockets, in which waiting takes no time.

The time of looptime's loop, which other tests use, stands still while the loop turns. Here it advances by a microsecond
in each turn, as it does in a real loop.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, TypeVarTuple

from harness.loops import JoinsThreads

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_TURN: Final = 1e-6
_THREADS: Final = 0.01
_LOOKUP: Final = 0.1


def _looks_up() -> bool:
    """Return whether the exporter is looking a name up, in its own thread and perhaps for ever."""
    return any(thread.name.startswith("lookup of ") for thread in threading.enumerate())


class _Selector(selectors.DefaultSelector):
    """Moves the loop's time to the next timer once no socket is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.grace = 0.001
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += _TURN
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        if self.threads:
            return super().select(min(timeout, _THREADS))
        if grace := _LOOKUP if _looks_up() else self.grace:
            ready = super().select(grace)
        if not ready:
            self.now += timeout
        return ready


class SocketLoop(JoinsThreads, asyncio.SelectorEventLoop):
    """If both ends of every connection are in this loop, silent sockets mean that all tasks wait."""

    def __init__(self) -> None:
        self._own = _Selector()
        super().__init__(self._own)

    def time(self) -> float:
        """Return the seconds since the loop began, by its timers."""
        return self._own.now

    def hurry(self) -> None:
        """Give no more real time to data in the kernel: for hours with little traffic."""
        self._own.grace = 0.0

    def run_in_executor(self, executor: Any, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Stop the loop's time while threads run in real time."""
        future = super().run_in_executor(executor, func, *args)
        self._own.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._own.threads -= 1
