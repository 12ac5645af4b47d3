"""Grafana's dashboards for tests: their panels, queries, and variables with Grafana's substitution."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[2] / "observability" / "dashboards"
FILES = tuple(sorted(DIRECTORY.glob("*.json")))
CHINESE_FILES = tuple(sorted(DIRECTORY.glob("zh/*.json")))

_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Query:
    """A query of a panel."""

    panel: str
    ref: str
    expression: str
    instant: bool
    legend: str
    step: int
    """The least step of a range query, in seconds; 0 if none is set."""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard's JSON."""

    content: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> "Dashboard":
        """Load it from its file."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def panels(self) -> list[dict[str, Any]]:
        """Return the panels, without the rows, which are headings."""
        return [panel for panel in self.content["panels"] if panel["type"] != "row"]

    @property
    def range(self) -> int:
        """Return the time range of the dashboard, in seconds."""
        (count, unit) = re.fullmatch(r"now-(\d+)(\w)", self.content["time"]["from"]).groups()  # type: ignore[union-attr]
        return int(count) * _UNITS[unit]

    @property
    def variables(self) -> list[dict[str, Any]]:
        """Return its variables."""
        return list(self.content["templating"]["list"])

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """Return its annotations."""
        return list(self.content["annotations"].get("list", []))

    def queries(self) -> Iterator[Query]:
        """Yield every query of every panel."""
        for panel in self.panels:
            for target in panel["targets"]:
                yield Query(
                    panel["title"],
                    target["refId"],
                    target["expr"],
                    target["instant"],
                    target.get("legendFormat", ""),
                    seconds(target.get("interval", "0s")),
                )


def seconds(duration: str) -> int:
    """Convert a duration of one unit, such as ``5m``, to seconds."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """Replace the variables in a text; raise KeyError for a variable without a value."""
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], text)


def options(regex: str, answers: list[str]) -> list[tuple[str, str]]:
    """Return a variable's options from its query's answers, as pairs of text and value.

    With a regular expression these are its groups ``text`` and ``value``, and what does not match is left out.
    """
    if not regex:
        return [(answer, answer) for answer in answers]
    pattern = re.compile(regex.removeprefix("/").removesuffix("/").replace("(?<", "(?P<"))
    return [(match["text"], match["value"]) for answer in answers if (match := pattern.search(answer))]


def query_result(metric: Mapping[str, str], value: str, at: float) -> str:
    """Write a series as Grafana's ``query_result()`` does, for a variable's regular expression."""
    labels = ",".join(f'{name}="{label}"' for name, label in metric.items() if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}} {value} {at * 1000:.0f}"
