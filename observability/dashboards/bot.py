"""*One bot*: how one bot does, hour by hour, beside what is usual for it."""

from typing import Final

from grafana_foundation_sdk.builders import timeseries

from observability.dashboards import alerts, parts
from observability.dashboards.colours import BAD, BLUE, GREEN, GREY, ORANGE, SKY, VERMILLION
from observability.dashboards.overview import AUTONOMY, OUTCOMES, TENANT_REGEX, TENANTS
from observability.dashboards.promql import BOT, DIRECTLY, JUDGED, SOLVED, bots, of_each, once, outcome

_BOTS: Final = 'query_result(max by (bot, access_code) (oifde_bot_info{tenant_id="$tenant"}))'
_BOT_REGEX: Final = r'/^\{access_code="(?<value>[\s\S]*?)",bot="(?<text>[\s\S]*)"\} /'
_ALERTS_OF_BOT: Final = 'tenant_id="$tenant", access_code=~"$bot|"'
_STEP: Final = "5m"
_SHIFT: Final = (
    "Each point shows the hour that was the last complete one at that time, so an hour is drawn while the next one "
    "is under way."
)
_BAND: Final = "The band is where the bot's own past at this hour of the week lets it be expected."


def _autonomy(where: str, offset: str = "") -> str:
    return of_each(outcome(SOLVED, where, offset), outcome(JUDGED, where, offset))


def _hour(metric: str, offset: str = "") -> str:
    return once(f"oifde_hour_{metric}{{{BOT}}}{offset}")


def _rule(name: str) -> str:
    return once(f"{name}{{{BOT}}}")


def one_bot() -> str:
    """The dashboard's JSON."""
    page = parts.Page(
        parts.ONE_BOT,
        "One bot",
        "One bot hour by hour, beside what is usual for it and the same day a week before.",
        since="now-2d",
    )
    page.variable(parts.choice("tenant", "Tenant", "Whose bot", TENANTS, TENANT_REGEX))
    page.variable(parts.choice("bot", "Bot", "The bot that is shown", _BOTS, _BOT_REGEX))
    page.annotation(alerts.marks(_ALERTS_OF_BOT))
    _figures(page)
    page.panel(_autonomy_and_band())
    page.row("Calls")
    _calls(page)
    page.row("What callers meet")
    _quality(page)
    page.row("Alerts and polling")
    _health(page)
    return page.text()


def _figures(page: parts.Page) -> None:
    page.panel(
        parts.figure(
            "Autonomy",
            f"{AUTONOMY} In the last complete hour.",
            parts.at_the_end(_autonomy(BOT)),
            unit="percentunit",
            width=3,
            decimals=0,
        ).no_value("no call to judge")
    )
    page.panel(
        parts.figure(
            "Usual",
            "The autonomy that is usual for this bot at this hour of the week.",
            parts.at_the_end(_rule("bot:oifde_autonomy:baseline")),
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
        ).no_value("no call to judge")
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
            "Interactions per call",
            "How often caller and bot took turns per call, in the last complete hour.",
            parts.at_the_end(of_each(_hour("interactions"), _hour("calls"))),
            unit="none",
            width=3,
            decimals=1,
        ).no_value("no call")
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
    usual, spread = _rule("bot:oifde_autonomy:baseline"), _rule("bot:oifde_autonomy:baseline_spread")
    panel = parts.lines(
        "Autonomy, hour by hour",
        f"{AUTONOMY} {_BAND} {_SHIFT} Hours with few calls jump; whether a low point means anything, the alerts judge.",
        [
            parts.over_time(f"clamp_min({usual} - {spread}, 0)", "low", "Low").interval(_STEP),
            parts.over_time(f"clamp_max({usual} + {spread}, 1)", "high", "High").interval(_STEP),
            parts.over_time(usual, "usual", "Usual").interval(_STEP),
            parts.over_time(_autonomy(BOT), "autonomy", "Autonomy").interval(_STEP),
            parts.over_time(_rule("bot:oifde_autonomy:ratio_6h"), "autonomy, 6 h", "Longer").interval(_STEP),
        ],
        unit="percentunit",
        width=24,
        height=9,
    )
    panel.min(0).max(1).no_value("No call of these hours can be judged")
    parts.coloured(panel, {"usual": ORANGE, "autonomy": BLUE, "autonomy, 6 h": SKY})
    parts.band(panel, "low", "high", ORANGE)
    return parts.dashed(panel, "usual")


