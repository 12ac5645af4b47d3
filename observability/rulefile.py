"""Prometheus' rule files as data: groups of recording and alerting rules, and the YAML that Prometheus reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import yaml

RUNBOOKS: Final = "docs/runbooks"
"""Where the runbooks are, in this project; an alert's page is ``<its name>.md`` below it. The chart puts a URL before it."""

Severity: TypeAlias = Literal["critical", "warning"]
"""critical: callers suffer now, wake somebody; warning: look at it in working hours."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule: the result of ``expr`` under the name ``record``, with ``labels`` added."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_yaml(self) -> dict[str, object]:
        """As it stands in a rule file."""
        rule: dict[str, object] = {"record": self.record, "expr": tidy(self.expr)}
        return rule | ({"labels": dict(self.labels)} if self.labels else {})


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule.

    ``hold`` is how long ``expr`` must hold before the alert fires, ``keep`` how long it goes on firing afterwards
    (durations as Prometheus writes them; empty: none).
    """

    alert: str
    expr: str
    severity: Severity
    summary: str
    description: str
    hold: str = ""
    keep: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_yaml(self) -> dict[str, object]:
        """As it stands in a rule file."""
        rule: dict[str, object] = {"alert": self.alert, "expr": tidy(self.expr)}
        if self.hold:
            rule["for"] = self.hold
        if self.keep:
            rule["keep_firing_for"] = self.keep
        rule["labels"] = {"severity": self.severity, **self.labels}
        rule["annotations"] = {
            "summary": self.summary,
            "description": " ".join(self.description.split()),
            "runbook_url": f"{RUNBOOKS}/{self.alert}.md",
        }
        return rule


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, in order, for the same moment, every ``interval``."""

    name: str
    rules: Sequence[Recording | Alert]
    interval: str = ""
    """As Prometheus writes durations; empty: as Prometheus is configured."""

    def to_yaml(self) -> dict[str, object]:
        """As it stands in a rule file."""
        group: dict[str, object] = {"name": self.name}
        if self.interval:
            group["interval"] = self.interval
        return group | {"rules": [rule.to_yaml() for rule in self.rules]}


def tidy(expr: str) -> str:
    """An expression with each line indented by the brackets that are open before it, whatever it was in the code."""
    depth, lines = 0, []
    for line in map(str.strip, expr.strip().splitlines()):
        lines.append("  " * (depth - line.startswith(")")) + line)
        depth += line.count("(") - line.count(")")
    return "\n".join(lines) + ("\n" if len(lines) > 1 else "")


def dump(groups: Sequence[Group], heading: str) -> str:
    """The text of a rule file; ``heading`` is its first comment."""
    comment = "".join(f"# {line}\n" for line in heading.strip().splitlines())
    text = yaml.dump(
        {"groups": [group.to_yaml() for group in groups]},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return comment + text


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as the lines they are."""

    def represent_str(self, data: str) -> yaml.ScalarNode:  # the signature PyYAML has
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)
