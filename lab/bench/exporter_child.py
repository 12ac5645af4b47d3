"""Run the exporter as ``oifde-exporter run`` does, in a process that also measures itself."""

import asyncio
import gc
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from exporter import __version__, config, logs
from exporter.app import App
from exporter.config import Config, Shard
from exporter.serving.web import WebOptions
from lab import machine
from lab.bench.children import Pipe, Question, answer
from lab.bench.fleets import BenchmarkClock

TICK: Final = 0.01
"""Seconds between two measurements of the event loop's delay."""

_SLASHES: Final = 3


@dataclass(frozen=True, slots=True)
class Span:
    """Measurements of a span of time, in seconds."""

    seconds: float = 0.0
    cpu: float = 0.0
    loop_lags: Sequence[float] = ()
    """The delay of the event loop at each tick, in seconds."""
    poll_lags: Sequence[float] = ()
    """The delay of each poll, in seconds."""
    collections: Sequence[float] = ()
    """The CPU time of each garbage collection."""
    starved: float = 0.0
    """The seconds that the process has waited for a core."""

    def __add__(self, other: "Span") -> "Span":
        return Span(
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            [*self.loop_lags, *other.loop_lags],
            [*self.poll_lags, *other.poll_lags],
            [*self.collections, *other.collections],
            self.starved + other.starved,
        )


@dataclass(frozen=True, slots=True)
class Reload:
    """The duration of a reload in seconds, and how much is the same object as before."""

    seconds: float
    cpu: float
    pollers: int
    pollers_kept: int
    connections: int
    connections_kept: int


async def exporter(pipe: Pipe, clock: BenchmarkClock, path: Path, interval: float | None = None) -> None:
    """Runs the configuration at ``path``; with ``interval`` (seconds) it is every tenant's, however short.

    ``port`` is where it listens; ``tried`` answers when every bot has been polled once; ``span`` watches for some
    seconds and gives a ``Span``; ``blocks`` is how many pieces of memory Python has in use after a collection of
    garbage; ``reload`` reloads a second after it is asked, and gives a ``Reload`` and the ``Span`` around it.
    """
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = App(
        lambda: _hurried(config.load(path, {}), interval),
        WebOptions(listen_address=[("127.0.0.1", 0)]),
        Shard(),
        clock=clock,
        log=logs.configure(level="warn", format="logfmt"),
        rng=random.Random(1),
        version=__version__,
        revision="",
        on_listening=lambda urls: port.set_result(int(urls[0].rstrip("/").rpartition(":")[2])),
    )
    watch = _Watch(app)

    async def listening() -> int:
        return await port

    async def reload(seconds: float) -> tuple[Reload, Span]:
        watching = asyncio.create_task(watch.span(seconds))
        await asyncio.sleep(1)
        return await _reload(app), await watching

    questions: dict[str, Question] = {
        "port": listening,
        "tried": watch.tried,
        "span": watch.span,
        "blocks": _blocks,
        "reload": reload,
    }
    tasks = [asyncio.create_task(work) for work in (app.run(), answer(pipe, questions))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Watch:
    """Measure from the inside. Measuring itself costs about 1 % of a core, while a span is watched."""

    def __init__(self, app: App) -> None:
        # The histogram that the program itself keeps has only buckets; it goes on to be filled.
        histogram = app._health.poll_lag  # noqa: SLF001
        self._fleet, self._store = app._fleet, app._store  # noqa: SLF001
        self._poll_lags: list[float] = []
        monkeypatched: Any = histogram
        monkeypatched.observe = _both(histogram.observe, self._poll_lags.append)

    async def tried(self) -> None:
        while not (self._store.bots and self._fleet.all_tried):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.1)

    async def span(self, seconds: float) -> Span:
        self._poll_lags.clear()
        collections: list[float] = []
        started = 0.0

        def on_collection(phase: str, _info: object) -> None:
            nonlocal started
            if phase == "start":
                started = time.thread_time()
            else:
                collections.append(time.thread_time() - started)

        gc.callbacks.append(on_collection)
        try:
            cpu, starved = time.process_time(), machine.starved_seconds(os.getpid())
            began = time.monotonic()
            loop_lags = await _ticks(began + seconds)
            return Span(
                time.monotonic() - began,
                time.process_time() - cpu,
                loop_lags,
                list(self._poll_lags),
                collections,
                machine.starved_seconds(os.getpid()) - starved,
            )
        finally:
            gc.callbacks.remove(on_collection)
            self._poll_lags.clear()


async def _ticks(until: float) -> list[float]:
    """Return the loop's delay at each tick. Ticks that it missed count, too: otherwise a long delay would count once."""
    lags = []
    due = time.monotonic() + TICK
    while due < until:
        await asyncio.sleep(due - time.monotonic())
        now = time.monotonic()
        while due <= now:
            lags.append(now - due)
            due += TICK
    return lags


async def _reload(app: App) -> Reload:
    pollers, connections = _pollers(), _connections()
    started, cpu = time.perf_counter(), time.process_time()
    await app.reload()
    return Reload(
        time.perf_counter() - started,
        time.process_time() - cpu,
        len(pollers),
        len(pollers & _pollers()),
        len(connections),
        len(connections & _connections()),
    )


def _pollers() -> set[asyncio.Task[object]]:
    """Return the tasks that poll a bot: their names are platform/tenant/bot/report."""
    return {task for task in asyncio.all_tasks() if task.get_name().count("/") == _SLASHES and not task.done()}


def _connections() -> set[str]:
    """Return the open sockets, by the system's names for them."""
    names = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            names.add(str(descriptor.readlink()))
    return {name for name in names if name.startswith("socket:")}


async def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _hurried(loaded: Config, interval: float | None) -> Config:
    if interval is None:
        return loaded
    platforms = [
        replace(platform, tenants=tuple(replace(tenant, poll_interval=interval) for tenant in platform.tenants))
        for platform in loaded.platforms
    ]
    return replace(loaded, platforms=tuple(platforms))


def _both(first: Callable[[float], None], second: Callable[[float], None]) -> Callable[[float], None]:
    def call(value: float) -> None:
        first(value)
        second(value)

    return call
