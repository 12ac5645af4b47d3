"""When the alerts for the pipe fire, when they do not, and what they say: promtool evaluates the rules that ship."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import yaml

RULES: Final = Path(__file__).parents[2] / "observability" / "rules"

Labels: TypeAlias = dict[str, str]
Series: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What Prometheus has, in promtool's notation, and the labels of the alerts of one name that fire at some moments."""

    alert: str
    what: str
    series: Series
    firing: Mapping[str, Sequence[Labels]]
    every: str = "1m"
    """How far the values are apart, and the evaluations."""

    def __str__(self) -> str:
        return f"{self.alert}: {self.what}"


def one(metric: str, values: str, instance: str = "x", **labels: str) -> Series:
    """A series of one process."""
    named = {**labels, "instance": instance}
    return {f"{metric}{{{','.join(f'{label}={json.dumps(value)}' for label, value in named.items())}}}": values}


def bot(up: str, code: str = "a", tenant_id: str = "1", instance: str = "x", *, name: str = "", **more: str) -> Series:
    """A bot's series: whether it is up, what it is called, and more by their names."""
    identity = {"tenant_id": tenant_id, "access_code": code, "bot": name or f"Helper {code}"}
    there = " ".join(f"1{part[1:]}" if part[0] in "01" else part for part in up.split())
    return {
        **one("oifde_up", up, instance, **identity, report="hour"),
        **one("oifde_bot_info", there, instance, **identity, platform="p", tenant=f"Tenant {tenant_id}"),
        **{
            key: value
            for metric, values in more.items()
            for key, value in one(metric, values, instance, **identity).items()
        },
    }


def requests(sent: str, failed: str, instance: str = "x", reason: str = "timeout") -> Series:
    """The requests to the platform, and those of them that failed."""
    labels = {"platform": "p", "operation": "query_call_statistics"}
    return {
        **one("oifde_upstream_requests_total", sent, instance, **labels),
        **one("oifde_upstream_request_failures_total", failed, instance, **labels, reason=reason),
    }


def tenant(metric: str, values: str, instance: str = "x", tenant_id: str = "1", **labels: str) -> Series:
    """A tenant's series."""
    return one(metric, values, instance, platform="p", tenant_id=tenant_id, **labels)


def exporter(metric: str, values: str, instance: str = "x", **labels: str) -> Series:
    """A series of an exporter as a whole."""
    return one(metric, values, instance, job="bots", **labels)


PLATFORM: Final = {"platform": "p", "severity": "critical"}
TENANT: Final = {"platform": "p", "tenant_id": "1", "tenant": "Tenant 1", "severity": "critical"}
BOT: Final = {
    "platform": "p",
    "tenant_id": "1",
    "tenant": "Tenant 1",
    "access_code": "a",
    "bot": "Helper a",
    "severity": "warning",
}
REPORT: Final = BOT | {"report": "hour"}
EXPORTER: Final = {"job": "bots", "severity": "critical"}
WARNING: Final = {"severity": "warning"}

# From 0:30 to 2:00 something is wrong.
DOWN: Final = "1x30 0x89 1x90"
SENT: Final = "0+60x300"
ANSWERED: Final = requests(SENT, "0+0x300")
UNANSWERED: Final = requests(SENT, "0+0x30 60+60x88 5400+0x90")
REFUSED: Final = requests(SENT, "0+0x30 60+60x88 5400+0x90", reason="auth") | requests(SENT, "0x300")
BLOCKED: Final = tenant("oifde_auth_blocked", "0x30 1x89 0x90")
ALLOWED: Final = tenant("oifde_auth_blocked", "0x300")
# Its first process goes at 1:00, and another is there from 1:01 on.
REPLACED: Final = {
    **bot("1x30 0x29 stale"),
    **requests("0+60x60 stale", "0+0x30 60+60x29 stale"),
    **tenant("oifde_auth_blocked", "0x60 stale"),
} | {
    **bot("_x61 0x60", instance="y"),
    **requests("_x61 0+60x60", "_x61 0+60x60", "y"),
    **tenant("oifde_auth_blocked", "_x61 0x60", "y"),
}
# Polls succeed every twenty minutes, and figures are withdrawn five minutes later; from 2:00 on all is well.
SELDOM: Final = " ".join(["1x0 0x18"] * 6) + " 1x120"
SHOWN: Final = " ".join(["1x5 stale _x12"] * 6) + " 1x120"

START: Final = "oifde_hour_start_timestamp_seconds"
LIVE: Final = "oifde_live_hour_start_timestamp_seconds"
REVISIONS: Final = "oifde_record_revisions_total"
EXPIRY: Final = "oifde_token_expiry_timestamp_seconds"
SKEW: Final = "oifde_upstream_clock_skew_seconds"
SHARD: Final = "oifde_exporter_shard"
SHARDS: Final = "oifde_exporter_total_shards"
RELOADED: Final = "oifde_exporter_config_last_reload_successful"
INFO: Final = "oifde_exporter_build_info"

