"""*Bots overview*: all bots of all tenants, the worst first."""

from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common

from observability.dashboards import alerts, parts
from observability.dashboards.colours import BAD, BLUE, DOUBTFUL, GREY, ORANGE, SKY, VERMILLION
from observability.dashboards.promql import (
    AFTER_CONSULTING,
    BOTS,
    DIRECTLY,
    JUDGED,
    LEFT,
    SOLVED,
    TO_AGENTS,
    bots,
    for_each_bot,
    of_all,
    of_each,
    once,
    outcome,
    with_tenant,
)

OUTCOMES: Final = {
    "contained": (SOLVED, BLUE),
    "transferred after consulting": (AFTER_CONSULTING, ORANGE),
    "transferred directly": (DIRECTLY, VERMILLION),
    "ended at once": (LEFT, GREY),
}
"""The words for each outcome of a call, the label's value, and its colour on every dashboard."""

_SHARES: Final = ("Contained", "Consulted", "Direct", "Ended")
"""The same as short titles of columns."""

TENANTS: Final = "query_result(max by (tenant, tenant_id) (oifde_bot_info))"
TENANT_REGEX: Final = r'/^\{tenant="(?<text>[\s\S]*)",tenant_id="(?<value>[\s\S]*)"\} /'
"""The tenant's name to choose by, its id for the queries."""

AUTONOMY: Final = (
    "Autonomy rate: contained calls as a share of all calls that consulted the bot or went to an agent. Calls that ended at "
    "once do not count."
)

_SOLVED: Final = outcome(SOLVED, BOTS)
_JUDGED: Final = outcome(JUDGED, BOTS)
_OF_TENANTS: Final = f"sum by (tenant_id) ({_SOLVED}) / (sum by (tenant_id) ({_JUDGED}) > 0)"
_CALLS: Final = once(f"oifde_hour_calls{{{BOTS}}}")
_CALLS_BEFORE: Final = once(f"oifde_hour_calls{{{BOTS}}} offset 1w")
_USUAL_CALLS: Final = once(f"oifde_hour_expected_calls{{{BOTS}}}")
_TODAY: Final = once(f"oifde_calls_total{{{BOTS}}}")
_UP: Final = once(f'oifde_up{{{BOTS}, report="hour"}}')
_OPEN_BOT: Final = {
    "title": "Open this bot",
    "url": f"/d/{parts.ONE_BOT}?${{datasource:queryparam}}&${{__url_time_range}}"
    "&var-tenant=${__data.fields.tenant_id}&var-bot=${__data.fields.access_code}",
}
_SCORE: Final = once(f"oifde_anomaly_score{{{BOTS}}}")
_ALERTS_OF_TENANTS: Final = 'tenant_id=~"$tenant|"'
_LAST_HOUR: Final = "the last complete hour"
_AUTONOMY_STEPS: Final = parts.steps((None, BAD), (0.4, DOUBTFUL), (0.55, SKY), (0.7, BLUE))
"""Tells higher from lower at a glance. The table compares each bot with its own history."""


def bots_overview() -> str:
    """The dashboard's JSON."""
    page = parts.Page(
        parts.OVERVIEW,
        "Bots overview",
        "All bots, the worst first. Values are those of the last complete hour unless a panel says otherwise. An hour is "
        "complete some minutes after its end.",
        since="now-24h",
    )
    page.variable(
        parts.any_of(
            parts.choice("tenant", "Tenant", "Tenants whose bots are shown. Default: all", TENANTS, TENANT_REGEX)
        )
    )
    page.annotation(alerts.marks(_ALERTS_OF_TENANTS))
    _add_values(page)
    page.panel(_table())
    page.row("Over time")
    _over_time(page)
    page.row("Alerts")
    page.panel(_alerts())
    return page.text()


