"""Run the simulated platform in its own process."""

from exporter.simulator import Simulator
from lab.bench.children import Pipe, answer
from lab.bench.fleets import BenchmarkClock, world


async def platform(pipe: Pipe, clock: BenchmarkClock, bots: int) -> None:
    """Answer for ``bots`` bots; ``url`` is the platform's URL for the configuration."""
    async with Simulator(world(bots), clock=clock) as simulator:

        async def url() -> str:
            return simulator.url

        await answer(pipe, {"url": url})
