"""The published JSON Schema, the example and the documentation of the configuration."""

import functools
import json
import operator
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import exporter.config
from exporter.config import load
from exporter.config.types import check_label_name

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
TESTDATA = Path(__file__).with_name("testdata")
PAGES = ["docs/configuration.md", "docs/zh/configuration.md"]
PUBLISHED = Path(exporter.config.__file__).with_name("config.schema.json")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return the published schema."""
    published: dict[str, Any] = json.loads(PUBLISHED.read_text())
    return published


def keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key with its schema."""
    for block in (schema, *schema["$defs"].values()):
        yield from block["properties"].items()


def test_schema_is_up_to_date() -> None:
    """The file is current; if not: python -m exporter.config > exporter/config/config.schema.json."""
    printed = subprocess.run(
        [sys.executable, "-m", "exporter.config"], check=True, capture_output=True, text=True
    ).stdout

    assert PUBLISHED.read_text() == printed


def test_schema_is_valid(schema: dict[str, Any]) -> None:
    """The schema follows the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(schema)

    assert jsonschema.Draft202012Validator.META_SCHEMA["$id"] == schema["$schema"]


def test_every_key_is_explained(schema: dict[str, Any]) -> None:
    """Editors show a description of every key."""
    assert [] == [name for name, key in keys(schema) if not key.get("description")]


@pytest.mark.parametrize("path", [EXAMPLE, TESTDATA / "full.good.yaml"], ids=lambda path: path.name)
def test_editors_accept_valid_files(path: Path, schema: dict[str, Any]) -> None:
    """Editors mark no error in a valid file, even with variables."""
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize(
    "path",
    [
        TESTDATA / f"{name}.bad.yaml"
        for name in (
            "auth",
            "discovery",
            "durations",
            "history",
            "identifiers",
            "kinds",
            "kinds-below",
            "labels",
            "missing",
            "unknown-keys",
            "urls",
        )
    ],
    ids=lambda path: path.name,
)
def test_editors_mark_errors(path: Path, schema: dict[str, Any]) -> None:
    """Editors find most errors."""
    document = yaml.compose(re.sub("![a-z!]+[0-9]* ", "", path.read_text()))

    assert not jsonschema.Draft202012Validator(schema).is_valid(_plain(document))


@pytest.mark.parametrize("name", ["a", "A1", "_", "_1", "_a", "a__", "", "1", "__", "__a", "a-b", "å", "tenant_id"])
def test_editors_know_label_names(name: str, schema: dict[str, Any]) -> None:
    """Editors accept the same label names as the exporter."""
    labels = schema["$defs"]["Bot"]["properties"]["labels"]
    try:
        check_label_name(name)
    except ValueError:
        taken = False
    else:
        taken = True

    assert taken == jsonschema.Draft202012Validator(labels).is_valid({name: "x"})


def test_example_loads() -> None:
    """Users can copy the example."""
    config = load(EXAMPLE, {"OIFDE_APP_SECRET": "open sesame"})

    assert ["943370855474270208"] == [bot.access_code for bot in config.platforms[0].tenants[0].bots]


def test_example_shows_the_defaults(schema: dict[str, Any]) -> None:
    """The example has the default of every key that has one."""
    written = yaml.safe_load(EXAMPLE.read_text())
    platform = written["platforms"][0]
    tenant = platform["tenants"][0]
    blocks = (written["history"], platform["tls_config"], tenant["calendar"], tenant["auth"], tenant["discovery"])
    shown = functools.reduce(operator.or_, blocks, written | platform | tenant)
    defaults = {name: key["default"] for name, key in keys(schema) if key.get("default") not in (None, {}, [])}

    assert defaults == {name: shown[name] for name in defaults}


def test_example_shows_every_key(schema: dict[str, Any]) -> None:
    """No key is missing in the example."""
    shown = set(re.findall(r"^ *(?:# )?(?:- )?(\w+):", EXAMPLE.read_text(), re.MULTILINE))

    assert set() == {name for name, _ in keys(schema)} - shown


def test_example_names_the_schema() -> None:
    """Editors complete the keys of the example."""
    first = EXAMPLE.read_text().splitlines()[0]

    assert f"# yaml-language-server: $schema={PUBLISHED.relative_to(PUBLISHED.parents[2])}" == first


@pytest.mark.parametrize("page", PAGES)
def test_every_key_is_documented(page: str, schema: dict[str, Any]) -> None:
    """The page about the configuration has every key."""
    documented = set(re.findall(r"^\| `(\w+)`", ROOT.joinpath(page).read_text(encoding="utf-8"), re.MULTILINE))

    assert {name for name, _ in keys(schema)} == documented


@pytest.mark.parametrize("page", PAGES)
def test_documented_examples_are_valid(page: str, schema: dict[str, Any]) -> None:
    """Complete examples in the documentation match the schema."""
    text = ROOT.joinpath(page).read_text(encoding="utf-8")
    whole = [
        block for block in re.findall(r"(?<=```yaml\n)platforms:.*?(?=```)", text, re.DOTALL) if "..." not in block
    ]

    assert whole
    for block in whole:
        jsonschema.validate(yaml.safe_load(block), schema)


def _plain(node: yaml.Node | None) -> object:
    # As a JSON Schema sees it; yaml.safe_load would refuse a date that is none and hash keys.
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:str":
        return None
    return node.value if node else None
