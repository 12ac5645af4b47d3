"""Build dashboards from panels. Grafana has all these panels since version 8."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from observability.dashboards.colours import BAD, DOUBTFUL, GOOD

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

P = TypeVar("P", bargauge.Panel, stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)
Property: TypeAlias = models.DynamicConfigValue
Query: TypeAlias = prometheus.Dataquery

OVERVIEW: Final = "oifde-bots"
ONE_BOT: Final = "oifde-bot"
HEALTH: Final = "oifde-health"
"""The dashboards' uids: they are in other people's links, and stay."""

TAG: Final = "oifde"


def over_time(expression: str, legend: str = "", ref: str = "A") -> Query:
    """A query for the whole time range."""
    return (
        prometheus.Dataquery()
        .expr(expression)
        .range()
        .format(PromQueryFormat.TIME_SERIES)
        .legend_format(legend)
        .ref_id(ref)
    )


def at_the_end(expression: str, legend: str = "", ref: str = "A") -> Query:
    """A query for the end of the time range."""
    return (
        prometheus.Dataquery()
        .expr(expression)
        .instant()
        .format(PromQueryFormat.TIME_SERIES)
        .legend_format(legend)
        .ref_id(ref)
    )


def rows(expression: str, ref: str) -> Query:
    """A query for the end of the time range that gives a table: a row per series, a column per label."""
    return prometheus.Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE).ref_id(ref)


def placed(panel: P, title: str, description: str, queries: Sequence[Query], *, width: int, height: int) -> P:
    """A panel with its words and its queries; width in 24ths of the page, height in steps of 30 pixels."""
    panel.title(title).description(description).span(width).height(height).datasource(DATASOURCE)
    panel.no_value("no data")
    for query in queries:
        panel.with_target(query.datasource(DATASOURCE))
    return panel


def figure(
    title: str, description: str, query: Query, *, unit: str, width: int, decimals: int | None = None
) -> stat.Panel:
    """One big number, of one colour unless it gets thresholds."""
    panel = placed(stat.Panel(), title, description, [query], width=width, height=4).unit(unit)
    if decimals is not None:
        panel.decimals(decimals)
    return (
        panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .justify_mode(common_models.BigValueJustifyMode.AUTO)
        .text_mode(common_models.BigValueTextMode.VALUE)
        .orientation(common_models.VizOrientation.AUTO)
        .thresholds(steps((None, "text")))
        .color_scheme(by_threshold())
    )


def lines(
    title: str, description: str, queries: Sequence[Query], *, unit: str, width: int = 12, height: int = 8
) -> timeseries.Panel:
    """Lines over time, with a legend that has their last values."""
    panel = placed(timeseries.Panel(), title, description, queries, width=width, height=height)
    return (
        panel.unit(unit)
        .draw_style(common_models.GraphDrawStyle.LINE)
        .line_interpolation(common_models.LineInterpolation.STEP_AFTER)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common_models.VisibilityMode.NEVER)
        .span_nulls(False)
        .axis_soft_min(0)
        .legend(legend("lastNotNull"))
        .tooltip(
            common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.NONE)
        )
        .thresholds(steps((None, "text")))
        .color_scheme(fixed("text"))
    )


def legend(*values: str) -> common.VizLegendOptions:
    """A legend below the panel, with these values of each line."""
    return (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(list(values))
    )


def stacked(panel: timeseries.Panel) -> timeseries.Panel:
    """Lines as areas, one upon the other."""
    return (
        panel.fill_opacity(70)
        .line_width(1)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    )


def strips(
    title: str, description: str, queries: Sequence[Query], *, unit: str, width: int = 12, height: int = 8
) -> statetimeline.Panel:
    """A strip over time for each series, coloured by thresholds and labelled with their values.

    Each has its name beside it.
    """
    panel = placed(statetimeline.Panel(), title, description, queries, width=width, height=height)
    return (
        panel.unit(unit)
        .show_value(common_models.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.85)
        .line_width(0)
        .fill_opacity(85)
        .legend(legend().show_legend(False))
        .tooltip(
            common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.SINGLE).sort(common_models.SortOrder.NONE)
        )
        .color_scheme(by_threshold())
    )


def bars(
    title: str, description: str, expression: str, name: str, *, unit: str, width: int = 12, height: int = 8
) -> bargauge.Panel:
    """A bar for each series, all of one colour unless they get thresholds; each has its name beside it.

    :param name: may contain labels, as ``${__field.labels.tenant}``. The panel shows a legend's name for two bars or more only.
    """
    panel = placed(bargauge.Panel(), title, description, [at_the_end(expression)], width=width, height=height)
    return (
        panel.unit(unit)
        .display_name(name)
        .text(common.VizTextDisplayOptions().title_size(14).value_size(18))
        .min(0)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .value_mode(common_models.BarGaugeValueMode.TEXT)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .show_unfilled(True)
        .min_viz_width(8)
        .min_viz_height(10)
        .thresholds(steps((None, GOOD)))
        .color_scheme(by_threshold())
    )


def listing(
    title: str,
    description: str,
    queries: Sequence[Query],
    columns: Mapping[str, str],
    *,
    sort: str,
    descending: bool,
    before: Sequence[models.DataTransformerConfig] = (),
    width: int = 24,
    height: int = 8,
) -> table.Panel:
    """A table of what several queries say of the same things, matched by the labels they share.

    A column of values is as wide as its title; those of labels share the rest of the width.

    :param columns: the fields shown, in their order, each with its title; the others are left out
    :param sort: the title of the column it is sorted by
    :param before: transformations of the queries' results before they are matched
    """
    panel = placed(table.Panel(), title, description, queries, width=width, height=height)
    (
        panel.show_header(True)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        .footer(common.TableFooterOptions().show(False).reducer(["sum"]).count_rows(False))
        .transformations(
            [
                *before,
                transformation("merge", {}),
                transformation("filterFieldsByName", {"include": {"names": list(columns)}}),
                transformation(
                    "organize",
                    {
                        "excludeByName": {},
                        "indexByName": {name: place for place, name in enumerate(columns)},
                        "renameByName": {name: words for name, words in columns.items() if name != words},
                    },
                ),
            ]
        )
        .thresholds(steps((None, "text")))
        .color_scheme(by_threshold())
        # The words for no data are the table's, not those of each empty cell.
        .override_by_regexp(
            "/.*/", [prop("noValue", "–"), prop("mappings", [UNKNOWN]), prop("custom.minWidth", _NARROWEST)]
        )
    )
    for name, words in columns.items():
        if name.startswith("Value"):
            panel.override_by_name(words, [prop("custom.width", title_width(words) + (20 if words == sort else 0))])
    return panel


_NARROWEST: Final = 80
"""The least width of a column, in pixels. By default it is 150, which pushes the last columns out of the panel."""


def title_width(title: str) -> int:
    """Return the width of a column that has room for its title, in pixels."""
    return max(_NARROWEST, 20 + sum(8 if letter.isascii() else 14 for letter in title))


def transformation(
    name: str, options: Mapping[str, Any], *, of_queries: str | None = None
) -> models.DataTransformerConfig:
    """A transformation; ``of_queries`` is a regular expression that narrows it to the results of some queries."""
    only = None if of_queries is None else models.MatcherConfig(id_val="byRefId", options=f"/^(?:{of_queries})$/")
    return models.DataTransformerConfig(id_val=name, filter_val=only, options=dict(options))


def steps(*of: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Thresholds: from each value on, the colour; the first one's value is None."""
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in of])
    )


