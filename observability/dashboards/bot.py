"""*One bot*: the hours of one bot beside the expected values."""

from typing import Final

from grafana_foundation_sdk.builders import timeseries

from observability.dashboards import alerts, parts
from observability.dashboards.colours import BAD, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from observability.dashboards.overview import AUTONOMY, OUTCOMES, TENANT_REGEX, TENANTS
from observability.dashboards.promql import BOT, DIRECTLY, JUDGED, SOLVED, bots, of_each, once, outcome

_BOTS: Final = 'query_result(max by (bot, access_code) (oifde_bot_info{tenant_id="$tenant"}))'
_BOT_REGEX: Final = r'/^\{access_code="(?<value>[\s\S]*?)",bot="(?<text>[\s\S]*)"\} /'
_ALERTS_OF_BOT: Final = 'tenant_id="$tenant", access_code=~"$bot|"'
_STEP: Final = "5m"
_SHIFT: Final = "Each point shows the last complete hour at that time, so an hour appears during the next one."
_BAND: Final = "The band is the expected range, from the bot's own history: 99 of 100 such hours fall into it."


def _autonomy(where: str, offset: str = "") -> str:
    return of_each(outcome(SOLVED, where, offset), outcome(JUDGED, where, offset))


def _hour(metric: str, offset: str = "") -> str:
    return once(f"oifde_hour_{metric}{{{BOT}}}{offset}")


def _rule(name: str) -> str:
    return once(f"{name}{{{BOT}}}")


def _threshold(name: str) -> str:
    """Return the bot's own threshold, else its tenant's, else the default."""
    selectors = (BOT, 'tenant_id="$tenant", access_code=""', 'tenant_id=""')
    return " or on () ".join(f"max (oifde:alert_threshold:{name}{{{selector}}})" for selector in selectors)


def one_bot() -> str:
    """The dashboard's JSON."""
    page = parts.Page(
        parts.ONE_BOT,
        "One bot",
        "The hours of one bot beside the expected values and the same day a week before.",
        since="now-2d",
    )
    page.variable(parts.choice("tenant", "Tenant", "The tenant of the bot", TENANTS, TENANT_REGEX))
    page.variable(parts.choice("bot", "Bot", "The bot to show", _BOTS, _BOT_REGEX))
    page.annotation(alerts.marks(_ALERTS_OF_BOT))
    _add_values(page)
    page.panel(_autonomy_and_band())
    page.panel(_score())
    page.row("Calls")
    _calls(page)
    page.row("Quality")
    _quality(page)
    page.row("Alerts and polling")
    _health(page)
    return page.text()


def _add_values(page: parts.Page) -> None:
    page.panel(
        parts.figure(
            "Autonomy",
            f"{AUTONOMY} In the last complete hour.",
            parts.at_the_end(_autonomy(BOT)),
            unit="percentunit",
            width=3,
            decimals=0,
        ).no_value("no calls")
    )
    page.panel(
        parts.figure(
            "Usual",
            "The autonomy rate expected in this hour, from the bot's own history.",
            parts.at_the_end(_hour("expected_autonomy_ratio")),
            unit="percentunit",
            width=3,
            decimals=0,
        ).no_value("no history yet")
    )
    page.panel(
        parts.figure(
            "Autonomy, 24 h",
            f"{AUTONOMY} Over the last 24 hours.",
            parts.at_the_end(_rule("bot:oifde_autonomy:ratio_1d")),
            unit="percentunit",
            width=3,
            decimals=0,
        ).no_value("no calls")
    )
    page.panel(
        parts.figure(
            "Calls, last hour",
            "Calls that reached the bot in the last complete hour.",
            parts.at_the_end(_hour("calls")),
            unit="short",
            width=3,
        )
    )
    page.panel(
        parts.figure(
            "Calls today",
            "Calls so far on the tenant's local day; until about two hours after midnight, yesterday's.",
            parts.at_the_end(once(f"oifde_calls_total{{{BOT}}}")),
            unit="short",
            width=3,
        )
    )
    page.panel(
        parts.figure(
            "Interactions/call",
            "Interactions between caller and bot per call, in the last complete hour.",
            parts.at_the_end(of_each(_hour("interactions"), _hour("calls"))),
            unit="none",
            width=3,
            decimals=1,
        ).no_value("no calls")
    )
    page.panel(
        parts.figure(
            "Hour shown",
            "When the last complete hour began.",
            parts.at_the_end(f"{_hour('start_timestamp_seconds')} * 1000"),
            unit="dateTimeFromNow",
            width=3,
        )
    )
    page.panel(
        parts.figure(
            "Polling",
            "Whether the last poll of the bot succeeded.",
            parts.at_the_end(once(f'oifde_up{{{BOT}, report="hour"}}')),
            unit="none",
            width=3,
        ).mappings([parts.POLLING])
    )


