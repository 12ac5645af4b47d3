"""What a command has to say, on stdout: lines and tables for people, JSON for scripts.

Names come from the platform and could hold anything, so nothing is taken for markup, and what a terminal would obey is
escaped. Colours come on a terminal only, and not with NO_COLOR (https://no-color.org).
"""

import json
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final, Literal, TextIO, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.console.writing import end_unread, told_if_full
from exporter.logs import printable, printable_json

Style: TypeAlias = Literal["", "bold", "dim", "green", "yellow", "red"]
Column: TypeAlias = Literal["left", "name", "right"]

_LEAST_WORDS: Final = 8  # columns that words are folded to at least


class Output:
    """Writes to a stream that may be a terminal; on anything else lines are as long as on one of 80 columns."""

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever its encoding, no name ends the command
        self._stream = stream
        self.console: Final[Console] = _Console(
            file=stream, markup=False, emoji=False, highlight=False, color_system="auto", legacy_windows=False
        )

    def line(self, text: str = "", style: Style = "", *, indent: int = 0) -> None:
        """Writes words, folded to the width."""
        words = Text(_safe(text), style=style)
        for part in words.wrap(self.console, max(20, self.console.width - indent)):
            part.rstrip()
            self._print(Text(" " * indent) + part)

    def verbatim(self, text: str, style: Style = "", *, indent: int = 0) -> None:
        """Writes a line as it is, to be copied: it is not folded."""
        self._print(Text(" " * indent + _safe(text), style=style))

    def table(
        self,
        columns: Sequence[tuple[str, Column]],
        rows: Sequence[Sequence[str]],
        styles: Sequence[Style] = (),
        *,
        gap: int = 2,
    ) -> None:
        """Writes a table.

        Args:
            columns: The heading of each, in which line ends count, and what it holds: only words are folded where the
                table would be too wide.
            rows: A text for each column.
            styles: Of the rows, if any has one.
            gap: How many blanks there are between two columns.
        """
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, gap - 1, 0, 0))
        for heading, holds in columns:
            table.add_column(
                Text(heading),
                justify="right" if holds == "right" else "left",
                no_wrap=holds != "left",
                overflow="fold",
            )
        for index, row in enumerate(rows):
            table.add_row(*(Text(_safe(cell)) for cell in row), style=styles[index] if styles else "")
        # Rather too wide a table than one that leaves out digits.
        widths = [
            _LEAST_WORDS if holds == "left" else max(map(cell_len, (*heading.split("\n"), *map(_safe, cells))))
            for (heading, holds), *cells in zip(columns, *rows, strict=True)
        ]
        usual = self.console.width
        self.console.width = max(usual, sum(widths) + gap * (len(widths) - 1))
        self._print(table)
        self.console.width = usual

    def json(self, data: object) -> None:
        """Writes a document of JSON."""
        # Each line by itself: the line ends between them are the only characters that are left as they are.
        with told_if_full():
            for line in json.dumps(data, ensure_ascii=False, indent=2).split("\n"):
                self._stream.write(f"{printable_json(line)}\n")
            self._stream.flush()

    def _print(self, what: Text | Table) -> None:
        with told_if_full():
            self.console.print(what, soft_wrap=isinstance(what, Text))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program with status 1, which says how things stand."""
        end_unread()


def _safe(text: str) -> str:
    # Half a character, which JSON can write, has no width that is known.
    return printable(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def stdout() -> Output:
    """What the user, or a script, reads."""
    return Output(sys.stdout)
