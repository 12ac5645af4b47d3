"""What becomes of a command that cannot write what it has to say."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click


@contextmanager
def told_if_full() -> Iterator[None]:
    """Ends the program in a line where nothing more can be written, and silently where nobody reads any more."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            end_unread()
        raise click.ClickException(f"cannot write what there is to say: {error.strerror}") from error


def end_unread() -> NoReturn:
    """Ends the program with the status of what SIGPIPE ends: whoever reads no more, such as ``head``, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
    sys.exit(128 + signal.SIGPIPE)
