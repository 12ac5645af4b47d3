"""Keeps one worker running for each thing that is wanted."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.language import Text
from exporter.polling.schedule import Phases

_ITEMS_PER_TURN: Final = 50

_Item = TypeVar("_Item")


class Periodic(Protocol):
    """The settings of a worker. A worker whose plan stays equal runs on undisturbed."""

    @property
    def interval(self) -> float:
        """Seconds between two rounds."""


PlanT = TypeVar("PlanT", bound=Periodic)


class Worker(Protocol[PlanT]):
    """Does something at regular intervals."""

    plan: PlanT

    async def run(self, phase: float) -> None:
        """Work until cancelled, at ``phase`` (0 to 1) of each interval."""

    def replan(self, plan: PlanT, session: Any) -> None:
        """Continue under a new plan with the data collected so far. Called only while `run` does not run.

        ``session`` is what the requests go through: a tenant's session, or a platform's client.
        """

    def fail(self, error: Exception) -> None:
        """Show an unexpected error that ended `run`, without logging it: the logger may be the cause."""

    def close(self) -> None:
        """Release what outlives `run`, such as timers."""


KeyT = TypeVar("KeyT", bound=tuple[str, ...])
WorkerT = TypeVar("WorkerT", bound="Worker[Any]")


@dataclass(frozen=True, slots=True)
class _Running(Generic[WorkerT]):
    worker: WorkerT
    session: Any
    phase: float
    task: asyncio.Task[None]


class Reconciler(Generic[KeyT, PlanT, WorkerT]):
    """Starts, replans and stops workers of one kind until those that run are those wanted.

    A key begins with the platform's name; the workers of one platform are spread evenly over their interval.
    `stop` comes first and `start` second, so that the caller can release what the stopped workers used.
    """

    def __init__(self, make: Callable[[KeyT, PlanT, Any], WorkerT], log: FilteringBoundLogger) -> None:
        self._make = make
        self._log = log
        self._phases: defaultdict[str, Phases] = defaultdict(Phases)
        self._running: dict[KeyT, _Running[WorkerT]] = {}

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._running)

    @property
    def workers(self) -> Iterator[WorkerT]:
        """All workers, in the order in which they were first started."""
        return (running.worker for running in self._running.values())

    def get(self, key: KeyT) -> WorkerT | None:
        """Return the worker of a key, if there is one."""
        running = self._running.get(key)
        return running.worker if running else None

    async def stop(self, wanted: Mapping[KeyT, tuple[PlanT, Any]], among: Collection[KeyT] | None = None) -> None:
        """Stop each worker whose plan or session differs from the wanted one, and forget those that are not wanted.

        Args:
            wanted: The plan and the session of each worker to keep or start.
            among: The keys to consider; None: all.
        """
        keys = list(self._running) if among is None else [key for key in among if key in self._running]
        changed = [
            running
            async for key, running in take_turns([(key, self._running[key]) for key in keys])
            if wanted.get(key) != (running.worker.plan, running.session)
        ]
        await _cancel(changed)
        for key in keys:
            if key not in wanted:
                del self._running[key]

    async def start(self, wanted: Mapping[KeyT, tuple[PlanT, Any]]) -> None:
        """Start each wanted worker that does not run; one that was stopped keeps its phase and its data."""
        async for key, (plan, session) in take_turns(wanted.items()):
            former = self._running.get(key)
            if former and not former.task.done():
                continue
            if former:
                worker, phase = former.worker, former.phase
                worker.replan(plan, session)
            else:
                worker, phase = self._make(key, plan, session), self._phases[key[0]].take()
            name = "/".join(key)
            task = asyncio.create_task(self._keep_running(worker, phase, name), name=name)
            self._running[key] = _Running(worker, session, phase, task)

    async def close(self) -> None:
        """Stop all workers."""
        await _cancel(self._running.values())

    async def _keep_running(self, worker: WorkerT, phase: float, name: str) -> None:
        """Run a worker until cancelled; restart it after an interval if an error ends it."""
        while True:
            try:
                await worker.run(phase)
            except Exception as error:  # noqa: BLE001 - the next attempt may succeed
                with suppress(Exception):  # reporting may fail for the same cause
                    worker.fail(error)
                    self._log.critical("worker_died", worker=name, exc_info=error)
            await asyncio.sleep(worker.plan.interval)


async def _cancel(units: Collection[_Running[WorkerT]]) -> None:
    """Stop workers, even in the middle of a request."""
    for running in units:
        running.task.cancel()
        running.worker.close()
    await asyncio.gather(*(running.task for running in units), return_exceptions=True)


def describe_crash(error: Exception) -> Text:
    """Return what the status page shows of an error within the exporter; the log has the rest."""
    return Text("internal error: %(name)s", name=type(error).__name__)


async def take_turns(items: Iterable[_Item]) -> AsyncIterator[_Item]:
    """Yield the items and let other tasks run in between: there may be thousands of items, and scrapes must not wait."""
    for index, item in enumerate(items):
        if index % _ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
        yield item
