"""The dashboards that come with the chart."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.dashboards import CHINESE_FILES, FILES
from harness.manifests import Helm, at

NAME = "r-oifde-exporter-dashboards"
LIMIT = 1024 * 1024
"""Bytes that Kubernetes lets a ConfigMap have."""


@pytest.mark.parametrize(("language", "files"), [("en", FILES), ("zh", CHINESE_FILES)])
def test_grafana_s_sidecar_finds_the_dashboards_as_they_are(
    helm: Helm, chart: Path, language: str, files: Sequence[Path]
) -> None:
    """In one ConfigMap with the usual label, in Grafana's namespace; what they have in braces is Grafana's, not Helm's."""
    manifests = helm.template(
        chart, {"demo": True, "dashboards": {"enabled": True, "namespace": "grafana", "language": language}}
    )

    data = at(manifests, f"ConfigMap:{NAME}:data")
    assert {path.name: path.read_text(encoding="utf-8") for path in files} == data
    assert sum(len(text.encode()) for text in data.values()) < LIMIT
    assert "grafana" == at(manifests, f"ConfigMap:{NAME}:metadata/namespace")
    assert "1" == at(manifests, f"ConfigMap:{NAME}:metadata/labels/grafana_dashboard")


def test_who_has_no_grafana_gets_no_dashboards(helm: Helm, chart: Path) -> None:
    """They are asked for."""
    assert NAME not in helm.run("template", "r", chart, "--set=demo=true")
