"""Exit if the output cannot be written."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click


@contextmanager
def exit_if_unwritable() -> Iterator[None]:
    """Exit with an error if the output cannot be written, and silently if its reader has gone."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            exit_without_reader()
        raise click.ClickException(f"cannot write the output: {error.strerror}") from error


def exit_without_reader() -> NoReturn:
    """Exit with the status of SIGPIPE, because the reader, such as ``head``, has ended."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes the output that is not flushed yet
    sys.exit(128 + signal.SIGPIPE)
