"""Prints a chart's README.md with its table of values made anew from the comments in values.yaml: ``chart-readme.py CHART``.

A key with a comment above it is a row; its default may be a whole object. A key without one is a heading for those below.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HEADING = "## Values\n"


def rows(text: str) -> Iterator[tuple[str, Any, str]]:
    """Path, default and comment of each key that has one."""
    values = yaml.safe_load(text)
    comment: list[str] = []
    above: list[tuple[int, str, bool]] = []
    for line in text.split("\n\n", 1)[1].splitlines():
        if match := re.fullmatch(r" *# (.*)", line):
            comment.append(match[1])
            continue
        if match := re.match(r"( *)([A-Za-z]\w*):", line):
            depth = len(match[1])
            while above and above[-1][0] >= depth:
                above.pop()
            is_part = any(explained for _, _, explained in above)
            above.append((depth, match[2], bool(comment)))
            if comment and not is_part:
                path = [key for _, key, _ in above]
                default = values
                for key in path:
                    default = default[key]
                yield ".".join(path), default, " ".join(comment)
        comment = []


def main(chart: Path) -> None:
    """The page, on standard output."""
    page = (chart / "README.md").read_text(encoding="utf-8")
    table = ["| key | default | meaning |", "| --- | --- | --- |"]
    for path, default, comment in rows((chart / "values.yaml").read_text(encoding="utf-8")):
        shown = "" if default is None else f"`{json.dumps(default)}`"
        table.append(f"| `{path}` | {shown} | {comment.replace('|', chr(92) + '|')} |")
    sys.stdout.write(page[: page.index(HEADING)] + HEADING + "\n" + "\n".join(table) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
