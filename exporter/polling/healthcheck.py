"""Asks a platform for its health at regular intervals."""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.polling.reconciler import describe_crash
from exporter.polling.schedule import repeat
from exporter.polling.snapshot import PlatformStatus
from exporter.upstream.client import PlatformClient
from exporter.upstream.errors import UpstreamError
from exporter.upstream.servicemonitor import find_problem


@dataclass(frozen=True, slots=True)
class HealthPlan:
    """How often to ask, in seconds."""

    interval: float


class HealthCheck:
    """Keeps a platform's health up to date."""

    def __init__(self, plan: HealthPlan, client: PlatformClient, publish: Callable[[PlatformStatus], None]) -> None:
        """Call ``publish`` with each new status."""
        self.plan = plan
        self._client = client
        self._publish = publish
        self._logged: tuple[bool | None, str | None] = (True, None)

    async def run(self, phase: float) -> None:
        """Ask at once, then at ``phase`` of each interval, until cancelled."""
        await repeat(self.check, lambda: self.plan.interval, phase)

    async def check(self, _due: float | None = None) -> None:
        """Ask once."""
        now = self._client.clock.now()
        try:
            problem = await find_problem(self._client)
        except UpstreamError as error:
            self._put(PlatformStatus(None, error.message, now))
        else:
            self._put(PlatformStatus(problem is None, problem, now))

    def replan(self, plan: HealthPlan, client: PlatformClient) -> None:
        """Continue under a new plan. Must not be called while ``run`` runs."""
        self.plan = plan
        self._client = client

    def fail(self, error: Exception) -> None:
        """Show an internal error, without logging it: the logger may be the cause."""
        self._publish(PlatformStatus(None, describe_crash(error), self._client.clock.now()))

    def close(self) -> None:
        """Release nothing: all ends with ``run``."""

    def _put(self, status: PlatformStatus) -> None:
        self._client.health.set_healthy(self._client.platform, status.healthy)
        if (status.healthy, status.problem) != self._logged:
            self._logged = (status.healthy, status.problem)
            event = {True: "platform_healthy", False: "platform_unhealthy", None: "health_unknown"}[status.healthy]
            log = self._client.log.info if status.healthy else self._client.log.warning
            log(event, **({"error": status.problem} if status.problem else {}))
        self._publish(status)
