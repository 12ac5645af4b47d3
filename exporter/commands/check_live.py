"""``check --live``: log in, request every report of every bot once, and report problems."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Final

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.commands.advice import advise
from exporter.commands.capture import Capture
from exporter.commands.check_findings import Finding, Level, name_tenant
from exporter.commands.check_plan import Plan, PlatformPlan, plan
from exporter.commands.parameters import Moment
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.config import Bot, Config
from exporter.language import Text
from exporter.polling import windows
from exporter.polling.calendar import find_local_date
from exporter.upstream.anomalies import AnomalyLevel
from exporter.upstream.bindings import IncompleteListing, list_bindings
from exporter.upstream.client import PlatformClient
from exporter.upstream.errors import CircuitOpen, LoginFailed, UpstreamError
from exporter.upstream.reports import DAY, REPORTS, Report, parse
from exporter.upstream.servicemonitor import find_problem

_CLOCKS_DIFFER: Final = 60.0
"""Seconds; a smaller difference between two clocks may be network delay."""
_LEVELS: Final = {AnomalyLevel.WARNING: Level.WARNING, AnomalyLevel.NOTE: Level.NOTE}


@dataclass(frozen=True, slots=True)
class TenantResult:
    """The results for a tenant's bots."""

    tenant: TenantAccess
    bots: Sequence[Bot]
    """The bots that the daemon polls."""
    failed: int
    silent: int
    """Bots without a record today."""
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class _BotResult:
    findings: Sequence[Finding]
    failed: bool = False
    silent: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """All results."""

    plan: Plan
    """The load, with discovered bots."""
    tenants: Sequence[TenantResult]
    platforms: Sequence[Finding]


async def check_live(
    config: Config,
    at: Moment | None,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
    on_bot: Callable[[], None],
    capture: Capture | None = None,
) -> Live:
    """Request the reports for the date of ``at`` (default: today), within the platforms' limits.

    Calls ``on_bot`` after each bot, and records the requests with ``capture``. The failure of one tenant does not affect others.
    """
    registry = CollectorRegistry()
    async with open_tenants(config, clock=clock, log=log, registry=registry, capture=capture) as tenants:
        results = await asyncio.gather(*(_check_tenant(config, tenant, at, clock, on_bot) for tenant in tenants))
        checked = {access.platform.name: access.client for access in tenants if access.platform.health_check}
        health = await asyncio.gather(*(_check_health(client) for client in checked.values()))
    planned = plan(_add_bots(config, results), clock.now())
    found = [finding for platform in planned.platforms for finding in _check_platform(platform, registry)]
    return Live(planned, results, [*chain.from_iterable(health), *found])


def _add_bots(config: Config, results: Sequence[TenantResult]) -> Config:
    """Return the configuration with the bots that were found."""
    found = {(result.tenant.platform.name, result.tenant.tenant.tenant_id): tuple(result.bots) for result in results}
    platforms = (
        replace(
            platform,
            tenants=tuple(replace(tenant, bots=found[platform.name, tenant.tenant_id]) for tenant in platform.tenants),
        )
        for platform in config.platforms
    )
    return replace(config, platforms=tuple(platforms))


async def _check_tenant(
    config: Config, access: TenantAccess, at: Moment | None, clock: Clock, on_bot: Callable[[], None]
) -> TenantResult:
    bots, findings = await _list_bots(access)

    async def check(bot: Bot) -> _BotResult:
        try:
            return await _check_bot(config, access, bot, at, clock)
        finally:
            on_bot()

    results = await asyncio.gather(*(check(bot) for bot in bots))
    findings += [finding for result in results for finding in result.findings]
    never = [bot for bot, result in zip(bots, results, strict=True) if result.never]
    if never:
        findings += await _describe_silence(access, never)
    return TenantResult(
        access,
        bots,
        sum(result.failed for result in results),
        sum(result.silent for result in results),
        findings,
    )


async def _list_bots(access: TenantAccess) -> tuple[Sequence[Bot], list[Finding]]:
    """Return the bots that the daemon polls, and the problems of discovery."""
    try:
        bots = await access.list_bots()
    except UpstreamError as error:
        what = Text("discovery fails: %(error)s", error=_describe(access, error))
        found = error.bindings if isinstance(error, IncompleteListing) else ()
        return access.choose_bots(found), [Finding(Level.PROBLEM, _name_tenant(access), what, advise(error))]
    if bots:
        return bots, []
    advice = Text("Check that include and exclude match a bot. oifde-exporter discover lists all bots.")
    return bots, [Finding(Level.WARNING, _name_tenant(access), Text("discovery finds no bot"), advice)]


async def _check_bot(config: Config, access: TenantAccess, bot: Bot, at: Moment | None, clock: Clock) -> _BotResult:
    findings: list[Finding] = []
    failed = silent = False
    try:
        for name in config.reports:
            rows, came = await _check_report(config, REPORTS[name], access, bot, at, clock)
            findings += came
            silent = silent or (name == "hour" and not rows)
        # A day without calls is normal. A month without calls may be a mistake.
        never = silent and not await access.ask(DAY, bot.access_code, _find_date(access, None, clock))
    except UpstreamError as error:
        failed, never = True, False
        findings.append(
            Finding(Level.PROBLEM, _name_tenant(access), _describe(access, error), advise(error), (bot.name,))
        )
    return _BotResult(findings, failed, silent, never)


