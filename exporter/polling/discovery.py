"""Discovers the bots of a tenant at regular intervals."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.language import Text
from exporter.polling.reconciler import describe_crash
from exporter.polling.roster import Roster
from exporter.polling.schedule import repeat
from exporter.polling.snapshot import DiscoveryStatus
from exporter.reasons import FailureReason
from exporter.upstream.bindings import Binding, IncompleteListing, list_bindings
from exporter.upstream.errors import UpstreamError
from exporter.upstream.session import TenantSession


@dataclass(frozen=True, slots=True)
class DiscoveryPlan:
    """How a tenant's bots are discovered; times in seconds."""

    platform: str
    tenant_id: str
    interval: float
    retry_interval: float
    """Used instead of ``interval`` after a failure."""
    budget: float
    """The time for one discovery with all pages and retries."""


class Discovery:
    """Keeps the list of a tenant's bots up to date. ``discover`` must not run twice at the same time."""

    def __init__(
        self,
        plan: DiscoveryPlan,
        session: TenantSession,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        follow: Callable[[], Awaitable[None]],
        on_change: Callable[[], None],
    ) -> None:
        """Call ``follow`` to poll the bots of a new ``roster``, and ``on_change`` when ``status`` has changed."""
        self.plan = plan
        self.roster = Roster()
        self.status = DiscoveryStatus()
        self.tried = asyncio.Event()
        """Set after the first discovery, successful or not, when its bots are polled."""
        self._session = session
        self._clock = clock
        self._log = _bind(log, plan)
        self._follow = follow
        self._on_change = on_change
        self._unusable = Counter[str]()
        self._warned_at: float | None = None

    async def run(self, phase: float) -> None:
        """Discover at once, then at ``phase`` of each interval, until cancelled."""
        await repeat(self.discover, lambda: self.plan.interval if self.status.up else self.plan.retry_interval, phase)

    async def discover(self, _due: float | None = None) -> None:
        """List the tenant's bots, and have them polled."""
        now = self._clock.now()
        try:
            try:
                self._take(_map_names(await self._list()))
            except IncompleteListing as error:
                self.roster = self.roster.add(_map_names(error.bindings))
                await self._follow()
                raise
            await self._follow()
            self._succeed(now)
        except UpstreamError as error:
            self._fail(error.reason, error.message, now, warn=not error.logged_once)
        except Exception as error:  # noqa: BLE001 - an internal error must not end the discovery
            self._log.exception("discovery_crashed")
            self._fail("internal", describe_crash(error), now, warn=True)
        finally:
            self.tried.set()

    def replan(self, plan: DiscoveryPlan, session: TenantSession) -> None:
        """Continue under a new plan with the bots found so far. Must not be called while ``run`` runs."""
        self.plan = plan
        self._session = session
        self._log = _bind(self._log, plan)

    def fail(self, error: Exception) -> None:
        """Show an internal error, without logging it: the logger may be the cause."""
        self._publish(replace(self.status, up=False, problem=describe_crash(error), last_attempt=self._clock.now()))

    def close(self) -> None:
        """Release nothing: all ends with ``run``."""

    async def _list(self) -> list[Binding]:
        unusable = Counter[str]()
        try:
            async with asyncio.timeout(self.plan.budget):
                bindings = await list_bindings(
                    self._session, self.plan.tenant_id, on_unusable=lambda words: unusable.update((words,))
                )
        except TimeoutError:
            message = Text("no complete listing within %(budget)g s", budget=self.plan.budget)
            raise UpstreamError(FailureReason.TIMEOUT, message) from None
        if unusable != self._unusable:
            self._unusable = unusable
            for words, count in unusable.items():
                self._log.warning("bindings_unusable", problem=words, count=count)
        return bindings

    def _take(self, listed: Mapping[str, str]) -> None:
        former, self.roster = self.roster, self.roster.update(listed)
        if self.roster.doubted:
            self._log.warning("discovery_doubted", listed=0, kept=len(self.roster.names))
        elif missing := self.roster.missing - former.missing:
            self._log.info("bots_missing", count=len(missing), first=min(missing))

    def _succeed(self, now: float) -> None:
        if self._warned_at is not None:
            self._log.info("discovery_recovered", duration_seconds=round(now - self._warned_at))
        self._warned_at = None
        kept = len(self.roster.names)
        problem = Text(
            "the platform lists no bots any more; the %(kept)s known bots are kept until the next listing confirms it",
            kept=kept,
        )
        self._publish(
            replace(
                self.status,
                up=True,
                problem=problem if self.roster.doubted else None,
                last_attempt=now,
                last_success=self._clock.now(),
            )
        )

    def _fail(self, reason: str, message: str, now: float, *, warn: bool) -> None:
        if warn and self._warned_at is None:
            self._warned_at = now
            self._log.warning("discovery_failing", reason=reason, error=message)
        else:
            self._log.debug("discovery_failed", reason=reason, error=message)
        self._publish(replace(self.status, up=False, problem=message, last_attempt=now))

    def _publish(self, status: DiscoveryStatus) -> None:
        self.status = status
        try:
            self._on_change()
        except Exception:  # noqa: BLE001 - no caller could do more than log it
            self._log.exception("publish_crashed")


def _map_names(bindings: Sequence[Binding]) -> Mapping[str, str]:
    return {binding.access_code: binding.name for binding in bindings}


def _bind(log: FilteringBoundLogger, plan: DiscoveryPlan) -> FilteringBoundLogger:
    return log.bind(platform=plan.platform, tenant_id=plan.tenant_id)
