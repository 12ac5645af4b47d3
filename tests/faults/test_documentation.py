"""docs/reliability.md agrees with the tests."""

import ast
import re
from pathlib import Path

import pytest

from .cases import CASES, OUTAGES

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"


def rows_of_answers() -> list[str]:
    """Return the table of faults of one bot's answers."""
    rows = (f"| {case.what} | `{case.reason}` | {case.requests} | {case.says.rstrip(': ')} |" for case in CASES)
    return list(dict.fromkeys(rows))


def rows_of_outages() -> list[str]:
    """Return the table of outages of the platform."""
    return [f"| {outage.what} | `{outage.reason}` | {outage.says.rstrip(': ')} |" for outage in OUTAGES]


@pytest.mark.parametrize("rows", [rows_of_answers, rows_of_outages])
def test_the_tables_are_those_of_the_tests(rows: object) -> None:
    """The rows and their order are the same; the message shows the missing table ready to paste."""
    assert callable(rows)
    table = "\n".join(rows())
    assert table in PAGE.read_text(encoding="utf-8"), f"docs/reliability.md lacks this table:\n{table}"


def test_every_proof_exists() -> None:
    """Every test that the page names exists."""
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    there = {
        node.name
        for file in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert set() == named - there
    assert 30 < len(named)
