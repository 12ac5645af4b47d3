"""The output of a command on stdout: lines and tables for people, JSON for scripts.

Names come from the platform and may contain anything, so markup is off and control characters are escaped. Colours
appear on a terminal only, and not with NO_COLOR (https://no-color.org).
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

from exporter.console.width import ensure_width
from exporter.console.writing import exit_if_unwritable, exit_without_reader
from exporter.language import ENGLISH, Language
from exporter.language import Text as Message
from exporter.logs import escape_json, escape_text

Style: TypeAlias = Literal["", "bold", "dim", "green", "yellow", "red"]
Column: TypeAlias = Literal["left", "name", "right"]

_MIN_WIDTH: Final = 8  # of a column with words, in characters


class Output:
    """Writes to a stream, in a language. If the stream is not a terminal, lines have 80 columns."""

    def __init__(self, stream: TextIO, language: Language = ENGLISH) -> None:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # so that names are writable in every encoding
        self._stream = stream
        self.language: Final = language
        self.console: Final[Console] = _Console(
            file=stream, markup=False, emoji=False, highlight=False, color_system="auto", legacy_windows=False
        )
        ensure_width(self.console)

    def line(self, text: str = "", style: Style = "", *, indent: int = 0) -> None:
        """Write words, wrapped to the width."""
        words = Text(self._prepare(text), style=style)
        for part in words.wrap(self.console, max(20, self.console.width - indent)):
            part.rstrip()
            self._print(Text(" " * indent) + part)

    def verbatim(self, text: str, style: Style = "", *, indent: int = 0) -> None:
        """Write a line without wrapping, so that users can copy it."""
        self._print(Text(" " * indent + self._prepare(text), style=style))

    def table(
        self,
        columns: Sequence[tuple[str, Column]],
        rows: Sequence[Sequence[str]],
        styles: Sequence[Style] = (),
        *,
        gap: int = 2,
    ) -> None:
        """Write a table.

        Args:
            columns: The heading of each column, which may have several lines, and its kind. Only ``left`` columns wrap
                if the table is too wide.
            rows: One text for each column.
            styles: One for each row; empty: no styles.
            gap: The number of spaces between two columns.
        """
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, gap - 1, 0, 0))
        for heading, holds in columns:
            table.add_column(
                Text(self._translate(heading)),
                justify="right" if holds == "right" else "left",
                no_wrap=holds != "left",
                overflow="fold",
            )
        for index, row in enumerate(rows):
            table.add_row(*(Text(self._prepare(cell)) for cell in row), style=styles[index] if styles else "")
        # A table that is too wide is better than one that cuts digits.
        widths = [
            _MIN_WIDTH
            if holds == "left"
            else max(map(cell_len, (*self._translate(heading).split("\n"), *map(self._prepare, cells))))
            for (heading, holds), *cells in zip(columns, *rows, strict=True)
        ]
        usual = self.console.width
        self.console.width = max(usual, sum(widths) + gap * (len(widths) - 1))
        self._print(table)
        self.console.width = usual

    def json(self, data: object) -> None:
        """Write a JSON document."""
        # Line by line: line ends are the only control characters that are not escaped.
        with exit_if_unwritable():
            for line in json.dumps(data, ensure_ascii=False, indent=2).split("\n"):
                self._stream.write(f"{escape_json(line)}\n")
            self._stream.flush()

    def _prepare(self, text: str) -> str:
        return _escape(self._translate(text))

    def _translate(self, text: str) -> str:
        """Translate a message, but not a name."""
        return self.language.text(text) if isinstance(text, Message) else text

    def _print(self, what: Text | Table) -> None:
        with exit_if_unwritable():
            self.console.print(what, soft_wrap=isinstance(what, Text))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Exit with the status of SIGPIPE; rich would exit with 1, which means something else here."""
        exit_without_reader()


def _escape(text: str) -> str:
    # JSON can contain lone surrogates, which have no width.
    return escape_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def open_stdout(language: Language = ENGLISH) -> Output:
    """Return the output on stdout."""
    return Output(sys.stdout, language)
