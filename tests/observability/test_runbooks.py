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
PAGES: Final = {path.stem: path for path in (ROOT / "docs" / "runbooks").glob("Oifde*.md")}
INDEX: Final = (ROOT / "docs" / "runbooks" / "README.md").read_text(encoding="utf-8")
RULES: Final[list[dict[str, Any]]] = [
    rule
    for path in sorted(ROOT.glob("observability/rules/*.yaml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
SECTIONS: Final = ["What it means", "What to look at", "What to do"]
LABELS_OF_BOTS: Final = {"platform", "tenant_id", "access_code", "bot"}


def queries(page: str) -> list[str]:
    """A page's queries."""
    return re.findall(r"^```promql\n(.*?)^```", PAGES[page].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_alert_has_one() -> None:
    """And no page is left of an alert that is gone."""
    assert set(ALERTS) == set(PAGES)


def test_the_index_leads_to_every_page() -> None:
    """With the severities, and the thresholds that are not said elsewhere, as they ship."""
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", INDEX, re.MULTILINE)
    assert {(name, name, rule["labels"]["severity"]) for name, rule in ALERTS.items()} == set(rows)

    elsewhere = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    thresholds = {
        rule["record"].rpartition(":")[2]: rule["expr"]
        for rule in RULES
        if rule.get("record", "").startswith("oifde:alert_threshold:")
    }
    said = dict(re.findall(r"^\| `(\w+)` \| ([0-9.]+) \|", INDEX, re.MULTILINE))
    assert {name: thresholds[name] for name in said} == {name: f"vector({value})" for name, value in said.items()}
    assert set(thresholds) == set(said) | {name for name in thresholds if f"| `{name}` |" in elsewhere}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_runbook_explains_checks_and_fixes(name: str) -> None:
    """It has the meaning, the checks and the actions, and the alert links to it."""
    text = PAGES[name].read_text(encoding="utf-8")

    assert text.startswith(f"# {name}\n\nSeverity: {ALERTS[name]['labels']['severity']}.\n")
    assert SECTIONS == re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert queries(name)
    assert f"/{PAGES[name].name}" in ALERTS[name]["annotations"]["runbook_url"]
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (PAGES[name].parent / link).exists(), link


def test_every_query_runs(program: FindProgram, tmp_path: Path) -> None:
    """Copied into Prometheus as it is, with the alert's labels in place of `$platform` and so on."""
    rules = [{"record": f"page:{name}:query", "expr": query} for name in PAGES for query in queries(name)]
    for number, rule in enumerate(rules):
        rule["record"] += str(number)
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")

    command: list[str | Path] = [program("promtool"), "check", "rules", "--lint-fatal", file]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == checked.returncode, checked.stderr


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_series_asked_for_exists(name: str) -> None:
    """By the reference of the metrics, and what the rules record; and every label that stands for the alert's is one of its."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    recorded = {rule["record"] for rule in RULES if "record" in rule}

    for query in queries(name):
        for series in re.findall(r"\b(?:\w+:)?oifde_\w+(?::\w+)?", query):
            metric = series.removesuffix("_bucket")
            assert series in recorded or f"`{metric}`" in reference, series
    of_alert = ALERTS[name]["expr"] + ALERTS[name]["annotations"]["description"]
    for label in re.findall(r"\$([a-z_]+)", " ".join(queries(name))):
        assert label in of_alert or label in LABELS_OF_BOTS, label
