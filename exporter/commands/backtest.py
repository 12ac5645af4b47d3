"""``oifde-exporter backtest``: list the alerts that the past would have caused."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import click
from structlog.typing import FilteringBoundLogger

from exporter.clock import SystemClock
from exporter.commands.advice import complain
from exporter.commands.help import Command
from exporter.commands.options import flag, format_option, lang_option, log_options
from exporter.commands.parameters import Day, Name
from exporter.commands.past import fetch_pasts
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.selection import Chosen, choose_one, tenants_option
from exporter.config import Config
from exporter.console.output import Output, open_stdout
from exporter.console.progress import show_progress
from exporter.history.backtest import find_alerts, replay_tenant
from exporter.history.keeper import make_calendar
from exporter.judging.hours import Past
from exporter.judging.replay import RULES, Page
from exporter.language import Language, Text
from exporter.polling.calendar import day_before, local_date
from exporter.polling.windows import Rules
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import HOUR

_DAYS_PER_MONTH: Final = 365.25 / 12
_DAY: Final = timedelta(days=1)
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class _Result:
    """The alerts about one bot, and the number of days judged."""

    chosen: Chosen
    pages: Sequence[Page]
    days: int


@click.command(
    cls=Command,
    short_help="List the alerts that past days would have caused.",
    examples="""
oifde-exporter backtest --from=2026-04-01 --to=2026-04-30
oifde-exporter backtest --from=2026-05-01 --tenant=acme --bot=billing
oifde-exporter backtest --from=2026-05-01 --format=json | jq .totals
""",
)
@flag("--from", type=Day(), metavar="DATE", required=True, help="The first date, local to each tenant.")
@flag("--to", type=Day(), metavar="DATE", help="The last date. Default and maximum: yesterday.")
@tenants_option
@flag("--bot", type=Name(), metavar="NAME|ACCESS_CODE", help="Only this bot.")
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
        days, results = await _judge(loaded, bot, dates["from"], dates["to"], log, lang)
    except UpstreamError as error:
        complain(error, lang)
        return 1
    _SHOW[format](open_stdout(lang), days, results)
    return 0


async def _judge(
    loaded: Config, wanted: str | None, first: date, to: date | None, log: FilteringBoundLogger, lang: Language
) -> tuple[int, Sequence[_Result]]:
    """Return the number of days, and the result of each bot. Raises UpstreamError."""
    clock = SystemClock()
    async with open_tenants(loaded, clock=clock, log=log) as tenants:
        bots = {access.session: [Chosen(access, bot) for bot in await access.list_bots()] for access in tenants}
        known = [chosen for of_tenant in bots.values() for chosen in of_tenant]
        only = choose_one(known, wanted) if wanted else None
        spans: list[tuple[TenantAccess, list[Chosen], date]] = []
        for access in tenants:
            yesterday = day_before(local_date(clock.now(), access.tenant.timezone))
            last = min(to, yesterday) if to else yesterday
            of_tenant = [chosen for chosen in bots[access.session] if only in (None, chosen)]
            if of_tenant:
                spans.append((access, of_tenant, last))
        if any(last < first for _, _, last in spans):
            raise click.UsageError(Text("--from is after --to, which is yesterday at most"))
        requests = sum(len(of_tenant) * ((last - first).days + 1 + loaded.history.days) for _, of_tenant, last in spans)
        results: list[_Result] = []
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
            results += await _replay(loaded, access, of_tenant, pasts, first, last)
    return max(((last - first).days + 1 for _, _, last in spans), default=0), results


async def _replay(
    loaded: Config, access: TenantAccess, bots: Sequence[Chosen], pasts: Mapping[str, Past], first: date, last: date
) -> Sequence[_Result]:
    calendar = make_calendar(access.tenant.calendar)
    days = []
    rules = Rules.of(loaded, access.tenant, HOUR)
    for day in replay_tenant(pasts, rules, calendar, first, last, loaded.history.days):
        days.append(day)
        await asyncio.sleep(0)  # so that a signal can end it
    return [_Result(chosen, *find_alerts(days, chosen.bot.access_code)) for chosen in bots]


def _count_alerts(results: Sequence[_Result]) -> Sequence[tuple[str, int, float]]:
    """Return the number of each alert and of all alerts, also per 100 bot-months."""
    months = sum(result.days for result in results) / _DAYS_PER_MONTH
    counts = Counter(page.alert for result in results for page in result.pages)
    rows = [(rule.alert, counts[rule.alert]) for rule in RULES] + [(_ALL, counts.total())]
    return [(alert, count, 100 * count / months if months else 0.0) for alert, count in rows]


def _show_table(output: Output, days: int, results: Sequence[_Result]) -> None:
    found = sorted(
        ((page, result.chosen) for result in results for page in result.pages), key=lambda found: found[0].begin
    )
    if found:
        output.table(
            [
                (Text("begin"), "left"),
                (Text("end"), "left"),
                (Text("bot"), "left"),
                (Text("alert"), "left"),
                (Text("score"), "right"),
                (Text("size"), "right"),
                (Text("window"), "right"),
            ],
            [
                (
                    f"{_localize(chosen, page.begin):%Y-%m-%d %H:%M}",
                    "" if page.end is None else f"{_localize(chosen, page.end):%Y-%m-%d %H:%M}",
                    chosen.bot.name,
                    page.alert,
                    f"{page.score:.1f}",
                    f"{page.size_ratio:.0%}",
                    Text("%(n)s h", n=round(page.window_seconds / 3600)),
                )
                for page, chosen in found
            ],
        )
        output.line()
    judged = sum(result.days for result in results)
    output.line(
        Text(
            "%(bots)s bots, %(days)s days; %(judged)s days of bots could be judged.",
            bots=len(results),
            days=days,
            judged=judged,
        )
    )
    output.table(
        [(Text("alert"), "left"), (Text("number"), "right"), (Text("per 100\nbot-months"), "right")],
        [
            (Text("all") if alert == _ALL else alert, str(count), f"{rate:.1f}")
            for alert, count, rate in _count_alerts(results)
        ],
    )


def _show_json(output: Output, days: int, results: Sequence[_Result]) -> None:
    output.json(
        {
            "bots": len(results),
            "days": days,
            "judged_bot_days": sum(result.days for result in results),
            "alerts": [
                {
                    "tenant_id": result.chosen.access.tenant.tenant_id,
                    "access_code": result.chosen.bot.access_code,
                    "bot": result.chosen.bot.name,
                    "alert": page.alert,
                    "signal": page.signal,
                    "begin": _localize(result.chosen, page.begin).isoformat(timespec="seconds"),
                    "end": None
                    if page.end is None
                    else _localize(result.chosen, page.end).isoformat(timespec="seconds"),
                    "score": round(page.score, 3),
                    "size_ratio": round(page.size_ratio, 4),
                    "window_seconds": page.window_seconds,
                }
                for result in results
                for page in result.pages
            ],
            "totals": [
                {"alert": alert, "alerts": count, "per_100_bot_months": round(rate, 2)}
                for alert, count, rate in _count_alerts(results)
            ],
        }
    )


def _localize(chosen: Chosen, moment: float) -> datetime:
    return datetime.fromtimestamp(moment, chosen.access.tenant.timezone)


_SHOW: Final = {"table": _show_table, "json": _show_json}
