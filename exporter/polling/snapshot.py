"""What a poll leaves behind: immutable, so that whoever reads it never sees half of a poll."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from exporter.config import Bot, Tenant
from exporter.upstream.reports import Record, Value


@dataclass(frozen=True, slots=True)
class BotId:
    """A configured bot as the outside sees it: where it lives, and the labels of its series."""

    platform: str
    tenant_id: str
    access_code: str
    bot: str
    tenant: str
    labels: tuple[tuple[str, str], ...] = ()
    timezone: str = "UTC"
    """The tenant's, an IANA name: what its hours and its day go by."""

    @classmethod
    def of(cls, platform: str, tenant: Tenant, bot: Bot) -> Self:
        """A bot where it is configured, or was discovered."""
        labels = tuple(sorted(bot.labels.items()))
        named = tenant.name or tenant.tenant_id
        return cls(platform, tenant.tenant_id, bot.access_code, bot.name, named, labels, tenant.timezone.key)


@dataclass(frozen=True, slots=True)
class Hour:
    """The last complete hour: its start in epoch seconds, and its record; None when the hour is inferred to be empty."""

    start: float
    record: Record | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a report is down: a reason of ``oifde_upstream_request_failures_total``, words, and since when (epoch s)."""

    reason: str
    message: str
    since: float


NO_RECORDS: Final[Mapping[float, Record]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One report of one bot after its latest poll.

    ``hour``, ``live``, ``totals`` and ``day`` are the data, of which a report by hour has the first three and a report by
    day the last, the newest record of a local day that is over; they stay as they are when a poll fails. ``totals`` are the local
    day's sums in the order of the report's fields (None for a field that is not summed or not known yet).
    ``expires`` is the moment on ``Clock.elapsed()`` from which the data are too old to be shown.
    ``records`` are the hours of the local day so far, by their start; ``yesterday`` are those of the day before, empty
    until they have been requested. As long as a poll brings nothing new, these two are the same objects as before.
    ``asked`` is when the request for today's report was sent (epoch s): the data say nothing of what came later.
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
    records: Mapping[float, Record] = field(default_factory=lambda: NO_RECORDS)
    yesterday: Mapping[float, Record] = field(default_factory=lambda: NO_RECORDS)
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class TenantId:
    """A tenant of a platform, with the name users see."""

    platform: str
    tenant_id: str
    tenant: str


@dataclass(frozen=True, slots=True)
class DiscoveryStatus:
    """How the discovery of a tenant's bots stands; moments are in epoch seconds.

    ``up`` is whether the last one succeeded, ``bots`` how many are polled because they were found. ``problem`` says in
    words what is wrong: why it failed, or, when ``up``, why what was found does not count yet.
    """

    up: bool = False
    bots: int = 0
    problem: str | None = None
    last_attempt: float | None = None
    last_success: float | None = None


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """What is known of a tenant as a whole.

    ``anomalies`` counts by (report, reason), ``revisions`` by report; ``token_expiry`` is in epoch seconds and None
    without a fetched token; ``login_problem`` says in words what is wrong with the login, ``login_code`` is the platform's
    error code for it if there was one, ``retry_at`` (epoch seconds) is when the next is tried.
    ``discovery`` is None where the tenant's bots are not discovered.
    """

    anomalies: Mapping[tuple[str, str], int] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    token_expiry: float | None = None
    blocked: bool = False
    login_problem: str | None = None
    login_code: int | None = None
    retry_at: float | None = None
    discovery: DiscoveryStatus | None = None