def more_is_worse(doubtful: float, bad: float) -> dashboard.ThresholdsConfig:
    """Thresholds for what should be low."""
    return steps((None, GOOD), (doubtful, DOUBTFUL), (bad, BAD))


def by_threshold() -> dashboard.FieldColor:
    """The colour is that of the threshold."""
    return dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)


def fixed(colour: str) -> dashboard.FieldColor:
    """One colour."""
    return dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)


def prop(name: str, value: object) -> Property:
    """A property of a field, for an override. Builders are built."""
    return models.DynamicConfigValue(id_val=name, value=value.build() if isinstance(value, Builder) else value)


def words(of: Mapping[str, tuple[str, str]]) -> models.ValueMap:
    """The word and the colour that a value is shown as."""
    return models.ValueMap(
        {
            value: models.ValueMappingResult(text=text, color=colour, index=number)
            for number, (value, (text, colour)) in enumerate(of.items())
        }
    )


POLLING: Final = words({"0": ("failing", BAD), "1": ("works", GOOD)})
"""For the values of ``oifde_up``."""


UNKNOWN: Final = models.SpecialValueMap(
    models.DashboardSpecialValueMapOptions(
        match=models.SpecialValueMatch.NULL_AND_NAN, result=models.ValueMappingResult(text="–", index=9)
    )
)
"""For values that are not known."""


def state(of: models.ValueMap) -> list[Property]:
    """Properties of a table's column whose values are shown as words in their colours."""
    return [prop("mappings", [of, UNKNOWN]), prop("custom.cellOptions", {"type": "color-text"})]


def in_words(panel: statetimeline.Panel, of: models.ValueMap) -> statetimeline.Panel:
    """Shows the values as words. Coloured by thresholds, the strips would show the thresholds' values instead."""
    return panel.mappings([of]).thresholds(steps((None, "text"))).color_scheme(fixed("text"))


