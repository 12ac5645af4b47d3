"""A simulated platform with the same interfaces as the real one, for the demo, the tests and the benchmarks.

A test writes::

    world = SimulatedWorld(1, [SimTenant("202104237142", (SimBot("943370855474270208", "billing"),))], CALM)
    async with Simulator(world, clock=clock) as simulator:
        ...  # ask simulator.url
        rule = simulator.faults.add(faults.HttpStatus(503), operation="query_call_statistics", first=2)
"""

from exporter.simulator.accounts import Account, Accounts
from exporter.simulator.api import create_app
from exporter.simulator.characters import (
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
from exporter.simulator.faults import Faults
from exporter.simulator.journal import Journal, Request
from exporter.simulator.server import Simulator, default_secret
from exporter.simulator.world import Counts, SimulatedWorld, World

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
    "opening",
]
