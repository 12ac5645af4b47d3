"""Mutation testing of the pure core: ``make mutants``. Change one node of a module, and see whether a test fails.

mutmut leaves out functions with decorators and constants; cosmic-ray edits the files of the checkout.
"""

import argparse
import ast
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Final, NoReturn

import pytest

import exporter.app
from lab import machine
from lab.report import Table, progress

_JUDGING: Final = ("calls", "daykinds", "hours", "judge", "reach", "robust", "shares", "usual")
_TESTS: Final = {
    "polling/windows.py": "polling/test_windows.py polling/test_windows_by_day.py",
    "polling/calendar.py": "polling/test_calendar.py polling/test_windows.py polling/test_windows_by_day.py",
    "polling/discovery.py": "polling/test_discovery.py",
    "upstream/reports.py": "upstream/test_reports.py serving/test_reference.py",
    "upstream/breaker.py": "upstream/test_breaker.py",
    "upstream/bindings.py": "upstream/test_bindings.py",
    "upstream/login.py": "upstream/test_session.py",
    "upstream/standing.py": "upstream/test_standing.py upstream/test_session.py",
    "upstream/tokens.py": "upstream/test_session.py",
    "upstream/ready_token.py": "upstream/test_session.py",
    "serving/negotiation.py": "serving/test_negotiation.py",
    "config/sharding.py": "config/test_sharding.py",
    **{f"judging/{name}.py": "judging" for name in _JUDGING},
}
"""The tests that must find a mutant, by the module."""
_PROCESSES: Final = 2
_CPU_SECONDS: Final = 15
_SECONDS: Final = 180
"""A mutant whose tests use more, or wait longer, counts as killed: it does not end."""
_BEGIN: Final = "<!-- results: written by `make mutants` -->"
_END: Final = "<!-- end of the results -->"

