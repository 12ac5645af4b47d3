"""The platforms of a configuration for a command that asks them once, outside the daemon: with the same limits and logins."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.clock import Clock
from exporter.config import Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.calendar import midnight
from exporter.upstream.client import PlatformClient
from exporter.upstream.reports import Report
from exporter.upstream.session import TenantSession


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """A tenant of a configuration, and the way to its platform; tenants of one platform share its client."""

    platform: Platform
    tenant: Tenant
    client: PlatformClient
    session: TenantSession

    async def ask(self, report: Report, access_code: str, day: date) -> list[object]:
        """The rows of a bot's report of a local date. Raises UpstreamError."""
        body = report.request(self.tenant.tenant_id, access_code, midnight(day, self.tenant.timezone))
        rows = await self.session.query(report.operation, report.path, body, expect=list)
        assert isinstance(rows, list)  # noqa: S101 - what `expect` promises
        return rows


@asynccontextmanager
async def open_tenants(
    config: Config, *, clock: Clock, log: FilteringBoundLogger, registry: CollectorRegistry | None = None
) -> AsyncIterator[Sequence[TenantAccess]]:
    """Every tenant of ``config`` in its order, until the block ends and closes all connections.

    Nothing is sent before something is asked for. However much is asked for at the same time, a platform gets no more
    requests than its limits allow; the rest wait for their turn. ``registry`` takes the metrics of the requests.
    """
    health = Health(registry or CollectorRegistry(), version=__version__)
    rng = random.Random()  # noqa: S311 - jitter, no secrets
    async with AsyncExitStack() as stack:
        clients = {
            platform.name: PlatformClient(platform, clock=clock, health=health, log=log, rng=rng)
            for platform in config.platforms
        }
        for client in clients.values():
            stack.push_async_callback(client.close)
        yield [
            TenantAccess(
                platform,
                tenant,
                clients[platform.name],
                TenantSession(clients[platform.name], tenant.session, clock=clock, health=health, log=log, rng=rng),
            )
            for platform, tenant in config.tenants()
        ]
