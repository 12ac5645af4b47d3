"""``check --live``: logs in, asks once for every report of every bot, and says what looks wrong."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.commands.advice import advice
from exporter.commands.check_findings import Finding, Level, place
from exporter.commands.check_plan import Plan, PlatformPlan, plan
from exporter.commands.options import Moment
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.config import Bot, Config
from exporter.polling import roster, windows
from exporter.polling.calendar import local_date
from exporter.upstream.anomalies import Anomaly, AnomalyLevel
from exporter.upstream.bindings import list_bindings
from exporter.upstream.breaker import UNREACHABLE
from exporter.upstream.errors import LoginFailed, UpstreamError
from exporter.upstream.reports import DAY, REPORTS, Report, parse

_CLOCKS_DIFFER: Final = 60.0
"""Seconds between two clocks that are no longer taken for the time that an answer takes."""
_LEVELS: Final = {AnomalyLevel.WARNING: Level.WARNING, AnomalyLevel.NOTE: Level.NOTE}


@dataclass(frozen=True, slots=True)
class TenantResult:
    """How the reports of a tenant's bots were had."""

    tenant: TenantAccess
    bots: Sequence[Bot]
    """Those that the daemon would poll."""
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
    """All that was found by asking."""

    plan: Plan
    """With the bots that were discovered."""
    tenants: Sequence[TenantResult]
    platforms: Sequence[Finding]


async def check_live(
    config: Config,
    at: Moment | None,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
    on_bot: Callable[[], None],
) -> Live:
    """Ask for the reports of the date of ``at`` (default: today), at most as often as the limits allow.

    ``on_bot`` is called for each bot that is done. One tenant's failure holds up no other.
    """
    registry = CollectorRegistry()
    async with open_tenants(config, clock=clock, log=log, registry=registry) as tenants:
        results = await asyncio.gather(*(_tenant(config, tenant, at, clock, on_bot) for tenant in tenants))
    planned = plan(_with_bots(config, results), clock.now())
    return Live(planned, results, [finding for each in planned.platforms for finding in _of_platform(each, registry)])


def _with_bots(config: Config, results: Sequence[TenantResult]) -> Config:
    """The configuration as if the bots that were found stood in it."""
    found = {(each.tenant.platform.name, each.tenant.tenant.tenant_id): tuple(each.bots) for each in results}
    platforms = (
        replace(
            platform,
            tenants=tuple(replace(tenant, bots=found[platform.name, tenant.tenant_id]) for tenant in platform.tenants),
        )
        for platform in config.platforms
    )
    return replace(config, platforms=tuple(platforms))


async def _tenant(
    config: Config, access: TenantAccess, at: Moment | None, clock: Clock, on_bot: Callable[[], None]
) -> TenantResult:
    bots, findings = await _bots(access)

    async def check(bot: Bot) -> _BotResult:
        try:
            return await _bot(config, access, bot, at, clock)
        finally:
            on_bot()

    results = await asyncio.gather(*(check(bot) for bot in bots))
    findings += [finding for result in results for finding in result.findings]
    never = [bot for bot, result in zip(bots, results, strict=True) if result.never]
    if never:
        findings += await _of_silence(access, never)
    return TenantResult(
        access,
        bots,
        sum(result.failed for result in results),
        sum(result.silent for result in results),
        findings,
    )


async def _bots(access: TenantAccess) -> tuple[Sequence[Bot], list[Finding]]:
    """The bots that the daemon would poll, and what is wrong with finding them."""
    tenant = access.tenant
    if tenant.discovery is None:
        return tenant.bots, []
    try:
        listed = await list_bindings(access.session, tenant.tenant_id)
    except UpstreamError as error:
        what = f"its bots cannot be discovered: {_words(access, error)}"
        return tenant.bots, [Finding(Level.PROBLEM, _place(access), what, advice(error))]
    bots = roster.choose_bots(tenant.bots, {each.access_code: each.name for each in listed}, tenant.discovery)
    if bots:
        return bots, []
    what = f"discovery finds no bot: {len(listed)} are bound to the tenant"
    return bots, [
        Finding(
            Level.WARNING, _place(access), what, "Do include and exclude take any? oifde-exporter discover lists all."
        )
    ]


