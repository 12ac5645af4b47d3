"""Measures the alerts and prints the figures: ``make alert-quality``. With ``--write`` they become part of a Markdown page."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from lab import machine
from lab.report import Table, progress
from observability.quality.fleet import GOAL_CHARACTERS, GOAL_KINDS, Fleet, draw
from observability.quality.measure import Measured, measure
from observability.quality.results import tables

_REPORTED_SEED: Final = 20261125
"""Thresholds are tuned on other seeds only."""
_BEGIN: Final = "<!-- results: written by `make alert-quality` -->"
_END: Final = "<!-- end of the results -->"


def main() -> None:
    """Measures, prints, and writes if told to."""
    parser = argparse.ArgumentParser(prog="python -m observability.quality", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=_REPORTED_SEED, help="of traffic and incidents; default: %(default)s"
    )
    parser.add_argument("--bots", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--step", type=int, default=1800, help="seconds between samples; default: %(default)s")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose results are replaced")
    options = parser.parse_args()
    measured = _measure(draw(options.seed, options.bots), options.step)
    goal = _measure(draw(options.seed + 1, max(2, options.bots // 5), GOAL_CHARACTERS, GOAL_KINDS), options.step)
    results = [_about(options.seed, options.bots, options.step), *tables(measured, goal)]
    for table in results:
        click.echo(table.to_text())
    if options.write:
        _write(options.write, results)


def _measure(fleet: Fleet, step: int) -> Measured:
    with tempfile.TemporaryDirectory() as directory:
        return measure(fleet, step, Path(directory), _program, progress)


def _about(seed: int, bots: int, step: int) -> Table:
    rows = [
        ("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("Command", f"`python -m observability.quality --seed {seed} --bots {bots} --step {step}`"),
        *machine.describe(),
    ]
    return Table("What was measured, and on what", ("", ""), rows)


def _program(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        sys.exit(
            f"{name} is needed, and not to be found: install Debian's package prometheus, or Prometheus' own archive"
        )
    return Path(path)


def _write(page: Path, results: Sequence[Table]) -> None:
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        sys.exit(f"{page} has no place for the results: {_BEGIN} ... {_END}")
    body = "\n".join(table.to_markdown() for table in results)
    page.write_text(f"{before}{_BEGIN}\n\n{body}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
