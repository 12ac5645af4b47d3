"""The shipped alerts: promtool runs the test files in ``rules/``, one for each alert, with the rules that it needs."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from exporter.judging import replay
from harness.programs import FindProgram
from harness.rules import RULES, choose_rules, load_groups

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = {path.name.partition(".")[0]: path for path in Path(__file__).with_name("rules").glob("*.test.yaml")}
MOST_SERIES_PER_BOT: Final = 15


def load(path: Path) -> dict[str, Any]:
    """Read a YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def rules() -> Sequence[dict[str, Any]]:
    """List the rules of all files."""
    return [rule for group in load_groups() for rule in group["rules"]]


@pytest.mark.parametrize("alert", sorted(TESTS))
def test_an_alert_fires_when_it_should(program: FindProgram, tmp_path: Path, alert: str) -> None:
    """Not before, not in other cases and not when it is over; once, however many replicas see it; with the right text."""
    file = choose_rules(load(TESTS[alert]), alert, RULES, tmp_path)

    command: list[str | Path] = [program("promtool"), "test", "rules", file]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)

    assert 0 == ended.returncode, ended.stdout + ended.stderr


def test_every_alert_has_tests() -> None:
    """In each file the alert fires at least once, and stays silent at least once."""
    assert {rule["alert"] for rule in rules() if "alert" in rule} == set(TESTS)
    for alert, path in TESTS.items():
        expectations = [check for test in load(path)["tests"] for check in test["alert_rule_test"]]
        assert {alert} == {check["alertname"] for check in expectations}
        assert {True, False} == {bool(check["exp_alerts"]) for check in expectations}, alert


def test_every_series_exists() -> None:
    """An alert on a series that no exporter and no rule provides never fires."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    recorded = {rule.get("record") for rule in rules()}

    used = set(re.findall(r"\b(?:\w+:)?oifde_\w+(?::\w+)?", json.dumps(rules()).replace(r"\n", " ")))
    assert set() == {series for series in used - recorded if f"`{series}`" not in reference}


def test_no_sample_lies_at_the_edge_of_a_range() -> None:
    """Prometheus 2 includes such a sample and Prometheus 3 does not. Scrapes and evaluations are 5 s or more apart."""
    ranges = re.findall(r"\[([^]]+?)(?::\w*)?\]", "\n".join(str(rule) for rule in rules()))

    assert ranges
    assert {"1s"} == {length[-2:] for length in ranges}


def test_few_series_are_recorded_per_bot() -> None:
    """Recorded series cost Prometheus memory for every bot."""
    per_bot = [rule["record"] for rule in rules() if rule.get("record", "").startswith("bot:")]

    assert len(per_bot) <= MOST_SERIES_PER_BOT, per_bot


def test_the_most_specific_threshold_applies(program: FindProgram, tmp_path: Path) -> None:
    """A bot has its own threshold, else its tenant's, else the default; other thresholds of the bot stay the default."""
    own = {"tenant_id": "1", "access_code": "a"}
    overrides = [
        {"record": "oifde:alert_threshold:evidence", "expr": "vector(6)", "labels": {"tenant_id": "1"}},
        {"record": "oifde:alert_threshold:evidence", "expr": "vector(7)", "labels": own},
    ]
    (tmp_path / "overrides.yaml").write_text(json.dumps({"groups": [{"name": "own", "rules": overrides}]}))
    expected = {("1", "a"): 7.0, ("1", "b"): 6.0, ("2", "a"): 5.0}

    def series(name: str, tenant_id: str, access_code: str) -> str:
        return f'{name}{{tenant_id="{tenant_id}", access_code="{access_code}", bot="x", platform="p", tenant="T"}}'

    def check(name: str, values: Mapping[tuple[str, str], float]) -> dict[str, object]:
        samples = [{"labels": series(name, *bot), "value": value} for bot, value in values.items()]
        return {"expr": name, "eval_time": "5m", "exp_samples": samples}

    checks = {
        "rule_files": [str(tmp_path / "overrides.yaml"), *map(str, RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": series(name, *bot), "values": "9x10"}
                    for name in ("oifde_bot_info", "oifde_anomaly_score")
                    for bot in expected
                ],
                "promql_expr_test": [
                    check("suspect:oifde_alert_threshold:evidence", expected),
                    check("suspect:oifde_alert_threshold:calls_lost", dict.fromkeys(expected, 0.6)),
                ],
            }
        ],
    }
    (tmp_path / "thresholds.test.yaml").write_text(json.dumps(checks))

    ended = subprocess.run(
        [program("promtool"), "test", "rules", tmp_path / "thresholds.test.yaml"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert 0 == ended.returncode, ended.stdout + ended.stderr


def test_the_chart_has_the_same_rules() -> None:
    """The chart reads its own copies."""
    copies = sorted((ROOT / "helm" / "oifde-exporter" / "rules").glob("*.yaml"))

    assert [path.name for path in RULES] == [path.name for path in copies]
    assert [path.read_bytes() for path in RULES] == [path.read_bytes() for path in copies]


def test_backtest_uses_the_shipped_thresholds() -> None:
    """`backtest` and `make alert-quality` replay the alerts that ship."""
    thresholds = {
        rule["record"].rpartition(":")[2]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        for rule in rules()
        if rule.get("record", "").startswith("oifde:alert_threshold:")
    }
    expressions = {rule["alert"]: rule for rule in rules() if "alert" in rule}

    assert thresholds["evidence"] == replay.EVIDENCE
    for rule in replay.RULES:
        shipped = expressions[rule.alert]
        (size,) = re.findall(r"suspect:oifde_alert_threshold:(\w+)", shipped["expr"])
        assert thresholds[size] == rule.least_size, rule.alert
        assert f'signal="{rule.signal}"' in shipped["expr"]
        assert f"{rule.keep_firing / 3600:.0f}h" == shipped["keep_firing_for"]
    of_tenant = expressions[replay.TENANT_RULE.alert]
    assert thresholds["tenant_calls_lost"] == replay.TENANT_RULE.least_size
    assert f"{replay.TENANT_RULE.keep_firing / 3600:.0f}h" == of_tenant["keep_firing_for"]


def test_backtest_inhibits_as_the_shipped_rules_do() -> None:
    """Of the alerts that it replays, it leaves out those that Alertmanager would not send."""
    shipped: dict[str, set[str]] = {}
    alerts = [rule.alert for rule in (*replay.RULES, replay.TENANT_RULE)]

    def match(matchers: Sequence[str]) -> list[str]:
        patterns = [matcher.split("~")[-1].split("=")[-1].strip(' "') for matcher in matchers]
        return [alert for alert in alerts if all(re.fullmatch(pattern, alert) for pattern in patterns)]

    for rule in load(ROOT / "observability" / "alertmanager" / "inhibition.yaml")["inhibit_rules"]:
        for target in match(rule["target_matchers"]):
            if sources := match(rule["source_matchers"]):
                shipped.setdefault(target, set()).update(sources)

    assert shipped == {target: set(sources) for target, sources in replay.INHIBITED_BY.items()}
