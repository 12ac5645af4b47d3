"""Runs reloads one at a time, whoever asks for them: a signal, an HTTP request or a changed file."""

import asyncio
from collections.abc import Awaitable, Callable


class Reloader:
    """Repeats an action on request. To be made and used within one event loop.

    All requests that come while the action runs are answered by the next run: it sees what was written before them.
    """

    def __init__(self, reload: Callable[[], Awaitable[None]]) -> None:
        self._reload = reload
        self._requested = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to answer requests, those made before included."""
        self._task = asyncio.create_task(self._run())

    def request(self) -> asyncio.Future[None]:
        """Ask for a run; the future has its result, or the exception it raised."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._next.add_done_callback(_retrieve)
        self._requested.set()
        if self._closing:
            self._next.cancel()
        return self._next

    async def close(self) -> None:
        """Cancel the requests that wait, and wait for the run under way."""
        self._closing = True
        self.request()
        if self._task:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._requested.wait()
            if self._closing:
                return
            await self._run_once()

    async def _run_once(self) -> None:
        """Run the action and answer the requests made until now."""
        self._requested.clear()
        answer, self._next = self._next, None
        assert answer is not None  # noqa: S101 - it was requested
        try:
            await self._reload()
        except Exception as error:  # noqa: BLE001 - raised where the request was made
            answer.set_exception(error)
        else:
            answer.set_result(None)


def _retrieve(answer: asyncio.Future[None]) -> None:
    """Let asyncio not warn of an exception that nobody waits for: `reload` has logged it."""
    if not answer.cancelled():
        answer.exception()
