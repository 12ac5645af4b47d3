"""What the signals that end a program do while nothing else heeds them."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_ALL: Final = (*_ENDING, signal.SIGHUP)
_INTERRUPTED: Final = 128
"""As a shell has it, the status of what a signal has ended is the signal's number more."""

_Result = TypeVar("_Result")


class Interrupted(SystemExit):
    """A signal has ended a command; the program ends with the status that a shell gives to that."""


def end_well() -> None:
    """A daemon that is only starting ends at once, with status 0. Nothing is there yet to be read anew.

    As a container's first process it would not even end: to that one, a signal without a handler does nothing.
    """
    for number in _ENDING:
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def end_interrupted() -> None:
    """A command that has nothing to put in order ends at once, and not with a status that says how things stand.

    It does not leave this to the system, for the reason that ``end_well`` gives.
    """
    for number in _ENDING:
        signal.signal(number, _end_interrupted)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Runs a command's work to its end; where a signal ends it, it is put in order first. Raises Interrupted then."""
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
    """Whoever tells a daemon that has all but ended once more to end does not spoil its status."""
    for number in _ALL:
        signal.signal(number, signal.SIG_IGN)


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)  # an exception might be raised where it is lost, such as in a destructor


def _end_interrupted(number: int, _frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED + number)
