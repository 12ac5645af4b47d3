"""*Platform and exporter health*: whether the metrics are reliable, and which part fails if not."""

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
        "Whether the metrics can be trusted: the platform's answers, logins, polls, and the exporter's processes.",
        since="now-6h",
    )
    page.variable(parts.any_of(parts.choice("platform", "Platform", "Platforms that are shown", _PLATFORMS, "")))
    page.annotation(alerts.marks(_ALERTS))
    _add_values(page)
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


def _add_values(page: parts.Page) -> None:
    page.panel(
        parts.figure(
            "Bots polled",
            "Bots of these platforms that the exporters poll.",
            parts.at_the_end(f"count({of_platforms(_UP)})"),
            unit="none",
            width=4,
        )
    )
    page.panel(
        parts.figure(
            "Failing bots",
            "Bots whose last poll failed.",
            parts.at_the_end(f"count({of_platforms(_UP)} == 0) or vector(0)"),
            unit="none",
            width=4,
        ).thresholds(parts.more_is_worse(1, 5))
    )
    page.panel(
        parts.figure(
            "Oldest metrics",
            "The time since the last successful poll, of the bot that has waited longest.",
            parts.at_the_end(f"max({of_platforms(_AGE)})"),
            unit="s",
            width=4,
        ).thresholds(parts.more_is_worse(180, 300))
    )
    page.panel(
        parts.figure(
            "Logins blocked",
            "Tenants whose logins are suspended because the secret is wrong or the account is locked. They need an operator.",
            parts.at_the_end(f"sum(max by ({_TENANT}) (oifde_auth_blocked{{{PLATFORM}}}))"),
            unit="none",
            width=4,
        ).thresholds(parts.steps((None, BLUE), (1, BAD)))
    )
    page.panel(
        parts.figure(
            "Failed requests",
            "The share of requests to the platforms that failed in the last 10 minutes.",
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
            "Configuration rejected",
            "Exporters that still use the previous configuration because the new one is invalid.",
            parts.at_the_end("count(oifde_exporter_config_last_reload_successful == 0) or vector(0)"),
            unit="none",
            width=4,
        ).thresholds(parts.steps((None, BLUE), (1, BAD)))
    )


