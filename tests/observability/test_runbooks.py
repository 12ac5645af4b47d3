"""The runbooks: one for each alert, with queries that run."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from harness.programs import FindProgram

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = {"English": ROOT / "docs", "Chinese": ROOT / "docs" / "zh"}
PAGES: Final = sorted(path for docs in DOCS.values() for path in docs.glob("runbooks/Oifde*.md"))
RULES: Final[list[dict[str, Any]]] = [
    rule
    for path in sorted(ROOT.glob("observability/rules/*.yaml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
SECTIONS: Final = {"English": ["What it means", "What to look at", "What to do"], "Chinese": ["含义", "排查", "处理"]}
LABELS_OF_BOTS: Final = {"platform", "tenant_id", "access_code", "bot"}

in_each_language = pytest.mark.parametrize("language", DOCS)
of_each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def queries(page: Path) -> list[str]:
    """A page's queries."""
    return re.findall(r"^```promql\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@in_each_language
def test_every_alert_has_one(language: str) -> None:
    """And no page is left of an alert that is gone."""
    assert set(ALERTS) == {page.stem for page in PAGES if page.is_relative_to(DOCS[language] / "runbooks")}


@in_each_language
def test_the_index_leads_to_every_page(language: str) -> None:
    """With the severities, and the thresholds that are not said elsewhere, as they ship."""
    index = (DOCS[language] / "runbooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", index, re.MULTILINE)
    assert {(name, name, rule["labels"]["severity"]) for name, rule in ALERTS.items()} == set(rows)

    elsewhere = (DOCS[language] / "alerts.md").read_text(encoding="utf-8")
    thresholds = {
        rule["record"].rpartition(":")[2]: rule["expr"]
        for rule in RULES
        if rule.get("record", "").startswith("oifde:alert_threshold:")
    }
    said = dict(re.findall(r"^\| `(\w+)` \| ([0-9.]+) \|", index + elsewhere, re.MULTILINE))
    assert thresholds == {name: f"vector({value})" for name, value in said.items()}


@of_each_page
def test_a_runbook_explains_checks_and_fixes(page: Path) -> None:
    """It has the meaning, the checks and the actions, and the alert links to it."""
    text, alert = page.read_text(encoding="utf-8"), ALERTS[page.stem]

    severity = alert["labels"]["severity"]
    assert re.search(
        rf"^# {page.stem}(：.*)?\n\n(Severity: {severity}\.|级别：{severity}（..）。)\n", text, re.MULTILINE
    )
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) in SECTIONS.values()
    assert queries(page)
    assert alert["annotations"]["runbook_url"].endswith(f"/runbooks/{page.stem}/")


def test_every_query_runs(program: FindProgram, tmp_path: Path) -> None:
    """Copied into Prometheus as it is, with the alert's labels in place of `$platform` and so on."""
    rules = [{"record": f"page:{page.stem}:query", "expr": query} for page in PAGES for query in queries(page)]
    for number, rule in enumerate(rules):
        rule["record"] += str(number)
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")

    command: list[str | Path] = [program("promtool"), "check", "rules", "--lint-fatal", file]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == checked.returncode, checked.stderr


@of_each_page
def test_every_series_asked_for_exists(page: Path) -> None:
    """By the reference of the metrics, and what the rules record; and every label that stands for the alert's is one of its."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    recorded = {rule["record"] for rule in RULES if "record" in rule}

    for query in queries(page):
        for series in re.findall(r"\b(?:\w+:)?oifde_\w+(?::\w+)?", query):
            metric = series.removesuffix("_bucket")
            assert series in recorded or f"`{metric}`" in reference, series
    of_alert = ALERTS[page.stem]["expr"] + ALERTS[page.stem]["annotations"]["description"]
    for label in re.findall(r"\$([a-z_]+)", " ".join(queries(page))):
        assert label in of_alert or label in LABELS_OF_BOTS, label
