"""Run the processes of a measurement, and ask them questions over a pipe."""

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self, TypeAlias

from exporter.commands.daemon import run_to_end

Pipe: TypeAlias = "Connection[Any, Any]"
Question = Callable[..., Awaitable[object]]

_SPAWN = multiprocessing.get_context("spawn")


class ChildEndedError(Exception):
    """A child process ended before it had answered. The reason is on stderr."""


class Child:
    """A process for a ``with`` block that runs ``main(pipe, *arguments)`` like the exporter's daemon."""

    def __init__(self, main: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_run, args=(main, theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Return the process's id."""
        if self._process.pid is None:
            raise ChildEndedError
        return self._process.pid

    def ask(self, question: str, *arguments: object) -> Any:
        """Return the answer to a question for ``answer`` in the child. Raises ChildEndedError."""
        try:
            self._pipe.send((question, arguments))
            return self._pipe.recv()
        except (EOFError, ConnectionError):
            raise ChildEndedError(question) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()


async def answer(pipe: Pipe, questions: Mapping[str, Question]) -> None:
    """Answer the parent's questions, one after the other, until the parent ends."""
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), readable.set)
    os.set_blocking(pipe.fileno(), True)  # as the pipe wants it: the loop only tells when there is something to read
    while True:
        await readable.wait()
        readable.clear()
        try:
            question, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(await questions[question](*arguments))


def _run(main: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
    run_to_end(main(*arguments))
