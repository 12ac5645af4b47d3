"""The simulated platform in a process of its own."""

from benchmarks.children import Pipe, answer
from benchmarks.fleets import BenchmarkClock, world
from exporter.simulator import Simulator


async def platform(pipe: Pipe, clock: BenchmarkClock, bots: int) -> None:
    """Answers for ``bots`` bots; ``url`` is what a configuration has."""
    async with Simulator(world(bots), clock=clock) as simulator:

        async def url() -> str:
            return simulator.url

        await answer(pipe, {"url": url})
