"""``oifde-exporter backtest``: list the alerts that the past would have caused."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import click
from structlog.typing import FilteringBoundLogger

from exporter.clock import SystemClock
from exporter.commands.advice import complain
from exporter.commands.help import Command
from exporter.commands.options import flag, format_option, lang_option, log_options
from exporter.commands.parameters import parse_day
from exporter.commands.past import fetch_pasts
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import Chosen, choose_one, tenants_option
from exporter.config import Bot, Config
from exporter.console.output import Output, open_stdout
from exporter.console.progress import show_progress
from exporter.history.backtest import find_alerts, judge_days
from exporter.history.keeper import make_calendar
from exporter.judging.hours import Past
from exporter.judging.replay import RULES, TENANT_RULE, Page
from exporter.language import Language, Text
from exporter.polling.calendar import find_day_before, find_local_date
from exporter.polling.windows import Rules
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import HOUR

_DAYS_PER_MONTH: Final = 365.25 / 12
_DAY: Final = timedelta(days=1)
_ALL: Final = "all"


class _Alert(NamedTuple):
    """An alert about a tenant, or about one of its bots."""

    access: TenantAccess
    bot: Bot | None
    page: Page

    @property
    def subject(self) -> str:
        """Return the name of the bot or the tenant."""
        return self.bot.name if self.bot else self.access.tenant.name or self.access.tenant.tenant_id

    @property
    def begin(self) -> datetime:
        """Return when it begins, in the tenant's time zone."""
        return datetime.fromtimestamp(self.page.begin, self.access.tenant.timezone)

    @property
    def end(self) -> datetime | None:
        """Return when it ends, in the tenant's time zone; None: it has not ended."""
        end = self.page.end
        return None if end is None else datetime.fromtimestamp(end, self.access.tenant.timezone)


@dataclass(slots=True)
class _Result:
    """What was judged, and the alerts."""

    bots: int = 0
    days: int = 0
    judged: int = 0
    """The number of days of bots that could be judged."""
    alerts: list[_Alert] = field(default_factory=list)


@click.command(
    cls=Command,
    short_help="List the alerts that past days would have caused.",
    examples="""
oifde-exporter backtest --from=2026-04-01 --to=2026-04-30
oifde-exporter backtest --from=2026-05-01 --tenant=acme --bot=billing
oifde-exporter backtest --from=2026-05-01 --format=json | jq .totals
""",
)
@flag("--from", type=parse_day, metavar="DATE", required=True, help="The first date, local to each tenant.")
@flag("--to", type=parse_day, metavar="DATE", help="The last date. Default and maximum: yesterday.")
@tenants_option
@flag("--bot", metavar="NAME|ACCESS_CODE", help="Only this bot.")
@format_option("table", "json")
@lang_option
@log_options("error")
async def backtest(
    loaded: Config, bot: str | None, format: str, lang: Language, log: FilteringBoundLogger, **dates: Any
) -> int:
    """Fetch past days and the history before them, judge hour by hour, and list the alerts of the shipped rules.

    Each hour is judged when it is complete, by what was known then. The requests use at most half of
    requests_per_second: one for each bot and day, and for each of the history.days before the first date.

    Exit status: 0 on success, 1 if a request failed, 2 for wrong flags.
    """
    if not loaded.history.days:
        raise click.UsageError(Text("history.days is 0 in the configuration, so nothing is judged"))
    try:
        result = await _judge(loaded, bot, dates["from"], dates["to"], log, lang)
    except UpstreamError as error:
        complain(error, lang)
        return 1
    _SHOW[format](open_stdout(lang), result)
    return 0


async def _judge(
    loaded: Config, wanted: str | None, first: date, to: date | None, log: FilteringBoundLogger, lang: Language
) -> _Result:
    """Judge the days of all bots, or of the one that is wanted. Raises UpstreamError."""
    clock = SystemClock()
    async with open_tenants(loaded, clock=clock, log=log) as tenants:
        bots = {access.session: [Chosen(access, bot) for bot in await access.list_bots()] for access in tenants}
        known = [chosen for of_tenant in bots.values() for chosen in of_tenant]
        only = choose_one(known, wanted) if wanted else None
        spans: list[tuple[TenantAccess, list[Chosen], date]] = []
        for access in tenants:
            yesterday = find_day_before(find_local_date(clock.now(), access.tenant.timezone))
            last = min(to, yesterday) if to else yesterday
            of_tenant = [chosen for chosen in bots[access.session] if only in (None, chosen)]
            if of_tenant:
                spans.append((access, of_tenant, last))
        if any(last < first for _, _, last in spans):
            raise click.UsageError(Text("--from is after --to, which is yesterday at most"))
        requests = sum(len(of_tenant) * ((last - first).days + 1 + loaded.history.days) for _, of_tenant, last in spans)
        result = _Result(days=max(((last - first).days + 1 for _, _, last in spans), default=0))
        with show_progress(lang.text(Text("days of bots")), requests) as advance:
            fetched = [
                await fetch_pasts(
                    access,
                    Rules.of(loaded, access.tenant, HOUR),
                    [chosen.bot.access_code for chosen in of_tenant],
                    first - loaded.history.days * _DAY,
                    last,
                    advance,
                )
                for access, of_tenant, last in spans
            ]
        for (access, of_tenant, last), pasts in zip(spans, fetched, strict=True):
            await _replay(loaded, access, of_tenant, pasts, first, last, result)
    return result


