"""History without a platform, in loops in which sleeping takes no time."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import looptime
import pytest


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"looptime": partial(looptime.new_event_loop, start=0.0)}
