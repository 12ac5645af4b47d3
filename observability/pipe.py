"""Alerts for the pipe: from the platform through the exporter to Prometheus.

Who is told of the bots by these figures is told here when the figures no longer come, or cannot be trusted. A bot is the
one of its tenant and access code, a tenant the one of its platform and id, whichever process shows it, and however often.
"""

from typing import Final

from observability.bots import BOTS
from observability.rulefile import Alert, Group, Recording
from observability.thresholds import PIPE_THRESHOLDS

_LIMIT: Final = {each.name: f'scalar({each.record}{{tenant_id=""}})' for each in PIPE_THRESHOLDS}

# A platform that refuses a login, or a token, is there.
_MOSTLY_ANSWERED: Final = """(
  sum by (platform) (rate(oifde_upstream_requests_total[3m]))
    - sum by (platform) (rate(oifde_upstream_request_failures_total{reason!="auth"}[3m]))
    > 0.5 * sum by (platform) (rate(oifde_upstream_requests_total[3m]))
)"""
# Targets that have been seen to be exporters, whatever they are called.
_SCRAPES: Final = "(up and on (namespace, job, instance) last_over_time(oifde_exporter_build_info[1w]))"

_RECORDINGS: Final = (
    Recording(
        "bot:oifde_up:max",
        f"""
        max by (tenant_id, access_code, report) (oifde_up)
          * on (tenant_id, access_code) group_left (bot, platform, tenant) {BOTS}
        """,
    ),
    Recording("tenant:oifde_up:max", "max by (platform, tenant_id) (bot:oifde_up:max)"),
    Recording("platform:oifde_up:max", "max by (platform) (tenant:oifde_up:max)"),
    Recording("tenant:oifde_auth_blocked:max", "max by (platform, tenant_id) (oifde_auth_blocked)"),
    # A tenant's name is a label of its bots; those that have none yet, as all are still to be discovered, go without.
    Recording(
        "tenant:oifde_tenant:info",
        f"""
        group by (platform, tenant_id, tenant) (
          topk by (platform, tenant_id) (1, count by (platform, tenant_id, tenant) ({BOTS}))
        )
        or on (platform, tenant_id)
        group by (platform, tenant_id) (oifde_auth_blocked)
        """,
    ),
    Recording(
        "bot:oifde_figures_shown:bool",
        """
          (bot:oifde_up:max{report="hour"} >= bool 0 and on (tenant_id, access_code) oifde_hour_start_timestamp_seconds)
        or
          bot:oifde_up:max{report="hour"} * 0
        """,
    ),
    Recording(
        "tenant:oifde_report_age:seconds", "time() - max by (tenant_id) (oifde_live_hour_start_timestamp_seconds)"
    ),
    Recording("tenant:oifde_calls:hour", "sum by (tenant_id) (bot:oifde_calls:hour)"),
)


def _named(expr: str) -> str:
    """``expr``, of one series per tenant, with the tenant's name."""
    return f"""
    (
      {expr.strip()}
    )
      * on (platform, tenant_id) group_left (tenant) tenant:oifde_tenant:info
    """


def _with(query: str, *labels: str, then: str) -> str:
    """A template of ``then`` with the first result of ``query``, in which each %q is one of the alert's labels; or nothing."""
    arguments = " ".join(f"$labels.{label}" for label in labels)
    return "{{ with printf `" + query + "` " + arguments + " | query }}" + then + "{{ end }}"


_FIGURE: Final = "{{ . | first | value }}"
_TIME: Final = "{{ . | first | value | humanizeTimestamp }}"
_TENANT_NAME: Final = "{{ or $labels.tenant $labels.tenant_id }}"
_TENANT: Final = (
    "tenant {{ with $labels.tenant }}{{ . }} {{ end }}({{ $labels.tenant_id }}) on platform {{ $labels.platform }}"
)
_BOT: Final = "{{ $labels.bot }} ({{ $labels.access_code }}, tenant {{ $labels.tenant }})"
_EXPORTER_NAME: Final = "{{ $labels.job }}{{ with $labels.namespace }} in {{ . }}{{ end }}"
_BOTS_OF_PLATFORM: Final = _with(
    "count(count by (tenant_id, access_code) (bot:oifde_up:max{platform=%q}))", "platform", then=_FIGURE
)
_BOTS_OF_TENANT: Final = _with(
    "count(count by (access_code) (bot:oifde_up:max{platform=%q, tenant_id=%q}))", "platform", "tenant_id", then=_FIGURE
)
_REASON: Final = _with(
    "topk(1, sum by (reason) (increase(oifde_upstream_request_failures_total{platform=%q}[10m])) > 0)",
    "platform",
    then=' Most requests fail with the reason "{{ . | first | label `reason` }}".',
)
_LAST_POLL: Final = _with(
    "max(oifde_last_success_timestamp_seconds{tenant_id=%q, access_code=%q, report=%q})",
    *("tenant_id", "access_code", "report"),
    then=f" It last succeeded at {_TIME}.",
)
_LAST_LISTING: Final = _with(
    "max(oifde_discovery_last_success_timestamp_seconds{platform=%q, tenant_id=%q})",
    *("platform", "tenant_id"),
    then=f" It last did at {_TIME}.",
)
_CALLS_A_WEEK_AGO: Final = _with(
    "2 * avg_over_time(tenant:oifde_calls:hour{tenant_id=%q}[2h] offset 1w)",
    "tenant_id",
    then=' In the same two hours of last week there were {{ . | first | value | printf "%.0f" }} calls.',
)

