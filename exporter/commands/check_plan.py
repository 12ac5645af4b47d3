"""Calculate the load that a configuration causes on the platforms and on Prometheus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry

from exporter.config import Config, Platform, Tenant
from exporter.health import Health
from exporter.language import Text
from exporter.polling.calendar import find_day_before, find_local_date, find_midnight, find_next_day
from exporter.polling.snapshot import TenantStatus
from exporter.serving.catalogue import JUDGED_REPORT, JUDGEMENT, LAYOUTS, REPORT_HEALTH, TENANT_HEALTH
from exporter.upstream import bindings, login, servicemonitor
from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.reports import REPORTS, Report
from exporter.upstream.standing import SessionState

_DAY: Final = 86_400.0
_HOUR: Final = 3_600.0
_RENEWED_AFTER: Final = login.DEFAULT_LIFE - 60
"""Seconds, for a token with the lifetime that the platform's documentation gives."""
_HISTORY_SHARE: Final = 0.5
"""The share of requests_per_second that fetching the history may use."""
_NARROW: Final = 0.8
"""The share of a limit above which there is little room for retries."""


@dataclass(frozen=True, slots=True)
class PlatformPlan:
    """The load on one platform. Rates are in requests per second, on average over a minute."""

    platform: Platform
    bots: int
    reports: int
    """Number of reports per bot."""
    discovering: int
    """Number of tenants with discovery, which may add bots."""
    rate: float
    """The rate for most of the day."""
    peak: float
    """The rate after midnight, when the exporter also requests yesterday's reports."""
    peak_seconds: float
    """The longest time that the peak lasts."""
    per_day: int
    """The maximum number of requests per day, with logins and discovery, without retries and history."""
    history: int
    """The number of requests that fetch the history after a start without a cache."""

    @property
    def first_round(self) -> float:
        """Return the seconds until every report has been requested once."""
        return self.bots * self.reports / self.platform.requests_per_second

    @property
    def slowest_answer(self) -> float | None:
        """Return the longest average response time (seconds) that max_concurrency allows; None without requests."""
        return self.platform.max_concurrency / self.peak if self.peak else None

    @property
    def history_seconds(self) -> float:
        """Return the least time that fetching the history takes."""
        return self.history / (self.platform.requests_per_second * _HISTORY_SHARE)

    @property
    def problem(self) -> Text | None:
        """Return why the load exceeds the platform's limits, or None."""
        allowed = self.platform.requests_per_second
        for rate, when in ((self.rate, Text("all day")), (self.peak, Text("after midnight"))):
            if rate > allowed:
                return Text(
                    "polling needs %(rate).3g requests per second %(when)s, but %(allowed)g are allowed, so polls are less"
                    " frequent than poll_interval",
                    rate=rate,
                    when=when,
                    allowed=allowed,
                )
        if self.peak > _NARROW * allowed:
            return Text(
                "polling needs %(rate).3g of the allowed %(allowed)g requests per second after midnight, which leaves little"
                " for retries",
                rate=self.peak,
                allowed=allowed,
            )
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """The load that a configuration causes."""

    platforms: Sequence[PlatformPlan]
    series: int
    """The maximum number on the metrics page, for the configured bots."""
    series_per_bot: int


def plan(config: Config, now: float) -> Plan:
    """Calculate the load for the day of ``now`` (epoch seconds)."""
    platforms = [_plan_platform(platform, config, now) for platform in config.platforms]
    per_bot = 1 + sum(_count_report_series(report) for report in config.reports)
    if _is_judged(config):
        per_bot += _count_judgement_series()
    tenants = len(list(config.tenants()))
    bots = sum(platform.bots for platform in platforms)
    return Plan(platforms, bots * per_bot + tenants * _count_tenant_series(config) + _count_own_series(config), per_bot)


def find_interval(report: Report, tenant: Tenant) -> float:
    """Return the interval between requests for a tenant's report, in seconds."""
    return max(tenant.poll_interval, report.min_interval)


def _plan_platform(platform: Platform, config: Config, now: float) -> PlatformPlan:
    bots = sum(len(tenant.bots) for tenant in platform.tenants)
    rate = 1 / config.poll_interval if platform.health_check else 0.0
    per_day = rate * _DAY
    extra: list[tuple[Tenant, float]] = []
    longest = _HOUR + config.empty_hour_delay
    for tenant in platform.tenants:
        rates = [len(tenant.bots) / find_interval(REPORTS[name], tenant) for name in config.reports]
        hourly = [polls for polls, name in zip(rates, config.reports, strict=True) if REPORTS[name].type == "hour"]
        rate += sum(rates)
        extra.append((tenant, sum(hourly)))
        # The peak lasts until an hour of today is complete and the counters have finished yesterday.
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
        rate + _find_peak(extra, longest, now),
        longest,
        round(per_day),
        bots * config.history.days if _is_judged(config) else 0,
    )


def _find_peak(extra: Sequence[tuple[Tenant, float]], longest: float, now: float) -> float:
    """Return the highest extra rate of a platform. Tenants have their midnights at different times."""
    spans = [(start, start + longest, rate) for tenant, rate in extra for start in _list_midnights(tenant, now)]
    return max(
        (sum(rate for first, last, rate in spans if first <= start < last) for start, _, _ in spans), default=0.0
    )


def _list_midnights(tenant: Tenant, now: float) -> Iterator[float]:
    today = find_local_date(now, tenant.timezone)
    for day in (find_day_before(today), today, find_next_day(today)):
        yield find_midnight(day, tenant.timezone)


def _count_report_series(name: str) -> int:
    return len(REPORT_HEALTH) + sum(len(column.series) for column in LAYOUTS[name].columns)


def _is_judged(config: Config) -> bool:
    return bool(config.history.days) and JUDGED_REPORT in config.reports


def _count_judgement_series() -> int:
    return sum(len(column.series) for column in JUDGEMENT)


def _count_tenant_series(config: Config) -> int:
    status = TenantStatus(
        anomalies=dict.fromkeys(product(config.reports, AnomalyKind), 0),
        revisions=dict.fromkeys(config.reports, 0),
        login=SessionState(token_expiry=0.0),
    )
    return sum(value is not None for _, series in TENANT_HEALTH for _, value in series(status))


def _count_own_series(config: Config) -> int:
    """Return the number of series of the platforms and of the exporter itself."""
    registry = CollectorRegistry()
    health = Health(registry, version="")
    for platform in config.platforms:
        operations = [login.OPERATION, *(REPORTS[report].operation for report in config.reports)]
        if any(tenant.discovery for tenant in platform.tenants):
            operations.append(bindings.OPERATION)
        if platform.health_check:
            operations.append(servicemonitor.OPERATION)
        health.init_platform(platform.name, operations)
        health.clock_skew.labels(platform.name)
        if platform.health_check:
            health.set_healthy(platform.name, True)
    samples = (sample.name for family in registry.collect() for sample in family.samples)
    return sum(not name.endswith("_created") for name in samples)
