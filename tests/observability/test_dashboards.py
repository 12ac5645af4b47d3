"""The dashboards' JSON: in step with the code, as Grafana wants it, and as people who look at it need it."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from exporter.judging.judge import SIGNALS
from exporter.reasons import FailureReason
from exporter.upstream import bindings, login, servicemonitor
from exporter.upstream.reports import REPORTS
from harness.dashboards import CHINESE_FILES, DIRECTORY, FILES, Dashboard
from observability.dashboards.chinese import LABELS, TEXTS

ROOT = DIRECTORY.parents[1]
SCHEMAS = sorted(Path(__file__).with_name("schemas").glob("grafana-*.schema.json"))
LONG_STANDING = {"bargauge", "stat", "state-timeline", "table", "timeseries"}
COLOUR_BLIND_SAFE = {"#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#999999", "text"}
# Fields that only Grafana's Prometheus data source reads.
OF_PROMETHEUS = {"expr", "step", "textFormat", "titleFormat"}
CONFIG_MAP_LIMIT = 1024 * 1024

each_dashboard = pytest.mark.parametrize(
    "dashboard",
    [Dashboard.load(path) for path in (*FILES, *CHINESE_FILES)],
    ids=[path.stem for path in (*FILES, *CHINESE_FILES)],
)


def test_the_files_are_in_step_with_the_code() -> None:
    """The files are those that the generator writes."""
    command = [sys.executable, "-m", "observability.dashboards", "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (0, "") == (ended.returncode, ended.stderr)


def test_the_chart_has_the_same_dashboards() -> None:
    """And no others; those of a language fit into one ConfigMap."""
    chart = ROOT / "helm" / "oifde-exporter" / "dashboards"
    copies = {path.relative_to(chart): path.read_bytes() for path in chart.rglob("*.json")}

    assert copies == {path.relative_to(DIRECTORY): path.read_bytes() for path in (*FILES, *CHINESE_FILES)}
    for files in (FILES, CHINESE_FILES):
        assert sum(path.stat().st_size for path in files) < CONFIG_MAP_LIMIT / 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_chinese_dashboard_shows_the_same(path: Path) -> None:
    """The queries are equal, and each text has ideographs or no words."""
    english = Dashboard.load(path)
    chinese = Dashboard.load(DIRECTORY / "zh" / f"{path.stem}.zh.json")

    assert [target["expr"] for panel in english.panels for target in panel["targets"]] == [
        target["expr"] for panel in chinese.panels for target in panel["targets"]
    ]
    assert english.content["uid"] + "-zh" == chinese.content["uid"]
    readable = ("title", "description", "label", "noValue", "displayName", "text")
    texts = {
        re.sub(r"\${.*?}", "", value)  # variables
        for path, value in _leaves(chinese.content)
        if path[-1] in readable and isinstance(value, str)
    }
    assert {text for text in texts if re.search("[a-z]", text) and not re.search("[一-鿿]", text)} <= {
        "All",  # Grafana writes the reader's word
        "exporter",
        "Prometheus",
    }


def test_no_chinese_text_is_left_over() -> None:
    """Each translation is used in a dashboard."""
    everything = "".join(path.read_text(encoding="utf-8") for path in CHINESE_FILES)

    assert [] == [text for text in TEXTS.values() if json.dumps(text, ensure_ascii=False) not in everything]


@each_dashboard
def test_grafana_knows_every_field(dashboard: Dashboard) -> None:
    """By the types of Grafana's own package, of the oldest version that is supported and of a new one."""
    oldest, newest = map(_validator, SCHEMAS)
    content = json.loads(json.dumps(dashboard.content))
    for annotation in content["annotations"]["list"]:
        assert annotation.keys() > OF_PROMETHEUS
        for field in OF_PROMETHEUS:
            del annotation[field]

    assert [] == _errors(newest, {"dashboard": content})
    for panel in dashboard.panels:
        kinds = [
            {"options": panel["options"]},
            *({"options": {}, "custom": custom} for custom in _customs(panel) if custom),
        ]
        for validator, kind in itertools.product((oldest, newest), kinds):
            assert [] == _errors(validator, {panel["type"]: kind}), panel["title"]
        for defaults in _overridden(panel):
            fields = {"type": panel["type"], "fieldConfig": {"defaults": defaults, "overrides": []}}
            assert [] == _errors(newest, {"dashboard": {"schemaVersion": 36, "panels": [fields]}}), panel["title"]
        for target in panel["targets"]:
            assert [] == _errors(oldest, {"query": target}), panel["title"]


@each_dashboard
def test_nothing_is_left_over(dashboard: Dashboard) -> None:
    """No id of some installation, and no null but the one that begins thresholds."""
    assert "id" not in dashboard.content
    nulls = [path for path, value in _leaves(dashboard.content) if value is None]
    assert [] == [path for path in nulls if path[-1] != "value" or "steps" not in path]


@each_dashboard
def test_it_can_be_imported_anywhere(dashboard: Dashboard) -> None:
    """The data source is chosen on the dashboard, the uid is always the same."""
    assert dashboard.content["uid"].removesuffix("-zh") in {"oifde-bots", "oifde-bot", "oifde-health"}
    assert ("datasource", "prometheus") == (dashboard.variables[0]["type"], dashboard.variables[0]["query"])
    of_all = [value for path, value in _leaves(dashboard.content) if path[-2:] == ("datasource", "uid")]
    assert {"${datasource}"} == set(of_all)


