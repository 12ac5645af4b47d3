"""VictoriaMetrics scrapes the exporter and evaluates the shipped rules; only `make compat` collects this file."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from harness.processes import VictoriaMetrics, VmAlert
from harness.programs import FindProgram
from harness.rules import RULES, choose_groups, load_groups
from harness.waiting import wait_for

from .conftest import StartExporter

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = sorted(ROOT.glob("tests/observability/rules/*.test.yaml"))
CASES: Final = [
    (path, test["name"]) for path in TESTS for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
]


async def start_victoriametrics(
    running: AsyncExitStack, program: FindProgram, directory: Path, target: str
) -> VictoriaMetrics:
    """Start VictoriaMetrics, scraping that address every second."""
    process = VictoriaMetrics(program("victoria-metrics"), target, directory)
    running.push_async_callback(process.stop)
    await process.started()
    return process


async def test_victoriametrics_scrapes_the_demo(
    tmp_path: Path, running: AsyncExitStack, program: FindProgram, start_exporter: StartExporter
) -> None:
    """Each bot is up, with its name in every script, and has data."""
    exporter = await start_exporter("demo")

    database = await start_victoriametrics(running, program, tmp_path / "database", exporter.address)

    bots = await wait_for(lambda: database.query("oifde_up == 1"), "the first scrape")
    await wait_for(lambda: database.query("count(oifde_hour_calls) > 10"), "the bots' data")
    assert "账单助手" in {sample.labels["bot"] for sample in bots}


async def test_vmalert_evaluates_every_rule(
    tmp_path: Path, running: AsyncExitStack, program: FindProgram, start_exporter: StartExporter
) -> None:
    """No rule fails, and a series that is recorded in three steps is there after a few evaluations."""
    exporter = await start_exporter("demo")
    database = await start_victoriametrics(running, program, tmp_path / "database", exporter.address)
    groups = load_groups()
    for group in groups:
        group.pop("interval", None)
    (tmp_path / "rules.json").write_text(json.dumps({"groups": groups}), encoding="utf-8")

    alerts = VmAlert(program("vmalert"), tmp_path / "rules.json", database.url, tmp_path / "vmalert")
    running.push_async_callback(alerts.stop)
    await alerts.started()

    up = await wait_for(
        lambda: database.query("platform:oifde_up:max"), "a series recorded from recorded series", deadline=150
    )
    assert {1.0} == {sample.value for sample in up}

    async def evaluated() -> Sequence[Any]:
        answer = json.loads((await alerts.fetch("/api/v1/rules")).text)
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        assert all(not rule["lastEvaluation"].startswith("0001") for rule in rules)
        return rules

    rules = await wait_for(evaluated, "every rule to be evaluated")
    assert [] == [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"]
    assert sum(len(group["rules"]) for group in groups) == len(rules)


def test_vmalert_accepts_every_rule_file(program: FindProgram) -> None:
    """With its own check of expressions and templates."""
    command: list[str | Path] = [program("vmalert"), "-dryRun", *(f"-rule={path}" for path in RULES)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == checked.returncode, checked.stderr


@pytest.mark.parametrize(
    ("path", "name"), CASES, ids=[f"{path.name.partition('.')[0]}: {name}" for path, name in CASES]
)
def test_an_alert_fires_when_it_does_in_prometheus(program: FindProgram, tmp_path: Path, path: Path, name: str) -> None:
    """At the moments and with the labels of the tests for promtool."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    (test,) = (test for test in document["tests"] if test["name"] == name)
    groups = choose_groups(path.name.partition(".")[0])
    for group in groups:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    (tmp_path / "rules.json").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    document["rule_files"] = ["rules.json"]
    document["group_eval_order"] = [group["name"] for group in groups]
    document["evaluation_interval"], _ = divide(document["evaluation_interval"])
    document["tests"] = [test]
    test["interval"], times = divide(test["interval"])
    for series in test["input_series"]:
        series["values"] = " ".join(repeat(series["values"], times))
    for check in test["alert_rule_test"]:
        for expected in check["exp_alerts"]:
            expected.pop("exp_annotations", None)
    (tmp_path / "tests.json").write_text(json.dumps(document), encoding="utf-8")

    files = f"--files={tmp_path / 'tests.json'}"
    command: list[str | Path] = [program("vmalert-tool"), "unittest", files, "--disableAlertgroupLabel"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)

    assert 0 == ended.returncode, ended.stdout + ended.stderr


def divide(interval: str) -> tuple[str, int]:
    """Divide an interval into ones below 5 minutes, and say how many: vmalert finds what it recorded for 5 minutes only."""
    minutes = int(interval[:-1]) * {"m": 1, "h": 60}[interval[-1]]
    times = minutes // 5 + 1
    return f"{minutes * 60 // times}s", times


def repeat(values: str, times: int) -> Iterator[str]:
    """Repeat each value of a series in promtool's notation."""
    for token in values.split():
        found = re.fullmatch(r"(_|stale|-?[\d.]+)([+-][\d.]+)?(?:x(\d+))?", token)
        assert found, token
        first, step, more = found[1], found[2], int(found[3] or 0)
        if first == "_":
            yield f"_x{max(more, 1) * times}"
        elif first == "stale":
            yield f"stale _x{times - 1}" if times > 1 else "stale"
        elif step:
            yield from (f"{float(first) + number * float(step)!r}x{times - 1}" for number in range(more + 1))
        else:
            yield f"{first}x{(more + 1) * times - 1}"
