"""Write tables of results, for the terminal and as Markdown."""

import argparse
import inspect
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import click


@dataclass(frozen=True, slots=True)
class Table:
    """The results of one measurement. Cells are text; ``notes`` are lines that explain them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def to_text(self) -> str:
        """Return the table for the terminal."""
        widths = [max(len(row[place]) for row in (self.columns, *self.rows)) for place in range(len(self.columns))]
        rule = ["-" * width for width in widths]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (self.columns, rule, *self.rows)]
        return "\n".join([self.title, "", *lines, "", *self.notes, ""])

    def to_markdown(self) -> str:
        """Return the table for a page; the title is a heading of the third level."""
        rows = [self.columns, ["---"] * len(self.columns), *self.rows]
        lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
        return "\n".join([f"### {self.title}", "", *lines, *(f"\n{note}" for note in self.notes), ""])


_QUARTILES: Final = 4


def spread(values: Sequence[float], unit: float = 1.0, digits: int = 1) -> str:
    """Return the median and, in brackets, the quartiles; ``unit`` is the size of the unit shown."""
    low, middle, high = statistics.quantiles(values, n=_QUARTILES, method="inclusive")
    return f"{middle / unit:,.{digits}f} ({low / unit:,.{digits}f} to {high / unit:,.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def tail(values: Sequence[float], shares: Iterable[float], unit: float, digits: int = 1) -> list[str]:
    """Return the percentiles for some ``shares``, and the maximum."""
    return [f"{percentile(values, share) / unit:,.{digits}f}" for share in (*shares, 1.0)]


def progress(text: str) -> None:
    """Print the progress on stderr: a run takes minutes."""
    click.echo(f"... {text}", err=True)


def run_alone(measure: Callable[..., Sequence[Table]]) -> None:
    """Runs one measurement and prints its tables; the keyword arguments it takes are flags."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(measure)))
    for parameter in inspect.signature(measure).parameters.values():
        flag = f"--{parameter.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(parameter.default), default=parameter.default, help="default: %(default)s")
    for table in measure(**vars(parser.parse_args())):
        click.echo(table.to_text())