# Two weeks in steps of 15 minutes, in which a tenant has 30 calls an hour and its newest record began half an hour ago.
WEEKS: Final = 2 * 7 * 24 * 4
PUNCTUAL: Final = f"-1800+900x{WEEKS}"
NEWEST: Final = WEEKS * 900 - 1800
BUSY: Final = f"30x{WEEKS + 100}"

# fmt: off
CASES: Final = (
    # The platform
    Case("OifdePlatformDown", "after five minutes, until all have been polled again", bot(DOWN) | bot(DOWN, "b") | UNANSWERED | ALLOWED,
         {"35m": [], "39m": [PLATFORM], "2h3m": [PLATFORM], "2h10m": []}),
    Case("OifdePlatformDown", "it answered many requests before, and is asked little since", bot(DOWN) | requests("0+600x30 18012+12x90", "0+0x30 12+12x90") | ALLOWED,
         {"32m": [], "40m": [PLATFORM]}),
    Case("OifdePlatformDown", "it is not polled so often that a request was sent of late", bot(DOWN) | requests("1x300", "1x300") | ALLOWED,
         {"45m": [PLATFORM]}),
    Case("OifdePlatformDown", "one bot still gets its report", bot(DOWN) | bot("1x200", "b") | ANSWERED | ALLOWED, {"1h": []}),
    Case("OifdePlatformDown", "it answers, but knows nobody", bot(DOWN) | REFUSED | ALLOWED, {"1h": []}),
    Case("OifdePlatformDown", "nobody asks it, as every login is blocked", bot(DOWN) | requests("1x300", "1x300") | BLOCKED, {"1h": []}),
    Case("OifdePlatformDown", "two replicas see it", bot(DOWN) | bot(DOWN, instance="y") | UNANSWERED | ALLOWED, {"1h": [PLATFORM]}),
    Case("OifdePlatformDown", "only one of two replicas sees it", bot(DOWN) | bot("1x200", instance="y") | UNANSWERED | ALLOWED, {"1h": []}),
    Case("OifdePlatformDown", "the pod is replaced meanwhile", REPLACED, {"59m": [PLATFORM], "70m": [PLATFORM]}),
    Case("OifdePlatformDown", "the exporter restarts", bot("1x30 stale 0x2 1x60") | ANSWERED | ALLOWED, {f"{minute}m": [] for minute in range(30, 50)}),
    Case("OifdePlatformDown", "the exporter goes", bot("1x30 0x30 stale") | requests("0+60x60 stale", "0+0x30 60+60x29 stale"), {"55m": [PLATFORM], "1h10m": []}),
    Case("OifdePlatformDown", "its last bot is removed", bot("1x30 0x30 stale") | UNANSWERED | ALLOWED, {"55m": [PLATFORM], "1h10m": []}),
    Case("OifdePlatformClockSkew", "it is two minutes ahead", one(SKEW, "1x30 120x60 1x60", platform="p"),
         {"40m": [], "1h": [PLATFORM | WARNING], "1h45m": []}),
    Case("OifdePlatformClockSkew", "it is two minutes behind", one(SKEW, "-120x60", platform="p"), {"1h": [PLATFORM | WARNING]}),
    Case("OifdePlatformClockSkew", "it is half a minute ahead", one(SKEW, "30x60", platform="p"), {"1h": []}),
    Case("OifdePlatformClockSkew", "two replicas disagree", one(SKEW, "120x60", platform="p") | one(SKEW, "-120x60", "y", platform="p"), {"1h": [PLATFORM | WARNING]}),
    Case("OifdePlatformClockSkew", "the pod is replaced", one(SKEW, "120x29 stale", platform="p") | one(SKEW, "_x31 120x60", "y", platform="p"), {"29m": [PLATFORM | WARNING], "40m": []}),
    Case("OifdePlatformClockSkew", "it gives no date", bot("1x60"), {"1h": []}),
    # A tenant
    Case("OifdeTenantDown", "after ten minutes, until one bot is back", bot(DOWN) | bot("1x30 0x180", "b") | bot("1x200", "c", "2") | ALLOWED,
         {"40m": [], "45m": [TENANT], "119m": [TENANT], "2h5m": []}),
    Case("OifdeTenantDown", "one of its bots is up", bot(DOWN) | bot("1x200", "b") | ALLOWED, {"1h": []}),
    Case("OifdeTenantDown", "its login is blocked", bot(DOWN) | BLOCKED, {"1h": []}),
    Case("OifdeTenantDown", "two replicas see it", bot(DOWN) | bot(DOWN, instance="y") | ALLOWED, {"1h": [TENANT]}),
    Case("OifdeTenantDown", "only one of two replicas sees it", bot(DOWN) | bot("1x200", instance="y") | ALLOWED, {"1h": []}),
    Case("OifdeTenantDown", "the pod is replaced meanwhile", REPLACED, {"59m": [TENANT], "70m": [TENANT]}),
    Case("OifdeTenantDown", "the exporter restarts", bot("1x30 stale 0x2 1x60") | ALLOWED, {f"{minute}m": [] for minute in range(30, 50)}),
    Case("OifdeTenantDown", "the exporter goes", bot("1x30 0x30 stale") | tenant("oifde_auth_blocked", "0x60 stale"), {"55m": [TENANT], "1h10m": []}),
    Case("OifdeTenantDown", "it is removed", bot("1x30 0x30 stale") | bot("1x200", "c", "2"), {"1h10m": []}),
    Case("OifdeTenantLoginBlocked", "after five minutes, until it is not", bot(DOWN) | BLOCKED, {"33m": [], "40m": [TENANT], "2h5m": []}),
    Case("OifdeTenantLoginBlocked", "before any of its bots has been found", BLOCKED, {"40m": [{"platform": "p", "tenant_id": "1", "severity": "critical"}]}),
    Case("OifdeTenantLoginBlocked", "for a few minutes", bot(DOWN) | tenant("oifde_auth_blocked", "0x30 1x3 0x30"), {f"{minute}m": [] for minute in range(30, 40)}),
    Case("OifdeTenantLoginBlocked", "of one of two replicas", bot("1x200") | BLOCKED | tenant("oifde_auth_blocked", "0x200", "y"), {"1h": [TENANT]}),
    Case("OifdeTenantLoginBlocked", "of two replicas", bot(DOWN) | bot(DOWN, instance="y") | BLOCKED | tenant("oifde_auth_blocked", "0x30 1x90", "y"), {"1h": [TENANT]}),
    Case("OifdeTenantLoginBlocked", "the pod is replaced, and blocked too", bot("0x200") | tenant("oifde_auth_blocked", "1x30 stale") | tenant("oifde_auth_blocked", "_x31 1x90", "y"), {"29m": [TENANT], "32m": [TENANT]}),
    Case("OifdeTenantLoginBlocked", "the exporter restarts, and may log in", bot("0x200") | tenant("oifde_auth_blocked", "1x30 stale 0x30"), {"29m": [TENANT], "32m": []}),
    Case("OifdeTenantLoginBlocked", "it is removed", tenant("oifde_auth_blocked", "1x30 stale"), {"32m": []}),
    Case("OifdeTenantTokenNotRenewed", "five minutes after it expired, until there is one", bot("1x30 0x60 1x60") | ALLOWED | tenant(EXPIRY, "1800x90 9000x90"),
         {"33m": [], "40m": [TENANT], "1h20m": [TENANT], "1h35m": []}),
    Case("OifdeTenantTokenNotRenewed", "it is renewed in time", bot("1x200") | ALLOWED | tenant(EXPIRY, "1800x29 3600x29 5400x29"), {f"{minute}m": [] for minute in range(25, 85, 5)}),
    Case("OifdeTenantTokenNotRenewed", "nobody needs one until the next poll", bot("1x200") | ALLOWED | tenant(EXPIRY, "1800x200"), {"1h": []}),
    Case("OifdeTenantTokenNotRenewed", "the login is blocked", bot(DOWN) | BLOCKED | tenant(EXPIRY, "1800x200"), {"1h": []}),
    Case("OifdeTenantTokenNotRenewed", "of one of two replicas", bot(DOWN) | bot("1x200", instance="y") | ALLOWED | tenant(EXPIRY, "1800x200") | tenant(EXPIRY, "9000x200", "y"), {"1h": []}),
    Case("OifdeTenantTokenNotRenewed", "of two replicas", bot(DOWN) | bot(DOWN, instance="y") | ALLOWED | tenant(EXPIRY, "1800x200") | tenant(EXPIRY, "1900x200", "y"), {"1h": [TENANT]}),
    Case("OifdeTenantTokenNotRenewed", "the exporter restarts, and has none yet", REPLACED | tenant(EXPIRY, "1800x59 stale"), {"59m": [TENANT], "62m": []}),
    Case("OifdeTenantTokenNotRenewed", "it is removed", bot("1x30 0x30 stale") | tenant("oifde_auth_blocked", "0x60 stale") | tenant(EXPIRY, "1800x60 stale"), {"55m": [TENANT], "1h10m": []}),
    Case("OifdeTenantTokenNotRenewed", "it has a ready token", bot(DOWN) | ALLOWED, {"1h": []}),
    Case("OifdeTenantDiscoveryFailing", "after an hour, until it succeeds", bot("1x300") | ALLOWED | tenant("oifde_discovery_up", "1x30 0x90 1x90") | tenant("oifde_discovery_last_success_timestamp_seconds", "1800x200"),
         {"80m": [], "100m": [TENANT | WARNING], "2h10m": []}),
    Case("OifdeTenantDiscoveryFailing", "for half an hour", bot("1x300") | ALLOWED | tenant("oifde_discovery_up", "1x30 0x30 1x90"), {f"{minute}m": [] for minute in range(30, 100, 10)}),
    Case("OifdeTenantDiscoveryFailing", "no bot has been found yet", ALLOWED | tenant("oifde_discovery_up", "0x200"), {"70m": [{"platform": "p", "tenant_id": "1"} | WARNING]}),
    Case("OifdeTenantDiscoveryFailing", "of one of two replicas", bot("1x300") | ALLOWED | tenant("oifde_discovery_up", "0x200") | tenant("oifde_discovery_up", "1x200", "y"), {"2h": []}),
    Case("OifdeTenantDiscoveryFailing", "the pod is replaced meanwhile", bot("1x300") | ALLOWED | tenant("oifde_discovery_up", "0x50 stale") | tenant("oifde_discovery_up", "_x51 0x200", "y"), {"70m": [TENANT | WARNING]}),
    Case("OifdeTenantDiscoveryFailing", "it is not asked for any more", bot("1x300") | ALLOWED | tenant("oifde_discovery_up", "0x90 stale"), {"80m": [TENANT | WARNING], "95m": []}),
    # What its reports hold
    Case("OifdeTenantReportLate", "hours after the newest record, in a week as busy as those before, until there is a new one",
         bot(BUSY, oifde_hour_calls=BUSY, **{LIVE: f"{PUNCTUAL} {NEWEST}x16 {NEWEST + 17 * 900}+900x20"}),
         {"338h": [], "339h45m": [{"tenant_id": "1"} | WARNING], "340h30m": []}, "15m"),
    Case("OifdeTenantReportLate", "at a time at which hardly anybody called last week",
         bot(BUSY, oifde_hour_calls=f"30x{WEEKS // 2 - 9} 2x28 30x{WEEKS}", **{LIVE: f"{PUNCTUAL} {NEWEST}x20"}), {"339h45m": []}, "15m"),
    Case("OifdeTenantReportLate", "last week was as busy, the one before was not",
         bot(BUSY, oifde_hour_calls=f"2x28 30x{2 * WEEKS}", **{LIVE: f"{PUNCTUAL} {NEWEST}x20"}), {"339h45m": []}, "15m"),
    Case("OifdeTenantReportLate", "another bot of the tenant has new records, and so has the other replica",
         bot(BUSY, oifde_hour_calls=BUSY, **{LIVE: f"{PUNCTUAL} {NEWEST}x20"})
         | bot(BUSY, "b", instance="y", oifde_hour_calls=BUSY, **{LIVE: f"{PUNCTUAL} {NEWEST}+900x20"}), {"339h45m": []}, "15m"),
    Case("OifdeTenantReportLate", "two replicas see it, with a week's history only",
         bot(BUSY, oifde_hour_calls=f"_x600 {BUSY}", **{LIVE: f"{PUNCTUAL} {NEWEST}x20"}) | bot(BUSY, instance="y", oifde_hour_calls=f"_x600 {BUSY}", **{LIVE: f"{PUNCTUAL} {NEWEST}x20"}),
         {"339h45m": [{"tenant_id": "1"} | WARNING]}, "15m"),
    Case("OifdeTenantReportLate", "without any history after three days, whichever pod shows it", bot("1x300 stale", **{LIVE: "0x300 stale"}) | bot("_x301 1x200", instance="y", **{LIVE: "_x301 0x200"}),
         {"70h": [], "73h": [{"tenant_id": "1"} | WARNING], "90h": [{"tenant_id": "1"} | WARNING]}, "15m"),
    Case("OifdeTenantReportLate", "its figures are withdrawn, or it is removed", bot("1x400", **{LIVE: "0x295 stale"}), {"73h": [{"tenant_id": "1"} | WARNING], "75h": []}, "15m"),
    Case("OifdeTenantHoursRestated", "one hour in ten, until a day after it ended", bot("1x300") | ALLOWED | tenant(REVISIONS, "0x4 0.025+0.025x96 2.425x200", report="hour"),
         {"2h": [], "20h": [TENANT | WARNING], "60h": []}, "15m"),
    Case("OifdeTenantHoursRestated", "one hour a day", bot("1x200") | tenant(REVISIONS, "0x48 1x48 2x48", report="hour"), {"13h": [], "25h": []}, "15m"),
    Case("OifdeTenantHoursRestated", "two replicas see the same", bot("1x200") | tenant(REVISIONS, "0x48 1x48", report="hour") | tenant(REVISIONS, "0x48 1x48", "y", report="hour"), {"14h": []}, "15m"),
    Case("OifdeTenantHoursRestated", "the exporter restarts halfway", bot("1x200") | ALLOWED | tenant(REVISIONS, "0+0.025x48 0+0.025x48", report="hour"), {"20h": [TENANT | WARNING]}, "15m"),
    Case("OifdeTenantHoursRestated", "the pod is replaced after the most of them", bot("1x200") | ALLOWED | tenant(REVISIONS, "0+0.04x48 stale", report="hour") | tenant(REVISIONS, "_x50 0+0.004x48", "y", report="hour"), {"20h": [TENANT | WARNING]}, "15m"),
    Case("OifdeTenantHoursRestated", "it is removed", bot("1x48 stale") | tenant("oifde_auth_blocked", "0x48 stale") | tenant(REVISIONS, "0+0.04x48 stale", report="hour"), {"11h": [TENANT | WARNING], "13h": []}, "15m"),
    # A bot
    Case("OifdeBotFailing", "after half an hour, until it is back", bot(DOWN) | bot("1x300", "b") | one("oifde_last_success_timestamp_seconds", "1800x200", tenant_id="1", access_code="a", report="hour"),
         {"55m": [], "65m": [REPORT], "2h5m": []}),
    Case("OifdeBotFailing", "it fails for twenty minutes", bot("1x30 0x20 1x60") | bot("1x300", "b"), {f"{minute}m": [] for minute in range(30, 110, 5)}),
    Case("OifdeBotFailing", "the tenant has no other that is up", bot(DOWN) | bot(DOWN, "b"), {"1h30m": []}),
    Case("OifdeBotFailing", "two replicas see it", bot(DOWN) | bot(DOWN, instance="y") | bot("1x300", "b"), {"1h30m": [REPORT]}),
    Case("OifdeBotFailing", "only one of two replicas sees it", bot(DOWN) | bot("1x300", instance="y") | bot("1x300", "b"), {"1h30m": []}),
    Case("OifdeBotFailing", "the pod is replaced meanwhile", bot("0x40 stale") | bot("_x41 0x90", instance="y") | bot("1x300", "b", instance="z"), {"35m": [REPORT], "45m": [REPORT]}),
    Case("OifdeBotFailing", "it is renamed meanwhile", bot("0x40 stale") | bot("_x41 0x90", name="new") | bot("1x300", "b"), {"35m": [REPORT], "75m": [REPORT | {"bot": "new"}]}),
    Case("OifdeBotFailing", "it is removed", bot("0x40 stale") | bot("1x300", "b"), {"35m": [REPORT], "45m": []}),
    Case("OifdeBotFailing", "the exporter restarts", bot("1x30 stale 0x2 1x60") | bot("1x300", "b"), {f"{minute}m": [] for minute in range(30, 70, 5)}),
    Case("OifdeBotSeriesStale", "they come and go, until they stay", bot(SELDOM, **{START: SHOWN}), {"1h30m": [REPORT], "3h5m": []}),
    Case("OifdeBotSeriesStale", "they are there", bot("1x200", **{START: "1x200"}), {"1h30m": []}),
    Case("OifdeBotSeriesStale", "polls succeed, and bring nothing", bot("1x200"), {"1h30m": [REPORT]}),
    Case("OifdeBotSeriesStale", "no poll succeeds, which is another alert", bot("0x200"), {"1h30m": []}),
    Case("OifdeBotSeriesStale", "the other replica always has them", bot(SELDOM, **{START: SHOWN}) | bot("1x240", instance="y", **{START: "1x240"}), {"1h30m": []}),
    Case("OifdeBotSeriesStale", "two replicas see it", bot("1x200") | bot("1x200", instance="y"), {"1h30m": [REPORT]}),
    Case("OifdeBotSeriesStale", "the exporter restarts", bot("1x60 stale 0x1 1x60", **{START: "1x60 stale _x1 1x60"}), {f"{minute}m": [] for minute in range(60, 120, 5)}),
    Case("OifdeBotSeriesStale", "the pod is replaced meanwhile", bot("1x60 stale") | bot("_x61 1x60", instance="y"), {"58m": [REPORT], "65m": [REPORT]}),
    Case("OifdeBotSeriesStale", "it is removed", bot("1x60 stale"), {"58m": [REPORT], "2h5m": []}),
    # The exporter
    Case("OifdeExporterDown", "after five minutes, until it is back", exporter("up", "1x30 0x30 1x30") | exporter(INFO, "1x30 stale _x29 1x30"),
         {"33m": [], "40m": [EXPORTER], "1h5m": []}),
    Case("OifdeExporterDown", "it is another program that is down", exporter("up", "0x60") | exporter(INFO, "1x60", "y"), {"1h": []}),
    Case("OifdeExporterDown", "one of two replicas is down", exporter("up", "1x30 0x60") | exporter(INFO, "1x30 stale") | exporter("up", "1x90", "y") | exporter(INFO, "1x90", "y"), {"1h": []}),
    Case("OifdeExporterDown", "both replicas are down", exporter("up", "1x30 0x60") | exporter(INFO, "1x30 stale") | exporter("up", "1x30 0x60", "y") | exporter(INFO, "1x30 stale", "y"), {"1h": [EXPORTER]}),
    Case("OifdeExporterDown", "its pod is replaced", exporter("up", "1x30 0x3 stale") | exporter(INFO, "1x30 stale") | exporter("up", "_x32 1x60", "y") | exporter(INFO, "_x32 1x60", "y"), {f"{minute}m": [] for minute in range(30, 60, 3)}),
    Case("OifdeExporterDown", "it is removed", exporter("up", "1x30 stale") | exporter(INFO, "1x30 stale"), {"1h": []}),
    Case("OifdeExporterAbsent", "there never was one", exporter("up", "1x60"), {"10m": [], "30m": [{"severity": "critical"}]}),
    Case("OifdeExporterAbsent", "the last one is removed, and comes back", exporter("up", "1x30 stale _x60 1x30") | exporter(INFO, "1x30 stale _x60 1x30"), {"30m": [], "1h": [{"severity": "critical"}], "1h40m": []}),
    Case("OifdeExporterAbsent", "it is there, but down", exporter("up", "1x30 0x60") | exporter(INFO, "1x30 stale"), {"1h": []}),
    Case("OifdeExporterAbsent", "one of two replicas is removed", exporter("up", "1x30 stale") | exporter(INFO, "1x30 stale") | exporter("up", "1x90", "y") | exporter(INFO, "1x90", "y"), {"1h": []}),
    Case("OifdeExporterAbsent", "its pod is replaced", exporter("up", "1x30 stale") | exporter(INFO, "1x30 stale") | exporter("up", "_x35 1x60", "y") | exporter(INFO, "_x35 1x60", "y"), {f"{minute}m": [] for minute in range(30, 60, 3)}),
    Case("OifdeExporterShardMissing", "three of three are there, and another release beside them",
         {key: value for name, shard in (("x", 0), ("y", 1), ("z", 2)) for key, value in (exporter(SHARD, f"{shard}x60", name, namespace="a") | exporter(SHARDS, "3x60", name, namespace="a")).items()}
         | exporter(SHARD, "0x60", namespace="b") | exporter(SHARDS, "1x60", namespace="b"), {"1h": []}),
    Case("OifdeExporterShardMissing", "the second of two goes at 0:20, and is back at 0:50",
         exporter(SHARD, "0x60") | exporter(SHARDS, "2x60") | exporter(SHARD, "1x20 stale _x28 1x10", "y") | exporter(SHARDS, "2x20 stale _x28 2x10", "y"), {"20m": [], "30m": [], "40m": [EXPORTER], "55m": []}),
    Case("OifdeExporterShardMissing", "two processes claim the same shard", exporter(SHARD, "0x60") | exporter(SHARDS, "2x60") | exporter(SHARD, "0x60", "y") | exporter(SHARDS, "2x60", "y"), {"30m": [EXPORTER]}),
    Case("OifdeExporterShardMissing", "two replicas have both", {key: value for name, shard in (("w", 0), ("x", 0), ("y", 1), ("z", 1)) for key, value in (exporter(SHARD, f"{shard}x60", name) | exporter(SHARDS, "2x60", name)).items()}, {"1h": []}),
    Case("OifdeExporterShardMissing", "a pod is replaced", exporter(SHARD, "0x60") | exporter(SHARDS, "2x60") | exporter(SHARD, "1x20 stale", "y") | exporter(SHARDS, "2x20 stale", "y") | exporter(SHARD, "_x23 1x30", "z") | exporter(SHARDS, "_x23 2x30", "z"), {f"{minute}m": [] for minute in range(20, 50, 3)}),
    Case("OifdeExporterShardMissing", "all are gone, which is another alert", exporter(SHARD, "0x20 stale") | exporter(SHARDS, "2x20 stale"), {"1h": []}),
    Case("OifdeExporterShardsDisagree", "one process goes on counting two, until it is replaced", exporter(SHARDS, "3x90") | exporter(SHARDS, "3x20 2x40 3x30", "y"), {"20m": [], "30m": [], "45m": [EXPORTER], "1h5m": []}),
    Case("OifdeExporterShardsDisagree", "another release counts otherwise", exporter(SHARDS, "3x60", namespace="a") | exporter(SHARDS, "1x60", namespace="b"), {"1h": []}),
    Case("OifdeExporterShardsDisagree", "the one that disagrees is gone", exporter(SHARDS, "3x90") | exporter(SHARDS, "2x40 stale", "y"), {"39m": [EXPORTER], "45m": []}),
    Case("OifdeExporterConfigReloadFailed", "after five minutes, until a reload succeeds", exporter(RELOADED, "1x10 0x50 1x10"), {"12m": [], "30m": [EXPORTER | {"instance": "x"} | WARNING], "1h5m": []}),
    Case("OifdeExporterConfigReloadFailed", "of one of two replicas", exporter(RELOADED, "0x60") | exporter(RELOADED, "1x60", "y"), {"1h": [EXPORTER | {"instance": "x"} | WARNING]}),
    Case("OifdeExporterConfigReloadFailed", "the pod is replaced, or restarts", exporter(RELOADED, "0x20 stale") | exporter(RELOADED, "_x22 1x60", "y"), {"19m": [EXPORTER | {"instance": "x"} | WARNING], "25m": []}),
)
# fmt: on

