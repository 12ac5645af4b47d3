"""The chart's documentation, schema and versions."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

import exporter
from exporter.serving.webconfig.schema import HttpServerConfig, TlsServerConfig

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "oifde-exporter"


def load(path: Path) -> dict[str, Any]:
    """Load a YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def test_the_readme_is_up_to_date() -> None:
    """`make docs` has been run after the last change of values.yaml."""
    command = [sys.executable, str(ROOT / "scripts" / "chart-readme.py"), str(CHART)]

    assert (CHART / "README.md").read_text(encoding="utf-8") == subprocess.check_output(command, encoding="utf-8")


def test_the_schema_is_up_to_date() -> None:
    """`make docs` has been run after the last change of the configuration's schema, and Helm supports its expressions."""
    command = [sys.executable, str(ROOT / "scripts" / "chart-schema.py"), str(CHART)]
    written = (CHART / "values.schema.json").read_text(encoding="utf-8")

    assert written == subprocess.check_output(command, encoding="utf-8")
    assert "(?" not in written


def test_every_value_is_explained() -> None:
    """By a comment of its own, or of its block."""
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([^`]+)` \|", readme, re.MULTILINE))

    def missing(values: dict[str, Any], prefix: str) -> list[str]:
        found: list[str] = []
        for key, value in values.items():
            if prefix + key not in explained:
                found += missing(value, f"{prefix}{key}.") if isinstance(value, dict) and value else [prefix + key]
        return found

    assert [] == missing(load(CHART / "values.yaml"), "")


def test_versions_agree() -> None:
    """The default image, the examples and the docs have the chart's version."""
    chart = load(CHART / "Chart.yaml")
    compose = load(ROOT / "examples" / "compose" / "compose.yaml")["services"]["exporter"]
    kustomization = load(ROOT / "examples" / "kubernetes" / "kustomization.yaml")
    sidecar = (ROOT / "examples" / "kubernetes" / "sidecar-by-environment.yaml").read_text(encoding="utf-8")
    (dependency,) = load(ROOT / "examples" / "sidecar" / "Chart.yaml")["dependencies"]
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/without-kubernetes.md")]
    registry = load(CHART / "values.yaml")["image"]["registry"]
    version = exporter.__version__

    assert version == chart["appVersion"]
    assert chart["version"] == dependency["version"]
    assert {f"{registry}/oifde-exporter:{version}"} == {
        image["image"],
        compose["image"],
        *re.findall(r"\S+/oifde-exporter:[0-9.]+", sidecar),
        *(image for page in pages for image in re.findall(r"\S+/oifde-exporter:[0-9.]+", page) if registry in image),
    }
    assert [version] == [one["newTag"] for one in kustomization["images"]]


def test_the_schema_is_valid() -> None:
    """It is a JSON Schema of the draft that all versions of Helm and editors support."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert "http://json-schema.org/draft-07/schema#" == schema["$schema"]
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("block", "model"), [("tls_server_config", TlsServerConfig), ("http_server_config", HttpServerConfig)]
)
def test_the_schema_has_the_web_configuration(block: str, model: type[BaseModel]) -> None:
    """It has each key that the exporter accepts."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    config = schema["properties"]["webConfig"]["properties"]["config"]

    assert set(model.model_fields) == set(config["properties"][block]["properties"])


@pytest.mark.parametrize(
    "path",
    [*sorted(CHART.glob("ci/*-values.yaml")), ROOT / "examples" / "kubernetes" / "config.yaml"],
    ids=lambda path: path.stem,
)
def test_the_exporter_accepts_the_examples(path: Path) -> None:
    """The exporter accepts each example."""
    config: Any = load(path)
    schema = json.loads((ROOT / "exporter" / "config" / "config.schema.json").read_text(encoding="utf-8"))
    if path.parent.name == "ci":
        config = config.get("config")
    if isinstance(config, str):
        config = yaml.safe_load(config)

    if config:  # else it is the demo, or in a ConfigMap of the user's
        jsonschema.Draft202012Validator(schema).validate(config)


@pytest.mark.parametrize(
    "page",
    ["kubernetes.md", "without-kubernetes.md", "zh/kubernetes.md", "zh/without-kubernetes.md", "zh/quick-start.md"],
)
def test_the_documented_build_sets_the_image_labels(page: str) -> None:
    """The documented command sets the labels that the Dockerfile would leave unknown; the version is that of the chart."""
    asked = re.findall(r"^LABEL .*?\n\n", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (command,) = re.findall(
        r"^ *docker build .*?[^\\]\n", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )

    arguments = {"BASE_IMAGE", *re.findall(r"--build-arg (\w+)=", command)}
    assert set() == set(re.findall(r"\$\{(\w+)\}", asked[0])) - arguments
    assert f"VERSION={exporter.__version__} " in command
    assert f"oifde-exporter:{exporter.__version__} .\n" in command


def test_the_image_is_built_from_the_lock() -> None:
    """The base image is pinned, and both stages use it."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert re.search(
        r"^ARG BASE_IMAGE=docker\.io/library/python:3\.11\.\d+-\S+@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE
    )
    assert ["${BASE_IMAGE} AS build", "${BASE_IMAGE}"] == re.findall(r"^FROM (.*)$", dockerfile, re.MULTILINE)
    assert 2 == dockerfile.count("--require-hashes")
