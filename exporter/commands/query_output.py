"""Show the answer to a ``query``, as text or as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from exporter.commands.query_answer import Answer, Question
from exporter.commands.query_explain import UNUSED, FieldFate, RecordFate
from exporter.commands.selection import locate
from exporter.console.output import Column, Output, Style
from exporter.polling.calendar import midnight
from exporter.upstream.errors import LoginFailed
from exporter.upstream.reports import HOUR, Field, Kind, Record, Value

_HEADINGS: Final = {
    "exitNoConsultCount": "left\nat\nonce",
    "callStaffNoConsultCount": "agent\nat\nonce",
    "callStaffConsultCount": "agent\nlater",
    "exitConsultingCount": "bot\nalone",
    "interactCount": "inter-\nactions",
    "averageInteractPerCall": "per\ncall",
    "autonomyRate": "auton-\nomy",
    "interfaceRequestCount": "inter-\nface\ncalls",
    "interfaceSuccessCount": "inter-\nface\nok",
    "interfaceSuccessRate": "ok\nshare",
}
"""Short headings for the report with many fields. The default is the name of the metric."""


def show_text(output: Output, question: Question, answer: Answer) -> None:
    """Print a table of the records and, with --explain, the origin of each sample."""
    chosen = question.chosen
    output.line(f"{chosen.bot.name} ({chosen.bot.access_code}) of {locate(chosen.access)}", "bold")
    as_of = question.local(question.as_of if question.explained else question.now)
    output.line(
        f"report {question.report.name} of {question.day} in {question.rules.zone.key}, as of {as_of:%Y-%m-%d %H:%M %Z}"
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
        detail = f" ({anomaly.detail})" if anomaly.detail else ""
        output.line(f"{anomaly.kind}: {anomaly.where}{detail}", "yellow")
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
        "as_of": question.local(question.as_of).isoformat(timespec="seconds"),
        "error": str(answer.error) if answer.error else None,
        "records": [
            {
                "start": question.local(record.start).isoformat(),
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
                asdict(record) | {"start": None if record.start is None else question.local(record.start).isoformat()}
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
    output.line("Request", "bold")
    output.verbatim(f"{request['method']} {request['url']}", indent=2)
    headers = request["headers"]
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        output.verbatim(f"{name}: {value}", indent=2)
    output.verbatim(json.dumps(request["body"], ensure_ascii=False), indent=2)
    if answer.error and answer.error.shape:
        output.line()
        of_login = " to the login" if isinstance(answer.error, LoginFailed) else ""
        output.line(f"Form of the answer{of_login}, without its values", "bold")
        output.verbatim(answer.error.shape, indent=2)
    if answer.error is None:
        output.line()
        output.line(f"Answer: {len(answer.rows)} records", "bold")
        for row in answer.rows:
            output.verbatim(json.dumps(row, ensure_ascii=False), indent=2)


def _describe_absence(question: Question) -> str:
    if question.now < midnight(question.day, question.rules.zone):
        return "The platform has no record: the date is in the future."
    then = " at that time" if question.hindsight else ""
    return f"The platform has no record{then}: there were no calls, or there is no such bot."


def _show_table(output: Output, question: Question, records: Sequence[Record]) -> None:
    fields = question.report.fields
    columns: list[tuple[str, Column]] = [("hour" if question.report.type == "hour" else "day", "name")]
    columns += [(_choose_heading(field), "right") for field in fields]
    rows = [[_format_period(question, record), *map(_format, fields, record.values)] for record in records]
    styles: list[Style] = ["" if question.is_complete(record) else "dim" for record in records]
    sums = [_sum(field, [record.values[index] for record in records]) for index, field in enumerate(fields)]
    output.table(columns, [*rows, ["sum", *sums]], [*styles, "bold"], gap=1)
    if "dim" in styles:
        output.line("* not complete yet", "dim")


def _choose_heading(field: Field) -> str:
    words = field.labels[0][1] if field.labels else field.metric
    return _HEADINGS.get(field.name, words.replace("_", "\n"))


def _format_period(question: Question, record: Record) -> str:
    local = question.local(record.start)
    mark = "" if question.is_complete(record) else "*"
    return f"{local:%H:%M}{mark}" if question.report.type == "hour" else f"{local:%m-%d}{mark}"


def _format(field: Field, value: Value) -> str:
    if value is None:
        return "-"
    if field.kind is Kind.RATIO:
        return "100%" if value == 1 else f"{value:.1%}"
    return str(value) if field.kind is Kind.COUNT else f"{value:.2f}"


def _sum(field: Field, values: Sequence[Value]) -> str:
    known = [value for value in values if value is not None]
    return str(sum(known)) if field.kind is Kind.COUNT and known else ""


def _show_record(output: Output, question: Question, number: int, record: RecordFate) -> None:
    output.line()
    when = "" if record.start is None else f": {question.local(record.start):%Y-%m-%d %H:%M}"
    output.line(f"Record {number}{when}", "bold")
    for use in record.uses:
        output.line(use, "dim", indent=2)
    if record.fields and all(field.why_not == UNUSED for field in record.fields):
        output.line("no sample contains one of its fields", indent=2)
        return
    width = max((len(field.name) + len(field.raw) for field in record.fields), default=0) + 3
    for field in record.fields:
        output.verbatim(f"{f'{field.name} = {field.raw or None}':{width}}  {_describe_fate(field)}", indent=2)
        for sample in field.samples:
            output.verbatim(sample, "green", indent=6)


def _describe_fate(fate: FieldFate) -> str:
    if fate.why_not:
        return f"no sample: {fate.why_not}"
    return f"adds to {fate.adds_to}" if fate.adds_to else ""


def _show_samples(output: Output, answer: Answer) -> None:
    output.line()
    output.line("All samples of the report", "bold")
    for note in answer.explanation.notes:
        output.line(note, "dim", indent=2)
    for sample in answer.explanation.samples:
        output.verbatim(sample, indent=2)
    if not answer.explanation.samples:
        output.line("none", indent=2)


def _show_judgement(output: Output, question: Question, answer: Answer) -> None:
    output.line()
    output.line("Judgement", "bold")
    if answer.history_error:
        output.line(f"The history cannot be fetched: {answer.history_error}", "yellow", indent=2)
        return
    output.line(f"{answer.known_days} of the last {question.history} days are known.", "dim", indent=2)
    if not answer.signals:
        output.line("Too few days are known to judge the bot.", indent=2)
        return
    rows: list[tuple[str, ...]] = []
    styles: list[Style] = []
    for name, signal in answer.signals.items():
        number = _number_calls if name.startswith("calls") else _number_share
        for window in answer.windows[name]:
            decisive = window.seconds == signal.window_seconds and signal.score > 0
            rows.append(
                (
                    name,
                    f"{window.seconds / 3600:.0f} h",
                    number(window.expected),
                    number(window.came),
                    number(window.spread),
                    f"{window.score:.1f}{'*' if window.over else ''}",
                    f"{window.size_ratio:.0%}",
                )
            )
            styles.append("bold" if decisive else "dim" if window.over else "")
    headings = ("window", "expected", "actual", "spread", "score", "size")
    output.table([("signal", "left"), *((heading, "right") for heading in headings)], rows, styles)
    if "dim" in styles:
        output.line("* over: the newest hours are as usual again", "dim")


def _number_calls(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _number_share(value: float) -> str:
    return f"{value:.1%}"