def _add_values(page: parts.Page) -> None:
    page.panel(
        parts.figure(
            "Bots", "Bots that the exporter polls.", parts.at_the_end(f"count({bots()})"), unit="none", width=4
        )
    )
    page.panel(
        parts.figure(
            "Bots failing",
            "Bots whose last poll failed. Their metrics are removed after some minutes.",
            parts.at_the_end(f"count({_UP} == 0) or vector(0)"),
            unit="none",
            width=4,
        ).thresholds(parts.more_is_worse(1, 5))
    )
    page.panel(
        parts.figure(
            "Autonomy",
            f"{AUTONOMY} Over all calls of {_LAST_HOUR}.",
            parts.at_the_end(of_all(_SOLVED, _JUDGED)),
            unit="percentunit",
            width=4,
            decimals=1,
        )
    )
    page.panel(
        parts.figure(
            "Transferred to agents",
            f"Calls transferred to an agent in {_LAST_HOUR}, directly or after consulting the bot.",
            parts.at_the_end(f"sum({outcome(TO_AGENTS, BOTS)})"),
            unit="short",
            width=4,
        )
    )
    page.panel(
        parts.figure(
            "Calls, last hour",
            f"Calls that reached the bots in {_LAST_HOUR}.",
            parts.at_the_end(f"sum({_CALLS})"),
            unit="short",
            width=4,
        )
    )
    page.panel(
        parts.figure(
            "Calls today",
            "Calls of each tenant's local day so far. Yesterday's calls until about two hours after midnight.",
            parts.at_the_end(f"sum({_TODAY})"),
            unit="short",
            width=4,
        )
    )


def _table() -> table.Panel:
    autonomy = of_each(_SOLVED, _JUDGED)
    usual = once(f"oifde_hour_expected_autonomy_ratio{{{BOTS}}}")
    panel = parts.listing(
        "Bots, worst first",
        f"{AUTONOMY} *Usual* is the expected rate of the hour, from the bot's own history. *Anomaly score* is the distance from "
        "usual in standard deviations, the largest of all signals; the table is sorted by it. The shares on the right are of "
        f"all calls of {_LAST_HOUR}: contained, transferred after consulting the bot, transferred directly, ended at once. "
        "Click a bot to open its dashboard.",
        [
            parts.rows(bots("bot", "tenant"), "Bot"),
            parts.rows(for_each_bot(_SCORE), "Score"),
            parts.rows(for_each_bot(autonomy), "Autonomy"),
            parts.rows(for_each_bot(usual), "Usual"),
            parts.rows(for_each_bot(f"{autonomy} - {usual}"), "Difference"),
            parts.over_time(autonomy, ref="Past").interval("15m"),
            parts.rows(for_each_bot(_CALLS), "Calls"),
            *(
                parts.rows(for_each_bot(of_each(outcome(label, BOTS), _CALLS)), f"Share{number}")
                for number, (label, _) in enumerate(OUTCOMES.values())
            ),
            parts.rows(for_each_bot(_UP), "Up"),
        ],
        {
            "tenant": "Tenant",
            "bot": "Bot",
            "Value #Score": "Anomaly score",
            "Value #Autonomy": "Autonomy",
            "Value #Usual": "Usual",
            "Value #Difference": "Difference",
            "Trend #Past": "Autonomy over time",
            "Value #Calls": "Calls",
            **{f"Value #Share{number}": words for number, words in enumerate(_SHARES)},
            "Value #Up": "Polling",
            "tenant_id": "tenant_id",
            "access_code": "access_code",
        },
        sort="Anomaly score",
        descending=True,
        before=[
            # A table of one row with a time would count as a time series, and become a sparkline too.
            parts.transformation("organize", {"excludeByName": {"Time": True}}, of_queries="(?!Past$).*"),
            parts.transformation("timeSeriesTable", {"Past": {"stat": "lastNotNull"}}),
        ],
        height=14,
    ).no_value("No bots. Check that this Prometheus scrapes the exporter and that the tenant is configured.")
    return (
        panel.override_by_regexp("/^(tenant_id|access_code)$/", [parts.prop("custom.hidden", True)])
        .override_by_name("Bot", [parts.prop("links", [_OPEN_BOT])])
        .override_by_regexp(
            f"/^(Autonomy|Usual|{'|'.join(_SHARES)})$/", [parts.prop("unit", "percentunit"), parts.prop("decimals", 0)]
        )
        .override_by_name(
            "Difference",
            [
                parts.prop("unit", "percentunit"),
                parts.prop("decimals", 0),
            ],
        )
        .override_by_name(
            "Anomaly score",
            [
                parts.prop("decimals", 1),
                parts.prop("thresholds", parts.steps((None, "text"), (3, DOUBTFUL), (5, BAD))),
                parts.prop("custom.cellOptions", {"type": common.TableCellDisplayMode.COLOR_TEXT}),
            ],
        )
        .override_by_name(
            "Autonomy over time",
            [
                parts.prop("custom.cellOptions", {"type": common.TableCellDisplayMode.SPARKLINE, "lineWidth": 1}),
                parts.prop("custom.width", 150),
                parts.prop("unit", "percentunit"),
                parts.prop("decimals", 0),
                parts.prop("min", 0),
                parts.prop("max", 1),
                parts.prop("color", parts.fixed(BLUE)),
            ],
        )
        .override_by_name("Polling", parts.state(parts.POLLING))
    )


