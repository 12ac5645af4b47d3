"""A bot's report as a table of one row a period."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from exporter.console.output import Column, Output, Style
from exporter.upstream.reports import Field, Kind, Record, Report, Value

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
"""Short ones, where a report has many fields; any other has the name of its metric."""


def show_table(output: Output, report: Report, zone: ZoneInfo, records: Sequence[Record], open_: set[float]) -> None:
    """Write records in the order of time, and the sums of what can be summed up.

    Args:
        output: Where to.
        report: What the records are of.
        zone: Times are shown in it.
        records: Any order.
        open_: The starts of those that are not complete.
    """
    columns: list[tuple[str, Column]] = [("hour" if report.type == "hour" else "day", "name")]
    columns += [(_heading(each), "right") for each in report.fields]
    ordered = sorted(records)
    rows = [[_period(report, zone, each, open_), *map(_figure, report.fields, each.values)] for each in ordered]
    styles: list[Style] = ["dim" if each.start in open_ else "" for each in ordered]
    sums = [_sum(each, [record.values[index] for record in ordered]) for index, each in enumerate(report.fields)]
    output.table(columns, [*rows, ["sum", *sums]], [*styles, "bold"], gap=1)
    if open_:
        output.line("* not complete yet", "dim")


def _heading(field: Field) -> str:
    words = field.labels[0][1] if field.labels else field.metric
    return _HEADINGS.get(field.name, words.replace("_", "\n"))


def _period(report: Report, zone: ZoneInfo, record: Record, open_: set[float]) -> str:
    local = datetime.fromtimestamp(record.start, zone)
    mark = "*" if record.start in open_ else ""
    return f"{local:%H:%M}{mark}" if report.type == "hour" else f"{local:%m-%d}{mark}"


def _figure(field: Field, value: Value) -> str:
    if value is None:
        return "-"
    if field.kind is Kind.RATIO:
        return "100%" if value == 1 else f"{value:.1%}"
    return str(value) if field.kind is Kind.COUNT else f"{value:.2f}"


def _sum(field: Field, values: Sequence[Value]) -> str:
    known = [value for value in values if value is not None]
    return str(sum(known)) if field.kind is Kind.COUNT and known else ""
