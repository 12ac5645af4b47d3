"""The simulated platform in a process of its own."""

from exporter.simulator import Simulator
from lab.bench.children import Pipe, answer
from lab.bench.fleets import BenchmarkClock, world


async def platform(pipe: Pipe, clock: BenchmarkClock, bots: int) -> None:
    """Answers for ``bots`` bots; ``url`` is what a configuration has."""
    async with Simulator(world(bots), clock=clock) as simulator:

        async def url() -> str:
            return simulator.url

        await answer(pipe, {"url": url})
