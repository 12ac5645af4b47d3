"""The shipped inhibition rules, in a real Alertmanager: who is told of the cause is not told of all that follows."""

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
EXAMPLE: Final = ROOT / "examples" / "compose" / "alertmanager.yaml"
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
        [("OifdeBotDirectTransfersSurge", OTHER_BOT), ("OifdeBotInterfaceFailing", BOT)],
    ),
)


@pytest.mark.parametrize(("source", "silenced", "told"), CASES, ids=[source[0] for source, _, _ in CASES])
async def test_what_follows_from_an_alert_is_not_told(
    start_alertmanager: StartAlertmanager, source: Alert, silenced: Sequence[Alert], told: Sequence[Alert]
) -> None:
    """And all else is."""
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


def test_the_example_of_compose_has_the_same_rules() -> None:
    """Whoever starts from it gets no more messages than others."""
    assert snippet() == {"inhibit_rules": load(EXAMPLE)["inhibit_rules"]}


def test_every_matcher_is_about_alerts_there_are() -> None:
    """A renamed alert would not be inhibited any more, unnoticed."""
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


def test_amtool_takes_the_example(program: FindProgram) -> None:
    """As Alertmanager would."""
    command: list[str | Path] = [program("amtool"), "check-config", EXAMPLE]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == checked.returncode, checked.stdout + checked.stderr
    assert f"{len(snippet()['inhibit_rules'])} inhibit rules" in checked.stdout


def alternatives(pattern: str) -> Sequence[str]:
    """A regular expression's alternatives: ``a(b|c)|d`` is ab, ac, d."""
    parts = []
    for part in re.split(r"\|(?![^(]*\))", pattern):
        prefix, _, inner = part.rstrip(")").partition("(")
        parts += [prefix + each for each in inner.split("|")]
    return parts


def snippet() -> dict[str, Any]:
    """The inhibition rules that ship."""
    return load(INHIBITION)


def load(path: Path) -> dict[str, Any]:
    """A YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
