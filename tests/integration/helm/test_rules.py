"""The rules of the chart's PrometheusRule: promtool accepts them, and the values change them."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.manifests import Helm, HelmError, at
from harness.programs import FindProgram


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> Path:
    """Find promtool."""
    return program("promtool")


def check(promtool: Path, path: Path) -> tuple[int, str]:
    """Check a file of rules; return promtool's exit status and output."""
    command: list[str | Path] = [promtool, "check", "rules", "--lint-fatal", path]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def groups(helm: Helm, chart: Path, **values: object) -> Sequence[Any]:
    """Return the groups of the PrometheusRule."""
    manifests = helm.template(chart, {"demo": True, "prometheusRule": {"enabled": True, **values}})
    found: Sequence[Any] = at(manifests, "PrometheusRule:spec/groups")
    return found


def rules(found: Sequence[Any], name: str) -> Sequence[Any]:
    """Return the alerts or recording rules with a name."""
    return [rule for group in found for rule in group["rules"] if rule.get("alert", rule.get("record")) == name]


@pytest.mark.parametrize(
    "path",
    sorted(Path(__file__).parents[3].glob("helm/oifde-exporter/rules/**/*.yaml")),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_the_files_are_valid(promtool: Path, path: Path) -> None:
    """Their queries, labels and annotations satisfy promtool."""
    status, said = check(promtool, path)

    assert 0 == status, said


def test_the_chart_hands_on_the_rules_as_they_are(helm: Helm, chart: Path, promtool: Path, tmp_path: Path) -> None:
    """Helm leaves Prometheus's templates alone. promtool accepts the rules with added labels, disabled alerts and other thresholds."""
    found = groups(
        helm,
        chart,
        ruleLabels={"team": "care", "severity": "mine"},
        disabled=["OifdeExporterShardMissing"],
        thresholds={"autonomy_drop": 0.2},
        overrides=[{"tenantId": "0123", "thresholds": {"autonomy_floor": 0.5}}],
    )
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": found}))

    status, said = check(promtool, tmp_path / "rules.yaml")

    assert 0 == status, said
    alerts = [rule for group in found for rule in group["rules"] if "alert" in rule]
    assert ["care", "mine"] * len(alerts) == [
        alert["labels"][name] for alert in alerts for name in ("team", "severity")
    ]
    assert [] == rules(found, "OifdeExporterShardMissing")
    assert "{{ $labels.job }}" in json.dumps(rules(found, "OifdeExporterDown"))


def test_thresholds_can_be_changed_in_the_values(helm: Helm, chart: Path) -> None:
    """For all bots, for a tenant or for one bot; also with --set, which turns fractions into strings."""
    found = groups(
        helm,
        chart,
        thresholds={"autonomy_drop": "0.2", "report_late_seconds": 86400000},
        overrides=[
            {"tenantId": "0123", "thresholds": {"autonomy_floor": 0.5, "evidence": "Inf"}},
            {"tenantId": "0123", "accessCode": "9433", "thresholds": {"autonomy_floor": 0}},
        ],
    )

    name = "oifde:alert_threshold:"
    assert [{"record": f"{name}autonomy_drop", "expr": "vector(0.2)"}] == rules(found, f"{name}autonomy_drop")
    assert "vector(Inf)" == rules(found, f"{name}evidence")[1]["expr"]
    assert ["vector(8.64e+07)"] == [rule["expr"] for rule in rules(found, f"{name}report_late_seconds")]
    assert [
        (None, "vector(0.25)"),
        ({"tenant_id": "0123"}, "vector(0.5)"),
        ({"tenant_id": "0123", "access_code": "9433"}, "vector(0)"),
    ] == [(rule.get("labels"), rule["expr"]) for rule in rules(found, f"{name}autonomy_floor")]


@pytest.mark.parametrize(
    "values", [{"thresholds": {"autonomy": 1}}, {"overrides": [{"tenantId": "1", "thresholds": {"autonomy": 1}}]}]
)
def test_a_threshold_that_does_not_exist_is_refused(helm: Helm, chart: Path, values: dict[str, object]) -> None:
    """The error lists the thresholds that exist."""
    with pytest.raises(HelmError, match=r"no (such )?threshold.*there are .*autonomy_drop, "):
        groups(helm, chart, **values)


@pytest.mark.parametrize("name", ["OifdePlatformdown", "oifde:alert_threshold:autonomy_drop"])
def test_an_alert_that_does_not_exist_cannot_be_left_out(helm: Helm, chart: Path, name: str) -> None:
    """A misspelt alert would keep firing, so the name is an error."""
    with pytest.raises(HelmError, match=rf"no alert {name}; there are .*OifdePlatformDown, "):
        groups(helm, chart, disabled=[name])


def test_the_texts_can_be_chinese(helm: Helm, chart: Path) -> None:
    """They link to the Chinese runbooks; the expressions are the same."""
    english, chinese = groups(helm, chart), groups(helm, chart, language="zh")

    (alert,) = rules(chinese, "OifdePlatformDown")
    assert "平台 {{ $labels.platform }} 查询不到报表" == alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"].endswith("/zh/runbooks/OifdePlatformDown/")
    for found in (english, chinese):
        for group in found:
            for rule in group["rules"]:
                rule.pop("annotations", None)
    assert english == chinese


@pytest.mark.parametrize("url", ["https://wiki.example.com/runbooks", "https://wiki.example.com/runbooks/"])
def test_the_links_to_runbooks_can_lead_elsewhere(helm: Helm, chart: Path, url: str) -> None:
    """They can point to a copy of the runbooks."""
    found = groups(helm, chart, runbookUrl=url)

    (alert,) = rules(found, "OifdePlatformDown")
    assert "https://wiki.example.com/runbooks/OifdePlatformDown/" == alert["annotations"]["runbook_url"]
