"""docs/metrics.md compared with the exporter."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporter.health import Health
from exporter.judging.judge import SIGNALS
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, DiscoveryStatus, Snapshot, TenantId, TenantStatus
from exporter.reasons import FailureReason
from exporter.serving.exposition import Exposition
from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.reports import REPORTS
from exporter.upstream.standing import SessionState

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
CHINESE = DOCS.parent / "zh" / "metrics.md"


def test_the_docs_are_up_to_date() -> None:
    """`make docs` has been run after the last change of a metric."""
    command = [sys.executable, str(DOCS.parents[1] / "scripts" / "metrics-reference.py")]

    assert DOCS.read_text(encoding="utf-8") == subprocess.check_output(command, encoding="utf-8")


def test_every_family_and_label_on_the_page_is_documented(
    registry: CollectorRegistry,
    exposition: Exposition,
    bot: BotId,
    snapshot: Snapshot,
    tenant: TenantId,
    verdicts: dict[BotId, Verdict],
    verdict: Verdict,
) -> None:
    """The docs have every name on /metrics, with its type, labels and help."""
    health = Health(registry, version="1")
    health.init_platform("main", ["get_token"])
    health.api_errors.labels("main", "get_token", "900001").inc()
    health.clock_skew.labels("main").set(1)
    verdicts[bot] = verdict
    exposition.bot_changed(bot, "hour", snapshot)
    for report in REPORTS:
        exposition.bot_changed(replace(bot, access_code=report), report, Snapshot())
    discovery = DiscoveryStatus(last_success=1.0)
    status = TenantStatus(
        {("hour", "decreased"): 0}, {"hour": 0}, login=SessionState(token_expiry=1.0), discovery=discovery
    )
    exposition.tenant_changed(tenant, status)
    text = b"".join(exposition.chunks(openmetrics=False)).decode()

    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `oifde_") and line.count("|") == 6
    ]
    documented = {name: (type_, set(labels.split("` `")) - {""}, help_) for name, type_, labels, _, help_ in rows}
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith(("process_", "python_")):
            continue
        labels = {label for sample in family.samples for label in sample.labels} - {"le", *dict(bot.labels)}
        found[name] = (family.type, labels or documented[name][1], family.documentation)
    assert documented == found


def test_every_value_of_a_label_is_documented() -> None:
    """The docs explain every reason on a dashboard."""
    rows = {line.split("`")[1] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    outcomes = {value for report in REPORTS.values() for field in report.fields for _, value in field.labels}
    operations = {"get_token", "query_bindings", *(report.operation for report in REPORTS.values())}

    assert {*SIGNALS, *AnomalyKind, *FailureReason, *outcomes, *operations} <= rows


def test_the_chinese_page_explains_the_same() -> None:
    """Its tables have every metric and every value of a label; the types that it gives are right."""
    english, chinese = (
        "\n".join(re.findall(r"^\|.*", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in (DOCS, CHINESE)
    )
    types = set(re.findall(r"^\| `(\w+)` \| (gauge|counter|histogram) \|", english, re.MULTILINE))
    explained = set(re.findall(r"^\| `(\w+)` \|", english, re.MULTILINE))
    words = set(re.findall(r"`(\w+)`", chinese))

    assert types >= set(re.findall(r"^\| `(\w+)` \| (gauge|counter|histogram) \|", chinese, re.MULTILINE))
    assert set() == explained - words
    assert {word for word in words if word.startswith("oifde_")} <= explained
