"""Wait for another process."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

import aiohttp

T = TypeVar("T")

_INTERVAL = 0.05


@overload
async def wait_for(condition: Callable[[], Coroutine[Any, Any, T | None]], what: str, *, deadline: float = 60) -> T: ...
@overload
async def wait_for(condition: Callable[[], T | None], what: str, *, deadline: float = 60) -> T: ...
async def wait_for(condition: Callable[[], object], what: str, *, deadline: float = 60) -> object:
    """Poll a condition until its result is true, and return that result.

    An AssertionError and a refused or broken connection mean "not yet", so a condition may hold assertions and
    requests of its own.

    :param condition: a function, plain or async
    :param what: what is waited for, for the message when it does not come
    :param deadline: seconds after which the wait fails with an AssertionError
    """
    end = time.monotonic() + deadline
    while True:
        answer: object = None
        reason: Exception | None = None
        try:
            result = condition()
            answer = await result if inspect.isawaitable(result) else result
        except (AssertionError, aiohttp.ClientError, OSError) as error:
            reason = error
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline:g} s still waiting for {what}; last: {answer!r}") from reason
        await asyncio.sleep(_INTERVAL)
