"""*Platform and exporter health*: whether the figures can be trusted, and where it hangs if they cannot."""

from typing import Final

from grafana_foundation_sdk.builders import table

from observability.dashboards import alerts, parts
from observability.dashboards.colours import BAD, BLUE, DOUBTFUL, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from observability.dashboards.promql import PLATFORM, of_platforms, once

_PLATFORMS: Final = "label_values(oifde_bot_info, platform)"
_PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, GREY)
_REASONS: Final = ("timeout", "connect", "tls", "http", "auth", "api", "invalid")
_OPERATIONS: Final = ("query_call_statistics", "get_token", "query_bindings")
_UP: Final = once('oifde_up{report="hour"}')
_AGE: Final = "time() - " + once('oifde_last_success_timestamp_seconds{report="hour"}')
_ALERTS: Final = 'access_code=""'
_TENANT: Final = "platform, tenant_id"


def health() -> str:
    """The dashboard's JSON."""
    page = parts.Page(
        parts.HEALTH,
        "Platform and exporter health",
        "Whether the bots' figures can be trusted: the platform's answers, the logins, the polls, the exporter's processes.",
        since="now-6h",
    )
    page.variable(parts.any_of(parts.choice("platform", "Platform", "Platforms that are shown", _PLATFORMS, "")))
    page.annotation(alerts.marks(_ALERTS))
    _figures(page)
    page.panel(_platforms())
    page.panel(_tenants())
    page.row("Requests to the platform")
    _requests(page)
    page.row("Reports")
    _reports(page)
    page.row("The exporter")
    page.panel(_processes())
    _exporter(page)
    return page.text()


def _figures(page: parts.Page) -> None:
    page.panel(
        parts.figure(
            "Bots polled",
            "Bots on these platforms that the exporters poll.",
            parts.at_the_end(f"count({of_platforms(_UP)})"),
            unit="none",
            width=4,
        )
    )
    page.panel(
        parts.figure(
            "Bots not answering",
            "Bots whose last poll failed.",
            parts.at_the_end(f"count({of_platforms(_UP)} == 0) or vector(0)"),
            unit="none",
            width=4,
        ).thresholds(parts.more_is_worse(1, 5))
    )
    page.panel(
        parts.figure(
            "Oldest figures",
            "How long ago the poll of the bot that has waited longest succeeded.",
            parts.at_the_end(f"max({of_platforms(_AGE)})"),
            unit="s",
            width=4,
        ).thresholds(parts.more_is_worse(180, 300))
    )
    page.panel(
        parts.figure(
            "Logins blocked",
            "Tenants for which no login is tried, to spare their account from being locked: a wrong key, or an account that is "
            "locked already. Somebody has to do something.",
            parts.at_the_end(f"sum(max by ({_TENANT}) (oifde_auth_blocked{{{PLATFORM}}}))"),
            unit="none",
            width=4,
        ).thresholds(parts.steps((None, BLUE), (1, BAD)))
    )
    page.panel(
        parts.figure(
            "Failed requests",
            "Of the requests to the platforms in the last ten minutes, the share that failed.",
            parts.at_the_end(
                f"sum(increase(oifde_upstream_request_failures_total{{{PLATFORM}}}[10m])) / "
                f"(sum(increase(oifde_upstream_requests_total{{{PLATFORM}}}[10m])) > 0)"
            ),
            unit="percentunit",
            width=4,
            decimals=1,
        )
        .thresholds(parts.more_is_worse(0.05, 0.2))
        .no_value("no request")
    )
    page.panel(
        parts.figure(
            "Configuration refused",
            "Exporters that go on with the configuration they had, because the new one does not validate.",
            parts.at_the_end("count(oifde_exporter_config_last_reload_successful == 0) or vector(0)"),
            unit="none",
            width=4,
        ).thresholds(parts.steps((None, BLUE), (1, BAD)))
    )


