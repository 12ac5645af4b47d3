"""What the signals that end a program do while nothing else heeds them."""

import os
import signal
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_ALL: Final = (*_ENDING, signal.SIGHUP)


def end_well() -> None:
    """A daemon that is only starting ends at once, with status 0. Nothing is there yet to be read anew.

    As a container's first process it would not even end: to that one, a signal without a handler does nothing.
    """
    for number in _ENDING:
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def end_as_usual() -> None:
    """What the shell and the user of a command expect: it dies of the signal, or is interrupted."""
    for number in _ALL:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def ignore() -> None:
    """Whoever tells a daemon that has all but ended once more to end does not spoil its status."""
    for number in _ALL:
        signal.signal(number, signal.SIG_IGN)


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)  # an exception might be raised where it is lost, such as in a destructor