def _platforms() -> table.Panel:
    buckets = f"sum by (platform, le) (increase(oifde_upstream_request_duration_seconds_bucket{{{PLATFORM}}}[10m]))"
    requests = f"sum by (platform) (increase(oifde_upstream_requests_total{{{PLATFORM}}}[10m]))"
    failures = f"sum by (platform) (increase(oifde_upstream_request_failures_total{{{PLATFORM}}}[10m]))"
    bots = f"count by (platform) ({of_platforms(_UP)})"
    return (
        parts.listing(
            "Platforms",
            "Each platform in the last 10 minutes. *Clock ahead by* compares the platform's clock with the exporter's. A "
            "difference of minutes lets hours settle too early or too late. *Own check* is the platform's own health, if the "
            "configuration has health_check.",
            [
                parts.rows(bots, "Bots"),
                parts.rows(f"sum by (platform) ({of_platforms(f'{_UP} == bool 0')})", "Down"),
                parts.rows(f"{requests} / 600", "Rate"),
                parts.rows(f"{failures} / ({requests} > 0)", "Failed"),
                parts.rows(f"histogram_quantile(0.95, {buckets})", "Slow"),
                parts.rows(f"max by (platform) (oifde_upstream_clock_skew_seconds{{{PLATFORM}}})", "Skew"),
                parts.rows(
                    f"max by (platform) (oifde_upstream_healthy{{{PLATFORM}}}) or on (platform) {bots} * 0 - 1",
                    "Health",
                ),
            ],
            {
                "platform": "Platform",
                "Value #Bots": "Bots",
                "Value #Down": "Failing",
                "Value #Rate": "Requests per second",
                "Value #Failed": "Failed",
                "Value #Slow": "95 % answered within",
                "Value #Skew": "Clock ahead by",
                "Value #Health": "Own check",
            },
            sort="Failed",
            descending=True,
            height=5,
        )
        .override_by_name("Failed", [parts.prop("unit", "percentunit"), parts.prop("decimals", 1)])
        .override_by_name("Requests per second", [parts.prop("decimals", 2)])
        .override_by_regexp("/(within|ahead by)$/", [parts.prop("unit", "s")])
        .override_by_name(
            "Own check",
            parts.state(parts.words({"0": ("not healthy", BAD), "1": ("healthy", BLUE), "-1": ("off", "text")})),
        )
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
            "The login and the reports of each tenant. *Newest record* is the age of the newest record's hour: about an hour on "
            "a day with calls. *Discovery* is empty for tenants without discovery. *Anomalies* are unexpected records and "
            "fields, *Restated* are settled hours that the platform changed, both in the last 24 hours.",
            [
                parts.rows(names, "Name"),
                parts.rows(f"time() - max by ({_TENANT}) ({of_platforms(newest)})", "Newest"),
                parts.rows(f"{tenant(f'oifde_token_expiry_timestamp_seconds{{{PLATFORM}}}')} - time()", "Token"),
                parts.rows(tenant(f"oifde_auth_blocked{{{PLATFORM}}}"), "Blocked"),
                parts.rows(tenant(f"oifde_discovery_up{{{PLATFORM}}}"), "Discovery"),
                parts.rows(
                    f"sum by ({_TENANT}) (max by ({_TENANT}, report, reason) "
                    f"(increase(oifde_report_anomalies_total{{{PLATFORM}}}[24h])))",
                    "Anomalies",
                ),
                parts.rows(
                    f"sum by ({_TENANT}) (max by ({_TENANT}, report) "
                    f"(increase(oifde_record_revisions_total{{{PLATFORM}}}[24h])))",
                    "Restated",
                ),
            ],
            {
                "tenant": "Tenant",
                "tenant_id": "Tenant ID",
                "platform": "Platform",
                "Value #Newest": "Newest record",
                "Value #Token": "Token expires in",
                "Value #Blocked": "Login",
                "Value #Discovery": "Discovery",
                "Value #Anomalies": "Anomalies",
                "Value #Restated": "Restated",
            },
            sort="Newest record",
            descending=True,
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
        .override_by_name("Login", parts.state(parts.words({"0": ("works", BLUE), "1": ("blocked", BAD)})))
        .override_by_name("Discovery", parts.state(parts.POLLING))
        .override_by_regexp("/^(Anomalies|Restated)$/", [parts.prop("decimals", 0)])
        .no_value("No tenant: is the exporter scraped by this Prometheus?")
    )


