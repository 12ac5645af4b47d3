"""The bots of one tenant: asked for on their own schedule, and handed to whoever polls them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.polling.roster import Roster
from exporter.polling.schedule import next_slot
from exporter.polling.snapshot import DiscoveryStatus
from exporter.reasons import FailureReason
from exporter.upstream.bindings import Binding, list_bindings
from exporter.upstream.errors import CircuitOpen, LoginFailed, UpstreamError
from exporter.upstream.session import TenantSession

# These concern many requests at once, and the log has them once.
_TOLD_ELSEWHERE: Final = (CircuitOpen, LoginFailed)


@dataclass(frozen=True, slots=True)
class DiscoveryPlan:
    """All that decides how a tenant's bots are asked for; times in seconds."""

    platform: str
    tenant_id: str
    interval: float
    retry_interval: float
    """After one that failed, instead."""
    budget: float
    """It ends within this time, all pages and repetitions included."""


class Discovery:
    """Keeps up to date which bots a tenant has. ``discover`` must not run twice at the same time."""

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
        """``follow`` has the bots of a new ``roster`` polled; ``on_change`` is called when ``status`` has changed."""
        self.plan = plan
        self.roster = Roster()
        self.status = DiscoveryStatus()
        self.tried = asyncio.Event()
        """Set once the bots have been asked for, with whatever result, and that has been followed."""
        self._session = session
        self._clock = clock
        self._log = _bind(log, plan)
        self._follow = follow
        self._on_change = on_change
        self._unusable = Counter[str]()
        self._warned_at: float | None = None

    async def run(self, phase: float) -> None:
        """Asks at once, then at ``phase`` of each interval, until it is cancelled."""
        loop = asyncio.get_running_loop()
        await self.discover()
        due = loop.time()
        while True:
            interval = self.plan.interval if self.status.up else self.plan.retry_interval
            due = next_slot(max(due, loop.time()), interval, phase)
            await asyncio.sleep(due - loop.time())
            await self.discover()

    async def discover(self) -> None:
        """Asks for the tenant's bots, and has those that were found polled."""
        now = self._clock.now()
        try:
            self._take(await self._listed())
            await self._follow()
            self._succeed(now)
        except UpstreamError as error:
            self._fail(error.reason, str(error), now, warn=not isinstance(error, _TOLD_ELSEWHERE))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the discovery
            self._log.exception("discovery_crashed")
            self._fail("internal", _internal(error), now, warn=True)
        finally:
            self.tried.set()

    def replan(self, plan: DiscoveryPlan, session: TenantSession) -> None:
        """Goes on under a new plan with what is known. Not while ``run`` runs."""
        self.plan = plan
        self._session = session
        self._log = _bind(self._log, plan)

    def fail(self, error: Exception) -> None:
        """Shows a fault of ours, without a word in the log: what writes it may be at fault."""
        self._publish(replace(self.status, up=False, problem=_internal(error), last_attempt=self._clock.now()))

    def close(self) -> None:
        """Nothing: it holds nothing but what ``run`` does."""

    async def _listed(self) -> list[Binding]:
        unusable = Counter[str]()
        try:
            async with asyncio.timeout(self.plan.budget):
                bindings = await list_bindings(
                    self._session, self.plan.tenant_id, on_unusable=lambda words: unusable.update((words,))
                )
        except TimeoutError:
            raise UpstreamError(FailureReason.TIMEOUT, f"no complete listing within {self.plan.budget:g} s") from None
        if unusable != self._unusable:
            self._unusable = unusable
            for words, count in unusable.items():
                self._log.warning("bindings_unusable", problem=words, count=count)
        return bindings

    def _take(self, bindings: Sequence[Binding]) -> None:
        former, self.roster = self.roster, self.roster.after({each.access_code: each.name for each in bindings})
        if self.roster.doubted:
            self._log.warning("discovery_doubted", listed=0, kept=len(self.roster.names))
        elif missing := self.roster.missing - former.missing:
            self._log.info("bots_missing", count=len(missing), first=min(missing))

    def _succeed(self, now: float) -> None:
        if self._warned_at is not None:
            self._log.info("discovery_recovered", duration_seconds=round(now - self._warned_at))
        self._warned_at = None
        kept = len(self.roster.names)
        problem = f"no bots are listed any more: the {kept} known are kept until it is confirmed"
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
        except Exception:  # noqa: BLE001 - nobody waits for it who could do more than log it
            self._log.exception("publish_crashed")


def _internal(error: Exception) -> str:
    return f"internal error: {type(error).__name__}"


def _bind(log: FilteringBoundLogger, plan: DiscoveryPlan) -> FilteringBoundLogger:
    return log.bind(platform=plan.platform, tenant_id=plan.tenant_id)
