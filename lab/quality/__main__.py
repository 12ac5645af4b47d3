"""Measures the alerts and prints the results: ``make alert-quality``. With ``--write`` they become part of a page."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import click

from exporter.judging.replay import EVIDENCE
from lab import machine
from lab.quality.lasting import lasting_table
from lab.quality.measure import found_table, holiday_table, loss_table, quiet_table
from lab.quality.traffic import CHARACTERS, SOURCES
from lab.report import Table, progress

_REPORTED_SEED: Final = 20261130
"""Nothing was tuned on it; docs/alerts.md says so."""
_BEGIN: Final = "<!-- results: written by `make alert-quality` -->"
_END: Final = "<!-- end of the results -->"


def main() -> None:
    """Measures, prints, and writes if asked to."""
    parser = argparse.ArgumentParser(prog="python -m lab.quality", description=__doc__)
    parser.add_argument("--seed", type=int, default=_REPORTED_SEED, help="default: %(default)s")
    parser.add_argument("--months", type=int, default=60, help="bot-months of each row; default: %(default)s")
    parser.add_argument("--cases", type=int, default=100, help="incidents of each row; default: %(default)s")
    parser.add_argument("--data", type=Path, help="a folder with real traffic, to measure on as well")
    parser.add_argument("--jobs", type=int, default=2, help="processes; default: %(default)s")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose results are replaced")
    options = parser.parse_args()
    sources = [source.file for source in SOURCES if options.data and (options.data / f"{source.file}.csv").exists()]
    with get_context("spawn").Pool(options.jobs) as pool:
        run = pool.imap
        progress("incidents")
        results = [
            _about(options.seed, options.months, options.cases, "DATA" if sources else ""),
            found_table(run, options.seed, options.cases, tuple(CHARACTERS), None, "Incidents, simulated traffic"),
        ]
        if sources:
            results.append(
                found_table(run, options.seed, options.cases, sources, options.data, "Incidents, real traffic")
            )
        progress("losses of calls")
        results.append(loss_table(run, options.seed, options.cases // 2, 2 * options.months, sources, options.data))
        progress("changes that last")
        results.append(lasting_table(run, options.seed, options.cases // 4))
        progress("holidays")
        results.append(holiday_table(run, options.seed, options.cases // 4))
        progress("quiet months")
        results.append(quiet_table(run, options.seed, options.months, sources, options.data))
    for table in results:
        click.echo(table.to_text())
    if options.write:
        _write(options.write, results)


def _about(seed: int, months: int, cases: int, data: str) -> Table:
    rows = [
        ("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        (
            "Command",
            f"`python -m lab.quality --seed {seed} --months {months} --cases {cases}{data and f' --data {data}'}`",
        ),
        ("Evidence", f"{EVIDENCE:g}"),
        *machine.describe(),
        ("numpy", version("numpy")),
    ]
    return Table("What was measured, and on what", ("", ""), rows)


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
