"""List the days of the false pages in real traffic: ``python -m lab.quality.pages --data DATA``."""

import argparse
from collections import Counter
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import click

from exporter.polling.calendar import find_local_date
from lab.quality.bots import STRAYING
from lab.quality.measure import Quiet, find_pages
from lab.quality.traffic import SOURCES, Source
from lab.report import Table


def main() -> None:
    """Measure, and print a table for each source."""
    parser = argparse.ArgumentParser(prog="python -m lab.quality.pages", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with real traffic")
    parser.add_argument("--seed", type=int, default=1001, help="default: %(default)s")
    parser.add_argument("--months", type=int, default=60, help="bot-months of each straying; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="processes; default: %(default)s")
    options = parser.parse_args()
    with get_context("spawn").Pool(options.jobs) as pool:
        for source in SOURCES:
            cases = [
                Quiet(options.seed + number, straying, source.file, options.data)
                for straying in STRAYING
                for number in range(options.months)
            ]
            days = Counter(day for found in pool.imap(find_days, cases) for day in found)
            click.echo(_make_table(source, len(cases), days).to_text())


def find_days(quiet: Quiet) -> Sequence[tuple[str, str]]:
    """Return the local day and the alert of each page."""
    (zone,) = (source.zone for source in SOURCES if source.file == quiet.name)
    return [(f"{find_local_date(page.begin, zone):%Y-%m-%d %A}", page.alert) for page in find_pages(quiet)]


def _make_table(source: Source, months: int, days: Counter[tuple[str, str]]) -> Table:
    return Table(
        f"{source.file}: pages in {months} bot-months",
        ("day", "alert", "pages"),
        [(*day, str(pages)) for day, pages in sorted(days.items())],
    )


if __name__ == "__main__":
    main()
