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
    "solved by the bot": (SOLVED, BLUE),
    "to an agent after consulting": (AFTER_CONSULTING, ORANGE),
    "directly to an agent": (DIRECTLY, VERMILLION),
    "left at once": (LEFT, GREY),
}
"""The words for each outcome of a call, the label's value, and its colour on every dashboard."""

TENANTS: Final = "query_result(max by (tenant, tenant_id) (oifde_bot_info))"
TENANT_REGEX: Final = r'/^\{tenant="(?<text>[\s\S]*)",tenant_id="(?<value>[\s\S]*)"\} /'
"""The tenant's name to choose by, its id for the queries."""

AUTONOMY: Final = (
    "Autonomy: of the callers who consulted the bot, the share whom it served without an agent. Those who left at once "
    "are not counted."
)

_SOLVED: Final = outcome(SOLVED, BOTS)
_JUDGED: Final = outcome(JUDGED, BOTS)
_OF_TENANTS: Final = f"sum by (tenant_id) ({_SOLVED}) / (sum by (tenant_id) ({_JUDGED}) > 0)"
_CALLS: Final = once(f"oifde_hour_calls{{{BOTS}}}")
_CALLS_BEFORE: Final = once(f"oifde_hour_calls{{{BOTS}}} offset 1w")
_USUAL_CALLS: Final = once(f"bot:oifde_calls:baseline{{{BOTS}}}")
_TODAY: Final = once(f"oifde_calls_total{{{BOTS}}}")
_UP: Final = once(f'oifde_up{{{BOTS}, report="hour"}}')
_OPEN_BOT: Final = {
    "title": "Open this bot",
    "url": f"/d/{parts.ONE_BOT}?${{datasource:queryparam}}&${{__url_time_range}}"
    "&var-tenant=${__data.fields.tenant_id}&var-bot=${__data.fields.access_code}",
}
_SIX_HOURS: Final = f'{BOTS}, share="autonomy", window="6h"'
_TOO_MANY: Final = (
    f"max by (tenant_id, access_code) (bot:oifde_share:whole{{{_SIX_HOURS}}} * bot:oifde_share:usual{{{_SIX_HOURS}}}"
    f" - bot:oifde_share:part{{{_SIX_HOURS}}})"
)
_ALERTS_OF_TENANTS: Final = 'tenant_id=~"$tenant|"'
_LAST_HOUR: Final = "the last complete hour"
_AUTONOMY_STEPS: Final = parts.steps((None, BAD), (0.4, DOUBTFUL), (0.55, SKY), (0.7, BLUE))
"""To tell higher from lower at a glance. What is good for a bot its own past says, in the table."""


def bots_overview() -> str:
    """The dashboard's JSON."""
    page = parts.Page(
        parts.OVERVIEW,
        "Bots overview",
        "How all bots do, the worst first. Figures are of the last complete hour unless a panel says otherwise; an hour "
        "is complete some minutes after it has ended.",
        since="now-24h",
    )
    page.variable(
        parts.any_of(
            parts.choice(
                "tenant", "Tenant", "Tenants whose bots are shown; all of them by default", TENANTS, TENANT_REGEX
            )
        )
    )
    page.annotation(alerts.marks(_ALERTS_OF_TENANTS))
    _figures(page)
    page.panel(_table())
    page.row("Over time")
    _over_time(page)
    page.row("Alerts")
    page.panel(_alerts())
    return page.text()


def _figures(page: parts.Page) -> None:
    page.panel(
        parts.figure("Bots", "Bots that are polled.", parts.at_the_end(f"count({bots()})"), unit="none", width=4)
    )
    page.panel(
        parts.figure(
            "Bots not answering",
            "Bots whose last poll failed. Their figures stay for some minutes, then go.",
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
            "Passed on to agents",
            f"Calls that ended with an agent in {_LAST_HOUR}, directly or after consulting the bot.",
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
            "Calls so far on each tenant's local day; until about two hours after midnight, yesterday's.",
            parts.at_the_end(f"sum({_TODAY})"),
            unit="short",
            width=4,
        )
    )