def _requests(page: parts.Page) -> None:
    panel = parts.lines(
        "Requests by operation",
        "Requests per second to the selected platforms, with retries.",
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
        "Failed requests per second. *timeout*: no answer in time. *connect*: no connection. *tls*: certificate or handshake. "
        "*http*: an HTTP error status. *auth*: token or key refused. *api*: an error code of the platform. *invalid*: an "
        "answer of another form.",
        [
            parts.over_time(
                f"sum by (reason) (rate(oifde_upstream_request_failures_total{{{PLATFORM}}}[$__rate_interval]))",
                "{{reason}}",
            )
        ],
        unit="reqps",
        width=8,
    )
    # With values, the legend would not fit.
    panel.legend(parts.legend())
    page.panel(parts.stacked(parts.coloured(panel, dict(zip(_REASONS, _PALETTE, strict=True)))))

    buckets = f"sum by (le) (rate(oifde_upstream_request_duration_seconds_bucket{{{PLATFORM}}}[$__rate_interval]))"
    panel = parts.lines(
        "Response time",
        "Response times of the platforms: median and 95th percentile.",
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
            "Error codes of the platform",
            "Error answers of the last 24 hours by code. 900001 and 900002 mean an expired token; the exporter then logs in "
            "again.",
            f"sort_desc(sum by (operation, code) (increase(oifde_upstream_api_errors_total{{{PLATFORM}}}[24h])) > 0)",
            "${__field.labels.code}, ${__field.labels.operation}",
            unit="short",
        )
        .decimals(0)
        .no_value("No error in 24 hours")
    )
    panel = parts.lines(
        "Retries",
        "Requests per second that repeated a failed request.",
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
        "Failing bots",
        "Bots whose last poll failed, over time.",
        [parts.over_time(f"sum({of_platforms(f'{_UP} == bool 0')})", "bots")],
        unit="none",
        width=8,
    )
    page.panel(parts.coloured(panel, {"bots": VERMILLION}).fill_opacity(30))

    oldest = f"max({of_platforms(_AGE)})"
    panel = parts.lines(
        "Age of the metrics",
        "The time since the last successful poll, of the bot that has waited longest. The metrics of a bot are removed after "
        "`stale_after`, five minutes by default.",
        [parts.over_time(oldest, "oldest")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"oldest": BLUE}))

    panel = parts.lines(
        "Anomalies and restated hours",
        "Unexpected records and fields, and settled hours that the platform changed, per hour. With many restated hours, "
        "increase `settle_delay`.",
        [
            parts.over_time(
                f"sum(max by ({_TENANT}, report, reason) (increase(oifde_report_anomalies_total{{{PLATFORM}}}[1h])))",
                "anomalies",
                "Anomalies",
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
    page.panel(parts.coloured(panel, {"anomalies": PURPLE, "restated hours": ORANGE}))


def _processes() -> table.Panel:
    def by_process(expression: str) -> str:
        # Those of the processes that are exporters: multiplied by 1.
        return (
            f"max by (job, instance) ({expression} * on (job, instance) group_left () oifde_exporter_total_shards ^ 0)"
        )

    return (
        parts.listing(
            "Processes",
            "The exporters that this Prometheus scrapes.",
            [
                parts.rows("max by (job, instance, version, revision) (oifde_exporter_build_info)", "Build"),
                parts.rows("max by (job, instance) (oifde_exporter_bots)", "Bots"),
                parts.rows("max by (job, instance) (oifde_exporter_shard)", "Shard"),
                parts.rows("max by (job, instance) (oifde_exporter_total_shards)", "Shards"),
                parts.rows("max by (job, instance) (oifde_exporter_config_last_reload_successful)", "Config"),
                parts.rows(by_process("(time() - process_start_time_seconds)"), "Runs"),
                parts.rows(by_process("process_resident_memory_bytes"), "Memory"),
                parts.rows(by_process("rate(process_cpu_seconds_total[5m])"), "CPU"),
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
                "Value #Runs": "Uptime",
                "Value #Memory": "Memory",
                "Value #CPU": "CPU",
            },
            sort="Instance",
            descending=False,
            height=6,
        )
        .override_by_name("Configuration", parts.state(parts.words({"0": ("refused", BAD), "1": ("taken over", BLUE)})))
        .override_by_name("Uptime", [parts.prop("unit", "s")])
        .override_by_name("Memory", [parts.prop("unit", "bytes")])
        .override_by_name("CPU", [parts.prop("unit", "percentunit"), parts.prop("decimals", 1)])
        .no_value("No exporter is scraped by this Prometheus")
    )


def _exporter(page: parts.Page) -> None:
    lag = "sum by (le) (rate(oifde_exporter_poll_lag_seconds_bucket[$__rate_interval]))"
    panel = parts.lines(
        "Poll lag",
        "The delay of polls against their schedule, 99th percentile. If it stays above a few seconds, `requests_per_second` or "
        "`max_concurrency` is too low for the number of bots.",
        [parts.over_time(f"histogram_quantile(0.99, {lag})", "99 %")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"99 %": BLUE}).no_value("No poll in this time"))
    panel = parts.lines(
        "Scrape duration",
        "The time Prometheus needed to fetch the exporter's page, slowest exporter.",
        [parts.over_time("max(scrape_duration_seconds and on (job, instance) oifde_exporter_bots)", "slowest scrape")],
        unit="s",
        width=8,
    )
    page.panel(parts.coloured(panel, {"slowest scrape": BLUE}))
    panel = parts.lines(
        "Series",
        "The number of series of all exporters.",
        [parts.over_time("sum(scrape_samples_scraped and on (job, instance) oifde_exporter_bots)", "series")],
        unit="short",
        width=8,
    )
    page.panel(parts.coloured(panel, {"series": BLUE}))