def _platforms() -> table.Panel:
    buckets = f"sum by (platform, le) (increase(oifde_upstream_request_duration_seconds_bucket{{{PLATFORM}}}[10m]))"
    requests = f"sum by (platform) (increase(oifde_upstream_requests_total{{{PLATFORM}}}[10m]))"
    failures = f"sum by (platform) (increase(oifde_upstream_request_failures_total{{{PLATFORM}}}[10m]))"
    return (
        parts.listing(
            "Platforms",
            "Each platform in the last ten minutes. The skew is how far the platform's clock is ahead of the exporter's: more "
            "than a minute or two puts calls into the wrong hour.",
            [
                parts.rows(f"count by (platform) ({of_platforms(_UP)})", "Bots"),
                parts.rows(f"sum by (platform) ({of_platforms(f'{_UP} == bool 0')})", "Down"),
                parts.rows(f"{requests} / 600", "Rate"),
                parts.rows(f"{failures} / ({requests} > 0)", "Failed"),
                parts.rows(f"histogram_quantile(0.95, {buckets})", "Slow"),
                parts.rows(f"max by (platform) (oifde_upstream_clock_skew_seconds{{{PLATFORM}}})", "Skew"),
            ],
            {
                "platform": "Platform",
                "Value #Bots": "Bots",
                "Value #Down": "Not answering",
                "Value #Rate": "Requests per second",
                "Value #Failed": "Failed",
                "Value #Slow": "95 % answered within",
                "Value #Skew": "Clock ahead by",
            },
            sort="Failed",
            descending=True,
            width=10,
        )
        .override_by_name("Failed", [parts.prop("unit", "percentunit"), parts.prop("decimals", 1)])
        .override_by_name("Requests per second", [parts.prop("decimals", 2)])
        .override_by_regexp("/(within|ahead by)$/", [parts.prop("unit", "s")])
        .no_value("No platform: is the exporter scraped by this Prometheus?")
    )


def _tenants() -> table.Panel:
    def tenant(metric: str) -> str:
        return f"max by ({_TENANT}) ({metric})"

    newest = once("oifde_live_hour_start_timestamp_seconds")
    names = f"topk by ({_TENANT}) (1, max by ({_TENANT}, tenant) (oifde_bot_info{{{PLATFORM}}}))"
    return (
        parts.listing(
            "Tenants",
            "Each tenant's way in and the state of its reports. *Newest record* is how long ago the hour of its newest record "
            "began: on a day with calls, not much more than an hour. *Discovery* is empty where bots are not looked for. *Oddities* are records and fields that ought not to be "
            "there, *Restated* settled hours that the platform has changed; both of the last 24 hours.",
            [
                parts.rows(names, "Name"),
                parts.rows(f"time() - max by ({_TENANT}) ({of_platforms(newest)})", "Newest"),
                parts.rows(f"{tenant(f'oifde_token_expiry_timestamp_seconds{{{PLATFORM}}}')} - time()", "Token"),
                parts.rows(tenant(f"oifde_auth_blocked{{{PLATFORM}}}"), "Blocked"),
                parts.rows(tenant(f"oifde_discovery_up{{{PLATFORM}}}"), "Discovery"),
                parts.rows(
                    f"sum by ({_TENANT}) (max by ({_TENANT}, report, reason) "
                    f"(increase(oifde_report_anomalies_total{{{PLATFORM}}}[24h])))",
                    "Oddities",
                ),
                parts.rows(
                    f"sum by ({_TENANT}) (max by ({_TENANT}, report) "
                    f"(increase(oifde_record_revisions_total{{{PLATFORM}}}[24h])))",
                    "Restated",
                ),
            ],
            {
                "tenant": "Tenant",
                "tenant_id": "Tenant's id",
                "platform": "Platform",
                "Value #Newest": "Newest record",
                "Value #Token": "Token expires in",
                "Value #Blocked": "Login",
                "Value #Discovery": "Discovery",
                "Value #Oddities": "Oddities",
                "Value #Restated": "Restated",
            },
            sort="Newest record",
            descending=True,
            width=14,
        )
        .override_by_name(
            "Newest record",
            [
                parts.prop("unit", "s"),
                parts.prop("thresholds", parts.steps((None, "text"), (4 * 3600, DOUBTFUL), (8 * 3600, BAD))),
                parts.prop("custom.cellOptions", {"type": "color-text"}),
            ],
        )
        .override_by_name("Token expires in", [parts.prop("unit", "s")])
        .override_by_name(
            "Login",
            [parts.prop("mappings", [parts.words({"0": ("works", BLUE), "1": ("blocked", BAD)}), parts.UNKNOWN])],
        )
        .override_by_name("Discovery", [parts.prop("mappings", [parts.POLLING, parts.UNKNOWN])])
        .override_by_regexp("/^(Oddities|Restated)$/", [parts.prop("decimals", 0)])
        .no_value("No tenant: is the exporter scraped by this Prometheus?")
    )