def _calls(page: parts.Page) -> None:
    panel = parts.lines(
        "What became of the calls",
        f"The calls by outcome. {_SHIFT} Calls without any interaction are in none of the outcomes.",
        [
            parts.over_time(outcome(label, BOT), words, f"Outcome{number}").interval(_STEP)
            for number, (words, (label, _)) in enumerate(OUTCOMES.items())
        ],
        unit="short",
    )
    page.panel(parts.stacked(parts.coloured(panel, {words: colour for words, (_, colour) in OUTCOMES.items()})))

    usual, spread = _rule("bot:oifde_calls:baseline"), _rule("bot:oifde_calls:baseline_spread")
    panel = parts.lines(
        "Calls, and what is usual",
        f"The calls of each hour. {_BAND} {_SHIFT}",
        [
            parts.over_time(f"clamp_min({usual} - {spread}, 0)", "low", "Low").interval(_STEP),
            parts.over_time(f"{usual} + {spread}", "high", "High").interval(_STEP),
            parts.over_time(usual, "usual", "Usual").interval(_STEP),
            parts.over_time(_hour("calls"), "calls", "Calls").interval(_STEP),
        ],
        unit="short",
    )
    parts.coloured(panel, {"usual": ORANGE, "calls": BLUE})
    page.panel(parts.dashed(parts.band(panel, "low", "high", ORANGE), "usual"))

    panel = parts.lines(
        "Calls so far each day",
        "The local day's calls as they add up, and those of the same day a week before. The day's figures stay until about "
        "two hours after midnight.",
        [
            parts.over_time(once(f"oifde_calls_total{{{BOT}}}"), "this day", "Now").interval(_STEP),
            parts.over_time(once(f"oifde_calls_total{{{BOT}}} offset 1w"), "a week before", "Before").interval(_STEP),
        ],
        unit="short",
    )
    page.panel(parts.coloured(panel, {"this day": BLUE, "a week before": GREY}))

    panel = parts.lines(
        "Autonomy, and a week before",
        f"{AUTONOMY} The same day of last week beside it. {_SHIFT}",
        [
            parts.over_time(_autonomy(BOT), "this day", "Now").interval(_STEP),
            parts.over_time(_autonomy(BOT, " offset 1w"), "a week before", "Before").interval(_STEP),
        ],
        unit="percentunit",
    )
    panel.min(0).max(1).no_value("No call of these hours can be judged")
    page.panel(parts.coloured(panel, {"this day": BLUE, "a week before": GREY}))


def _quality(page: parts.Page) -> None:
    panel = parts.lines(
        "Directly to an agent",
        "Of the calls of an hour, the share that went to an agent after two or three interactions: callers who did not let the "
        f"bot try. {_SHIFT}",
        [parts.over_time(of_each(outcome(DIRECTLY, BOT), _hour("calls")), "directly to an agent").interval(_STEP)],
        unit="percentunit",
        width=8,
    )
    page.panel(parts.coloured(panel, {"directly to an agent": VERMILLION}).no_value("No calls in these hours"))

    panel = parts.lines(
        "Interactions per call",
        f"How often caller and bot took turns per call. Many more than usual: the bot asks again and again. {_SHIFT}",
        [parts.over_time(of_each(_hour("interactions"), _hour("calls")), "interactions per call").interval(_STEP)],
        unit="none",
        width=8,
    )
    page.panel(parts.coloured(panel, {"interactions per call": BLUE}).decimals(1).no_value("No calls in these hours"))

    panel = parts.lines(
        "Interface success",
        "Of the requests the bot made to other systems, the share that succeeded: where it falls, the bot cannot look up what "
        f"callers ask for. {_SHIFT}",
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
        parts.strips(
            "Alerts",
            "When alerts fired for this bot, its tenant, or the exporter as a whole.",
            [parts.over_time(f"max by (alertname) ({alerts.firing(_ALERTS_OF_BOT)})", "{{alertname}}").interval("1m")],
            unit="none",
            height=6,
        )
        .thresholds(parts.steps((None, BAD)))
        .mappings([parts.words({"1": ("fires", BAD)})])
        .no_value("No alert fired")
    )
    page.panel(
        parts.strips(
            "Polling",
            "Whether the polls of each of the bot's reports succeeded.",
            [parts.over_time(f"max by (report) (oifde_up{{{BOT}}})", "{{report}}").interval("1m")],
            unit="none",
            height=6,
        )
        .thresholds(parts.steps((None, BAD), (1, BLUE)))
        .mappings([parts.POLLING])
    )
    page.panel(
        parts.listing(
            "Who this is",
            "What the configuration says of the bot.",
            [parts.rows(bots("platform", "tenant", "bot", where=BOT), "Info")],
            {
                "bot": "Bot",
                "access_code": "Access code",
                "tenant": "Tenant",
                "tenant_id": "Tenant's id",
                "platform": "Platform",
            },
            sort="Bot",
            descending=False,
            height=4,
        )
    )
