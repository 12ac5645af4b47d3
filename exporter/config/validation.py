"""From the text of a YAML file to what it says, or to everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config.document import DocumentError, Node, compose
from exporter.config.files import read_regular, unreadable
from exporter.config.form import Form, Model
from exporter.config.messages import explained
from exporter.config.problems import Problem, spell
from exporter.config.reader import Reader


class ConfigError(Exception):
    """A configuration that cannot be used; `errors` has a line for each thing that is wrong, free of secrets."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def validate(
    form: Form[Model], source: Path | str, *, name: str, directory: Path, environ: Mapping[str, str] | None
) -> Model:
    """Read and check a file, or a text.

    Args:
        form: what may stand in it.
        source: the file, or the text itself.
        name: what messages call it.
        directory: what relative file names start from.
        environ: what `${NAME}` is replaced from; None: it is text like any other.

    Raises:
        ConfigError: with all that is wrong, each as `file:line: path: what is wrong and what to do`.
    """
    try:
        root = _root(form, source)
    except DocumentError as error:
        errors = [f"{name}:{error.line}: {error}" if error.line else f"{name}: {error}"]
    else:
        written, problems = _check(form, root, environ, directory)
        if written and not problems:
            return written
        errors = [": ".join(filter(None, (f"{name}:{p.line}", spell(p.at), p.message))) for p in problems]
    # Raised out here, so that nothing that holds values of the document hangs on it as its context.
    raise ConfigError(errors)


def _root(form: Form[Any], source: Path | str) -> Node:
    root = compose(source if isinstance(source, str) else _content(form, source))
    if root is None or root.kind == "null":
        if form.least is not None:
            raise DocumentError(1, f"is empty: write at least {form.least}")
        return Node(1, "mapping")
    if root.kind != "mapping":
        at_least = f", at least {form.least}" if form.least is not None else ""
        raise DocumentError(root.line, f"must be lines of `key: value`{at_least}")
    return root


def _content(form: Form[Any], path: Path) -> str:
    try:
        content = path.read_bytes() if form.may_be_a_pipe else read_regular(path)
    except (OSError, ValueError) as error:
        advice = f": {form.advice}" if form.advice and isinstance(error, FileNotFoundError) else ""
        raise DocumentError(None, unreadable(error) + advice) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise DocumentError(line, "is not UTF-8: save the file in that encoding")


def _check(
    form: Form[Model], root: Node, environ: Mapping[str, str] | None, directory: Path
) -> tuple[Model | None, list[Problem]]:
    """Return what was written and what is wrong with it, by line."""
    reader = Reader(environ)
    data = reader.read(root)
    written, details = None, list[ErrorDetails]()
    try:
        written = form.model.model_validate(data, context=directory)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
    problems = [p for p in reader.problems if unknown.isdisjoint(p.at[: n + 1] for n in range(len(p.at)))]
    problems += [p for p in explained(details, root, form) if p.at not in reader.holes or p.at in unknown]
    problems += [Problem(root.locate(at)[0], at, message) for at, message in form.cross_checks(data)]
    # What an alias repeats is wrong once.
    once: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        node = root.locate(problem.at)[1]
        once.setdefault((id(node), problem.at[-1:], problem.message), problem)
    return written, sorted(once.values(), key=lambda problem: problem.line)