_PLATFORM: Final = (
    Alert(
        "OifdePlatformDown",
        f"""
        platform:oifde_up:max == 0
        unless on (platform)
        {_MOSTLY_ANSWERED}
        unless on (platform)
        min by (platform) (tenant:oifde_auth_blocked:max) == 1
        """,
        severity="critical",
        # It is to be told of before its tenants are, and until the last of them is polled again.
        hold="5m",
        keep="5m",
        summary="Platform {{ $labels.platform }} gives no reports.",
        description=f"""
        For five minutes and more no bot of platform {{{{ $labels.platform }}}} could be polled, and most requests were not
        answered.{_REASON} Bots concerned: {_BOTS_OF_PLATFORM}.
        """,
    ),
    Alert(
        "OifdeTenantDown",
        _named("tenant:oifde_up:max == 0 unless on (platform, tenant_id) tenant:oifde_auth_blocked:max == 1"),
        severity="critical",
        hold="10m",
        summary=f"None of the bots of tenant {_TENANT_NAME} can be polled.",
        description=f"For ten minutes no bot of {_TENANT} could be polled.{_REASON} Bots concerned: {_BOTS_OF_TENANT}.",
    ),
    Alert(
        "OifdeTenantLoginBlocked",
        _named("tenant:oifde_auth_blocked:max == 1"),
        severity="critical",
        hold="5m",
        summary=f"The login of tenant {_TENANT_NAME} is refused.",
        description=f"""
        The platform refuses the login, or the token, of {_TENANT}. To spare the account from being locked no login is tried for
        now, and with a wrong secret none will be until the secret is another one. Bots concerned: {_BOTS_OF_TENANT}.
        """,
    ),
    Alert(
        "OifdeTenantTokenNotRenewed",
        _named(
            """
      time() - max by (platform, tenant_id) (oifde_token_expiry_timestamp_seconds) > 0
      unless on (platform, tenant_id) tenant:oifde_auth_blocked:max == 1
      unless on (platform, tenant_id) min by (platform, tenant_id) (bot:oifde_up:max) == 1
            """
        ),
        severity="critical",
        hold="5m",
        summary=f"The token of tenant {_TENANT_NAME} has expired, and there is no new one.",
        description=f"""
        The token of {_TENANT} expired {{{{ $value | humanizeDuration }}}} ago. Logins are tried, and the platform gives no new one.{_REASON}
        """,
    ),
    Alert(
        "OifdeTenantDiscoveryFailing",
        _named("max by (platform, tenant_id) (oifde_discovery_up) == 0"),
        severity="warning",
        hold="1h",
        summary=f"The bots of tenant {_TENANT_NAME} cannot be listed.",
        description=f"""
        For an hour the platform has not listed the bots of {_TENANT}.{_LAST_LISTING} The bots that are known are polled as
        before; new ones are not seen.
        """,
    ),
    Alert(
        "OifdePlatformClockSkew",
        f"""
          max by (platform) (oifde_upstream_clock_skew_seconds) > {_LIMIT["clock_skew_seconds"]}
        or
          min by (platform) (oifde_upstream_clock_skew_seconds) < -{_LIMIT["clock_skew_seconds"]}
        """,
        severity="warning",
        hold="15m",
        summary="The clocks of platform {{ $labels.platform }} and of the exporter are apart.",
        description="""
        The clock of platform {{ $labels.platform }} is {{ $value | humanizeDuration }} ahead of the exporter's (if negative,
        behind it). The exporter's decides which hour is complete and when a day begins.
        """,
    ),
)

