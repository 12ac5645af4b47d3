"""The changes that mutation testing makes, and those that its page excuses."""

import re
from pathlib import Path

import exporter
from lab.mutants import list_mutants

SOURCE = '''
def f(a: int = 3) -> str:
    """Stay."""
    if not a < 10:
        g(a)
    return Text("a", b="b")
'''


def test_each_place_is_changed_alone() -> None:
    """Docstrings, annotations and messages stay."""
    mutants = list_mutants(SOURCE)

    assert [
        "f: `3` becomes `4`",
        "f: `if not a < 10: g(a)` becomes `if not not a < 10: g(a)`",
        "f: `not a < 10` becomes `a < 10`",
        "f: `not a < 10` becomes `not a <= 10`",
        "f: `a < 10` becomes `a < 11`",
        "f: `g(a)` becomes `pass`",
        "f: `return Text('a', b='b')` becomes `return None`",
        "f: `'b'` becomes `'bX'`",
    ] == [mutant.change for mutant in mutants]
    assert len(mutants) == len({mutant.source for mutant in mutants} - {SOURCE})


def test_each_mutant_that_the_page_excuses_exists() -> None:
    """A line about code that is gone excuses nothing."""
    page = (Path(__file__).parents[2] / "docs/mutation.md").read_text(encoding="utf-8")
    excused = re.findall(r"- (\S+\.py), (\S+: `.+?` becomes `.+?`):", " ".join(page.split()))
    package = Path(exporter.__file__).parent
    changes = {
        module: {mutant.change for mutant in list_mutants((package / module).read_text(encoding="utf-8"))}
        for module, _ in excused
    }

    assert excused
    assert [] == [(module, change) for module, change in excused if change not in changes[module]]
