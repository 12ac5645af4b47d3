"""The exporter and the simulated platform in one process, over real sockets, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

import pytest

from .loop import SocketLoop
from .rig import Rig, shanghai


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let waiting take no real time, except in tests that run real processes."""
    if item.path.name == "test_processes.py":
        return {"asyncio": asyncio.new_event_loop}
    return {"sockets": SocketLoop}


@pytest.fixture
def start_of_test() -> datetime:
    """Start at half past noon in Shanghai; tests may override it."""
    return shanghai("2026-05-20T12:30")


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch, start_of_test: datetime) -> AsyncIterator[Rig]:
    """Give a test an exporter to start; at the end, check that no secret leaked."""
    # By this aiohttp tells how long connections and addresses have been idle.
    monkeypatch.setattr("aiohttp.connector.monotonic", asyncio.get_running_loop().time)
    async with Rig(start_of_test) as rig:
        yield rig