_COMPARISONS: Final[Mapping[type, Any]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: Final[Mapping[type, Any]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.RShift: ast.LShift, ast.LShift: ast.RShift,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_SKIPPED: Final = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change."""

    source: str
    change: str


def list_mutants(source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of its text."""
    tree = ast.parse(source)
    return list(_mutate(tree, tree, "module"))


def _mutate(tree: ast.Module, node: ast.AST, place: str) -> Iterator[Mutant]:
    """Change each descendant of ``node`` in turn, and put it back."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        place = f"{place}.{node.name}".removeprefix("module.")
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if field in _SKIPPED or not isinstance(child, ast.AST) or _is_skipped(child) or _is_message(node, child):
                continue
            shown = node if isinstance(node, ast.expr) else child
            for variant in _vary(child):
                before = ast.unparse(shown)
                _put(node, field, value, index, variant)
                after = ast.unparse(node if shown is node else variant)
                source = ast.unparse(ast.fix_missing_locations(tree))
                yield Mutant(source, f"{place}: `{' '.join(before.split())}` becomes `{' '.join(after.split())}`")
                _put(node, field, value, index, child)
            yield from _mutate(tree, child, place)


def _put(node: ast.AST, field: str, value: Any, index: int, child: ast.AST) -> None:
    if isinstance(value, list):
        value[index] = child
    else:
        setattr(node, field, child)


def _is_skipped(node: ast.AST) -> bool:
    """Return whether a node is for readers and type checkers alone."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.AnnAssign(annotation=ast.Name("TypeAlias")):
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
    return isinstance(node, ast.Assert | ast.Import | ast.ImportFrom)


def _is_message(call: ast.AST, child: ast.AST) -> bool:
    """Return whether a constant is a message for people: a test compares those in the files with their translations."""
    return isinstance(call, ast.Call) and isinstance(child, ast.Constant) and ast.unparse(call.func) == "Text"


def _vary(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912 - a table
    """Yield the variants of one node."""
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value):
            yield ast.Constant(f"{value}X")
        case ast.Compare(left=left, ops=[operator, *others], comparators=comparators):
            yield ast.Compare(left, [_COMPARISONS[type(operator)](), *others], comparators)
            if others:
                yield ast.Compare(left, [operator, *(_COMPARISONS[type(other)]() for other in others)], comparators)
        case ast.BinOp(left=left, op=operator, right=right):
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.AugAssign(target=target, op=operator, value=value):
            yield ast.AugAssign(target, _OPERATORS[type(operator)](), value)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(_OPERATORS[type(operator)](), values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.If(test=test, body=body, orelse=orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=args, keywords=keywords):
            yield ast.Call(ast.Name("max" if name == "min" else "min"), args, keywords)
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def find_killed(module: str, sources: Sequence[str]) -> list[bool]:
    """Return for each source of a module whether a test fails with it, in a process of its own."""
    running: dict[int, int] = {}
    killed = [False] * len(sources)
    for place, source in enumerate(sources):
        if len(running) == _PROCESSES:
            _reap(running, killed)
        pid = os.fork()
        if pid == 0:
            _run_tests(module, source)
        running[pid] = place
    while running:
        _reap(running, killed)
    return killed


def _reap(running: dict[int, int], killed: list[bool]) -> None:
    pid, status = os.wait()
    killed[running.pop(pid)] = status != 0


def _run_tests(module: str, source: str) -> NoReturn:
    """Run the tests of a module with another source, and exit with their status."""
    name, original = f"exporter.{module.removesuffix('.py').replace('/', '.')}", SourceFileLoader.get_code

    def get_code(loader: Any, fullname: str) -> CodeType | None:
        return compile(source, loader.path, "exec") if fullname == name else original(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign]
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    signal.alarm(_SECONDS)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly"]
        os._exit(pytest.main([*options, *(f"tests/{test}" for test in _TESTS[module].split())]))


def measure(modules: Sequence[str], seed: int, number: int, argued: str) -> Iterator[Table]:
    """Sample mutants of each module. ``argued`` is the page that names the mutants which change no behaviour."""
    rows, survivors = [], []
    for module in modules:
        source = Path(exporter.__file__).parent.joinpath(module).read_text(encoding="utf-8")
        if find_killed(module, [source, "raise ImportError"]) != [False, True]:
            sys.exit(f"{module}: its tests fail without a change, or test something else")
        mutants = list_mutants(source)
        random.Random(f"{seed} {module}").shuffle(mutants)  # a larger number tries the same ones first
        sample = mutants[:number]
        killed = find_killed(module, [mutant.source for mutant in sample])
        alive = [f"{module}, {mutant.change}" for mutant, dead in zip(sample, killed, strict=True) if not dead]
        equivalent = sum(f"{change}:" in argued for change in alive)
        survivors += [change for change in alive if f"{change}:" not in argued]
        share = sum(killed) / (len(sample) - equivalent)
        rows.append([module, *map(str, (len(mutants), len(sample), sum(killed), equivalent)), f"{share:.0%}"])
        progress(" ".join([*rows[-1], *(f"\n    {change}" for change in alive)]))
    tested, dead, same = (sum(int(row[column]) for row in rows) for column in (2, 3, 4))
    rows.append(["all", "", str(tested), str(dead), str(same), f"{dead / (tested - same):.0%}"])
    yield Table("Mutants killed, by module", ("Module", "Mutants", "Tried", "Killed", "Equivalent", "Score"), rows)
    if survivors:
        yield Table("Mutants that no test finds", ("Mutant",), [[change] for change in survivors])


def main() -> None:
    """Measure, and write the results into a page."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutants", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose results are replaced")
    parser.add_argument("--seed", type=int, default=1, help="which mutants are drawn; default: %(default)s")
    parser.add_argument("--number", type=int, default=20, help="mutants of each module; default: %(default)s")
    parser.add_argument("--only", default="", help="the modules with this in their name")
    options = parser.parse_args()
    os.environ["CI"] = "true"  # hypothesis tries the same examples each time
    # The tests import the package anew; the libraries that it needs stay.
    for name in [name for name in sys.modules if name.startswith("exporter")]:
        del sys.modules[name]
    page = options.write.read_text(encoding="utf-8") if options.write else ""
    modules = [module for module in _TESTS if options.only in module]
    command = f"`make mutants SEED={options.seed} NUMBER={options.number}`"
    about = [("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"), ("Command", command), *machine.describe()]
    tables = [
        Table("Machine", ("", ""), about),
        *measure(modules, options.seed, options.number, " ".join(page.split())),
    ]
    results = "\n".join(table.to_markdown() for table in tables)
    if options.write:
        before, _, rest = page.partition(_BEGIN)
        options.write.write_text(f"{before}{_BEGIN}\n\n{results}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")
    else:
        print(results)  # noqa: T201


if __name__ == "__main__":
    main()
