"""Event loops for tests in which waiting takes no time."""

import asyncio

import looptime


class JoinsThreads(asyncio.BaseEventLoop):
    """Wait for threads without a limit when the loop closes: the limit of Python 3.12 is over at once in virtual time."""

    async def shutdown_default_executor(self, *_: object) -> None:
        await super().shutdown_default_executor()


class VirtualLoop(JoinsThreads, looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """looptime's loop, from 0 seconds."""

    def __init__(self) -> None:
        super().__init__(start=0.0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop of real sockets whose time a test can move, so that no test waits for a timeout or races against one."""

    _skipped = 0.0

    def time(self) -> float:
        return super().time() + self._skipped


def skip_time(seconds: float) -> None:
    """Let all timeouts of the running `SkippingLoop` come nearer by ``seconds``."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    loop._skipped += seconds
