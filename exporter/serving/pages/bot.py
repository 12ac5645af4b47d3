"""What a bot's own page shows."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.judging.usual import Expected, Range
from exporter.judging.verdict import Verdict
from exporter.language import Text
from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.catalogue import LAYOUTS, Layout
from exporter.serving.pages import chart
from exporter.serving.pages.course import Course, arrange_day
from exporter.serving.pages.rendering import LocalTime, describe_time, name_field
from exporter.serving.pages.summary import AUTONOMY, CALLS, CONTAINED, INTERFACE_SUCCESS, MAIN, Moment, summarize
from exporter.serving.status import State
from exporter.upstream.reports import Field, Kind, Value

_USUAL: Final = {CALLS: "calls", AUTONOMY: "autonomy", INTERFACE_SUCCESS: "interface_success"}
"""Which fields of the main report have expected values, and their attributes of ``Expected``."""

_SIZE: Final = {"width": 420.0, "height": 150.0}


class Cell(NamedTuple):
    """A value of a field, and its usual range if that is known."""

    value: Value
    usual: Range | None


class FieldRow(NamedTuple):
    """A field of a report: its title and help, the names of its metrics, and a value per window."""

    title: str
    help: str
    field: Field
    metrics: Sequence[str]
    cells: Sequence[Cell]


class Head(NamedTuple):
    """The head of a column: its window, when that began, and whether the platform has a record of it."""

    title: str
    began: LocalTime | None
    reported: bool


class Charts(NamedTuple):
    """A report's first count as bars, and its first ratio as a line with its title."""

    bars: chart.Bars | None = None
    lines: chart.Lines | None = None
    ratio: str = ""


class ReportView(NamedTuple):
    """A report on a bot's page."""

    name: str
    snapshot: Snapshot
    expired: bool
    heads: Sequence[Head]
    rows: Sequence[FieldRow]
    course: Course | None
    charts: Charts


def collect(state: State, tenant_id: str, access_code: str, at: Moment) -> dict[str, Any] | None:
    """Return what the template needs; None if the bot does not exist."""
    found = next(
        (pair for pair in state.bots if (pair[0].tenant_id, pair[0].access_code) == (tenant_id, access_code)), None
    )
    if found is None:
        return None
    bot, reports = found
    tenant = next(
        (status for id_, status in state.tenants if (id_.platform, id_.tenant_id) == (bot.platform, tenant_id)), None
    )
    summary = summarize(bot, reports, tenant, state.verdicts.get(bot), at)
    return {
        "state": state,
        "zone": ZoneInfo(bot.timezone),
        "bot": bot,
        "summary": summary,
        "tenant": tenant,
        "reports": [_build_report(name, bot, snapshot, summary.verdict, state) for name, snapshot in reports.items()],
    }


def _build_report(name: str, bot: BotId, snapshot: Snapshot, verdict: Verdict | None, state: State) -> ReportView:
    expired = snapshot.expires <= state.elapsed
    layout, zone = LAYOUTS[name], ZoneInfo(bot.timezone)
    report = layout.shown.report
    data = Snapshot() if expired else snapshot
    by_day = report.type == "day"
    heads: list[Head] = []
    columns: list[Sequence[Cell]] = []
    for window in layout.shown.windows:
        reading = layout.read(window, data)
        began = describe_time(reading.start, zone, state.now, of_day=by_day) if reading else None
        heads.append(Head(window.title, began, reading is None or reading.reported))
        expected = verdict.expected if verdict and report is MAIN and window.attribute == "hour" else None
        values = reading.values if reading else (None,) * len(report.fields)
        columns.append([Cell(value, _find_usual(expected, index)) for index, value in enumerate(values)])
    if layout.shown.counted:
        heads.append(Head(Text("Today so far"), None, reported=True))
        columns.append([Cell(value, None) for value in data.totals or (None,) * len(report.fields)])
    day = None if by_day or expired else arrange_day(data, bot.timezone, state.now)
    rows = [
        FieldRow(name_field(field), field.help, field, list(_list_metrics(layout, field)), cells)
        for field, *cells in zip(report.fields, *columns, strict=True)
    ]
    charts = _draw_charts(layout, day, verdict) if day else Charts()
    return ReportView(name, snapshot, expired and snapshot.last_success is not None, heads, rows, day, charts)


def _find_usual(expected: Expected | None, index: int) -> Range | None:
    return getattr(expected, _USUAL[index]) if expected and index in _USUAL else None


def _draw_charts(layout: Layout, day: Course, verdict: Verdict | None) -> Charts:
    report = layout.shown.report
    ratio = next((index for index, field in enumerate(report.fields) if field.kind is Kind.RATIO), None)
    expected = verdict.expect_today() if verdict and report is MAIN else {}

    def find_ranges(index: int) -> Sequence[Range | None]:
        return [_find_usual(expected.get(slot.start or 0.0), index) for slot in day.slots] if expected else ()

    part = day.today(CONTAINED) if report is MAIN else ()
    bars = chart.draw_bars(day.today(0), part, day.yesterday(0), find_ranges(0), **_SIZE)
    if ratio is None:
        return Charts(bars)
    lines = chart.draw_lines(day.today(ratio), day.yesterday(ratio), find_ranges(ratio), **_SIZE, top=1.0)
    return Charts(bars, lines, name_field(report.fields[ratio]))


def _list_metrics(layout: Layout, field: Field) -> Iterator[str]:
    pairs = ", ".join(f'{name}="{value}"' for name, value in field.labels)
    labels = f"{{{pairs}}}" if pairs else ""
    for window in layout.shown.windows:
        yield f"{window.prefix}{field.metric}{labels}"
    if layout.shown.counted and field.kind is Kind.COUNT:
        yield f"oifde_{field.metric}_total{labels}"
