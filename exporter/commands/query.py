"""``oifde-exporter query``: one bot's report for one date."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
from structlog.typing import FilteringBoundLogger

from exporter.clock import SystemClock
from exporter.commands.advice import complain
from exporter.commands.capture import capture_option, capture_to
from exporter.commands.help import Command
from exporter.commands.options import at_option, flag, format_option, lang_option, log_options
from exporter.commands.parameters import Moment, parse_day
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.query_answer import Question, ask
from exporter.commands.query_output import show_json, show_text
from exporter.commands.selection import Chosen, choose_one, find_bots, tenants_option
from exporter.config import Bot, Config
from exporter.console.output import open_stdout
from exporter.language import Language
from exporter.polling.calendar import find_local_date, find_midnight, find_next_day
from exporter.polling.windows import Rules
from exporter.upstream.bindings import IncompleteListing
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import REPORTS


@click.command(
    cls=Command,
    short_help="Show one bot's report for one date.",
    examples="""
oifde-exporter query --bot=billing             today, by hour
oifde-exporter query --bot=billing --date=2026-05-20 --format=json
oifde-exporter query --bot=billing --explain   see the origin of each sample
oifde-exporter query --bot=billing --explain --at=2026-05-20T00:30
oifde-exporter query --tenant=acme --bot=943370855474270311
""",
)
@flag(
    "--bot",
    metavar="NAME|ACCESS_CODE",
    help="The bot; optional if there is only one. With --tenant, the bot does not have to be configured.",
)
@tenants_option
@flag("--report", type=click.Choice(list(REPORTS)), default="hour", help="The report to show.")
@flag("--date", type=parse_day, metavar="DATE", help="A local date of the tenant, like 2026-05-20. Default: today.")
@at_option
@flag("--explain", is_flag=True, help="Show the request, the answer, and the samples that each field becomes.")
@capture_option
@format_option("table", "json")
@lang_option
@log_options("error")
@click.pass_context
async def query(
    ctx: click.Context,
    /,
    loaded: Config,
    bot: str | None,
    report: str,
    date: date | None,
    at: Moment | None,
    explain: bool,
    capture: Path | None,
    format: str,
    lang: Language,
    log: FilteringBoundLogger,
) -> int:
    """Request a bot's report for a date from the platform, and print it.

    With --explain, the command also prints the sample that each field of each record becomes, or why there is none. It
    requests the bot's history, too, and prints how the report by hour is judged by it. It shows the samples of an exporter that starts at --at. The default is now or, for a past --date, its end.

    Exit status: 0 on success, 1 if the request failed, 2 for wrong flags.
    """
    clock = SystemClock()
    with capture_to(capture, loaded, ctx) as recorder:
        async with open_tenants(loaded, clock=clock, log=log, capture=recorder) as tenants:
            try:
                chosen = await _choose(tenants, bot, by_tenant=ctx.params["tenant"] is not None)
            except UpstreamError as error:
                complain(error, lang)
                return 1
            if recorder:
                recorder.config = _keep_bot(loaded, chosen)
            zone = chosen.access.tenant.timezone
            as_of = now = at.on(zone) if at else clock.now()
            day = date or find_local_date(as_of, zone)
            if at is None and day < find_local_date(as_of, zone):
                as_of = find_midnight(find_next_day(day), zone) - 1
            rules = Rules.of(loaded, chosen.access.tenant, REPORTS[report])
            question = Question(
                chosen, rules, day, as_of, now, hindsight=at is not None, explained=explain, history=loaded.history.days
            )
            answer = await ask(question)
        (show_json if format == "json" else show_text)(open_stdout(lang), question, answer)
        if answer.error:
            complain(answer.error, lang)
        return int(answer.error is not None)


def _keep_bot(config: Config, chosen: Chosen) -> Config:
    tenant = replace(chosen.access.tenant, bots=(chosen.bot,), discovery=None)
    return replace(config, platforms=(replace(chosen.access.platform, tenants=(tenant,)),))


async def _list_bots(access: TenantAccess) -> Sequence[Bot]:
    try:
        return await access.list_bots()
    except IncompleteListing as error:  # it may have the bot
        return access.choose_bots(error.bindings)


async def _choose(tenants: Sequence[TenantAccess], wanted: str | None, *, by_tenant: bool) -> Chosen:
    """Return a configured bot, a discovered bot, or any bot of the tenant that --tenant names. Raises UpstreamError."""
    known = [Chosen(access, bot) for access in tenants for bot in access.tenant.bots]
    if wanted and not find_bots(known, wanted):
        known = [Chosen(access, bot) for access in tenants for bot in await _list_bots(access)]
        if not find_bots(known, wanted) and by_tenant and len(tenants) == 1:
            return Chosen(tenants[0], Bot(wanted, wanted))
    return choose_one(known, wanted or None)
