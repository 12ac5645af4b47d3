"""Show the answer to a ``query``, as text or as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Final

from exporter.commands.query_answer import Answer, Question
from exporter.commands.query_explain import UNUSED, FieldFate, RecordFate
from exporter.commands.selection import locate
from exporter.console.output import Column, Output, Style
from exporter.judging.judge import Window
from exporter.language import Text
from exporter.polling.calendar import find_midnight, format_offset
from exporter.upstream.errors import LoginFailed
from exporter.upstream.reports import HOUR, Field, Kind, Record, Value

_HEADINGS: Final = {
    "exitNoConsultCount": Text("left\nat\nonce"),
    "callStaffNoConsultCount": Text("agent\nat\nonce"),
    "callStaffConsultCount": Text("agent\nlater"),
    "exitConsultingCount": Text("bot\nalone"),
    "interactCount": Text("inter-\nactions"),
    "averageInteractPerCall": Text("per\ncall"),
    "autonomyRate": Text("auton-\nomy"),
    "interfaceRequestCount": Text("inter-\nface\ncalls"),
    "interfaceSuccessCount": Text("inter-\nface\nok"),
    "interfaceSuccessRate": Text("ok\nshare"),
}
"""Short headings for the report with many fields. The default is the name of the metric."""


def show_text(output: Output, question: Question, answer: Answer) -> None:
    """Print a table of the records and, with --explain, the origin of each sample."""
    chosen = question.chosen
    output.line(
        Text(
            "%(bot)s (%(code)s) of %(tenant)s",
            bot=chosen.bot.name,
            code=chosen.bot.access_code,
            tenant=locate(chosen.access),
        ),
        "bold",
    )
    as_of = question.localize(question.as_of if question.explained else question.now)
    output.line(
        Text(
            "report %(report)s of %(date)s in %(zone)s, as of %(time)s",
            report=question.report.name,
            date=question.day,
            zone=question.rules.zone.key,
            time=f"{as_of:%Y-%m-%d %H:%M} {format_offset(as_of)}",
        )
    )
    if question.explained:
        output.line()
        _show_exchange(output, answer)
    if answer.error:
        return
    output.line()
    if answer.explanation.used:
        _show_table(output, question, answer.explanation.used)
    else:
        output.line(_describe_absence(question), "yellow")
    for anomaly in answer.explanation.anomalies:
        output.line(Text("%(kind)s: %(where)s", kind=anomaly.kind.value, where=anomaly.describe()), "yellow")
    if question.explained:
        numbered = enumerate(answer.explanation.records, 1)
        for number, record in sorted(numbered, key=lambda item: item[1].start or 0.0):
            _show_record(output, question, number, record)
        _show_samples(output, answer)
        if question.history and question.report is HOUR:
            _show_judgement(output, question, answer)


def show_json(output: Output, question: Question, answer: Answer) -> None:
    """Print the records and, with --explain, the explanation as JSON."""
    access, bot, explanation = question.chosen.access, question.chosen.bot, answer.explanation
    names = [field.name for field in question.report.fields]
    data: dict[str, object] = {
        "platform": access.platform.name,
        "tenant_id": access.tenant.tenant_id,
        "access_code": bot.access_code,
        "bot": bot.name,
        "report": question.report.name,
        "date": question.day.isoformat(),
        "timezone": question.rules.zone.key,
        "as_of": question.localize(question.as_of).isoformat(timespec="seconds"),
        "error": str(answer.error) if answer.error else None,
        "records": [
            {
                "start": question.localize(record.start).isoformat(),
                "complete": question.is_complete(record),
                "values": dict(zip(names, record.values, strict=True)),
            }
            for record in explanation.used
        ],
        "anomalies": [
            {"reason": anomaly.kind, "where": anomaly.where, "detail": anomaly.detail}
            for anomaly in explanation.anomalies
        ],
    }
    if question.explained:
        data["explanation"] = {
            "request": answer.request,
            "answer": answer.rows,
            "answer_form": answer.error.shape if answer.error else None,
            "records": [
                asdict(record)
                | {"start": None if record.start is None else question.localize(record.start).isoformat()}
                for record in explanation.records
            ],
            "notes": explanation.notes,
            "samples": explanation.samples,
            "judgement": {
                "error": str(answer.history_error) if answer.history_error else None,
                "history_seconds": answer.known_days * 86_400,
                "signals": [
                    {
                        "signal": name,
                        **signal._asdict(),
                        "windows": [window._asdict() for window in answer.windows[name]],
                    }
                    for name, signal in answer.signals.items()
                ],
            },
        }
    output.json(data)


def _show_exchange(output: Output, answer: Answer) -> None:
    request = answer.request
    output.line(Text("Request"), "bold")
    output.verbatim(f"{request['method']} {request['url']}", indent=2)
    headers = request["headers"]
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        output.verbatim(f"{name}: {value}", indent=2)
    output.verbatim(json.dumps(request["body"], ensure_ascii=False), indent=2)
    if answer.error and answer.error.shape:
        output.line()
        of_login = isinstance(answer.error, LoginFailed)
        output.line(
            Text(
                "Form of the answer to the login, without its values"
                if of_login
                else "Form of the answer, without its values"
            ),
            "bold",
        )
        output.verbatim(answer.error.shape, indent=2)
    if answer.error is None:
        output.line()
        output.line(Text("Answer: %(rows)s records", rows=len(answer.rows)), "bold")
        for row in answer.rows:
            output.verbatim(json.dumps(row, ensure_ascii=False), indent=2)


def _describe_absence(question: Question) -> str:
    if question.now < find_midnight(question.day, question.rules.zone):
        return Text("The platform has no record: the date is in the future.")
    if question.hindsight:
        return Text("The platform has no record at that time: there were no calls, or there is no such bot.")
    return Text("The platform has no record: there were no calls, or there is no such bot.")


def _show_table(output: Output, question: Question, records: Sequence[Record]) -> None:
    def find_style(record: Record | None) -> Style:
        return "bold" if record is None else "" if question.is_complete(record) else "dim"

    period = Text("hour") if question.report.type == "hour" else Text("day")
    columns: list[Column[Record | None]] = [
        (period, "name", lambda record: _format_period(question, record) if record else Text("sum"))
    ]
    for place, field in enumerate(question.report.fields):
        columns.append((choose_heading(field), "right", partial(_write_cell, records, field, place)))
    output.table([*records, None], columns, find_style, gap=1)
    if not all(map(question.is_complete, records)):
        output.line(Text("* not complete yet"), "dim")


def choose_heading(field: Field) -> Text:
    """Return the heading of a field's column."""
    words = field.labels[0][1] if field.labels else field.metric
    return _HEADINGS.get(field.name) or Text(words.replace("_", "\n"))


