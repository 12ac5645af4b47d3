"""Name lookups, also with a name server that does not answer."""

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.upstream.resolver import Resolver
from harness.waiting import wait_for


class NameServer:
    """Stands in for a name server, and answers once a test allows it."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: list[str] = []
        self.knows = True

    def getaddrinfo(self, host: str, port: int, *, family: int, type: int, flags: int) -> list[Any]:
        """Look a name up in place of the operating system."""
        self.asked.append(host)
        if host != "quick.test":
            assert self.may_answer.wait(60)
        if not self.knows:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """Return a name server that answers only for quick.test until a test releases it."""
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.may_answer.set()


def lookups() -> list[str]:
    """Return the threads of lookups."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lookup of")]


async def test_a_name_is_looked_up() -> None:
    """A name is looked up by the operating system."""
    (found,) = await Resolver().resolve("localhost", 80, socket.AF_INET)
    assert ("127.0.0.1", 80, "localhost") == (found["host"], found["port"], found["hostname"])


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.test", "a..b"])
async def test_a_name_that_does_not_resolve(host: str) -> None:
    """A name that does not resolve is an error, and can be looked up again."""
    resolver = Resolver()
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await resolver.resolve(host, 80)


async def test_a_name_server_that_does_not_answer(server: NameServer) -> None:
    """Equal lookups share one thread, and lookups of other names do not wait."""
    resolver = Resolver()
    waiting = [asyncio.create_task(resolver.resolve("slow.test", 80)) for _ in range(20)]
    assert await resolver.resolve("quick.test", 80)
    for task in waiting[:10]:
        task.cancel()
    await asyncio.sleep(0)
    more = asyncio.create_task(resolver.resolve("slow.test", 80))
    await asyncio.sleep(0)
    assert ["quick.test", "slow.test"] == sorted(server.asked)
    await wait_for(lambda: ["lookup of slow.test"] == lookups(), "the quick lookup's thread to end")

    server.may_answer.set()
    answers = await asyncio.gather(more, *waiting, return_exceptions=True)
    assert 10 == sum(isinstance(answer, asyncio.CancelledError) for answer in answers)
    assert 11 == sum(isinstance(answer, list) and answer[0]["host"] == "127.0.0.1" for answer in answers)
    await wait_for(lambda: not lookups(), "the thread to end")


async def test_nobody_waits_for_the_answer(server: NameServer) -> None:
    """A late answer or error has no effect."""
    resolver = Resolver()
    waiting = asyncio.create_task(resolver.resolve("slow.test", 80))
    await wait_for(lambda: server.asked, "the question")
    waiting.cancel()
    server.knows = False
    server.may_answer.set()
    await wait_for(lambda: not lookups(), "the thread to end")
    del waiting, resolver
    gc.collect()


def test_the_loop_ends_first(server: NameServer) -> None:
    """An answer after the loop is closed has no effect."""

    async def ask() -> None:
        task = asyncio.create_task(Resolver().resolve("slow.test", 80))
        await wait_for(lambda: server.asked, "the question")
        task.cancel()

    asyncio.run(ask())
    server.may_answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("lookup of"):
            thread.join()
