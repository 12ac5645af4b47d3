"""The dashboards that come with the chart."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.dashboards import CHINESE_FILES, FILES
from harness.manifests import Helm, at

LIMIT = 262144
"""Bytes of annotations that Kubernetes allows; kubectl's client-side apply keeps the whole object in one."""
NAMES = [f"r-oifde-exporter-dashboard-{path.stem}" for path in FILES]


@pytest.mark.parametrize(("language", "files"), [("en", FILES), ("zh", CHINESE_FILES)])
def test_grafana_s_sidecar_finds_the_dashboards_as_they_are(
    helm: Helm, chart: Path, language: str, files: Sequence[Path]
) -> None:
    """Each has a ConfigMap with the usual label, in Grafana's namespace. Expressions in braces are Grafana's, not Helm's."""
    dashboards = {
        "enabled": True,
        "namespace": "grafana",
        "language": language,
        "annotations": {"grafana_folder": "Bots"},
    }
    manifests = helm.template(chart, {"demo": True, "dashboards": dashboards})

    found = {name: at(manifests, f"ConfigMap:{name}:") for name in NAMES}
    assert [{path.name: path.read_text(encoding="utf-8")} for path in files] == [one["data"] for one in found.values()]
    assert max(len(json.dumps(one).encode()) for one in found.values()) < LIMIT
    assert {"grafana"} == {one["metadata"]["namespace"] for one in found.values()}
    assert {"1"} == {one["metadata"]["labels"]["grafana_dashboard"] for one in found.values()}
    assert {"Bots"} == {one["metadata"]["annotations"]["grafana_folder"] for one in found.values()}


def test_the_grafana_operator_finds_the_dashboards(helm: Helm, chart: Path) -> None:
    """Each has a GrafanaDashboard that refers to its ConfigMap."""
    operator = {"enabled": True, "spec": {"folder": "{{ .Release.Name }}"}}
    manifests = helm.template(chart, {"demo": True, "dashboards": {"enabled": True, "grafanaOperator": operator}})

    for name, path in zip(NAMES, FILES, strict=True):
        assert {
            "configMapRef": {"name": name, "key": path.name},
            "instanceSelector": {},
            "folder": "r",
        } == at(manifests, f"GrafanaDashboard:{name}:spec")
        assert path.name in at(manifests, f"ConfigMap:{name}:data")


def test_dashboards_are_optional(helm: Helm, chart: Path) -> None:
    """Without `dashboards.enabled` the chart creates none."""
    manifests = helm.template(chart, {"demo": True})

    assert not {"ConfigMap", "GrafanaDashboard"} & {one["kind"] for one in manifests}