# Of each alert, the first time that it fires in the cases above: the summary, and the description.
TEXTS: Final = {
    "OifdePlatformDown": (
        "Platform p gives no reports.",
        (
            "For five minutes and more no bot of platform p could be polled, and most requests were not answered. Most "
            'requests fail with the reason "timeout". Bots concerned: 2.'
        ),
    ),
    "OifdePlatformClockSkew": (
        "The clocks of platform p and of the exporter are apart.",
        (
            "The clock of platform p is 2m 0s ahead of the exporter's (if negative, behind it). The exporter's "
            "decides which hour is complete and when a day begins."
        ),
    ),
    "OifdeTenantDown": (
        "None of the bots of tenant Tenant 1 can be polled.",
        "For ten minutes no bot of tenant Tenant 1 (1) on platform p could be polled. Bots concerned: 2.",
    ),
    "OifdeTenantLoginBlocked": (
        "The login of tenant Tenant 1 is refused.",
        (
            "The platform refuses the login, or the token, of tenant Tenant 1 (1) on platform p. To spare the "
            "account from being locked no login is tried for now, and with a wrong secret none will be until the "
            "secret is another one. Bots concerned: 1."
        ),
    ),
    "OifdeTenantTokenNotRenewed": (
        "The token of tenant Tenant 1 has expired, and there is no new one.",
        (
            "The token of tenant Tenant 1 (1) on platform p expired 10m 0s ago. Logins are tried, and the "
            "platform gives no new one."
        ),
    ),
    "OifdeTenantDiscoveryFailing": (
        "The bots of tenant Tenant 1 cannot be listed.",
        (
            "For an hour the platform has not listed the bots of tenant Tenant 1 (1) on platform p. It last did "
            "at 1970-01-01 00:30:00 +0000 UTC. The bots that are known are polled as before; new ones are not "
            "seen."
        ),
    ),
    "OifdeTenantReportLate": (
        "The platform has no new records of tenant 1.",
        (
            "The newest record of any bot of tenant 1 is of an hour that began 4h 15m 0s ago. In the same two "
            "hours of last week there were 60 calls. Do not trust hours without calls meanwhile: after "
            "empty_hour_delay an hour without a record counts as one."
        ),
    ),
    "OifdeTenantHoursRestated": (
        "Hours of tenant Tenant 1 are changed after they have settled.",
        (
            "In the last day 7.917% of the hours of tenant Tenant 1 (1) on platform p were changed, or came at "
            "all, only after they had settled: other figures were shown, and judged by the alerts, before. Raise "
            "settle_delay."
        ),
    ),
    "OifdeBotFailing": (
        "Bot Helper a cannot be polled.",
        (
            'For half an hour every poll of the report "hour" of Helper a (a, tenant Tenant 1) has failed, while '
            "other bots of the tenant can be polled. It last succeeded at 1970-01-01 00:30:00 +0000 UTC."
        ),
    ),
    "OifdeBotSeriesStale": (
        "The figures of bot Helper a come and go.",
        (
            "In the last hour the figures of Helper a (a, tenant Tenant 1) were there for 29.51% of the time. "
            "Polls succeed, but so rarely that the figures are withdrawn in between, or none has brought an hour "
            "that can be shown."
        ),
    ),
    "OifdeExporterDown": (
        "The exporter bots cannot be scraped.",
        "For five minutes no process of bots has answered Prometheus. Its bots are not watched.",
    ),
    "OifdeExporterAbsent": (
        "There is no exporter.",
        (
            "For a quarter of an hour Prometheus has had no target that is an exporter: none is configured, or "
            "none is found. No bot is watched."
        ),
    ),
    "OifdeExporterShardMissing": (
        "A shard of the exporter is missing.",
        "Of bots, 1 shards are there, fewer than there should be. The bots of the missing ones are not watched.",
    ),
    "OifdeExporterShardsDisagree": (
        "The exporter's shards disagree on their number.",
        (
            "Processes of bots run with different --total-shards, up to 3: some tenants are polled twice, others "
            "not at all."
        ),
    ),
    "OifdeExporterConfigReloadFailed": (
        "The exporter's configuration could not be reloaded.",
        "x goes on with the configuration it had. Its log says what is wrong with the new one.",
    ),
}


