"""The changes that mutation testing makes."""

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