def _requests(page: parts.Page) -> None:
    panel = parts.lines(
        "Requests by kind",
        "Requests a second to the platforms chosen, retries included.",
        [
            parts.over_time(
                f"sum by (operation) (rate(oifde_upstream_requests_total{{{PLATFORM}}}[$__rate_interval]))",
                "{{operation}}",
            )
        ],
        unit="reqps",
        width=8,
    )
    page.panel(parts.coloured(panel, dict(zip(_OPERATIONS, _PALETTE, strict=False))))

    panel = parts.lines(
        "Failures by reason",
        "Requests a second that failed: *timeout* no answer in time, *connect* no connection, *tls* the certificate, *http* an "
        "HTTP status, *auth* the token or the key, *api* an error of the platform's own, *invalid* an answer nobody can read.",
        [
            parts.over_time(
                f"sum by (reason) (rate(oifde_upstream_request_failures_total{{{PLATFORM}}}[$__rate_interval]))",
                "{{reason}}",
            )
        ],
        unit="reqps",
        width=8,
    )
    page.panel(parts.stacked(parts.coloured(panel, dict(zip(_REASONS, _PALETTE, strict=True)))))

    buckets = f"sum by (le) (rate(oifde_upstream_request_duration_seconds_bucket{{{PLATFORM}}}[$__rate_interval]))"
    panel = parts.lines(
        "Time to answer",
        "How long the platforms take to answer: half of the requests less than the lower line, 95 of 100 less than the upper.",
        [
            parts.over_time(f"histogram_quantile(0.5, {buckets})", "half", "Half"),
            parts.over_time(f"histogram_quantile(0.95, {buckets})", "95 %", "Most"),
        ],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"half": SKY, "95 %": BLUE}).no_value("No request in this time"))

    page.panel(
        parts.bars(
            "The platform's own error codes",
            "Answers of the last 24 hours that were an error, by the platform's code. 900001 and 900002 are an expired token, "
            "which a login mends.",
            parts.at_the_end(
                f"sort_desc(sum by (operation, code) (increase(oifde_upstream_api_errors_total{{{PLATFORM}}}[24h])) > 0)",
                "{{code}}, {{operation}}",
            ),
            unit="short",
        )
        .decimals(0)
        .no_value("No error in 24 hours")
    )
    panel = parts.lines(
        "Retries",
        "Requests a second that repeated a failed one.",
        [
            parts.over_time(
                f"sum by (operation) (rate(oifde_upstream_retries_total{{{PLATFORM}}}[$__rate_interval]))",
                "{{operation}}",
            )
        ],
        unit="reqps",
    )
    page.panel(parts.coloured(panel, dict(zip(_OPERATIONS, _PALETTE, strict=False))))