def _autonomy_and_band() -> timeseries.Panel:
    usual = _hour("expected_autonomy_ratio")
    panel = parts.lines(
        "Autonomy, hour by hour",
        f"{AUTONOMY} {_BAND} {_SHIFT} Hours with few calls vary a lot, and their band is wide.",
        [
            parts.over_time(_hour("expected_autonomy_low_ratio"), "low", "Low").interval(_STEP),
            parts.over_time(_hour("expected_autonomy_high_ratio"), "high", "High").interval(_STEP),
            parts.over_time(usual, "usual", "Usual").interval(_STEP),
            parts.over_time(_autonomy(BOT), "autonomy", "Autonomy").interval(_STEP),
            parts.over_time(_rule("bot:oifde_autonomy:ratio_6h"), "autonomy, 6 h", "Longer").interval(_STEP),
        ],
        unit="percentunit",
        width=24,
        height=9,
    )
    panel.min(0).max(1).no_value("No calls with a rate in these hours")
    parts.coloured(panel, {"usual": ORANGE, "autonomy": BLUE, "autonomy, 6 h": SKY})
    parts.band(panel, "low", "high", ORANGE)
    return parts.dashed(panel, "usual")


def _score() -> timeseries.Panel:
    panel = parts.lines(
        "Anomaly score",
        "How far the bot is from usual, in standard deviations, by signal. An alert needs a score above the threshold, and a "
        "size that matters.",
        [
            parts.over_time(f"max by (signal) (oifde_anomaly_score{{{BOT}}})", "{{signal}}", "Score").interval(_STEP),
            parts.over_time(_threshold("evidence"), "threshold", "Threshold").interval(_STEP),
        ],
        unit="none",
        width=24,
        height=6,
    )
    panel.min(0).no_value("No history yet")
    parts.coloured(
        panel,
        {
            "autonomy_drop": BLUE,
            "calls_drop": ORANGE,
            "calls_rise": SKY,
            "direct_transfers_rise": PURPLE,
            "interface_success_drop": GREEN,
            "threshold": BAD,
        },
    )
    return parts.dashed(panel, "threshold")


