"""The output of a command on stdout: lines and tables for people, JSON for scripts.

Names come from the platform and may contain anything, so markup is off and control characters are escaped. Colours
appear on a terminal only, and not with NO_COLOR (https://no-color.org).
"""

import json
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Final, Literal, TextIO, TypeAlias, TypeVar

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
Row = TypeVar("Row")
Column: TypeAlias = tuple[str, Literal["left", "name", "right"], Callable[[Row], str]]
"""A heading, which may have several lines, the kind, and the cell of a row. Only ``left`` columns wrap."""

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
        rows: Sequence[Row],
        columns: Sequence[Column[Row]],
        find_style: Callable[[Row], Style] = lambda _: "",
        *,
        gap: int = 2,
    ) -> None:
        """Write a table; ``gap`` is the number of spaces between two columns."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, gap - 1, 0, 0))
        for heading, kind, _ in columns:
            table.add_column(
                Text(self._translate(heading)),
                justify="right" if kind == "right" else "left",
                no_wrap=kind != "left",
                overflow="fold",
            )
        cells = [[self._prepare(write(row)) for _, _, write in columns] for row in rows]
        for row, texts in zip(rows, cells, strict=True):
            table.add_row(*map(Text, texts), style=find_style(row))
        # A table that is too wide is better than one that cuts digits.
        widths = [
            _MIN_WIDTH if kind == "left" else max(map(cell_len, (*self._translate(heading).split("\n"), *texts)))
            for (heading, kind, _), *texts in zip(columns, *cells, strict=True)
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
