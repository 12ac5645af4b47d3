"""The shipped rules, as data."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = sorted((Path(__file__).parents[2] / "observability" / "rules").glob("*.yaml"))


def choose_rules(test: Mapping[str, Any], alert: str, files: Iterable[Path], folder: Path) -> Path:
    """Write promtool's test of an alert to a folder, with those rules alone that the alert needs: all would take minutes."""
    groups = choose_groups(alert, files)
    (folder / "rules.json").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    known = {group["name"] for group in groups}
    order = [name for name in test["group_eval_order"] if name in known]
    file = folder / f"{alert}.json"
    file.write_text(json.dumps({**test, "rule_files": ["rules.json"], "group_eval_order": order}), encoding="utf-8")
    return file


def load_groups(files: Iterable[Path] = RULES) -> list[dict[str, Any]]:
    """Return the groups of all files."""
    return [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def choose_groups(alert: str, files: Iterable[Path] = RULES) -> list[dict[str, Any]]:
    """Return an alert and the recorded series that it reads, in their groups."""
    groups = load_groups(files)
    rules = {rule.get("alert", rule.get("record")): str(rule) for group in groups for rule in group["rules"]}
    names, unread = {alert}, [alert]
    while unread:
        text = rules[unread.pop()]
        found = {name for name in rules if name in text} - names
        names |= found
        unread += found
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in names]
    return [group for group in groups if group["rules"]]