async def _replay(
    loaded: Config,
    access: TenantAccess,
    bots: Sequence[Chosen],
    pasts: Mapping[str, Past],
    first: date,
    last: date,
    result: _Result,
) -> None:
    calendar = make_calendar(access.tenant.calendar)
    days = []
    rules = Rules.of(loaded, access.tenant, HOUR)
    for day in judge_days(pasts, rules, calendar, first, last, loaded.history.days):
        days.append(day)
        await asyncio.sleep(0)  # so that a signal can end it
    of_tenant, of_bots = find_alerts(days, [chosen.bot.access_code for chosen in bots])
    result.bots += len(bots)
    result.judged += sum(map(len, days))
    result.alerts += [_Alert(access, None, page) for page in of_tenant]
    result.alerts += [_Alert(access, chosen.bot, page) for chosen in bots for page in of_bots[chosen.bot.access_code]]


def _count_alerts(result: _Result) -> Sequence[tuple[str, int, float]]:
    """Return the number of each alert and of all alerts, also per 100 bot-months."""
    months = result.judged / _DAYS_PER_MONTH
    counts = Counter(alert.page.alert for alert in result.alerts)
    rows = [(rule.alert, counts[rule.alert]) for rule in (*RULES, TENANT_RULE)] + [(_ALL, counts.total())]
    return [(alert, count, 100 * count / months if months else 0.0) for alert, count in rows]


def _show_table(output: Output, result: _Result) -> None:
    found = sorted(result.alerts, key=lambda alert: alert.page.begin)
    if found:
        output.table(
            found,
            [
                (Text("begin"), "left", lambda alert: f"{alert.begin:%Y-%m-%d %H:%M}"),
                (Text("end"), "left", lambda alert: f"{alert.end:%Y-%m-%d %H:%M}" if alert.end else ""),
                (Text("bot"), "left", lambda alert: alert.subject),
                (Text("alert"), "left", lambda alert: alert.page.alert),
                (Text("score"), "right", lambda alert: f"{alert.page.score:.1f}"),
                (Text("size"), "right", lambda alert: f"{alert.page.size_ratio:.0%}"),
                (Text("window"), "right", lambda alert: Text("%(n)s h", n=round(alert.page.window_seconds / 3600))),
            ],
        )
        output.line()
    output.line(
        Text(
            "%(bots)s bots, %(days)s days; %(judged)s days of bots could be judged.",
            bots=result.bots,
            days=result.days,
            judged=result.judged,
        )
    )
    output.table(
        _count_alerts(result),
        [
            (Text("alert"), "left", lambda row: Text("all") if row[0] == _ALL else row[0]),
            (Text("number"), "right", lambda row: str(row[1])),
            (Text("per 100\nbot-months"), "right", lambda row: f"{row[2]:.1f}"),
        ],
    )


def _show_json(output: Output, result: _Result) -> None:
    output.json(
        {
            "bots": result.bots,
            "days": result.days,
            "judged_bot_days": result.judged,
            "alerts": [
                {
                    "tenant_id": alert.access.tenant.tenant_id,
                    "access_code": alert.bot.access_code if alert.bot else None,
                    "bot": alert.bot.name if alert.bot else None,
                    "alert": alert.page.alert,
                    "signal": alert.page.signal,
                    "begin": alert.begin.isoformat(timespec="seconds"),
                    "end": alert.end.isoformat(timespec="seconds") if alert.end else None,
                    "score": round(alert.page.score, 3),
                    "size_ratio": round(alert.page.size_ratio, 4),
                    "window_seconds": alert.page.window_seconds,
                }
                for alert in result.alerts
            ],
            "totals": [
                {"alert": alert, "alerts": count, "per_100_bot_months": round(rate, 2)}
                for alert, count, rate in _count_alerts(result)
            ],
        }
    )


_SHOW: Final = {"table": _show_table, "json": _show_json}