def groups(alert: str) -> Sequence[Any]:
    """The rules in their groups, but only that alert and what it stands on: all the rest would only take time."""
    files = [
        yaml.safe_load((RULES / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("thresholds", "bots", "pipe")
    ]
    every = [group for file in files for group in file["groups"]]
    expressions = {rule.get("alert", rule.get("record")): str(rule) for group in every for rule in group["rules"]}
    needed = {alert}
    while more := {name for name in expressions if any(name in expressions[one] for one in needed)} - needed:
        needed |= more
    chosen = [
        group | {"rules": [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in needed]}
        for group in every
    ]
    return [group for group in chosen if group["rules"]]


def alerts() -> Sequence[str]:
    """The names of the pipe's alerts."""
    pipe = yaml.safe_load((RULES / "pipe.yaml").read_text(encoding="utf-8"))
    return [rule["alert"] for group in pipe["groups"] for rule in group["rules"] if "alert" in rule]


def run(promtool: Path, directory: Path, chosen: Sequence[Any], tests: Sequence[Any], every: str) -> str:
    """What promtool says of the tests, if they fail."""
    (directory / "rules.json").write_text(json.dumps({"groups": chosen}), encoding="utf-8")
    document = {
        "rule_files": ["rules.json"],
        "evaluation_interval": every,
        "group_eval_order": [group["name"] for group in chosen],
        "tests": tests,
    }
    (directory / "tests.json").write_text(json.dumps(document), encoding="utf-8")
    ended = subprocess.run(
        [promtool, "test", "rules", directory / "tests.json"], capture_output=True, text=True, timeout=120, check=False
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def unit_test(case: Case, expected: Sequence[Any]) -> Mapping[str, Any]:
    """A case as promtool has it."""
    return {
        "name": case.what,
        "interval": case.every,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": expected,
    }


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_fires_when_it_should(promtool: Path, tmp_path: Path, alert: str) -> None:
    """And not before, nor in other cases, nor when it is over; once, however many processes see it."""
    chosen = groups(alert)
    for rule in (rule for group in chosen for rule in group["rules"]):
        rule.pop("annotations", None)  # another test's business
    cases = [case for case in CASES if case.alert == alert]
    tests = [
        unit_test(
            case,
            [
                {"eval_time": moment, "alertname": alert, "exp_alerts": [{"exp_labels": labels} for labels in firing]}
                for moment, firing in case.firing.items()
            ],
        )
        for case in cases
    ]

    assert cases
    said = run(promtool, tmp_path, chosen, tests, cases[0].every)
    assert "" == said, said


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_says_what_is_wrong(promtool: Path, tmp_path: Path, alert: str) -> None:
    """In names and figures, with the page to read."""
    case = next(case for case in CASES if case.alert == alert and any(case.firing.values()))
    moment, (labels, *_) = next((moment, firing) for moment, firing in case.firing.items() if firing)
    summary, description = TEXTS[alert]
    annotations = {"summary": summary, "description": description, "runbook_url": f"docs/runbooks/{alert}.md"}
    expected = [{"exp_labels": labels, "exp_annotations": annotations}]
    test = unit_test(case, [{"eval_time": moment, "alertname": alert, "exp_alerts": expected}])

    said = run(promtool, tmp_path, groups(alert), [test], case.every)
    assert "" == said, said


def test_every_series_asked_for_exists() -> None:
    """By the reference of the metrics, or recorded by a rule: an alert on a series that is not there never fires."""
    reference = (RULES.parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES.glob("*.yaml")]
    recorded = {rule.get("record") for file in files for group in file["groups"] for rule in group["rules"]}

    asked = {
        series
        for alert in alerts()
        for series in re.findall(r"\b(?:\w+:)?oifde_\w+(?::\w+)?", json.dumps(groups(alert)).replace(r"\n", " "))
    }
    assert set() == {series for series in asked - recorded if f"`{series}`" not in reference}
