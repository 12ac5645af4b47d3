"""Draws a dashboard's panels as a page of HTML, with the answers a Prometheus gave to their queries."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from rich.cells import cell_len

from harness.dashboards import Dashboard
from pictures.answers import Answers
from pictures.figures import clock, written

WIDTH = 1366
_TEXT, _DIM, _PAGE, _PANEL, _LINE = "#ccccdc", "#8e8e9a", "#111217", "#181b1f", "#2c2f36"
_LETTER = 6.5
"""About as wide as a letter is, in pixels."""
_STYLE = f"""
* {{ box-sizing: border-box }}
body {{ margin: 0; background: {_PAGE}; color: {_TEXT}; font: 12px/1.35 Inter, "Noto Sans", "DejaVu Sans", sans-serif;
  width: {WIDTH}px }}
header {{ padding: 10px 16px 4px; font-size: 16px }} header span {{ color: {_DIM}; font-size: 12px; margin-left: 12px }}
main {{ position: relative; margin: 0 8px }}
section {{ position: absolute; background: {_PANEL}; border: 1px solid {_LINE}; border-radius: 2px; overflow: hidden }}
section h2 {{ margin: 0; padding: 5px 8px 0; font-size: 13px; font-weight: 500; white-space: nowrap }}
h1 {{ position: absolute; margin: 0; padding: 8px; font-size: 15px; font-weight: 500 }}
.big {{ text-align: center; font-size: 29px; padding-top: 22px; font-weight: 500; white-space: nowrap }}
.none {{ text-align: center; color: {_DIM}; padding-top: 40px }}
table {{ border-collapse: collapse; width: 100%; margin-top: 4px }}
th {{ text-align: left; font-weight: 500; color: #6e9fff; padding: 4px 8px; border-bottom: 1px solid {_LINE} }}
td {{ padding: 3px 8px; border-bottom: 1px solid {_LINE}; white-space: nowrap }} td.n, th.n {{ text-align: right }}
th {{ vertical-align: bottom; line-height: 1.15 }}
.key {{ padding: 0 8px; color: {_DIM} }} .key span {{ display: inline-block; white-space: nowrap }} .key b {{ font-weight: 400; color: {_TEXT} }}
.key i {{ display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin: 0 5px 3px 10px }}
svg text {{ fill: {_DIM}; font-size: 11px }}
"""


@dataclass(frozen=True)
class _Panel:
    """A panel and what its queries were answered."""

    content: Mapping[str, Any]
    answers: Answers
    width: int
    height: int

    @property
    def defaults(self) -> Mapping[str, Any]:
        return self.content["fieldConfig"]["defaults"]  # type: ignore[no-any-return]

    def config(self, name: str) -> dict[str, Any]:
        """How the field of a name is shown: the panel's defaults, and what overrides them."""
        found = {key: value for key, value in self.defaults.items() if key != "custom"}
        found |= {f"custom.{key}": value for key, value in self.defaults.get("custom", {}).items()}
        for override in self.content["fieldConfig"]["overrides"]:
            pattern = override["matcher"]["options"]
            by_regex = override["matcher"]["id"] == "byRegexp"
            if re.search(pattern.strip("/"), name) if by_regex else pattern == name:
                found |= {item["id"]: item["value"] for item in override["properties"]}
        return found

    def text(self, value: float, config: Mapping[str, Any]) -> str:
        """A value in words."""
        for mapping in config.get("mappings", []):
            if option := mapping["options"].get(f"{value:.0f}"):
                return str(option["text"])
        return written(value, config.get("unit", "none"), config.get("decimals"), self.answers.end)

    def colour(self, value: float, config: Mapping[str, Any]) -> str:
        """The colour of a value."""
        for mapping in config.get("mappings", []):
            if option := mapping["options"].get(f"{value:.0f}"):
                return str(option["color"])
        if config.get("color", {}).get("mode") == "fixed":
            return _shown(config["color"]["fixedColor"])
        steps = config["thresholds"]["steps"]
        return _shown([step["color"] for step in steps if step["value"] is None or step["value"] <= value][-1])

    def series(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The queries' answers, each with its legend."""
        for target in self.content["targets"]:
            for series in self.answers.series[self.content["id"], target["refId"]]:
                legend = target.get("legendFormat", "")
                yield re.sub(r"\{\{(\w+)\}\}", lambda match, s=series: s["metric"].get(match[1], ""), legend), series  # type: ignore[misc]


def page(dashboard: Dashboard, answers: Answers, chosen: str) -> str:
    """The page; ``chosen`` are the variables' values in words."""
    parts = []
    bottom = 0
    for content in dashboard.content["panels"]:
        place = content["gridPos"]
        unit = (WIDTH - 16) / 24
        left, top = place["x"] * unit + 4, place["y"] * 38
        width, height = int(place["w"] * unit - 8), place["h"] * 38 - 8
        bottom = max(bottom, top + height + 12)
        if content["type"] == "row":
            parts.append(f'<h1 style="left:{left}px;top:{top}px">⌄ {escape(content["title"])}</h1>')
            continue
        inside = _DRAWN[content["type"]](_Panel(content, answers, width, height - 28))
        style = f"left:{left:.0f}px;top:{top}px;width:{width}px;height:{height}px"
        parts.append(f'<section style="{style}"><h2>{escape(content["title"])}</h2>{inside}</section>')
    title = f"<header>{escape(dashboard.content['title'])}<span>{escape(chosen)}</span></header>"
    body = f'{title}<main style="height:{bottom}px">{"".join(parts)}</main>'
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>{body}'


def _nothing(panel: _Panel) -> str:
    return f'<p class="none">{escape(panel.defaults["noValue"])}</p>'


def _stat(panel: _Panel) -> str:
    for name, series in panel.series():
        value, config = float(series["value"][1]), panel.config(name)
        text = panel.text(value, config)
        style = f"color:{panel.colour(value, config)};font-size:{min(29, 1.6 * panel.width / len(text)):.0f}px"
        return f'<div class="big" style="{style}">{escape(text)}</div>'
    return _nothing(panel)


def _bars(panel: _Panel) -> str:
    found = [(name, float(series["value"][1])) for name, series in panel.series()]
    if not found:
        return _nothing(panel)
    config = panel.config("")
    most = max(value for _, value in found) or 1
    height = min(44, (panel.height - 12) // len(found))
    rows = []
    for number, (name, value) in enumerate(found):
        top, room = 10 + number * height, panel.width - 330
        rows.append(
            f'<text x="230" y="{top + height / 2}" text-anchor="end" style="fill:{_TEXT}">{escape(name)}</text>'
            f'<rect x="240" y="{top}" width="{room}" height="{height - 10}" fill="{_PAGE}"/>'
            f'<rect x="240" y="{top}" width="{room * value / most:.0f}" height="{height - 10}" fill="{panel.colour(value, config)}"/>'
            f'<text x="{250 + room}" y="{top + height / 2}" style="fill:{_TEXT}">{escape(panel.text(value, config))}</text>'
        )
    return _svg(panel, "".join(rows))


def _strips(panel: _Panel) -> str:
    found = list(panel.series())
    if not found:
        return _nothing(panel)
    config, height = panel.config(""), min(60, (panel.height - 30) // len(found))
    left = min(250, 24 + 7 * max(len(name) for name, _ in found))
    plot = _Plot(panel, left, 0, 1, bottom=panel.height - 24)
    marks = [plot.times()]
    for number, (name, series) in enumerate(found):
        top = 6 + number * height
        marks.append(
            f'<text x="{left - 8}" y="{top + height / 2}" text-anchor="end" style="fill:{_TEXT}">{escape(name)}</text>'
        )
        points = [(at, float(value)) for at, value in series["values"]]
        step = min((b[0] - a[0] for a, b in itertools.pairwise(points)), default=60)
        for first, last, value in _runs(points, step):
            x, end = plot.x(first), min(plot.x(last + step), plot.right)
            colour = panel.colour(value, config)
            marks.append(f'<rect x="{x:.1f}" y="{top}" width="{end - x:.1f}" height="{height - 8}" fill="{colour}"/>')
            if end - x > 40:
                words = escape(panel.text(value, config))
                marks.append(f'<text x="{x + 4:.1f}" y="{top + height / 2}" style="fill:#fff">{words}</text>')
    return _svg(panel, "".join(marks))


def _runs(points: Sequence[tuple[float, float]], step: float) -> Iterator[tuple[float, float, float]]:
    """Times of one value without a gap: from, to, value."""
    first = last = None
    value = math.nan
    for at, current in points:
        if last is not None and first is not None and (current != value or at - last > 1.5 * step):
            yield first, last, value
            first = None
        if first is None:
            first, value = at, current
        last = at
    if first is not None and last is not None:
        yield first, last, value


class _Plot:
    """Map times and values to positions on a panel."""

    def __init__(self, panel: _Panel, left: int, low: float, high: float, *, bottom: int) -> None:
        self.left, self.right, self.top, self.bottom = left, panel.width - 12, 10, bottom
        self.low, self.high = low, high
        self._panel = panel

    def x(self, at: float) -> float:
        answers = self._panel.answers
        return self.left + (at - answers.start) / (answers.end - answers.start) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def times(self) -> str:
        """The axis of time."""
        answers = self._panel.answers
        length = answers.end - answers.start
        wished = length / max(2, (self.right - self.left) / 110)
        steps = (10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
        step = next((length for length in steps if length >= wished), 86400)
        marks = []
        for at in range(int(answers.start // step + 1) * step, int(answers.end), step):
            x = self.x(at)
            marks.append(f'<path d="M{x:.1f} {self.top}V{self.bottom}" stroke="{_LINE}"/>')
            words = clock(at, length)
            if x + _LETTER * len(words) / 2 < self._panel.width:  # else it would be cut off
                marks.append(f'<text x="{x:.1f}" y="{self.bottom + 15}" text-anchor="middle">{words}</text>')
        return "".join(marks)

    def values(self, config: Mapping[str, Any]) -> str:
        """The axis of values."""
        marks = []
        for number in range(5):
            value = self.low + (self.high - self.low) * number / 4
            y = self.y(value)
            marks.append(f'<path d="M{self.left} {y:.1f}H{self.right}" stroke="{_LINE}"/>')
            words = written(value, config.get("unit", "none"), 0 if config.get("unit") == "percentunit" else None, 0)
            marks.append(f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(words)}</text>')
        return "".join(marks)


def _lines(panel: _Panel) -> str:
    found = {name: [(at, float(value)) for at, value in series["values"]] for name, series in panel.series()}
    found = {name: [point for point in points if math.isfinite(point[1])] for name, points in found.items()}
    found = {name: points for name, points in found.items() if points}
    if not found:
        return _nothing(panel)
    configs = {name: panel.config(name) for name in found}
    keys = [
        _Key(
            configs[name].get("displayName", name),
            panel.text(points[-1][1], configs[name]),
            _shown(configs[name]["color"]["fixedColor"]),
        )
        for name, points in found.items()
        if not configs[name].get("custom.hideFrom", {}).get("legend")
    ]
    room = 4 + 18 * _rows(keys, panel.width - 16)
    stacked = panel.defaults["custom"].get("stacking", {}).get("mode") == "normal"
    lower: dict[str, dict[float, float]] = {}
    if stacked:
        total: dict[float, float] = {}
        for name, points in found.items():
            lower[name] = {at: total.get(at, 0.0) for at, _ in points}
            found[name] = [(at, value + total.get(at, 0.0)) for at, value in points]
            total |= dict(found[name])
    top = max(value for points in found.values() for _, value in points)
    high = panel.defaults.get("max", _round_up(top))
    plot = _Plot(panel, 64, min(0.0, panel.defaults.get("min", 0)), high, bottom=panel.height - room - 26)
    marks = [plot.times(), plot.values(panel.defaults), *_marks(panel, plot)]
    for name in reversed(found) if stacked else found:
        points, config = found[name], configs[name]
        colour = _shown(config["color"]["fixedColor"])
        below = lower.get(name) or dict(found.get(str(config.get("custom.fillBelowTo")), ()))
        opacity = config.get("custom.fillOpacity", 0) / 100
        base = plot.low if not below else None
        for run in _unbroken(points):
            path = _steps(plot, run)
            if opacity:
                back = [(at, below.get(at, base if base is not None else plot.low)) for at, _ in run]
                under = _steps(plot, back, reverse=True)
                marks.append(f'<path d="M{path}L{under}Z" fill="{colour}" fill-opacity="{opacity}"/>')
            if width := config.get("custom.lineWidth", 1):
                dash = ' stroke-dasharray="8 6"' if "custom.lineStyle" in config else ""
                marks.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>')
    return _svg(panel, "".join(marks), less=room) + f'<div class="key">{"".join(key.html() for key in keys)}</div>'


class _Key(NamedTuple):
    """A line of a legend: what it is called, its last value in words, its colour."""

    name: str
    last: str
    colour: str

    def html(self) -> str:
        return f'<span><i style="background:{self.colour}"></i>{escape(self.name)} <b>{escape(self.last)}</b></span>'


def _rows(keys: Sequence[_Key], width: int) -> int:
    """How many rows a legend takes."""
    rows, used = 1, 0.0
    for key in keys:
        size = 29 + _LETTER * (cell_len(key.name) + 1 + len(key.last))
        rows, used = (rows + 1, size) if used and used + size > width else (rows, used + size)
    return rows


def _marks(panel: _Panel, plot: _Plot) -> Iterator[str]:
    """Mark the times at which alerts fired."""
    for series in panel.answers.marks:
        first, last = (plot.x(float(series["values"][end][0])) for end in (0, -1))
        size = f'x="{first:.1f}" y="{plot.top}" width="{max(1.5, last - first):.1f}" height="{plot.bottom - plot.top}"'
        yield f'<rect {size} fill="#D55E00" fill-opacity="0.12"/>'
        yield f'<path d="M{first:.1f} {plot.top}V{plot.bottom}" stroke="#D55E00" stroke-dasharray="3 3"/>'


def _unbroken(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    step = min((b[0] - a[0] for a, b in itertools.pairwise(points)), default=60)
    run: list[tuple[float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > 1.5 * step:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _steps(plot: _Plot, points: Sequence[tuple[float, float]], *, reverse: bool = False) -> str:
    """The corners of a line that holds each value until the next."""
    corners = []
    for number, (at, value) in enumerate(points):
        if number:
            corners.append((plot.x(at), plot.y(points[number - 1][1])))
        corners.append((plot.x(at), plot.y(value)))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (reversed(corners) if reverse else corners))


def _table(panel: _Panel) -> str:
    rows, trends = _merged(panel)
    organize = panel.content["transformations"][-1]["options"]
    order = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    titles = {name: organize["renameByName"].get(name, name) for name in order}
    configs = {name: panel.config(title) for name, title in titles.items()}
    shown = [name for name in order if not configs[name].get("custom.hidden")]
    if not rows:
        return _nothing(panel)
    (sort,) = panel.content["options"]["sortBy"]
    by = next(name for name, title in titles.items() if title == sort["displayName"])
    empty = -math.inf if sort["desc"] else math.inf
    rows = [{name: value for name, value in row.items() if value == value} for row in rows]  # noqa: PLR0124 - NaN is not itself
    rows.sort(key=lambda row: row.get(by, empty if by.startswith("Value") else ""), reverse=sort["desc"])
    number = {name: ' class="n"' if name.startswith("Value") else "" for name in shown}
    head = "".join(f"<th{number[name]}>{escape(titles[name])}</th>" for name in shown)
    body = []
    for row in rows[: (panel.height - 40) // 25]:
        cells = []
        for name in shown:
            config = configs[name]
            if name.startswith("Trend"):
                cells.append(f"<td>{_sparkline(panel, trends.get(_key(row), []), config)}</td>")
            elif name not in row:
                cells.append(f"<td{number[name]}>–</td>")
            elif name.startswith("Value"):
                coloured = config.get("custom.cellOptions", {}).get("type") == "color-text" or config.get("mappings")
                style = f' style="color:{panel.colour(row[name], config)}"' if coloured else ""
                cells.append(f'<td class="n"{style}>{escape(panel.text(row[name], config))}</td>')
            else:
                cells.append(f"<td>{escape(row[name])}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"


def _merged(panel: _Panel) -> tuple[list[dict[str, Any]], dict[tuple[str, ...], list[tuple[float, float]]]]:
    """The rows that queries with the same labels make together, and the lines among the answers by their labels."""
    targets = panel.content["targets"]
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    trends = {}
    common: set[str] | None = None
    for target in targets:
        for series in panel.answers.series[panel.content["id"], target["refId"]]:
            common = set(series["metric"]) if common is None else common & set(series["metric"])
    keys = sorted((common or set()) - {"__name__"})
    for target in targets:
        name = "Value" if len(targets) == 1 else f"Value #{target['refId']}"
        for series in panel.answers.series[panel.content["id"], target["refId"]]:
            row = found.setdefault(tuple(series["metric"][key] for key in keys), {})
            row.update(series["metric"])
            if target["instant"]:
                row[name] = float(series["value"][1])
            else:
                trends[_key(row)] = [(at, float(value)) for at, value in series["values"]]
    return list(found.values()), trends


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row.get("tenant_id", ""), row.get("access_code", "")


def _sparkline(panel: _Panel, points: Sequence[tuple[float, float]], config: Mapping[str, Any]) -> str:
    if not points:
        return ""
    answers, width, height = panel.answers, 110, 18
    scale = [
        ((at - answers.start) / (answers.end - answers.start) * width, height - value * (height - 2))
        for at, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in scale)
    colour = _shown(config["color"]["fixedColor"])
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
    words = f'<text x="{width + 6}" y="13" style="fill:{_TEXT}">{panel.text(points[-1][1], config)}</text>'
    return f'<svg width="{width + 44}" height="{height}" style="display:block">{line}{words}</svg>'


def _svg(panel: _Panel, content: str, *, less: int = 0) -> str:
    return f'<svg width="{panel.width - 2}" height="{panel.height - less}">{content}</svg>'


def _shown(colour: str) -> str:
    return _TEXT if colour == "text" else colour


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    size = 10 ** math.floor(math.log10(value))
    return float(next(factor * size for factor in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if factor * size >= value))


_DRAWN = {"stat": _stat, "bargauge": _bars, "state-timeline": _strips, "timeseries": _lines, "table": _table}