_REPORTS: Final = (
    Alert(
        "OifdeBotFailing",
        """
        bot:oifde_up:max == 0
        unless on (platform, tenant_id)
        tenant:oifde_up:max == 0
        """,
        severity="warning",
        hold="30m",
        summary="Bot {{ $labels.bot }} cannot be polled.",
        description=f"""
        For half an hour every poll of the report "{{{{ $labels.report }}}}" of {_BOT} has failed, while other bots of the tenant
        can be polled.{_LAST_POLL}
        """,
    ),
    Alert(
        "OifdeBotSeriesStale",
        f"""
        avg_over_time(bot:oifde_figures_shown:bool[1h]) < {_LIMIT["figures_shown_ratio"]}
        and
        max_over_time(bot:oifde_up:max{{report="hour"}}[30m]) == 1
        """,
        severity="warning",
        hold="15m",
        summary="The figures of bot {{ $labels.bot }} come and go.",
        description=f"""
        In the last hour the figures of {_BOT} were there for {{{{ $value | humanizePercentage }}}} of the time. Polls succeed, but
        so rarely that the figures are withdrawn in between, or none has brought an hour that can be shown.
        """,
    ),
    Alert(
        "OifdeTenantReportLate",
        f"""
          (
            tenant:oifde_report_age:seconds > {_LIMIT["report_late_seconds"]}
            and
            2 * avg_over_time(tenant:oifde_calls:hour[2h] offset 1w) >= {_LIMIT["report_late_calls"]}
            unless
            2 * avg_over_time(tenant:oifde_calls:hour[2h] offset 2w) < {_LIMIT["report_late_calls"]}
          )
        or
          tenant:oifde_report_age:seconds > {_LIMIT["report_lost_seconds"]}
        """,
        severity="warning",
        hold="15m",
        summary="The platform has no new records of tenant {{ $labels.tenant_id }}.",
        description=f"""
        The newest record of any bot of tenant {{{{ $labels.tenant_id }}}} is of an hour that began
        {{{{ $value | humanizeDuration }}}} ago.{_CALLS_A_WEEK_AGO} Do not trust hours without calls meanwhile: after
        empty_hour_delay an hour without a record counts as one.
        """,
    ),
    Alert(
        "OifdeTenantHoursRestated",
        # As many as one process has seen, since two replicas see the same ones.
        _named(
            f"""
      max by (platform, tenant_id) (increase(oifde_record_revisions_total{{report="hour"}}[1d]))
        / (24 * count by (platform, tenant_id) (bot:oifde_up:max{{report="hour"}}))
        > {_LIMIT["restated_ratio"]}
            """
        ),
        severity="warning",
        hold="1h",
        summary=f"Hours of tenant {_TENANT_NAME} are changed after they have settled.",
        description=f"""
        In the last day {{{{ $value | humanizePercentage }}}} of the hours of {_TENANT} were changed, or came at all, only after they
        had settled: other figures were shown, and judged by the alerts, before. Raise settle_delay.
        """,
    ),
)

_EXPORTER: Final = (
    Alert(
        "OifdeExporterDown",
        f"max by (namespace, job) ({_SCRAPES}) == 0",
        severity="critical",
        hold="5m",
        summary="The exporter {{ $labels.job }} cannot be scraped.",
        description=f"""
        For five minutes no process of {_EXPORTER_NAME} has answered Prometheus. Its bots are not watched.
        """,
    ),
    Alert(
        "OifdeExporterAbsent",
        f"""
        absent(oifde_exporter_build_info)
        unless on ()
        {_SCRAPES}
        """,
        severity="critical",
        hold="15m",
        summary="There is no exporter.",
        description="""
        For a quarter of an hour Prometheus has had no target that is an exporter: none is configured, or none is found. No bot
        is watched.
        """,
    ),
    Alert(
        "OifdeExporterShardMissing",
        """
        count by (namespace, job) (count_values by (namespace, job) ("shard", oifde_exporter_shard))
          < max by (namespace, job) (oifde_exporter_total_shards)
        """,
        severity="critical",
        hold="10m",
        summary="A shard of the exporter is missing.",
        description=f"""
        Of {_EXPORTER_NAME}, {{{{ $value }}}} shards are there, fewer than there should be. The bots of the missing ones are not
        watched.
        """,
    ),
    Alert(
        "OifdeExporterShardsDisagree",
        """
        max by (namespace, job) (oifde_exporter_total_shards) != min by (namespace, job) (oifde_exporter_total_shards)
        """,
        severity="critical",
        hold="15m",
        summary="The exporter's shards disagree on their number.",
        description=f"""
        Processes of {_EXPORTER_NAME} run with different --total-shards, up to {{{{ $value }}}}: some tenants are polled twice,
        others not at all.
        """,
    ),
    Alert(
        "OifdeExporterConfigReloadFailed",
        "min by (namespace, job, instance) (oifde_exporter_config_last_reload_successful) == 0",
        severity="warning",
        hold="5m",
        summary="The exporter's configuration could not be reloaded.",
        description="""
        {{ $labels.instance }} goes on with the configuration it had. Its log says what is wrong with the new one.
        """,
    ),
)

GROUPS: Final = (
    Group("oifde-pipe", (*_RECORDINGS, *_PLATFORM, *_REPORTS)),
    Group("oifde-exporter", _EXPORTER),
)