async def _check_report(
    config: Config, report: Report, access: TenantAccess, bot: Bot, at: Moment | None, clock: Clock
) -> tuple[Sequence[object], Sequence[Finding]]:
    """Return the rows of a report, and the findings about them."""
    tenant = access.tenant
    day = _find_date(access, at, clock)
    rows = await access.ask(report, bot.access_code, day)
    now = clock.now()
    redact = access.client.redact
    parsed = parse(report, rows, tenant_id=tenant.tenant_id, access_code=bot.access_code, redact=redact)
    rules = windows.Rules.of(config, tenant, report)
    anomalies = windows.fold(windows.State(), rules, day, parsed, now).anomalies
    findings = [
        Finding(
            _LEVELS[kind.level],
            _name_tenant(access),
            kind.meaning,
            kind.advice,
            (bot.name,),
            next(anomaly.describe() for anomaly in anomalies if anomaly.kind == kind),
        )
        for kind in dict.fromkeys(anomaly.kind for anomaly in anomalies)
    ]
    future = [record.start for record in parsed.records if record.start > now + _CLOCKS_DIFFER]
    if future:
        begins = datetime.fromtimestamp(max(future), tenant.timezone)
        findings.append(
            Finding(
                Level.WARNING,
                _name_tenant(access),
                Text("a record begins in the future"),
                Text(
                    "Check timezone. If it matches the platform's, the platform may name hours by their end: compare an hour"
                    " whose calls you know."
                ),
                (bot.name,),
                Text("%(time)s in %(zone)s", time=f"{begins:%Y-%m-%d %H:%M}", zone=tenant.timezone.key),
            )
        )
    return rows, findings


async def _describe_silence(access: TenantAccess, bots: Sequence[Bot]) -> Sequence[Finding]:
    """Return a finding for each bot without a record for a month, and say whether the platform lists the bot."""
    tenant = access.tenant
    try:
        bound = {binding.access_code for binding in await list_bindings(access.session, tenant.tenant_id)}
    except UpstreamError:  # the platform may deny this request to users who can request reports
        bound = None
    help_ = Text("Check the access code; oifde-exporter discover lists all bots. A new bot has no record either.")
    return [
        Finding(
            Level.WARNING,
            _name_tenant(access),
            Text("no record in the last 30 days")
            if bound is None
            else Text("no record in the last 30 days, though bound to the tenant")
            if bot.access_code in bound
            else Text("no record in the last 30 days, and not bound to the tenant"),
            help_,
            (bot.name,),
        )
        for bot in bots
    ]


async def _check_health(client: PlatformClient) -> Sequence[Finding]:
    try:
        problem = await find_problem(client)
    except UpstreamError as error:
        advice = Text("Remove health_check if the platform has no interface servicemonitor.")
        return [
            Finding(
                Level.WARNING,
                client.platform,
                Text("the health check does not work: %(error)s", error=error.message),
                advice,
            )
        ]
    if problem is None:
        return []
    advice = Text("Ask the platform's operators. Until it is fixed, other errors may have the same cause.")
    return [
        Finding(
            Level.PROBLEM, client.platform, Text("the platform is not healthy: %(problem)s", problem=problem), advice
        )
    ]


def _check_platform(plan: PlatformPlan, registry: CollectorRegistry) -> Iterator[Finding]:
    name = plan.platform.name
    skew = registry.get_sample_value("oifde_upstream_clock_skew_seconds", {"platform": name}) or 0.0
    if abs(skew) > _CLOCKS_DIFFER:
        yield Finding(
            Level.WARNING,
            name,
            Text(
                "the platform's clock is %(skew).0f s ahead of this machine's"
                if skew > 0
                else "the platform's clock is %(skew).0f s behind this machine's",
                skew=abs(skew),
            ),
            Text("Correct the clock that is wrong. This machine's clock decides which hours are complete."),
        )
    spent = asked = 0.0
    for report in REPORTS.values():
        labels = {"platform": name, "operation": report.operation}
        spent += registry.get_sample_value("oifde_upstream_request_duration_seconds_sum", labels) or 0.0
        asked += registry.get_sample_value("oifde_upstream_request_duration_seconds_count", labels) or 0.0
    if asked and plan.slowest_answer and spent / asked > plan.slowest_answer:
        yield Finding(
            Level.WARNING,
            name,
            Text(
                "answers take %(time).2f s on average, but max_concurrency %(most)s allows %(slowest).2f s",
                time=spent / asked,
                most=plan.platform.max_concurrency,
                slowest=plan.slowest_answer,
            ),
            Text("Raise poll_interval, or max_concurrency if the platform allows."),
        )


def _find_date(access: TenantAccess, at: Moment | None, clock: Clock) -> date:
    zone = access.tenant.timezone
    return find_local_date(at.on(zone) if at else clock.now(), zone)


def _describe(access: TenantAccess, error: UpstreamError) -> str:
    """Describe an error in the same words for all bots."""
    if isinstance(error, LoginFailed):
        return access.session.state().reason or error.message
    return error.last_failure if isinstance(error, CircuitOpen) else error.message


def _name_tenant(access: TenantAccess) -> str:
    return name_tenant(access.platform, access.tenant)