def _reports(page: parts.Page) -> None:
    panel = parts.lines(
        "Bots not answering",
        "Bots whose last poll failed, over time.",
        [parts.over_time(f"sum({of_platforms(f'{_UP} == bool 0')})", "bots")],
        unit="none",
        width=8,
    )
    page.panel(parts.coloured(panel, {"bots": VERMILLION}).fill_opacity(30))

    oldest = f"max({of_platforms(_AGE)})"
    panel = parts.lines(
        "Age of the figures",
        "How long ago the last poll succeeded, for the bot that has waited longest. The figures of a bot are withdrawn when they "
        "are older than `stale_after`, five minutes by default.",
        [parts.over_time(oldest, "oldest")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"oldest": BLUE}))

    panel = parts.lines(
        "Oddities and restated hours",
        "Records and fields that ought not to be there, and settled hours that the platform has changed, per hour. Many restated "
        "hours: `settle_delay` is too short for this platform.",
        [
            parts.over_time(
                f"sum(max by ({_TENANT}, report, reason) (increase(oifde_report_anomalies_total{{{PLATFORM}}}[1h])))",
                "oddities",
                "Oddities",
            ),
            parts.over_time(
                f"sum(max by ({_TENANT}, report) (increase(oifde_record_revisions_total{{{PLATFORM}}}[1h])))",
                "restated hours",
                "Restated",
            ),
        ],
        unit="short",
        width=8,
    )
    page.panel(parts.coloured(panel, {"oddities": PURPLE, "restated hours": ORANGE}))


def _processes() -> table.Panel:
    def by_process(expression: str) -> str:
        # Those of the processes that are exporters: multiplied by 1.
        return (
            f"max by (job, instance) ({expression} * on (job, instance) group_left () oifde_exporter_total_shards ^ 0)"
        )

    return (
        parts.listing(
            "Processes",
            "The exporters this Prometheus scrapes.",
            [
                parts.rows("max by (job, instance, version, revision) (oifde_exporter_build_info)", "Build"),
                parts.rows("max by (job, instance) (oifde_exporter_bots)", "Bots"),
                parts.rows("max by (job, instance) (oifde_exporter_shard)", "Shard"),
                parts.rows("max by (job, instance) (oifde_exporter_total_shards)", "Shards"),
                parts.rows("max by (job, instance) (oifde_exporter_config_last_reload_successful)", "Config"),
                parts.rows(by_process("(time() - process_start_time_seconds)"), "Runs"),
                parts.rows(by_process("process_resident_memory_bytes"), "Memory"),
                parts.rows(by_process("rate(process_cpu_seconds_total[5m])"), "Processor"),
            ],
            {
                "instance": "Instance",
                "job": "Job",
                "version": "Version",
                "revision": "Revision",
                "Value #Bots": "Bots",
                "Value #Shard": "Shard",
                "Value #Shards": "of shards",
                "Value #Config": "Configuration",
                "Value #Runs": "Runs for",
                "Value #Memory": "Memory",
                "Value #Processor": "Processor",
            },
            sort="Instance",
            descending=False,
            height=6,
        )
        .override_by_name(
            "Configuration",
            [parts.prop("mappings", [parts.words({"0": ("refused", BAD), "1": ("taken over", BLUE)}), parts.UNKNOWN])],
        )
        .override_by_name("Runs for", [parts.prop("unit", "s")])
        .override_by_name("Memory", [parts.prop("unit", "bytes")])
        .override_by_name("Processor", [parts.prop("unit", "percentunit"), parts.prop("decimals", 1)])
        .no_value("No exporter is scraped by this Prometheus")
    )


def _exporter(page: parts.Page) -> None:
    lag = "sum by (le) (rate(oifde_exporter_poll_lag_seconds_bucket[$__rate_interval]))"
    panel = parts.lines(
        "How late polls start",
        "Against their schedule; 99 of 100 start less late than this. More than a few seconds for long: the platform's limits, "
        "`requests_per_second` and `max_concurrency`, do not let all bots be polled this often.",
        [parts.over_time(f"histogram_quantile(0.99, {lag})", "99 %")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"99 %": BLUE}).no_value("No poll in this time"))
    panel = parts.lines(
        "Scrapes",
        "How long Prometheus took to fetch the exporter's page: the slowest of them.",
        [parts.over_time("max(scrape_duration_seconds and on (job, instance) oifde_exporter_bots)", "slowest scrape")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"slowest scrape": BLUE}))
    panel = parts.lines(
        "Series",
        "How many series the exporters show, all of them together.",
        [parts.over_time("sum(scrape_samples_scraped and on (job, instance) oifde_exporter_bots)", "series")],
        unit="short",
        width=8,
    )
    page.panel(parts.coloured(panel, {"series": BLUE}))