def coloured(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Gives each line, by its legend, its colour."""
    for legend, colour in colours.items():
        panel.override_by_name(legend, [prop("color", fixed(colour))])
    return panel


def dashed(panel: timeseries.Panel, legend: str) -> timeseries.Panel:
    """Draws the line with that legend dashed and thin: what is compared with."""
    style = common.LineStyle().fill("dash").dash([8, 6])
    return panel.override_by_name(legend, [prop("custom.lineStyle", style), prop("custom.lineWidth", 1)])


def band(panel: timeseries.Panel, low: str, high: str, colour: str) -> timeseries.Panel:
    """Fills the space between the lines with these legends, which are not drawn themselves."""
    hidden = [prop("custom.lineWidth", 0), prop("color", fixed(colour))]
    no_words = prop("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False})
    panel.override_by_name(low, [*hidden, no_words])
    return panel.override_by_name(
        high, [*hidden, no_words, prop("custom.fillBelowTo", low), prop("custom.fillOpacity", 20)]
    )


def choice(name: str, label: str, description: str, query: str, regex: str) -> dashboard.QueryVariable:
    """A variable to choose one of what Prometheus knows."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .regex(regex)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def any_of(variable: dashboard.QueryVariable) -> dashboard.QueryVariable:
    """Lets several be chosen; all of them to begin with."""
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


class Page:
    """A dashboard in the making."""

    def __init__(self, uid: str, title: str, description: str, *, since: str) -> None:
        """``since`` is where the time range begins, such as ``now-24h``."""
        self._panels = 0
        self._dashboard = (
            dashboard.Dashboard(title)
            .uid(uid)
            .description(description)
            .tags([TAG])
            .editable()
            .timezone("browser")
            .time(since, "now")
            .refresh("1m")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .link(
                dashboard.DashboardLink("oifde dashboards")
                .type(models.DashboardLinkType.DASHBOARDS)
                .tags([TAG])
                .as_dropdown(False)
                .keep_time(True)
                .include_vars(False)
                .target_blank(False)
            )
            .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        )

    def variable(self, variable: dashboard.QueryVariable) -> None:
        """Puts a variable behind the others."""
        self._dashboard.with_variable(variable)

    def annotation(self, annotation: models.AnnotationQuery) -> None:
        """Puts marks on every panel that shows time."""
        self._dashboard.annotation(_Built(annotation))

    def row(self, title: str) -> None:
        """Begins a new row, under a title."""
        self._panels += 1
        self._dashboard.with_row(dashboard.Row(title).id(self._panels))

    def panel(self, panel: bargauge.Panel | stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel) -> None:
        """Puts a panel beside the one before, or under it where that ends the line."""
        self._panels += 1
        self._dashboard.with_panel(panel.id(self._panels))

    def text(self) -> str:
        """The dashboard's JSON, as Grafana imports it."""
        written = json.loads(JSONEncoder().encode(self._dashboard.build()))
        del written["style"]  # a dashboard's own colours are no more; the viewer's setting counts
        for variable in written["templating"]["list"]:
            for key in _OF_OTHER_VARIABLES:
                del variable[key]
        return json.dumps(_without_nulls(written), indent=2, ensure_ascii=False) + "\n"


_OF_OTHER_VARIABLES: Final = ("id", "auto", "auto_count", "auto_min")
"""Fields that the SDK writes for every variable; Grafana writes them for intervals only, or never."""


class _Built(Builder[models.AnnotationQuery]):
    def __init__(self, annotation: models.AnnotationQuery) -> None:
        self._annotation = annotation

    def build(self) -> models.AnnotationQuery:
        return self._annotation


class Marks(models.AnnotationQuery):
    """Mark the times at which a query has a series."""

    def __init__(self, name: str, expression: str, *, colour: str, title: str, words: str) -> None:
        """``title`` and ``words`` may name labels, as ``{{alertname}}``."""
        super().__init__(name=name, datasource=DATASOURCE, enable=True, hide=False, icon_color=colour, expr=expression)
        self._title = title
        self._words = words

    def to_json(self) -> dict[str, object]:
        # Fields that only Grafana's Prometheus data source reads.
        return super().to_json() | {"step": "1m", "titleFormat": self._title, "textFormat": self._words}


def _without_nulls(value: Any) -> Any:
    """Without fields that are null, but for the first threshold's value, which says "from minus infinity on"."""
    match value:
        case dict():
            is_threshold = value.keys() == {"value", "color"}
            return {key: _without_nulls(item) for key, item in value.items() if item is not None or is_threshold}
        case list():
            return [_without_nulls(item) for item in value]
        case _:
            return value
