"""The shipped inhibition rules in a real Alertmanager."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import pytest
import yaml

from harness.programs import FindProgram
from harness.waiting import wait_for

from .conftest import StartAlertmanager

ROOT: Final = Path(__file__).parents[2]
INHIBITION: Final = ROOT / "observability" / "alertmanager" / "inhibition.yaml"
EXAMPLES: Final = (INHIBITION.with_name("alertmanager.yaml"), ROOT / "examples" / "compose" / "alertmanager.yaml")
ROUTE: Final = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}

PLATFORM: Final = {"platform": "p"}
TENANT: Final = {"platform": "p", "tenant_id": "1", "tenant": "acme"}
BOT: Final = {"platform": "p", "tenant_id": "1", "tenant": "acme", "access_code": "a", "bot": "billing"}
OTHER_BOT: Final = BOT | {"access_code": "b", "bot": "cards"}
OTHER_TENANT: Final = {"platform": "p", "tenant_id": "2", "tenant": "other"}
OTHER_PLATFORM: Final = {"platform": "q", "tenant_id": "3", "tenant": "far"}

Alert: TypeAlias = tuple[str, Mapping[str, str]]

CASES: Final[Sequence[tuple[Alert, Sequence[Alert], Sequence[Alert]]]] = (
    (
        ("OifdePlatformDown", PLATFORM),
        [
            ("OifdeTenantDown", TENANT),
            ("OifdeTenantDown", OTHER_TENANT),
            ("OifdeTenantTokenNotRenewed", TENANT),
            ("OifdeBotAutonomyDropped", BOT),
            ("OifdeBotFailing", BOT),
        ],
        [
            ("OifdeTenantDown", OTHER_PLATFORM),
            ("OifdeBotAutonomyDropped", OTHER_PLATFORM | {"tenant_id": "4", "access_code": "a"}),
            ("OifdeTenantLoginBlocked", OTHER_TENANT),
            ("OifdeExporterShardMissing", {"job": "bots"}),
        ],
    ),
    (
        ("OifdeTenantLoginBlocked", TENANT),
        [("OifdeTenantDown", TENANT), ("OifdeTenantDiscoveryFailing", TENANT), ("OifdeBotSeriesStale", BOT)],
        [("OifdeTenantDown", OTHER_TENANT), ("OifdeBotCallsVanished", BOT | {"tenant_id": "4"})],
    ),
    (
        ("OifdeTenantDown", TENANT),
        [("OifdeBotCallsVanished", BOT), ("OifdeBotInterfaceFailing", OTHER_BOT)],
        [("OifdeTenantReportLate", {"tenant_id": "1"}), ("OifdeBotCallsVanished", OTHER_TENANT | {"access_code": "a"})],
    ),
    (
        ("OifdeTenantReportLate", {"tenant_id": "1"}),
        [("OifdeBotCallsVanished", BOT), ("OifdeBotCallsVanished", OTHER_BOT)],
        [("OifdeBotCallsVanished", OTHER_TENANT | {"access_code": "a"}), ("OifdeBotAutonomyDropped", BOT)],
    ),
    (
        ("OifdeBotAutonomyDropped", BOT),
        [("OifdeBotDirectTransfersSurge", BOT), ("OifdeBotAutonomyBelowFloor", BOT)],
        [("OifdeBotDirectTransfersSurge", OTHER_BOT), ("OifdeBotCallsSurge", BOT)],
    ),
    (
        ("OifdeBotInterfaceFailing", BOT),
        [("OifdeBotAutonomyDropped", BOT), ("OifdeBotDirectTransfersSurge", BOT)],
        [("OifdeBotAutonomyDropped", OTHER_BOT), ("OifdeBotCallsVanished", BOT)],
    ),
    (
        ("OifdeTenantCallsVanished", TENANT),
        [("OifdeBotCallsVanished", BOT), ("OifdeBotCallsVanished", OTHER_BOT)],
        [("OifdeBotCallsVanished", OTHER_TENANT | {"access_code": "a"}), ("OifdeBotAutonomyDropped", OTHER_BOT)],
    ),
)


@pytest.mark.parametrize(("source", "silenced", "told"), CASES, ids=[source[0] for source, _, _ in CASES])
async def test_an_alert_inhibits_the_alerts_it_explains(
    start_alertmanager: StartAlertmanager, source: Alert, silenced: Sequence[Alert], told: Sequence[Alert]
) -> None:
    """And no others."""
    alertmanager = await start_alertmanager({**ROUTE, **snippet()})
    body = [{"alertname": name, **labels} for name, labels in (source, *silenced, *told)]
    fired = [{"labels": labels} for labels in body]
    async with aiohttp.request("POST", f"{alertmanager.url}/api/v2/alerts", json=fired) as answer:
        assert 200 == answer.status, await answer.text()

    async def settled() -> bool:
        alerts = json.loads((await alertmanager.fetch("/api/v2/alerts")).text)
        found = {tuple(sorted(alert["labels"].items())): alert["status"]["inhibitedBy"] for alert in alerts}
        assert [name for name, _ in silenced] == [
            alert["alertname"] for alert in body if found[tuple(sorted(alert.items()))]
        ]
        return True

    await wait_for(settled, "the alerts that follow, and no others, to be inhibited")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_has_the_same_rules(example: Path) -> None:
    """A copied example sends no more notifications than the shipped rules."""
    assert snippet() == {"inhibit_rules": load(example)["inhibit_rules"]}


def test_every_matcher_is_about_alerts_there_are() -> None:
    """A rename of an alert must not disable a rule unnoticed."""
    files = [load(path) for path in ROOT.glob("observability/rules/*.yaml")]
    names = {rule.get("alert") for file in files for group in file["groups"] for rule in group["rules"]} - {None}
    matchers = [
        matcher
        for rule in snippet()["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
    ]

    for matcher in matchers:
        pattern = re.fullmatch(r'alertname =~? "?([^"]+)"?', matcher)
        assert pattern, matcher
        for part in alternatives(pattern[1]):
            assert [name for name in names if re.fullmatch(part, name)], f"{part} in {matcher}"
    told_of = {name for case in CASES for name, _ in (case[0], *case[1], *case[2])}
    assert set() == told_of - names


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_amtool_accepts_an_example(program: FindProgram, example: Path) -> None:
    """Alertmanager would accept it too."""
    command: list[str | Path] = [program("amtool"), "check-config", example]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == checked.returncode, checked.stdout + checked.stderr
    assert f"{len(snippet()['inhibit_rules'])} inhibit rules" in checked.stdout


def alternatives(pattern: str) -> Sequence[str]:
    """Expand a regular expression's alternatives: ``a(b|c)|d`` is ab, ac, d."""
    parts = []
    for part in re.split(r"\|(?![^(]*\))", pattern):
        prefix, _, inner = part.rstrip(")").partition("(")
        parts += [prefix + part for part in inner.split("|")]
    return parts


def snippet() -> dict[str, Any]:
    """Read the shipped inhibition rules."""
    return load(INHIBITION)


def load(path: Path) -> dict[str, Any]:
    """Read a YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
