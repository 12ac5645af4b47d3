"""Run all measurements, one table each: ``make bench``. With ``--write``, write the results to a Markdown page."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final

import click

from lab import machine
from lab.bench import growth, judging, load, memory, politeness, poll, scrape, start
from lab.report import Table

_PARTS: Final[Mapping[str, ModuleType]] = {
    "scrape": scrape,
    "poll": poll,
    "judging": judging,
    "politeness": politeness,
    "load": load,
    "memory": memory,
    "growth": growth,
    "start": start,
}
_BEGIN: Final = "<!-- results: written by `make bench` -->"
_END: Final = "<!-- end of the results -->"


def main() -> None:
    """Measure; print each table as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="part",
        choices=[*_PARTS, []],
        help=f"only these of {', '.join(_PARTS)}; the page keeps the other tables",
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose results are replaced")
    options = parser.parse_args()
    parts = options.parts
    command = f"`python -m lab.bench {' '.join(parts)}`; the other tables are older" if parts else "`make bench`"
    about = [("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"), ("Command", command), *machine.describe()]
    tables = [Table("Machine and software", ("", ""), about)]
    click.echo(tables[0].to_text())
    for part in parts or _PARTS:
        for table in _PARTS[part].measure():
            click.echo(table.to_text())
            tables.append(table)
    if options.write:
        _write(options.write, tables)


def _write(page: Path, tables: Sequence[Table]) -> None:
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    former, end, after = rest.partition(_END)
    if not (begin and end):
        sys.exit(f"{page} has no place for the results: {_BEGIN} ... {_END}")
    sections = [section.strip() for section in re.split(r"^(?=### )", former, flags=re.MULTILINE) if section.strip()]
    sections += [table.to_markdown().strip() for table in tables]
    # The last one of each kind counts, in the place of the first one.
    results = "\n\n".join({_kind(section): section for section in sections}.values())
    page.write_text(f"{before}{_BEGIN}\n\n{results}\n\n{_END}{after}", encoding="utf-8")


def _kind(section: str) -> str:
    """Return a section's title up to its numbers."""
    return re.split(r"[:,\n]", section, maxsplit=1)[0]


if __name__ == "__main__":
    main()
