"""A calm simulator with a clock that a test moves, and a client that behaves like the exporter."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from upstream.conftest import FakeClock

from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret

TENANT = "202104237142"
OTHER_TENANT = "202206018301"
BOT = "943370855474270208"
STATISTICS = "queryCallStatisticsReport"


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the simulator."""

    session: aiohttp.ClientSession
    simulator: Simulator

    async def post(self, name: str, body: object, headers: dict[str, str] | None = None) -> object:
        """Return the decoded JSON; raise if the call fails."""
        url = f"{self.simulator.url}/oifde/rest/api/{name}"
        async with self.session.post(url, json=body, headers=headers) as response:
            response.raise_for_status()
            return await response.json()

    async def post_for_object(
        self, name: str, body: object, headers: dict[str, str] | None = None
    ) -> dict[str, object]:
        """Do what ``post`` does for an answer that is a JSON object."""
        answer = await self.post(name, body, headers)
        assert isinstance(answer, dict)
        return answer

    async def code(self, name: str, body: object, headers: dict[str, str] | None = None) -> int:
        """Return the error code of an answer; 0 for a success."""
        answer = await self.post(name, body, headers)
        return int(answer.get("errorCode", 0)) if isinstance(answer, dict) else 0

    async def log_in(self, tenant_id: str = TENANT, app_key: str = "") -> str:
        """Fetch a token for a tenant; its app key is its id unless another is given."""
        secret = default_secret(tenant_id)
        answer = await self.post_for_object("gettoken", {"appKey": app_key or tenant_id, "appSecret": secret})
        return str(answer["authToken"])

    async def question(self, **fields: object) -> dict[str, object]:
        """Return a valid request body for the hours of today, with ``fields`` in place of its own."""
        token = fields.pop("authToken", None) or await self.log_in()
        timestamp = int(self.simulator.clock.now() * 1000)
        question = {"type": "hour", "tenantId": TENANT, "accessCode": BOT, "timestamp": timestamp, "authToken": token}
        return question | fields

    async def hours(self) -> list[dict[str, object]]:
        """Return the records of today."""
        answer = await self.post(STATISTICS, await self.question())
        assert isinstance(answer, list)
        return answer


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands at Friday 2021-08-13, 11:00 in Shanghai."""
    return FakeClock()


@pytest.fixture
async def simulator(clock: FakeClock) -> AsyncIterator[Simulator]:
    """Run a platform with two tenants; the first has one bot with calls and 22 more."""
    others = tuple(SimBot(f"95{number:016d}", f"bot {number}", source="IVR") for number in range(22))
    tenants = [
        SimTenant(TENANT, (SimBot(BOT, "billing", calls_per_hour=50.0, profile=(1.0,) * 24), *others)),
        SimTenant(OTHER_TENANT, (SimBot("1", "one"),)),
    ]
    async with Simulator(SimulatedWorld(1, tenants, CALM), clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """Return a client with a timeout of five seconds."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield Client(session, simulator)
