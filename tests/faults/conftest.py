"""The exporter and the simulated platform in one process, over real sockets, in time that a test lets pass."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

import pytest

from .loop import SocketLoop
from .rig import Rig, shanghai


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Waiting takes no time, but for what runs real processes."""
    if item.path.name == "test_processes.py":
        return {"asyncio": asyncio.new_event_loop}
    return {"sockets": SocketLoop}


@pytest.fixture
def start_of_test() -> datetime:
    """Half past noon in Shanghai, unless a test has its own."""
    return shanghai("2026-05-20T12:30")


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch, start_of_test: datetime) -> AsyncIterator[Rig]:
    """An exporter that a test starts; at its end it must have kept its secrets."""
    # By this aiohttp tells how long connections and addresses have been idle.
    monkeypatch.setattr("aiohttp.connector.monotonic", asyncio.get_running_loop().time)
    async with Rig(start_of_test) as rig:
        yield rig
