"""Signal handlers for the times when the event loop does not handle signals."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_ALL: Final = (*_ENDING, signal.SIGHUP)
_INTERRUPTED: Final = 128
"""As in shells, the exit status of a program that a signal ended is this plus the signal's number."""

_Result = TypeVar("_Result")


class Interrupted(SystemExit):
    """A signal has ended a command. The exit status is the one that shells use for this."""


def end_well() -> None:
    """End a daemon that is still starting at once, with status 0, and ignore SIGHUP.

    The default handlers do not suffice: the first process of a container ignores signals without a handler.
    """
    _end_at_once(lambda _: 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def end_interrupted() -> None:
    """End a command that has nothing to clean up at once, with the status that shells use for this.

    The default handlers do not suffice, for the reason given at `end_well`.
    """
    _end_at_once(lambda number: _INTERRUPTED + number)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command to its end. A signal cancels it, and raises Interrupted after its cleanup."""
    try:
        return asyncio.run(_until_interrupted(main))
    finally:
        end_interrupted()


async def _until_interrupted(main: Coroutine[Any, Any, _Result]) -> _Result:
    task = asyncio.create_task(main)
    ended_by: list[int] = []

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    for number in _ENDING:
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        raise Interrupted(_INTERRUPTED + ended_by[0]) from None


def ignore() -> None:
    """Ignore further signals during shutdown, so that the exit status stays 0."""
    for number in _ALL:
        signal.signal(number, signal.SIG_IGN)


def _end_at_once(find_status: Callable[[int], int]) -> None:
    def end(number: int, _frame: FrameType | None) -> None:
        os._exit(find_status(number))  # an exception could be lost, for example in a destructor

    for number in _ENDING:
        signal.signal(number, end)
