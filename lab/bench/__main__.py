"""All measurements, one table each: ``make bench``. With ``--write`` they become the results of a Markdown page."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from lab import machine
from lab.bench import growth, load, memory, poll, scrape, start
from lab.report import Table

_PARTS: Final[Sequence[Callable[[], Sequence[Table]]]] = (
    scrape.measure,
    poll.measure,
    load.measure,
    memory.measure,
    growth.measure,
    start.measure,
)
_BEGIN: Final = "<!-- results: written by `make bench` -->"
_END: Final = "<!-- end of the results -->"


def main() -> None:
    """Measures everything; prints each table as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose results are replaced")
    options = parser.parse_args()
    about = [("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"), ("Command", "`make bench`"), *machine.describe()]
    tables = [Table("What was measured on", ("", ""), about)]
    click.echo(tables[0].to_text())
    for measure in _PARTS:
        for table in measure():
            click.echo(table.to_text())
            tables.append(table)
    if options.write:
        _write(options.write, tables)


def _write(page: Path, tables: Sequence[Table]) -> None:
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        sys.exit(f"{page} has no place for the results: {_BEGIN} ... {_END}")
    results = "\n".join(table.to_markdown() for table in tables)
    page.write_text(f"{before}{_BEGIN}\n\n{results}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
