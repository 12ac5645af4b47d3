"""The alerts in Chinese: the same rules with other texts."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from harness.programs import FindProgram
from harness.rules import RULES, choose_rules
from observability.chinese_rules import translate

ROOT: Final = Path(__file__).parents[2]
CHINESE: Final = ROOT / "observability" / "rules" / "zh"
TESTS: Final = sorted(Path(__file__).with_name("rules").glob("*.test.yaml"))
GOLDEN: Final = Path(__file__).with_name("rules") / "chinese.txt"
_IDEOGRAPH: Final = re.compile("[一-鿿]")


def load(path: Path) -> dict[str, Any]:
    """Read a YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def alerts(path: Path) -> Mapping[str, dict[str, Any]]:
    """List the alerts of a file."""
    return {rule["alert"]: rule for group in load(path)["groups"] for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_the_files_are_up_to_date(path: Path) -> None:
    """`make docs` has been run after the last change of a rule or a text, and the chart has the same files."""
    written = (CHINESE / path.name).read_text(encoding="utf-8")

    assert written == translate(path.read_text(encoding="utf-8"))
    assert written == (ROOT / "helm" / "oifde-exporter" / "rules" / "zh" / path.name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_only_the_texts_differ(path: Path) -> None:
    """Each alert has a Chinese summary, description and runbook; all else is equal."""
    english, chinese = alerts(path), alerts(CHINESE / path.name)

    for alert, rule in chinese.items():
        texts = rule.pop("annotations")
        original = english[alert].pop("annotations")
        assert original.keys() == texts.keys()
        assert all(_IDEOGRAPH.search(texts[name]) for name in ("summary", "description")), alert
        assert texts["runbook_url"] == original["runbook_url"].replace("/runbooks/", "/zh/runbooks/")
    assert english == chinese


def test_no_text_is_left_over() -> None:
    """A text of an alert that is gone would be maintained in vain."""
    assert set(load(ROOT / "observability" / "chinese_alerts.yaml")) == {
        alert for path in RULES for alert in alerts(path)
    }


def test_the_texts_read_well(program: FindProgram, check_golden: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    """As Prometheus fills them in, for one case of each alert."""
    lines = []
    for path in TESTS:
        document = load(path)
        case = next(case for case in document["tests"] if any(check["exp_alerts"] for check in case["alert_rule_test"]))
        check = next(check for check in case["alert_rule_test"] if check["exp_alerts"])
        # Promtool prints the texts only if others are expected.
        case["alert_rule_test"] = [{**check, "exp_alerts": []}]
        file = choose_rules({**document, "tests": [case]}, check["alertname"], CHINESE.glob("*.yaml"), tmp_path)
        command: list[str | Path] = [program("promtool"), "test", "rules", file]
        said = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
        lines.append(check["alertname"])
        texts = re.findall(r'(?:summary|description)=("(?:[^"\\]|\\.)*")', said.stdout + said.stderr)
        lines += [f"  {json.loads(text)}" for text in texts]

    check_golden(GOLDEN, ("\n".join(lines) + "\n").encode())
