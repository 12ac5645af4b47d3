"""The snapshots of now, and those who want to know of each new one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus


class Listener(Protocol):
    """Hears of each change of the store, in the event loop, right after it was made.

    Listeners are called in order: one that computes something from a snapshot stands before the one that shows it.
    """

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """A report of a bot is new or has a new snapshot."""

    def bot_removed(self, bot: BotId) -> None:
        """A bot is no longer configured; all its reports go."""

    def report_removed(self, bot: BotId, report: str) -> None:
        """A report of a bot is no longer asked for; the bot has others."""

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """A tenant is new or has a new status."""

    def tenant_removed(self, tenant: TenantId) -> None:
        """A tenant is no longer configured."""


class Store:
    """The latest snapshot of every report of every bot, and the status of every tenant."""

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = tuple(listeners)
        self._bots: dict[BotId, dict[str, Snapshot]] = {}
        self._tenants: dict[TenantId, TenantStatus] = {}
        self._newest: dict[tuple[str, str, str], float] = {}

    @property
    def bots(self) -> Mapping[BotId, Mapping[str, Snapshot]]:
        """By bot and report name."""
        return MappingProxyType(self._bots)

    @property
    def tenants(self) -> Mapping[TenantId, TenantStatus]:
        """By tenant."""
        return MappingProxyType(self._tenants)

    def newest_record(self, bot: BotId, report: str) -> float | None:
        """Return when the newest record of all bots of the bot's tenant began (epoch s), or None without records.

        If that is long ago, the platform's reports are late; it does not mean that a bot has no calls.
        """
        return self._newest.get((bot.platform, bot.tenant_id, report))

    def put(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Takes a bot's new snapshot of one report."""
        self._bots.setdefault(bot, {})[report] = snapshot
        if snapshot.live and snapshot.asked and snapshot.live.start <= snapshot.asked:
            key = (bot.platform, bot.tenant_id, report)
            self._newest[key] = max(snapshot.live.start, self._newest.get(key, 0.0))
        for listener in self._listeners:
            listener.bot_changed(bot, report, snapshot)

    def remove(self, bot: BotId) -> None:
        """Forgets a bot; one that is not known, as after a listener's fault in the middle of it, is left at that."""
        if self._bots.pop(bot, None) is None:
            return
        for listener in self._listeners:
            listener.bot_removed(bot)

    def remove_report(self, bot: BotId, report: str) -> None:
        """Forgets one report of a bot that keeps others."""
        del self._bots[bot][report]
        for listener in self._listeners:
            listener.report_removed(bot, report)

    def put_tenant(self, tenant: TenantId, status: TenantStatus) -> None:
        """Takes a tenant's new status."""
        self._tenants[tenant] = status
        for listener in self._listeners:
            listener.tenant_changed(tenant, status)

    def remove_tenant(self, tenant: TenantId) -> None:
        """Forgets a tenant."""
        del self._tenants[tenant]
        for key in [key for key in self._newest if key[:2] == (tenant.platform, tenant.tenant_id)]:
            del self._newest[key]
        for listener in self._listeners:
            listener.tenant_removed(tenant)
