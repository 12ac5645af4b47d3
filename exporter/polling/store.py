"""Keeps the latest snapshots, and notifies listeners of each change."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from exporter.polling.snapshot import BotId, PlatformStatus, Snapshot, TenantId, TenantStatus


class Listener(Protocol):
    """Is called after each change of the store, in the event loop.

    The listeners are called in order: one that computes something from a snapshot comes before the one that shows it.
    """

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Handle a new report of a bot, or a new snapshot of it."""

    def bot_removed(self, bot: BotId) -> None:
        """Handle that a bot is no longer polled, nor any of its reports."""

    def report_removed(self, bot: BotId, report: str) -> None:
        """Handle that a report of a bot is no longer polled, while others are."""

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Handle a new tenant, or a new status of it."""

    def tenant_removed(self, tenant: TenantId) -> None:
        """Handle that a tenant is no longer configured."""


class Store:
    """The latest snapshot of each report of each bot, and the status of each tenant."""

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = tuple(listeners)
        self._bots: dict[BotId, dict[str, Snapshot]] = {}
        self._tenants: dict[TenantId, TenantStatus] = {}
        self._platforms: dict[str, PlatformStatus] = {}

    @property
    def bots(self) -> Mapping[BotId, Mapping[str, Snapshot]]:
        """The snapshots, by bot and report name."""
        return MappingProxyType(self._bots)

    @property
    def tenants(self) -> Mapping[TenantId, TenantStatus]:
        """The status of each tenant."""
        return MappingProxyType(self._tenants)

    @property
    def platforms(self) -> Mapping[str, PlatformStatus]:
        """The status of each platform with a health check, by name."""
        return MappingProxyType(self._platforms)

    def put(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Store a new snapshot of a bot's report."""
        self._bots.setdefault(bot, {})[report] = snapshot
        for listener in self._listeners:
            listener.bot_changed(bot, report, snapshot)

    def remove(self, bot: BotId) -> None:
        """Remove a bot. Ignore an unknown one: a listener may have failed during its removal."""
        if self._bots.pop(bot, None) is None:
            return
        for listener in self._listeners:
            listener.bot_removed(bot)

    def remove_report(self, bot: BotId, report: str) -> None:
        """Remove one report of a bot that has others."""
        del self._bots[bot][report]
        for listener in self._listeners:
            listener.report_removed(bot, report)

    def put_platform(self, name: str, status: PlatformStatus) -> None:
        """Store the new status of a platform."""
        self._platforms[name] = status

    def remove_platform(self, name: str) -> None:
        """Remove the status of a platform that is not checked any more."""
        self._platforms.pop(name, None)

    def put_tenant(self, tenant: TenantId, status: TenantStatus) -> None:
        """Store the new status of a tenant."""
        self._tenants[tenant] = status
        for listener in self._listeners:
            listener.tenant_changed(tenant, status)

    def remove_tenant(self, tenant: TenantId) -> None:
        """Remove a tenant."""
        del self._tenants[tenant]
        for listener in self._listeners:
            listener.tenant_removed(tenant)