def _format_period(question: Question, record: Record) -> str:
    local = question.localize(record.start)
    mark = "" if question.is_complete(record) else "*"
    return f"{local:%H:%M}{mark}" if question.report.type == "hour" else f"{local:%m-%d}{mark}"


def _format(field: Field, value: Value) -> str:
    if value is None:
        return "-"
    if field.kind is Kind.RATIO:
        return "100%" if value == 1 else f"{value:.1%}"
    return str(value) if field.kind is Kind.COUNT else f"{value:.2f}"


def _write_cell(records: Sequence[Record], field: Field, place: int, record: Record | None) -> str:
    """Return a field of a record; None: the sum of the records, if it has one."""
    if record is not None:
        return _format(field, record.values[place])
    known = [value for other in records if (value := other.values[place]) is not None]
    return str(sum(known)) if field.kind is Kind.COUNT and known else ""


def _show_record(output: Output, question: Question, number: int, record: RecordFate) -> None:
    output.line()
    if record.start is None:
        output.line(Text("Record %(number)s", number=number), "bold")
    else:
        time = f"{question.localize(record.start):%Y-%m-%d %H:%M}"
        output.line(Text("Record %(number)s: %(time)s", number=number, time=time), "bold")
    for use in record.uses:
        output.line(use, "dim", indent=2)
    if record.fields and all(field.why_not == UNUSED for field in record.fields):
        output.line(Text("no sample contains one of its fields"), indent=2)
        return
    width = max((len(field.name) + len(field.raw) for field in record.fields), default=0) + 3
    for field in record.fields:
        output.verbatim(
            f"{f'{field.name} = {field.raw or None}':{width}}  {output.language.text(_describe_fate(field))}", indent=2
        )
        for sample in field.samples:
            output.verbatim(sample, "green", indent=6)


def _describe_fate(fate: FieldFate) -> str:
    if fate.why_not:
        return Text("no sample: %(why)s", why=fate.why_not)
    return Text("adds to %(counter)s", counter=fate.adds_to) if fate.adds_to else ""


def _show_samples(output: Output, answer: Answer) -> None:
    output.line()
    output.line(Text("All samples of the report"), "bold")
    for note in answer.explanation.notes:
        output.line(note, "dim", indent=2)
    for sample in answer.explanation.samples:
        output.verbatim(sample, indent=2)
    if not answer.explanation.samples:
        output.line(Text("none"), indent=2)


def _show_judgement(output: Output, question: Question, answer: Answer) -> None:
    output.line()
    output.line(Text("Judgement"), "bold")
    if answer.history_error:
        output.line(
            Text("The history cannot be fetched: %(error)s", error=answer.history_error.message), "yellow", indent=2
        )
        return
    known = Text("%(known)s of the last %(days)s days are known.", known=answer.known_days, days=question.history)
    output.line(known, "dim", indent=2)
    if not answer.signals:
        output.line(Text("Too few days are known to judge the bot."), indent=2)
        return

    def find_style(row: tuple[str, Window]) -> Style:
        name, window = row
        signal = answer.signals[name]
        decisive = window.seconds == signal.window_seconds and signal.score > 0
        return "bold" if decisive else "dim" if window.over else ""

    rows = [(name, window) for name in answer.signals for window in answer.windows[name]]
    output.table(
        rows,
        [
            (Text("signal"), "left", lambda row: row[0]),
            (Text("window"), "right", lambda row: Text("%(n)s h", n=round(row[1].seconds / 3600))),
            (Text("expected"), "right", lambda row: _format_for(row[0], row[1].expected)),
            (Text("actual"), "right", lambda row: _format_for(row[0], row[1].came)),
            (Text("spread"), "right", lambda row: _format_for(row[0], row[1].spread)),
            (Text("score"), "right", lambda row: f"{row[1].score:.1f}{'*' if row[1].over else ''}"),
            (Text("size"), "right", lambda row: f"{row[1].size_ratio:.0%}"),
        ],
        find_style,
    )
    if "dim" in map(find_style, rows):
        output.line(Text("* over: the newest hours are as usual again"), "dim")


def _format_for(signal: str, value: float) -> str:
    """Return a number of calls or a share, by the signal's name."""
    if not signal.startswith("calls"):
        return f"{value:.1%}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
