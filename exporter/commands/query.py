"""``oifde-exporter query``: the report of one bot and one date, and what becomes of it."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click
from structlog.typing import FilteringBoundLogger

from exporter import config, logs, signals
from exporter.clock import Clock, SystemClock
from exporter.commands.advice import advice
from exporter.commands.help import Command
from exporter.commands.options import (
    Day,
    Moment,
    at_option,
    config_option,
    config_source,
    flag,
    format_option,
    log_options,
    tenant_option,
    told_to_the_user,
)
from exporter.commands.platforms import TenantAccess, open_tenants
from exporter.commands.query_explain import (
    UNUSED,
    Explanation,
    FieldFate,
    RecordFate,
    explain,
    wants_day_before,
)
from exporter.commands.query_table import show_table
from exporter.commands.selection import Chosen, bots_of, named, only, title, with_tenant
from exporter.config import Bot, Config
from exporter.console.output import Output, stdout
from exporter.polling.calendar import day_before, local_date, midnight, next_day
from exporter.polling.roster import choose_bots
from exporter.polling.snapshot import BotId
from exporter.polling.windows import Rules, settles_at
from exporter.upstream.bindings import list_bindings
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import REPORTS, Record, Report
from exporter.upstream.session import authorised

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked for, and what is then said of it."""

    chosen: Chosen
    report: Report
    rules: Rules
    day: date
    as_of: float
    """What the explanation is of, in epoch seconds."""
    now: float
    """By which hours count as complete in the table."""
    hindsight: bool
    """Whether that is a time that the user has named: what began later is left out."""
    explained: bool

    @property
    def bot(self) -> BotId:
        return self.chosen.id

    def local(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, self.rules.zone)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came, with no secret in it."""

    request: Mapping[str, object]
    rows: Sequence[object] = ()
    before: Sequence[object] | None = None
    """The day before, where an exporter would ask for it; None if it is not needed, or could not be had."""
    error: UpstreamError | None = None


@click.command(
    cls=Command,
    short_help="One bot, one date: the platform's report.",
    examples="""
