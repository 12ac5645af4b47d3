"""Tables, lines and JSON with unusual content."""

import io
import json

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from exporter.console.output import Output


def written(width: int = 80) -> tuple[Output, io.StringIO]:
    """Return an output and its stream."""
    stream = io.StringIO()
    output = Output(stream)
    output.console.width = width
    return output, stream


@example([("账" * 200, 1), ("x" * 200, 10**9)])
@given(st.lists(st.tuples(st.text(max_size=200), st.integers(0, 10**9)), min_size=1, max_size=3))
def test_tables_wrap_words_but_not_numbers(rows: list[tuple[str, int]]) -> None:
    """A table with a long name fits the terminal, and its numbers are whole."""
    output, stream = written()

    output.table(rows, [("name", "left", lambda row: row[0]), ("calls", "right", lambda row: str(row[1]))])

    assert 80 >= max(cell_len(line) for line in stream.getvalue().splitlines())
    for _, number in rows:
        assert str(number) in stream.getvalue()


def test_numbers_that_do_not_fit() -> None:
    """The table gets wider than the terminal rather than lose digits."""
    output, stream = written(width=20)

    output.table(["1234567890"], [("a", "right", lambda row: row)] * 4)

    assert 4 == stream.getvalue().count("1234567890")


def test_lines_wrap_with_their_indent() -> None:
    """Lines wrap between words. A Chinese character takes two columns."""
    output, stream = written(width=40)

    output.line("one two three " * 9 + "账单助手" * 9, indent=4)

    lines = stream.getvalue().splitlines()
    assert all(line.startswith("    ") and cell_len(line.rstrip()) <= 40 for line in lines)
    assert "账" * 9 == "".join(character for line in lines for character in line if character == "账")


def test_verbatim_lines_do_not_wrap() -> None:
    """A sample is one line, so that users can copy it."""
    output, stream = written(width=20)

    output.verbatim("x" * 100)

    assert "x" * 100 + "\n" == stream.getvalue()


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_json_is_valid(text: str, number: float) -> None:
    """The JSON is valid, and its text cannot control a terminal."""
    output, stream = written()

    output.json({"text": text, "number": number})

    assert {"text": text, "number": number} == json.loads(stream.getvalue())
    assert not {"\x1b", "\x9b", "\u202e", "\x7f"} & set(stream.getvalue())
