"""Access to the platforms for commands: with the limits and logins of the daemon, for a few requests."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.clock import Clock
from exporter.commands.capture import Capture
from exporter.config import Bot, Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.calendar import find_midnight
from exporter.polling.roster import choose_bots
from exporter.upstream.bindings import Binding, list_bindings
from exporter.upstream.client import PlatformClient
from exporter.upstream.reports import Report
from exporter.upstream.session import TenantSession


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """A tenant and its session. Tenants of one platform share a client."""

    platform: Platform
    tenant: Tenant
    client: PlatformClient
    session: TenantSession

    async def ask(self, report: Report, access_code: str, day: date) -> list[object]:
        """Return the rows of a bot's report for a local date. Raises UpstreamError."""
        body = report.request(self.tenant.tenant_id, access_code, find_midnight(day, self.tenant.timezone))
        rows = await self.session.query(report.operation, report.path, body, expect=list)
        assert isinstance(rows, list)  # noqa: S101 - `expect` ensures it
        return rows

    async def list_bots(self) -> tuple[Bot, ...]:
        """Return the bots that the daemon polls: configured and discovered. Raises UpstreamError."""
        listed = await list_bindings(self.session, self.tenant.tenant_id) if self.tenant.discovery else ()
        return self.choose_bots(listed)

    def choose_bots(self, listed: Sequence[Binding]) -> tuple[Bot, ...]:
        """Return the bots that the daemon polls if the platform lists these."""
        names = {binding.access_code: binding.name for binding in listed}
        return choose_bots(self.tenant.bots, names, self.tenant.discovery)


@asynccontextmanager
async def open_tenants(
    config: Config,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
    registry: CollectorRegistry | None = None,
    capture: Capture | None = None,
) -> AsyncIterator[Sequence[TenantAccess]]:
    """Give access to every tenant of ``config``, in its order. The end of the block closes all connections.

    Concurrent requests wait where they exceed a platform's limits. ``registry`` gets the metrics of the requests,
    ``capture`` the requests themselves.
    """
    health = Health(registry or CollectorRegistry(), version=__version__)
    rng = random.Random()  # noqa: S311 - jitter, no secrets
    async with AsyncExitStack() as stack:
        clients = {
            platform.name: PlatformClient(
                platform,
                clock=clock,
                health=health,
                log=log,
                rng=rng,
                session_options=capture.session_options if capture else {},
            )
            for platform in config.platforms
        }
        for client in clients.values():
            stack.push_async_callback(client.close)
        yield [
            TenantAccess(
                platform,
                tenant,
                clients[platform.name],
                TenantSession(clients[platform.name], tenant.session),
            )
            for platform, tenant in config.tenants()
        ]
