"""What the overview shows: the health of platforms and tenants, and a page of the list of bots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.judging.replay import EVIDENCE
from exporter.polling.calendar import format_offset
from exporter.polling.snapshot import BotId, Failure, Snapshot, TenantId, TenantStatus
from exporter.serving.pages import chart
from exporter.serving.pages.course import arrange_day
from exporter.serving.pages.listing import SORTS, Entry, Listing, Query, list_bots
from exporter.serving.pages.rendering import LocalTime, build_bot_path, describe_time
from exporter.serving.pages.summary import CALLS, CONTAINED, MAIN, Moment, Summary
from exporter.serving.status import State
from exporter.upstream.reports import Value

TENANTS_SHOWN: Final = 10
"""How many tenants the overview lists, the worst first, unless the reader asks for all."""

_HEALTHY: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A bot on the overview."""

    bot: BotId
    path: str
    summary: Summary
    failure: Failure | None
    last_success: float | None
    hour: LocalTime | None
    utc_offset: str
    """The UTC offset of ``hour``, if the bots are in several time zones; else empty."""
    bars: chart.Bars | None
    most: Value
    before: Value


class TenantRow(NamedTuple):
    """A tenant on the overview."""

    id: TenantId
    status: TenantStatus
    rank: int
    """0: the login is blocked, 1: the login fails, 2: discovery has a problem, 3: healthy."""


def collect(state: State, parameters: Mapping[str, str], at: Moment) -> dict[str, Any]:
    """Return what the template needs."""
    listing = list_bots(state, Query.read(parameters), at)
    tenants = sorted((TenantRow(id_, status, _rank(status)) for id_, status in state.tenants), key=_order_tenants)
    all_tenants = parameters.get("tenants") == "all"
    zones = {bot.timezone for bot, _ in state.bots}
    return {
        "state": state,
        "zone": ZoneInfo(next(iter(zones)) if len(zones) == 1 else "UTC"),
        "listing": listing,
        "rows": [_build_row(entry, state.now, with_offset=len(zones) > 1) for entry in listing.entries],
        "tenants": tenants if all_tenants else tenants[:TENANTS_SHOWN],
        "tenants_in_all": len(tenants),
        "all_tenants": all_tenants,
        "discovers": any(status.discovery for _, status in state.tenants),
        "unhealthy": sum(tenant.rank < _HEALTHY for tenant in tenants),
        "down": sum(not reach.up and reach.tried > 0 for reach in listing.platforms.values()),
        "broken": any(status.healthy is False for status in state.platforms.values()),
        "untried": sum(not reach.tried for reach in listing.platforms.values()),
        "columns": _describe_columns(listing),
        "query": {**listing.query.parameters(), **({"tenants": "all"} if all_tenants else {})},
        "EVIDENCE": EVIDENCE,
    }


def _rank(status: TenantStatus) -> int:
    if status.login.blocked:
        return 0
    if status.login.reason:
        return 1
    return 2 if status.discovery and status.discovery.problem else _HEALTHY


def _order_tenants(row: TenantRow) -> tuple[int, str, str]:
    return row.rank, row.id.platform, row.id.tenant


def _describe_columns(listing: Listing) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Return the value of ``aria-sort`` and the parameters of a click, by sort key."""
    query = listing.query
    return {
        key: (
            ("descending" if query.descending else "ascending") if key == query.sort else "",
            query.sorted_by(key).parameters(),
        )
        for key in SORTS
    }


def _build_row(entry: Entry, now: float, *, with_offset: bool) -> Row:
    bot, summary = entry.bot, entry.summary
    decisive = entry.reports[summary.report] if summary.report in entry.reports else Snapshot()
    main = entry.reports.get(MAIN.name)
    hour = bars = most = before = None
    utc_offset = ""
    if main is not None and not summary.expired and main.last_success is not None:
        if main.hour:
            zone = ZoneInfo(bot.timezone)
            hour = describe_time(main.hour.start, zone, now)
            if with_offset:
                utc_offset = format_offset(datetime.fromtimestamp(main.hour.start, zone))
        day = arrange_day(main, bot.timezone, now)
        calls, other = day.today(CALLS), day.yesterday(CALLS)
        bars = chart.draw_bars(calls, day.today(CONTAINED), other, width=120, height=28)
        most = max((value for value in calls if value is not None), default=None)
        before = _add_up(other)
    return Row(
        bot, build_bot_path(bot), summary, decisive.failure, decisive.last_success, hour, utc_offset, bars, most, before
    )


def _add_up(values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