@each_dashboard
def test_the_panels_lie_side_by_side(dashboard: Dashboard) -> None:
    """None over another, each line full; none too narrow to be read at a width of 1366 pixels."""
    panels = dashboard.content["panels"]
    cells = Counter(cell for panel in panels for cell in _cells(panel["gridPos"]))

    assert {1} == set(cells.values())
    assert {24} == {len([cell for cell in cells if cell[1] == line]) for line in {y for _, y in cells}}
    assert len(panels) == len({panel["id"] for panel in panels})
    widths = {kind: min(p["gridPos"]["w"] for p in panels if p["type"] == kind) for kind in {p["type"] for p in panels}}
    assert widths["stat"] >= 3
    assert min(widths.get(kind, 24) for kind in LONG_STANDING - {"stat"}) >= 8


@each_dashboard
def test_each_panel_explains_itself(dashboard: Dashboard) -> None:
    """Each panel has a description, a unit and a text for no data."""
    for panel in dashboard.panels:
        assert panel["title"]
        assert panel["type"] in LONG_STANDING
        assert len(panel["description"]) > 10
        assert panel["fieldConfig"]["defaults"]["noValue"]
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@each_dashboard
def test_the_colour_blind_can_tell_colours_apart(dashboard: Dashboard) -> None:
    """All are of one palette that was made for them."""
    colours = {value for path, value in _leaves(dashboard.content) if path[-1] in ("color", "fixedColor", "iconColor")}

    assert colours <= COLOUR_BLIND_SAFE
    modes = {value for path, value in _leaves(dashboard.content) if path[-2:] == ("color", "mode")}
    assert modes <= {"fixed", "thresholds"}


@each_dashboard
def test_overrides_are_for_columns_that_the_table_has(dashboard: Dashboard) -> None:
    """Each name, and each alternative of a regular expression, is the title of a column, or part of one."""
    for panel in dashboard.panels:
        if panel["type"] == "table":
            organize = panel["transformations"][-1]["options"]
            titles = {organize["renameByName"].get(name, name) for name in organize["indexByName"]}
            for override in panel["fieldConfig"]["overrides"]:
                wanted = override["matcher"]["options"]
                by_regexp = override["matcher"]["id"] == "byRegexp"
                for part in re.split(r"[/^$()|]+", wanted.strip("/^$()")) if by_regexp else [wanted]:
                    assert any(re.search(part, title) for title in titles), f"{panel['title']}: {wanted}"


def test_every_failure_reason_has_a_colour() -> None:
    """A reason that is added later keeps its colour from one query to the next, as the others do."""
    health = Dashboard.load(DIRECTORY / "health.json")
    coloured = {
        override["matcher"]["options"] for panel in health.panels for override in panel["fieldConfig"]["overrides"]
    }

    assert set(FailureReason) <= coloured


def test_every_label_value_has_chinese_words() -> None:
    """Legends show them."""
    operations = {login.OPERATION, bindings.OPERATION, servicemonitor.OPERATION}

    assert {report.operation for report in REPORTS.values()} | operations == set(LABELS["{{operation}}"])
    assert set(SIGNALS) == set(LABELS["{{signal}}"])
    assert set(FailureReason) == set(LABELS["{{reason}}"])


@pytest.mark.parametrize(("files", "tag"), [(FILES, "oifde"), (CHINESE_FILES, "oifde-zh")], ids=["English", "Chinese"])
def test_links_lead_somewhere(files: Sequence[Path], tag: str) -> None:
    """From a bot in the overview to its own dashboard, and from each dashboard to the others of its language."""
    dashboards = {dashboard.content["uid"]: dashboard for dashboard in map(Dashboard.load, files)}

    for dashboard in dashboards.values():
        (to_others,) = dashboard.content["links"]
        assert ("dashboards", [tag]) == (to_others["type"], to_others["tags"])
        assert tag in dashboard.content["tags"]
    leaves = itertools.chain.from_iterable(_leaves(dashboard.content) for dashboard in dashboards.values())
    urls = [value for path, value in leaves if path[-1] == "url" and isinstance(value, str) and value]
    assert urls
    for url in urls:
        uid, _, query = url.removeprefix("/d/").partition("?")
        names = {part.removeprefix("var-").partition("=")[0] for part in query.split("&") if part.startswith("var-")}
        assert (
            {"tenant", "bot"} == names == {variable["name"] for variable in dashboards[uid].variables} - {"datasource"}
        )


@pytest.mark.parametrize("dashboard", list(map(Dashboard.load, FILES)), ids=[path.stem for path in FILES])
def test_the_documentation_names_every_panel(dashboard: Dashboard) -> None:
    """The documentation names each panel, except those with a single value."""
    page = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")

    assert [] == [p["title"] for p in dashboard.panels if p["type"] != "stat" and p["title"] not in page]
    assert f"`{dashboard.content['uid']}`" in page


@cache
def _validator(schema: Path) -> Draft7Validator:
    return Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))


def _errors(validator: Draft7Validator, instance: object) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(instance)]


def _customs(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of the panel's own kind that its data are configured with, in general and by each override."""
    yield panel["fieldConfig"]["defaults"].get("custom", {})
    for override in panel["fieldConfig"]["overrides"]:
        properties = [(item["id"].partition("."), item["value"]) for item in override["properties"]]
        yield {name: value for (kind, _, name), value in properties if kind == "custom"}


def _overridden(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The common fields that its data are configured with by each override."""
    for override in panel["fieldConfig"]["overrides"]:
        yield {item["id"]: item["value"] for item in override["properties"] if "." not in item["id"]}


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _leaves(item, (*path, key))
        case list():
            for item in value:
                yield from _leaves(item, path)
        case _:
            yield path, value


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    columns = range(place["x"], place["x"] + place["w"])
    return itertools.product(columns, range(place["y"], place["y"] + place["h"]))
