"""The results of polls. They are immutable, so that a reader never sees half of a poll."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from exporter.config import Bot, Tenant
from exporter.upstream.reports import Record, Value
from exporter.upstream.standing import SessionState


@dataclass(frozen=True, slots=True)
class BotId:
    """A bot, with the labels of its series."""

    platform: str
    tenant_id: str
    access_code: str
    bot: str
    tenant: str
    labels: tuple[tuple[str, str], ...] = ()
    timezone: str = "UTC"
    """The tenant's IANA time zone, which defines its hours and days."""

    @classmethod
    def of(cls, platform: str, tenant: Tenant, bot: Bot) -> Self:
        """Build the id of a configured or discovered bot."""
        labels = tuple(sorted(bot.labels.items()))
        tenant_name = tenant.name or tenant.tenant_id
        return cls(platform, tenant.tenant_id, bot.access_code, bot.name, tenant_name, labels, tenant.timezone.key)


@dataclass(frozen=True, slots=True)
class Hour:
    """The last complete hour: its start in epoch seconds, and its record, or None if it is inferred to have no calls."""

    start: float
    record: Record | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a report is down: the reason, as metrics name it, a message, and since when (epoch s)."""

    reason: str
    message: str
    since: float


NO_RECORDS: Final[Mapping[float, Record]] = MappingProxyType({})


class Snapshot(NamedTuple):
    """One report of one bot after its latest poll.

    A report by hour has ``hour``, ``live`` and ``totals``; a report by day has ``day``, the newest record of a local day
    that is over. A failed poll leaves this data unchanged. ``totals`` are the sums of the local day in the order of the
    report's fields, None for a field that is not summed or not known yet.
    ``expires`` is the moment on ``Clock.elapsed()`` from which the data is too old to be shown.
    ``records`` are the hours of the local day so far, by their start; ``yesterday`` are those of the day before, empty
    until they have been requested. While polls bring nothing new, both stay the same objects.
    ``asked`` is when the request for today's report was sent (epoch s); the data says nothing about later calls.
    ``yesterday_settled`` tells whether all hours of the day before are complete.
    """

    hour: Hour | None = None
    live: Record | None = None
    totals: tuple[Value, ...] | None = None
    day: Record | None = None
    up: bool = False
    failures: int = 0
    failure: Failure | None = None
    last_attempt: float | None = None
    last_success: float | None = None
    expires: float = float("-inf")
    records: Mapping[float, Record] = NO_RECORDS
    yesterday: Mapping[float, Record] = NO_RECORDS
    asked: float | None = None
    yesterday_settled: bool = False


@dataclass(frozen=True, slots=True)
class TenantId:
    """A tenant of a platform, with the name that users see."""

    platform: str
    tenant_id: str
    tenant: str


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """The result of a platform's last health check, and when it was (epoch s).

    ``healthy`` is None if the answer says nothing about the health. ``problem`` is a message, None if all is well.
    """

    healthy: bool | None
    problem: str | None
    checked: float


@dataclass(frozen=True, slots=True)
class DiscoveryStatus:
    """The state of a tenant's discovery; moments are in epoch seconds.

    ``up`` says whether the last discovery succeeded, ``bots`` how many of the polled bots were discovered. ``problem`` is
    a message: why the discovery failed or, if ``up``, why its result is not used yet.
    """

    up: bool = False
    bots: int = 0
    problem: str | None = None
    last_attempt: float | None = None
    last_success: float | None = None


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """The state of a tenant as a whole.

    ``anomalies`` counts by (report, reason), ``revisions`` by report.
    ``discovery`` is None if the tenant's bots are not discovered.
    """

    anomalies: Mapping[tuple[str, str], int] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    login: SessionState = SessionState()  # noqa: RUF009 - immutable
    discovery: DiscoveryStatus | None = None