oifde-exporter query --bot=billing             today, by hour
oifde-exporter query --bot=billing --date=2026-05-20 --format=json
oifde-exporter query --bot=billing --explain   why is a sample what it is?
oifde-exporter query --bot=billing --explain --at=2026-05-20T00:30
oifde-exporter query --tenant=acme --bot=943370855474270311
""",
)
@flag(
    "--bot",
    metavar="NAME|ACCESS_CODE",
    help="The bot. May be left out where there is only one; with --tenant, an access code need not be configured.",
)
@tenant_option
@flag("--report", type=click.Choice(list(REPORTS)), default="hour", help="Which of the bot's reports.")
@flag("--date", type=Day(), metavar="DATE", help="A local date of the tenant, as 2026-05-20. Default: today.")
@at_option
@flag("--explain", is_flag=True, help="Show the request, the answer, and which sample each field becomes or why none.")
@format_option("table", "json")
@config_option
@log_options("error")
@click.pass_context
def query(
    ctx: click.Context,
    /,
    config_file: Path,
    tenant: str | None,
    format: str,
    log_level: str,
    log_format: str,
    **asked: Any,
) -> None:
    """Ask the platform for a bot's report of a date, and print it.

    With --explain it also shows what the exporter makes of it: for each field of each record the sample that it
    becomes, or why there is none. It is as an exporter would show it that starts at --at: now, or, for a --date that
    is over, at the end of that date.

    Exit status: 0, or 1 if the report could not be had, 2 for flags that are wrong.
    """
    log = logs.configure(level=log_level, format=log_format)
    with told_to_the_user():
        loaded = with_tenant(config.load(config_source(ctx, config_file), os.environ), tenant)
    sys.exit(signals.run(_query(loaded, log, SystemClock(), by_tenant=tenant is not None, format=format, **asked)))


async def _query(
    loaded: Config,
    log: FilteringBoundLogger,
    clock: Clock,
    *,
    by_tenant: bool,
    format: str,
    bot: str | None,
    report: str,
    date: date | None,
    at: Moment | None,
    explain: bool,
) -> int:
    output = stdout()
    try:
        found = await _find(loaded, bot, log, clock, by_tenant=by_tenant)
    except UpstreamError as error:
        return _failed(error)
    zone = found.tenant.timezone
    as_of = now = at.on(zone) if at else clock.now()
    day = date or local_date(as_of, zone)
    if at is None and day < local_date(as_of, zone):
        as_of = midnight(next_day(day), zone) - 1
    rules = Rules.of(loaded, found.tenant, REPORTS[report])
    question = _Question(found, REPORTS[report], rules, day, as_of, now, hindsight=at is not None, explained=explain)
    answer = await _ask(question, loaded, log, clock)
    (_show_json if format == "json" else _show_text)(output, question, answer)
    return _failed(answer.error) if answer.error else 0


def _failed(error: UpstreamError) -> int:
    click.echo(logs.printable(f"oifde-exporter: {error}. {advice(error)}"), err=True)
    return 1


async def _find(
    loaded: Config, wanted: str | None, log: FilteringBoundLogger, clock: Clock, *, by_tenant: bool
) -> Chosen:
    """The bot that is meant: a configured one, one that discovery finds, or any access code of a tenant that is named."""
    configured = list(bots_of(loaded))
    found = named(configured, wanted) if wanted else configured
    discovering = [each for each in loaded.platforms if any(tenant.discovery for tenant in each.tenants)]
    if wanted and not found and discovering:
        configured += await _discovered(loaded, log, clock)
        found = named(configured, wanted)
    tenants = list(loaded.tenants())
    if wanted and not found and by_tenant and len(tenants) == 1:
        return Chosen(*tenants[0], Bot(wanted, wanted, _NOTHING))
    return only(found, wanted, configured)


async def _discovered(loaded: Config, log: FilteringBoundLogger, clock: Clock) -> list[Chosen]:
    """The bots that discovery finds besides those that are configured."""
    found: list[Chosen] = []
    async with open_tenants(loaded, clock=clock, log=log) as tenants:
        for each in tenants:
            rules = each.tenant.discovery
            if rules is None:
                continue
            bindings = await list_bindings(each.session, each.tenant.tenant_id)
            bots = choose_bots(each.tenant.bots, {one.access_code: one.name for one in bindings}, rules)
            found += [Chosen(each.platform, each.tenant, bot) for bot in bots if bot not in each.tenant.bots]
    return found


async def _ask(question: _Question, loaded: Config, log: FilteringBoundLogger, clock: Clock) -> _Answer:
    platform, tenant, _ = question.chosen
    alone = replace(loaded, platforms=(replace(platform, tenants=(tenant,)),))
    async with open_tenants(alone, clock=clock, log=log) as (access,):
        request = _request(question, access)
        try:
            rows = await _rows(question, access, question.day)
        except UpstreamError as error:
            return _Answer(request, error=error)
        before = None
        if question.explained and wants_day_before(
            question.bot, question.rules, question.day, rows, question.as_of, hindsight=question.hindsight
        ):
            with suppress(UpstreamError):  # the daemon goes on without it, too
                before = await _rows(question, access, day_before(question.day))
        return _Answer(request, rows, before)


async def _rows(question: _Question, access: TenantAccess, day: date) -> Sequence[object]:
    """The report of a date, with no secret in it."""
    rows = await access.ask(question.report, question.chosen.bot.access_code, day)
    text = access.client.without_secrets(json.dumps(rows, ensure_ascii=False))
    # What is no JSON, though Python's reader takes it (NaN), is to stay readable for those who are stricter.
    return list(json.loads(text, parse_constant=str))


def _request(question: _Question, access: TenantAccess) -> Mapping[str, object]:
    """The request as it is sent, but for its secrets."""
    midnight_ = midnight(question.day, question.rules.zone)
    body = question.report.request(question.bot.tenant_id, question.bot.access_code, midnight_)
    full, headers = authorised(body, "<secret>", access.tenant.auth.header_user)
    return {"method": "POST", "url": access.client.url(question.report.path), "headers": headers, "body": full}


def _explain(question: _Question, answer: _Answer) -> Explanation:
    return explain(
        question.bot,
        question.rules,
        question.day,
        answer.rows,
        question.as_of,
        before=answer.before,
        hindsight=question.hindsight,
    )


def _open(question: _Question, records: Sequence[Record]) -> set[float]:
    """The starts of the records whose hour or day is not complete."""
    return {record.start for record in records if question.now < settles_at(record, question.rules)}


def _show_text(output: Output, question: _Question, answer: _Answer) -> None:
    platform, tenant, bot = question.chosen
    output.line(f"{bot.name} ({bot.access_code}) of {title(tenant)} on {platform.name}", "bold")
    as_of = question.local(question.as_of if question.explained else question.now)
    output.line(
        f"report {question.report.name} of {question.day} in {question.rules.zone.key}, as of {as_of:%Y-%m-%d %H:%M %Z}"
    )
    if question.explained:
        output.line()
        _show_exchange(output, answer)
    if answer.error:
        return
    explanation = _explain(question, answer)
    records = explanation.used
    output.line()
    if records:
        show_table(output, question.report, question.rules.zone, records, _open(question, records))
    else:
        begun = midnight(question.day, question.rules.zone) <= question.now
        why = "no calls, or no such bot" if begun else "it begins later"
        had = "had no record of it by then" if question.hindsight else "has no record of it"
        output.line(f"The platform {had}: {why}.", "yellow")
    for anomaly in explanation.anomalies:
        detail = f" ({anomaly.detail})" if anomaly.detail else ""
        output.line(f"{anomaly.kind}: {anomaly.where}{detail}", "yellow")
    if question.explained:
        numbered = enumerate(explanation.records, 1)
        for number, record in sorted(numbered, key=lambda each: each[1].start or 0.0):
            _show_record(output, question, number, record)
        _show_end(output, explanation)


def _show_exchange(output: Output, answer: _Answer) -> None:
    request = answer.request
    output.line("Request", "bold")
    output.verbatim(f"{request['method']} {request['url']}", indent=2)
    headers = request["headers"]
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        output.verbatim(f"{name}: {value}", indent=2)
    output.verbatim(json.dumps(request["body"], ensure_ascii=False), indent=2)
    if answer.error is None:
        output.line()
        output.line(f"Answer: {len(answer.rows)} records", "bold")
        for row in answer.rows:
            output.verbatim(json.dumps(row, ensure_ascii=False), indent=2)


def _show_record(output: Output, question: _Question, number: int, record: RecordFate) -> None:
    output.line()
    when = "" if record.start is None else f": {question.local(record.start):%Y-%m-%d %H:%M}"
    output.line(f"Record {number}{when}", "bold")
    for use in record.uses:
        output.line(use, "dim", indent=2)
    if record.fields and all(each.why_not == UNUSED for each in record.fields):
        output.line("none of its fields is in a sample", indent=2)
        return
    width = max((len(each.name) + len(each.raw) for each in record.fields), default=0) + 3
    for each in record.fields:
        output.verbatim(f"{f'{each.name} = {each.raw or None}':{width}}  {_fate(each)}", indent=2)
        for sample in each.samples:
            output.verbatim(sample, "green", indent=6)


def _fate(fate: FieldFate) -> str:
    if fate.why_not:
        return f"no sample: {fate.why_not}"
    return f"adds to {fate.counter}" if fate.counter else ""


def _show_end(output: Output, explanation: Explanation) -> None:
    output.line()
    output.line("All samples of it", "bold")
    for note in explanation.notes:
        output.line(note, "dim", indent=2)
    for sample in explanation.samples:
        output.verbatim(sample, indent=2)
    if not explanation.samples:
        output.line("none", indent=2)


def _show_json(output: Output, question: _Question, answer: _Answer) -> None:
    platform, tenant, bot = question.chosen
    data: dict[str, object] = {
        "platform": platform.name,
        "tenant_id": tenant.tenant_id,
        "access_code": bot.access_code,
        "bot": bot.name,
        "report": question.report.name,
        "date": question.day.isoformat(),
        "timezone": question.rules.zone.key,
        "as_of": question.local(question.as_of).isoformat(timespec="seconds"),
        "error": str(answer.error) if answer.error else None,
    }
    explanation = _explain(question, answer)
    records = explanation.used
    open_ = _open(question, records)
    names = [each.name for each in question.report.fields]
    data["records"] = [
        {
            "start": question.local(each.start).isoformat(),
            "complete": each.start not in open_,
            "values": dict(zip(names, each.values, strict=True)),
        }
        for each in records
    ]
    data["anomalies"] = [
        {"reason": each.kind, "where": each.where, "detail": each.detail} for each in explanation.anomalies
    ]
    if question.explained:
        data["explanation"] = {
            "request": answer.request,
            "answer": answer.rows,
            "records": [_record_as_json(question, each) for each in explanation.records],
            "notes": explanation.notes,
            "samples": explanation.samples,
        }
    output.json(data)


def _record_as_json(question: _Question, record: RecordFate) -> dict[str, object]:
    return {
        "start": None if record.start is None else question.local(record.start).isoformat(),
        "uses": record.uses,
        "fields": [
            {
                "name": each.name,
                "raw": each.raw,
                "samples": each.samples,
                "adds_to": each.counter,
                "why_not": each.why_not,
            }
            for each in record.fields
        ],
    }
