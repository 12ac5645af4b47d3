"""What README shows works as it stands there."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.config import load
from harness.programs import FindProgram

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(start: str) -> str:
    """The YAML block that begins with a word, as a reader would paste it."""
    (text,) = [
        match[2].replace("\n" + match[1], "\n").removeprefix(match[1])
        for match in re.finditer(r"^( *)```yaml\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
        if re.search(rf"^ *{start}:", match[2], re.MULTILINE)
    ]
    return text


def test_the_configuration_loads() -> None:
    """With the variable that the text tells to set."""
    config = load(block("platforms"), {"OIFDE_APP_SECRET": "x"})

    assert "billing" == config.platforms[0].tenants[0].bots[0].name


@pytest.mark.parametrize(("start", "kind"), [("scrape_configs", "config"), ("groups", "rules")])
def test_promtool_accepts_the_prometheus_blocks(start: str, kind: str, tmp_path: Path, program: FindProgram) -> None:
    """Pasted into a file of their own."""
    file = tmp_path / "block.yml"
    file.write_text(block(start), encoding="utf-8")

    checked = subprocess.run(
        [program("promtool"), "check", kind, file], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == checked.returncode, checked.stderr


def test_every_metric_named_exists() -> None:
    """In the text as in the rules."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\boifde_[a-z_]*[a-z]\b", README))

    assert named
    assert [] == [name for name in named if f"`{name}`" not in reference]


def test_every_page_linked_exists() -> None:
    """No link of README leads nowhere."""
    links = re.findall(r"\]\((?!http)([^)#]+)", README)

    assert links
    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_the_alerts_join_their_series(tmp_path: Path, program: FindProgram) -> None:
    """The first rule fires for a bot with many calls and a low rate, and not for one with few."""
    rules = tmp_path / "rules.yml"
    rules.write_text(block("groups"), encoding="utf-8")
    series = []
    for bot, calls in (("busy", 60), ("quiet", 3)):
        labels = f'tenant_id="t",access_code="{bot}",bot="{bot}"'
        series.append({"series": f"oifde_hour_autonomy_ratio{{{labels}}}", "values": "0.4x10"})
        series.append(
            {"series": f'oifde_hour_call_outcomes{{{labels},outcome="staff_consult"}}', "values": f"{calls}x10"}
        )
    fired = {
        "exp_labels": {"tenant_id": "t", "access_code": "busy", "bot": "busy"},
        "exp_annotations": {"summary": "busy solved only 40% of its calls in the last hour."},
    }
    tests = {
        "rule_files": [str(rules)],
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": [{"eval_time": "5m", "alertname": "BotAutonomyLow", "exp_alerts": [fired]}],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(tests), encoding="utf-8")

    checked = subprocess.run(
        [program("promtool"), "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == checked.returncode, checked.stdout + checked.stderr