def _table() -> table.Panel:
    autonomy = of_each(_SOLVED, _JUDGED)
    usual = once(f"bot:oifde_autonomy:baseline{{{BOTS}}}")
    panel = parts.listing(
        "Bots, worst first",
        f"{AUTONOMY} *Usual* is the bot's own at this hour of the week in the weeks before. *Too many to agents* is how many "
        "more callers than usual went to an agent in the last six hours; it is what the table is sorted by, so that "
        "a busy bot that is slightly down comes before a bot with three calls. The shares at the right are of all calls "
        f"of {_LAST_HOUR}. A click on a bot opens its own dashboard.",
        [
            parts.rows(bots("bot", "tenant"), "Bot"),
            parts.rows(for_each_bot(_TOO_MANY), "TooMany"),
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
            "Value #TooMany": "Too many to agents",
            "Value #Autonomy": "Autonomy",
            "Value #Usual": "Usual",
            "Value #Difference": "Difference",
            "Trend #Past": "Autonomy over time",
            "Value #Calls": "Calls",
            **{f"Value #Share{number}": words.capitalize() for number, words in enumerate(OUTCOMES)},
            "Value #Up": "Polling",
            "tenant_id": "tenant_id",
            "access_code": "access_code",
        },
        sort="Too many to agents",
        descending=True,
        before=[
            # A table of one row with a time would count as a time series, and become a sparkline too.
            parts.transformation("organize", {"excludeByName": {"Time": True}}, of_queries="(?!Past$).*"),
            parts.transformation("timeSeriesTable", {"Past": {"stat": "lastNotNull"}}),
        ],
        height=14,
    ).no_value("No bots: is the exporter scraped by this Prometheus, and the tenant still configured?")
    shares = "|".join(words.capitalize() for words in OUTCOMES)
    return (
        panel.override_by_regexp("/^(tenant_id|access_code)$/", [parts.prop("custom.hidden", True)])
        .override_by_name("Bot", [parts.prop("links", [_OPEN_BOT]), parts.prop("custom.minWidth", 130)])
        .override_by_regexp(
            f"/^(Autonomy|Usual|{shares})$/", [parts.prop("unit", "percentunit"), parts.prop("decimals", 0)]
        )
        .override_by_name(
            "Difference",
            [
                parts.prop("unit", "percentunit"),
                parts.prop("decimals", 0),
            ],
        )
        .override_by_name(
            "Too many to agents",
            [
                parts.prop("decimals", 0),
                parts.prop("thresholds", parts.steps((None, "text"), (25, DOUBTFUL), (50, BAD))),
                parts.prop("custom.cellOptions", {"type": common.TableCellDisplayMode.COLOR_TEXT}),
            ],
        )
        .override_by_name(
            "Autonomy over time",
            [
                parts.prop("custom.cellOptions", {"type": common.TableCellDisplayMode.SPARKLINE, "lineWidth": 1}),
                parts.prop("custom.width", 170),
                parts.prop("unit", "percentunit"),
                parts.prop("decimals", 0),
                parts.prop("min", 0),
                parts.prop("max", 1),
                parts.prop("color", parts.fixed(BLUE)),
            ],
        )
        .override_by_name("Polling", [parts.prop("mappings", [parts.POLLING, parts.UNKNOWN])])
    )


def _over_time(page: parts.Page) -> None:
    page.panel(
        parts.strips(
            "Autonomy by tenant, hour by hour",
            f"{AUTONOMY} From the counts of all the tenant's bots. Each hour is drawn when it is complete, about an hour "
            "after it has begun to be known.",
            [parts.over_time(with_tenant(_OF_TENANTS), "{{tenant}}").interval("5m")],
            unit="percentunit",
        )
        .decimals(0)
        .thresholds(_AUTONOMY_STEPS)
        .no_value("No call of these hours can be judged")
    )
    page.panel(
        parts.stacked(
            parts.coloured(
                parts.lines(
                    "What became of the calls",
                    f"All calls by outcome, of {_LAST_HOUR} at each time. Calls without any interaction are in none of them.",
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
                    "Calls, and what is usual",
                    f"Calls of {_LAST_HOUR} at each time, and how many are usual at that hour of the week, summed over the bots.",
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
            "Calls today, by tenant",
            "Calls so far on the tenant's local day; until about two hours after midnight, yesterday's.",
            parts.at_the_end(f"sort_desc({with_tenant(f'sum by (tenant_id) ({_TODAY})')})", "{{tenant}}"),
            unit="short",
        )
    )


def _alerts() -> table.Panel:
    return (
        parts.listing(
            "Alerts that fire",
            "The alerts of this exporter's rules that fire now, of the tenants chosen and of the exporter itself. Which "
            "rules there are, and what to do about each, their pages say.",
            [parts.rows(f"({alerts.firing_since(_ALERTS_OF_TENANTS)}) * 1000", "Since")],
            {
                "alertname": "Alert",
                "severity": "Severity",
                "bot": "Bot",
                "tenant_id": "Tenant's id",
                "access_code": "Access code",
                "Value": "Since",
            },
            sort="Since",
            descending=True,
        )
        .no_value("No alert fires")
        .override_by_name("Since", [parts.prop("unit", "dateTimeFromNow")])
    )
