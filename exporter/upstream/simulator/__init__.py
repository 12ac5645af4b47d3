"""A stand-in for the platform: it speaks the same interfaces, as unfriendly as the real one, about an invented world.

For the demo, the tests and the benchmarks. A test writes::

    world = SimulatedWorld(1, [SimTenant("202104237142", (SimBot("943370855474270208", "billing"),))], CALM)
    async with Simulator(world, clock=clock) as simulator:
        ...  # ask simulator.url
        rule = simulator.faults.add(faults.HttpStatus(503), operation="query_call_statistics", first=2)
"""

from exporter.upstream.simulator import faults
from exporter.upstream.simulator.accounts import Account, Accounts
from exporter.upstream.simulator.api import create_app
from exporter.upstream.simulator.characters import (
    CALM,
    OFFICE_HOURS,
    ROUND_THE_CLOCK,
    UNFRIENDLY,
    Habits,
    Incident,
    SimBot,
    SimTenant,
    Trouble,
    opening,
)
from exporter.upstream.simulator.faults import Faults
from exporter.upstream.simulator.journal import Journal, Request
from exporter.upstream.simulator.server import Simulator, default_secret
from exporter.upstream.simulator.world import Counts, SimulatedWorld, World

__all__ = [
    "CALM",
    "OFFICE_HOURS",
    "ROUND_THE_CLOCK",
    "UNFRIENDLY",
    "Account",
    "Accounts",
    "Counts",
    "Faults",
    "Habits",
    "Incident",
    "Journal",
    "Request",
    "SimBot",
    "SimTenant",
    "SimulatedWorld",
    "Simulator",
    "Trouble",
    "World",
    "create_app",
    "default_secret",
    "faults",
    "opening",
]
