"""Prints docs/dependencies.md: what the locks name, with the licences that the installed packages declare."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_REQUIREMENTS = Path(__file__).parents[1] / "requirements"
_ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)[^#]*?\n(?P<via>(?: +#.*\n)+)", re.MULTILINE)
_LONGEST_LICENCE = 60

_HEAD = """\
# Dependencies

<!-- Made by `make docs` from the locks and the packages' own metadata: do not edit. -->

Every package is locked to one version and to the hashes of its files, in `requirements/`. `make test` checks that what
is installed is what is locked, that the packages fit together (`pip check`), that the licences of what is shipped are
permissive, and that this page is complete. [SECURITY.md](../SECURITY.md) says how they are kept free of known
vulnerabilities (`make audit`).
"""


@dataclass(frozen=True)
class Dependency:
    """A locked package; ``needed_by`` are packages, or files of `requirements/`."""

    name: str
    version: str
    needed_by: Sequence[str]

    @property
    def licence(self) -> str:
        """The package's SPDX expression, else its own words, else its classifiers."""
        about = metadata.metadata(self.name)
        for name in ("License-Expression", "License"):
            if name in about and 0 < len(about[name]) <= _LONGEST_LICENCE and about[name] != "Dual License":
                return about[name]
        licences = [name for name in about.get_all("Classifier") or [] if name.startswith("License :: ")]
        return ", ".join(name.rpartition(" :: ")[2] for name in licences)

    @property
    def summary(self) -> str:
        """Return the summary that its authors wrote."""
        about = metadata.metadata(self.name)
        return about["Summary"].replace("|", "\\|") if "Summary" in about else ""


def dependencies(lock: str) -> Mapping[str, Dependency]:
    """Return the packages of a lock, by name."""
    text = (_REQUIREMENTS / lock).read_text(encoding="utf-8")
    found = {}
    for entry in _ENTRY.finditer(text):
        via = [line for line in re.findall(r"^ +#(?: via)? *(.*)$", entry["via"], re.MULTILINE) if line]
        found[entry["name"]] = Dependency(entry["name"], entry["version"], via)
    return found


def _table(rows: Sequence[Dependency]) -> list[str]:
    head = ["| package | version | licence | needed by | what it is |", "| --- | --- | --- | --- | --- |"]
    return head + [
        f"| {row.name} | {row.version} | {row.licence} | {', '.join(map(_shown, row.needed_by))} | {row.summary} |"
        for row in rows
    ]


def _shown(needed_by: str) -> str:
    return "**this project**" if "pyproject.toml" in needed_by or needed_by.startswith("-r") else needed_by


def page() -> str:
    """The page."""
    run, dev = dependencies("run.txt"), dependencies("dev.txt")
    others = [dependency for name, dependency in dev.items() if name not in run]
    lines = [
        *(_HEAD, "## What runs", ""),
        *(*_table(list(run.values())), ""),
        *("## What builds, checks and tests", "", "None of it is shipped.", ""),
        *(*_table(others), ""),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
