"""What a table, a line and JSON look like, whatever stands in them."""

import io
import json

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from exporter.console.output import Output


def written(width: int = 80) -> tuple[Output, io.StringIO]:
    """An output, and what it writes to."""
    stream = io.StringIO()
    output = Output(stream)
    output.console.width = width
    return output, stream


@example([("账" * 200, 1), ("x" * 200, 10**9)])
@given(st.lists(st.tuples(st.text(max_size=200), st.integers(0, 10**9)), min_size=1, max_size=3))
def test_words_are_folded_and_figures_are_not(rows: list[tuple[str, int]]) -> None:
    """However long a name is, the table fits and its figures are whole."""
    output, stream = written()

    output.table([("name", "left"), ("calls", "right")], [(name, str(number)) for name, number in rows])

    assert 80 >= max(cell_len(line) for line in stream.getvalue().splitlines())
    for _, number in rows:
        assert str(number) in stream.getvalue()


def test_figures_that_do_not_fit() -> None:
    """Make the table wider than the terminal, rather than lose digits."""
    output, stream = written(width=20)

    output.table([("a", "right")] * 4, [["1234567890"] * 4])

    assert 4 == stream.getvalue().count("1234567890")


def test_a_line_is_folded_at_its_indent() -> None:
    """Between words, also of Chinese, where a character takes two columns."""
    output, stream = written(width=40)

    output.line("one two three " * 9 + "账单助手" * 9, indent=4)

    lines = stream.getvalue().splitlines()
    assert all(line.startswith("    ") and cell_len(line.rstrip()) <= 40 for line in lines)
    assert "账" * 9 == "".join(character for line in lines for character in line if character == "账")


def test_what_is_to_be_copied_is_not_folded() -> None:
    """A sample is one line, however long."""
    output, stream = written(width=20)

    output.verbatim("x" * 100)

    assert "x" * 100 + "\n" == stream.getvalue()


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_json_is_json(text: str, number: float) -> None:
    """And no text in it can do anything to a terminal."""
    output, stream = written()

    output.json({"text": text, "number": number})

    assert {"text": text, "number": number} == json.loads(stream.getvalue())
    assert not {"\x1b", "\x9b", "\u202e", "\x7f"} & set(stream.getvalue())