def _calls(page: parts.Page) -> None:
    panel = parts.lines(
        "Calls by outcome",
        f"The calls of each hour. {_SHIFT} Calls without any interaction have no outcome.",
        [
            parts.over_time(outcome(label, BOT), words, f"Outcome{number}").interval(_STEP)
            for number, (words, (label, _)) in enumerate(OUTCOMES.items())
        ],
        unit="short",
    )
    page.panel(parts.stacked(parts.coloured(panel, {words: colour for words, (_, colour) in OUTCOMES.items()})))

    usual = _hour("expected_calls")
    panel = parts.lines(
        "Calls and expected calls",
        f"The calls of each hour. {_BAND} {_SHIFT}",
        [
            parts.over_time(_hour("expected_calls_low"), "low", "Low").interval(_STEP),
            parts.over_time(_hour("expected_calls_high"), "high", "High").interval(_STEP),
            parts.over_time(usual, "usual", "Usual").interval(_STEP),
            parts.over_time(_hour("calls"), "calls", "Calls").interval(_STEP),
        ],
        unit="short",
    )
    parts.coloured(panel, {"usual": ORANGE, "calls": BLUE})
    page.panel(parts.dashed(parts.band(panel, "low", "high", ORANGE), "usual"))

    panel = parts.lines(
        "Calls so far each day",
        "The calls of the local day so far, beside the same day a week before. A day stays until about two hours after "
        "midnight.",
        [
            parts.over_time(once(f"oifde_calls_total{{{BOT}}}"), "this day", "Now").interval(_STEP),
            parts.over_time(once(f"oifde_calls_total{{{BOT}}} offset 1w"), "a week before", "Before").interval(_STEP),
        ],
        unit="short",
    )
    page.panel(parts.coloured(panel, {"this day": BLUE, "a week before": GREY}))

    panel = parts.lines(
        "Autonomy and a week before",
        f"{AUTONOMY} Beside it the same day of last week. {_SHIFT}",
        [
            parts.over_time(_autonomy(BOT), "this day", "Now").interval(_STEP),
            parts.over_time(_autonomy(BOT, " offset 1w"), "a week before", "Before").interval(_STEP),
        ],
        unit="percentunit",
    )
    panel.min(0).max(1).no_value("No calls with a rate in these hours")
    page.panel(parts.coloured(panel, {"this day": BLUE, "a week before": GREY}))


def _quality(page: parts.Page) -> None:
    panel = parts.lines(
        "Direct transfers",
        "The share of calls that went to an agent after two or three interactions: callers who did not try the bot. "
        f"{_SHIFT}",
        [parts.over_time(of_each(outcome(DIRECTLY, BOT), _hour("calls")), "direct transfers").interval(_STEP)],
        unit="percentunit",
        width=8,
    )
    page.panel(parts.coloured(panel, {"direct transfers": VERMILLION}).no_value("No calls in these hours"))

    panel = parts.lines(
        "Interactions per call",
        f"Interactions between caller and bot per call. Many more than usual mean that the bot repeats itself. {_SHIFT}",
        [parts.over_time(of_each(_hour("interactions"), _hour("calls")), "interactions per call").interval(_STEP)],
        unit="none",
        width=8,
    )
    page.panel(parts.coloured(panel, {"interactions per call": BLUE}).decimals(1).no_value("No calls in these hours"))

    panel = parts.lines(
        "Interface success",
        "The share of the bot's requests to backend interfaces that succeeded. Without them the bot cannot answer. "
        f"{_SHIFT}",
        [
            parts.over_time(
                of_each(_hour("interface_successes"), _hour("interface_requests")), "interface success"
            ).interval(_STEP)
        ],
        unit="percentunit",
        width=8,
    )
    panel.max(1).no_value("The bot made no request in these hours")
    page.panel(parts.coloured(panel, {"interface success": GREEN}))


def _health(page: parts.Page) -> None:
    page.panel(
        parts.in_words(
            parts.strips(
                "Alerts",
                "When alerts fired for this bot, its tenant or the exporter.",
                [
                    parts.over_time(f"max by (alertname) ({alerts.firing(_ALERTS_OF_BOT)})", "{{alertname}}").interval(
                        "1m"
                    )
                ],
                unit="none",
                height=6,
            ),
            parts.words({"1": ("firing", BAD)}),
        ).no_value("No alert fired")
    )
    page.panel(
        parts.in_words(
            parts.strips(
                "Polling",
                "Whether the polls of each report of the bot succeeded.",
                [parts.over_time(f"max by (report) (oifde_up{{{BOT}}})", "{{report}}").interval("1m")],
                unit="none",
                height=6,
            ),
            parts.POLLING,
        )
    )
    page.panel(
        parts.listing(
            "Configuration",
            "The bot in the exporter's configuration.",
            [parts.rows(bots("platform", "tenant", "bot", where=BOT), "Info")],
            {
                "bot": "Bot",
                "access_code": "Access code",
                "tenant": "Tenant",
                "tenant_id": "Tenant ID",
                "platform": "Platform",
            },
            sort="Bot",
            descending=False,
            height=4,
        )
    )
