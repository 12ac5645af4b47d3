"""What a configuration asks of the platforms and of Prometheus, worked out without asking anybody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry

from exporter.config import Config, Platform, Tenant
from exporter.health import Health
from exporter.polling.calendar import day_before, local_date, midnight, next_day
from exporter.polling.snapshot import TenantStatus
from exporter.serving.catalogue import LAYOUTS, REPORT_HEALTH, TENANT_HEALTH
from exporter.upstream import bindings, login
from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.reports import REPORTS, Report

_DAY: Final = 86_400.0
_HOUR: Final = 3_600.0
_RENEWED_AFTER: Final = login.DEFAULT_LIFE - 60
"""Seconds; a token that lives as long as the platform's documentation says."""
_NARROW: Final = 0.8
"""The share of a limit above which there is little room for repetitions."""


@dataclass(frozen=True, slots=True)
class PlatformPlan:
    """What one platform is asked; rates in requests a second, on average over a minute or so."""

    platform: Platform
    bots: int
    reports: int
    """Of each bot."""
    discovering: int
    """Tenants with discovery: how many more bots that makes is not known before they are asked."""
    rate: float
    """Most of the day."""
    peak: float
    """After midnight, while yesterday's reports are asked for besides today's."""
    peak_seconds: float
    """For how long that goes on at most."""
    per_day: int
    """At most, logins and discovery included, without repetitions."""

    @property
    def first_round(self) -> float:
        """Seconds until every report has been asked for once."""
        return self.bots * self.reports / self.platform.requests_per_second

    @property
    def slowest_answer(self) -> float | None:
        """Seconds that an answer may take on average for all of them to be had; None if nothing is asked."""
        return self.platform.max_concurrency / self.peak if self.peak else None

    @property
    def problem(self) -> str | None:
        """In words, why it does not fit into the platform's limits."""
        allowed = self.platform.requests_per_second
        for rate, when in ((self.rate, "all day"), (self.peak, "after midnight")):
            if rate > allowed:
                return (
                    f"{rate:.3g} requests a second are needed {when}, and {allowed:g} allowed: the bots are then"
                    f" polled less often than every poll_interval"
                )
        if self.peak > _NARROW * allowed:
            return (
                f"{self.peak:.3g} of the {allowed:g} requests a second that are allowed are needed after midnight:"
                " little is left for repetitions"
            )
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration asks in all."""

    platforms: Sequence[PlatformPlan]
    series: int
    """At most, on the metrics page, of the bots that are configured."""
    series_per_bot: int


def plan(config: Config, now: float) -> Plan:
    """Work it out for the day that ``now`` (epoch seconds) lies on."""
    platforms = [_platform_plan(platform, config, now) for platform in config.platforms]
    per_bot = 1 + sum(_report_series(report) for report in config.reports)
    tenants = len(list(config.tenants()))
    bots = sum(each.bots for each in platforms)
    return Plan(platforms, bots * per_bot + tenants * _tenant_series(config) + _own_series(config), per_bot)


def interval(report: Report, tenant: Tenant) -> float:
    """How often a tenant's report is asked for, in seconds."""
    return max(tenant.poll_interval, report.min_interval)


def _platform_plan(platform: Platform, config: Config, now: float) -> PlatformPlan:
    bots = sum(len(tenant.bots) for tenant in platform.tenants)
    rate = per_day = 0.0
    extra: list[tuple[Tenant, float]] = []
    longest = _HOUR + config.empty_hour_delay
    for tenant in platform.tenants:
        rates = [len(tenant.bots) / interval(REPORTS[name], tenant) for name in config.reports]
        hourly = [each for each, name in zip(rates, config.reports, strict=True) if REPORTS[name].type == "hour"]
        rate += sum(rates)
        extra.append((tenant, sum(hourly)))
        # Until an hour of today is complete, and yesterday has been counted to its end.
        per_day += sum(rates) * _DAY + sum(hourly) * longest
        if tenant.auth.app_secret:
            per_day += _DAY / _RENEWED_AFTER
        if tenant.discovery:
            pages = len(bindings.SOURCES) + len(tenant.bots) // bindings.PAGE_SIZE
            per_day += pages * _DAY / tenant.discovery.interval
            rate += pages / tenant.discovery.interval
    discovering = sum(tenant.discovery is not None for tenant in platform.tenants)
    return PlatformPlan(
        platform,
        bots,
        len(config.reports),
        discovering,
        rate,
        rate + _most_at_once(extra, longest, now),
        longest,
        round(per_day),
    )


def _most_at_once(extra: Sequence[tuple[Tenant, float]], longest: float, now: float) -> float:
    """The most that comes on top of a platform's usual rate: tenants have their midnights at different times."""
    spans = [(start, start + longest, rate) for tenant, rate in extra for start in _midnights(tenant, now)]
    return max(
        (sum(rate for first, last, rate in spans if first <= start < last) for start, _, _ in spans), default=0.0
    )


def _midnights(tenant: Tenant, now: float) -> Iterator[float]:
    today = local_date(now, tenant.timezone)
    for day in (day_before(today), today, next_day(today)):
        yield midnight(day, tenant.timezone)


def _report_series(name: str) -> int:
    return len(REPORT_HEALTH) + sum(len(column.series) for column in LAYOUTS[name].columns)


def _tenant_series(config: Config) -> int:
    status = TenantStatus(
        anomalies=dict.fromkeys(product(config.reports, AnomalyKind), 0),
        revisions=dict.fromkeys(config.reports, 0),
        token_expiry=0.0,
    )
    return sum(value is not None for _, series in TENANT_HEALTH for _, value in series(status))


def _own_series(config: Config) -> int:
    """The series of the platforms and of the exporter itself."""
    registry = CollectorRegistry()
    health = Health(registry, version="")
    for platform in config.platforms:
        operations = [login.OPERATION, *(REPORTS[report].operation for report in config.reports)]
        if any(tenant.discovery for tenant in platform.tenants):
            operations.append(bindings.OPERATION)
        health.init_platform(platform.name, operations)
        health.clock_skew.labels(platform.name)
    samples = (sample.name for family in registry.collect() for sample in family.samples)
    return sum(not name.endswith("_created") for name in samples)
