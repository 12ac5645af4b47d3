"""The rules that come with the chart, by promtool: in the files, and as a PrometheusRule has them."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.manifests import Helm, at
from harness.programs import FindProgram


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> Path:
    """The program."""
    return program("promtool")


def run(*command: str | Path) -> tuple[int, str]:
    """A program's exit status, and all it says."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_the_alerts_fire_when_they_should(promtool: Path) -> None:
    """And not before, nor for another release, nor after."""
    status, said = run(promtool, "test", "rules", Path(__file__).with_name("rules_test.yaml"))

    assert (0, True) == (status, "SUCCESS" in said), said


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[3].glob("helm/oifde-exporter/rules/*.yaml")), ids=lambda path: path.name
)
def test_the_files_are_valid(promtool: Path, path: Path) -> None:
    """A rule's query, its labels and its annotations."""
    status, said = run(promtool, "check", "rules", "--lint-fatal", path)

    assert 0 == status, said


def test_the_chart_hands_on_the_rules_as_they_are(helm: Helm, chart: Path, promtool: Path, tmp_path: Path) -> None:
    """Their templates are Prometheus', not Helm's; valid with labels added, and with some left out."""
    rule = {"enabled": True, "ruleLabels": {"team": "care"}, "disabled": ["OifdeExporterShardMissing"]}
    spec = at(helm.template(chart, {"demo": True, "prometheusRule": rule}), "PrometheusRule:spec")
    (tmp_path / "rules.yaml").write_text(json.dumps(spec))

    status, said = run(promtool, "check", "rules", "--lint-fatal", tmp_path / "rules.yaml")

    assert 0 == status, said
    alerts = [rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule]
    assert ["care"] * len(alerts) == [alert["labels"]["team"] for alert in alerts]
    assert "{{ $labels.job }}" in json.dumps(alerts)
