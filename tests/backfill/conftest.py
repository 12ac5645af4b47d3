"""History without a platform, in loops in which sleeping takes no time."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from harness.loops import VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"looptime": VirtualLoop}