def _over_time(page: parts.Page) -> None:
    page.panel(
        parts.strips(
            "Autonomy by tenant, hour by hour",
            f"{AUTONOMY} From the counts of all bots of the tenant. Each hour appears when it is complete.",
            [parts.over_time(with_tenant(_OF_TENANTS), "{{tenant}}").interval("5m")],
            unit="percentunit",
        )
        .decimals(0)
        .thresholds(_AUTONOMY_STEPS)
        .no_value("No calls with a rate in these hours")
    )
    page.panel(
        parts.stacked(
            parts.coloured(
                parts.lines(
                    "Calls by outcome",
                    f"Calls of {_LAST_HOUR} at each time. Calls without any interaction have no outcome.",
                    [
                        parts.over_time(f"sum({outcome(label, BOTS)})", words, f"Outcome{number}").interval("5m")
                        for number, (words, (label, _)) in enumerate(OUTCOMES.items())
                    ],
                    unit="short",
                ),
                {words: colour for words, (_, colour) in OUTCOMES.items()},
            )
        )
    )
    page.panel(
        parts.dashed(
            parts.coloured(
                parts.lines(
                    "Calls and expected calls",
                    f"Calls of {_LAST_HOUR} at each time, and the calls expected in that hour, summed over the bots.",
                    [
                        parts.over_time(f"sum({_CALLS})", "calls", "Calls").interval("5m"),
                        parts.over_time(f"sum({_USUAL_CALLS})", "usual", "Usual").interval("5m"),
                        parts.over_time(f"sum({_CALLS_BEFORE})", "a week before", "Before").interval("5m"),
                    ],
                    unit="short",
                ),
                {"calls": BLUE, "usual": ORANGE, "a week before": GREY},
            ),
            "usual",
        )
    )
    page.panel(
        parts.bars(
            "Calls today by tenant",
            "Calls of the tenant's local day so far. Yesterday's calls until about two hours after midnight.",
            f"sort_desc({with_tenant(f'sum by (tenant_id) ({_TODAY})')})",
            "${__field.labels.tenant}",
            unit="short",
        )
    )


def _alerts() -> table.Panel:
    return (
        parts.listing(
            "Firing alerts",
            "Alerts of the shipped rules that fire now, for the selected tenants and for the exporter itself. Each alert has "
            "a runbook.",
            [parts.rows(f"({alerts.firing_since(_ALERTS_OF_TENANTS)}) * 1000", "Since")],
            {
                "alertname": "Alert",
                "severity": "Severity",
                "bot": "Bot",
                "tenant_id": "Tenant ID",
                "access_code": "Access code",
                "Value": "Since",
            },
            sort="Since",
            descending=True,
        )
        .no_value("No alert is firing")
        .override_by_name("Since", [parts.prop("unit", "dateTimeFromNow"), parts.prop("custom.width", 140)])
    )