async def _bot(config: Config, access: TenantAccess, bot: Bot, at: Moment | None, clock: Clock) -> _BotResult:
    findings: list[Finding] = []
    failed = silent = False
    try:
        for name in config.reports:
            rows, came = await _report(config, REPORTS[name], access, bot, at, clock)
            findings += came
            silent = silent or (name == "hour" and not rows)
        # A day without calls is no news, nor is one that is to come; a month is.
        never = silent and not await access.ask(DAY, bot.access_code, _today(access, None, clock))
    except UpstreamError as error:
        failed, never = True, False
        findings.append(Finding(Level.PROBLEM, _place(access), _words(access, error), advice(error), (bot.name,)))
    return _BotResult(findings, failed, silent, never)


async def _report(
    config: Config, report: Report, access: TenantAccess, bot: Bot, at: Moment | None, clock: Clock
) -> tuple[Sequence[object], Sequence[Finding]]:
    """The rows of a report, and what looks wrong with them."""
    tenant = access.tenant
    day = _today(access, at, clock)
    rows = await access.ask(report, bot.access_code, day)
    now = clock.now()
    shown = access.client.without_secrets
    parsed = parse(report, rows, tenant_id=tenant.tenant_id, access_code=bot.access_code, shown=shown)
    rules = windows.Rules.of(config, tenant, report)
    anomalies = windows.fold(windows.State(), rules, day, parsed, now).anomalies
    findings = [
        Finding(
            _LEVELS[kind.level],
            _place(access),
            kind.meaning,
            kind.advice,
            (bot.name,),
            next(_describe(anomaly) for anomaly in anomalies if anomaly.kind == kind),
        )
        for kind in dict.fromkeys(anomaly.kind for anomaly in anomalies)
    ]
    future = [record.start for record in parsed.records if record.start > now + _CLOCKS_DIFFER]
    if future:
        begins = datetime.fromtimestamp(max(future), tenant.timezone)
        findings.append(
            Finding(
                Level.WARNING,
                _place(access),
                "a record begins in the future",
                "Is the tenant's timezone the platform's? If so, the platform may name hours by their end: compare one"
                " whose calls you know.",
                (bot.name,),
                f"{begins:%Y-%m-%d %H:%M} in {tenant.timezone.key}",
            )
        )
    return rows, findings


def _describe(anomaly: Anomaly) -> str:
    return f"{anomaly.where} ({anomaly.detail})" if anomaly.detail else anomaly.where


async def _of_silence(access: TenantAccess, bots: Sequence[Bot]) -> Sequence[Finding]:
    """Whether bots that had no record for a month are known to the platform at all."""
    tenant = access.tenant
    try:
        bound = {each.access_code for each in await list_bindings(access.session, tenant.tenant_id)}
    except UpstreamError:  # whoever may ask for reports may not be allowed to ask for this
        bound = None
    what = "no record in the last 30 days"
    help_ = (
        "Is the access code right? oifde-exporter discover lists those there are. A bot that is new has none either."
    )
    return [
        Finding(
            Level.WARNING,
            _place(access),
            what
            if bound is None
            else f"{what}, {'though' if bot.access_code in bound else 'and not'} bound to the tenant",
            help_,
            (bot.name,),
        )
        for bot in bots
    ]


def _of_platform(plan: PlatformPlan, registry: CollectorRegistry) -> Iterator[Finding]:
    name = plan.platform.name
    skew = registry.get_sample_value("oifde_upstream_clock_skew_seconds", {"platform": name}) or 0.0
    if abs(skew) > _CLOCKS_DIFFER:
        yield Finding(
            Level.WARNING,
            name,
            f"the platform's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's",
            "Set whichever is wrong: hours count as complete by this machine's clock.",
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
            f"answers take {spent / asked:.2f} s on average; with max_concurrency {plan.platform.max_concurrency} there is"
            f" time for {plan.slowest_answer:.2f} s",
            "Raise max_concurrency, if the platform can bear it, or poll_interval.",
        )


def _today(access: TenantAccess, at: Moment | None, clock: Clock) -> date:
    zone = access.tenant.timezone
    return local_date(at.on(zone) if at else clock.now(), zone)


def _words(access: TenantAccess, error: UpstreamError) -> str:
    """What happened, in the same words for all whom it happened to."""
    if isinstance(error, LoginFailed):
        return access.session.state().reason or str(error)
    return str(error).removeprefix(UNREACHABLE)


def _place(access: TenantAccess) -> str:
    return place(access.platform, access.tenant)
