"""Validate the text of a YAML file against a pydantic model, and report all errors at once."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exporter.config.characters import WIDE_COLON, find_wide_colon
from exporter.config.document import (
    WIDE_COLON_HINT,
    DocumentError,
    Location,
    Node,
    Problem,
    Reader,
    compose,
    convert_scalar,
    quote,
    spell,
)
from exporter.config.files import describe_unreadable, read_regular
from exporter.language import Text, join

Model = TypeVar("Model", bound=BaseModel)

Finding = tuple[Location, str]
"""Where an error is, and a message on one line that holds no value that may be secret."""

_MISREAD = {
    "int": Text("a number"),
    "float": Text("a number"),
    "bool": Text("true or false"),
    "timestamp": Text("a date"),
}

_MAX_REPEATED = 40

MESSAGES = {
    "model_type": "a block is expected; write `key: value` lines, indented under the key",
    "dict_type": "a block is expected; write `name: value` lines, indented under the key",
    "list_type": "a list is expected; write each item on a line that begins with `- `",
    "too_short": "the list is empty; write at least one item",
    "string_type": "text is expected, not a list or a block",
    "string_too_short": "the value is empty",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "finite_number": "a number is expected",
    "bool_type": "true or false is expected",
    "greater_than_equal": "the value must be %(ge)s or more",
    "greater_than": "the value must be more than %(gt)g",
    "literal_error": "unknown value; write %(expected)s",
}
"""By pydantic's type of error."""


class ConfigError(Exception):
    """A configuration is not valid. `errors` has one line for each error, and no secrets."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Form(Generic[Model]):
    """A kind of file, and how to report errors in it."""

    model: type[Model]
    blocks: Mapping[str, type[BaseModel]]
    """The model of each key that holds a block or a list of blocks; the top level is the empty key."""
    secret_keys: frozenset[str]
    """Messages never repeat the values of these keys. A file name can be a secret in the wrong place."""
    cross_checks: Callable[[object], Iterable[Finding]]
    """Finds the errors that involve several values, in the data as written."""
    least: str | None = None
    """The key that every file needs; None: the file may be empty."""
    advice: Text | None = None
    """What to do when the file does not exist."""
    text_advice: Text | None = None
    """What to do when a text has no keys; it may be the name of a file."""
    may_be_a_pipe: bool = False
    """Whether to read a pipe, like a shell's ``<(...)``. Reading one blocks the caller."""


def validate(
    form: Form[Model], source: Path | str, *, name: str, directory: Path, environ: Mapping[str, str] | None
) -> Model:
    """Read and check a file, or a text.

    Args:
        form: the kind of file.
        source: the file, or the text itself.
        name: the name of the source in messages.
        directory: the folder that relative file names start from.
        environ: replaces `${NAME}`; None leaves `${NAME}` as it stands.

    Raises:
        ConfigError: with all errors, each as `file:line: path: error and fix`.
    """
    try:
        root = _read_root(form, source)
    except DocumentError as error:
        place = f"{name}:{error.line}" if error.line else name
        errors: list[str] = [Text("%(place)s: %(problem)s", place=place, problem=error.message)]
    else:
        written, problems = _check(form, root, environ, directory)
        if written and not problems:
            return written
        errors = [_spell_error(name, problem) for problem in problems]
    # Raised outside the except block: a chained exception would hold values of the document.
    raise ConfigError(errors)


def _spell_error(name: str, problem: Problem) -> Text:
    place = ": ".join(filter(None, (f"{name}:{problem.line}", spell(problem.at))))
    return Text("%(place)s: %(problem)s", place=place, problem=problem.message)


def _read_root(form: Form[Any], source: Path | str) -> Node:
    text = source if isinstance(source, str) else _read_text(form, source)
    root = compose(text)
    if root is None or root.kind == "null":
        if form.least is not None:
            raise DocumentError(1, Text("the file is empty; write at least %(key)s", key=form.least))
        return Node(1, "mapping")
    if root.kind != "mapping" and (wide := find_wide_colon(text)):
        raise DocumentError(wide, WIDE_COLON_HINT)
    if root.kind != "mapping":
        message = Text("`key: value` lines are expected")
        if form.least is not None:
            message = Text("`key: value` lines are expected, at least %(key)s", key=form.least)
        raise DocumentError(root.line, _add_advice(message, form.text_advice if isinstance(source, str) else None))
    return root


def _add_advice(problem: Text, advice: Text | None) -> Text:
    return Text("%(problem)s; %(advice)s", problem=problem, advice=advice) if advice else problem


def _read_text(form: Form[Any], path: Path) -> str:
    try:
        content = path.read_bytes() if form.may_be_a_pipe else read_regular(path)
    except (OSError, ValueError) as error:
        advice = form.advice if isinstance(error, FileNotFoundError) else None
        raise DocumentError(None, _add_advice(describe_unreadable(error), advice)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise DocumentError(line, Text("the text is not UTF-8; save the file in that encoding"))


def _check(
    form: Form[Model], root: Node, environ: Mapping[str, str] | None, directory: Path
) -> tuple[Model | None, list[Problem]]:
    """Return the model, and the errors in the order of their lines."""
    reader = Reader(environ)
    data = reader.read(root)
    written, details = None, list[ErrorDetails]()
    try:
        written = form.model.model_validate(data, context=directory)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
    problems = [p for p in reader.problems if unknown.isdisjoint(p.at[: n + 1] for n in range(len(p.at)))]
    problems += [p for p in _describe_all(details, root, form) if p.at not in reader.holes or p.at in unknown]
    problems += [Problem(root.locate(at)[0], at, message) for at, message in form.cross_checks(data)]
    # An error in an aliased node is reported once.
    once: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        node = root.locate(problem.at)[1]
        once.setdefault((id(node), problem.at[-1:], problem.message), problem)
    return written, sorted(once.values(), key=lambda problem: problem.line)


def _describe_all(details: list[ErrorDetails], root: Node, form: Form[Any]) -> list[Problem]:
    """Return pydantic's errors, without a missing key whose misspelt form is reported."""
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    misspelt = {(*at[:-1], _find_similar_key(at, form)) for at in unknown}
    problems = []
    for detail in details:
        at = detail["loc"]
        if at[-1:] == ("[key]",):
            at = at[:-1]
        line, node = root.locate(at)
        if at in unknown:
            problems.append(Problem(line, at, _describe_unknown_key(at, form)))
        elif detail["type"] != "missing":
            problems.append(Problem(line, at, _describe_wrong_value(detail, at, node, form)))
        elif at not in misspelt:
            problems.append(Problem(line, at, _describe_missing_key(at, form)))
    return problems


def _describe_missing_key(at: Location, form: Form[Any]) -> Text:
    return Text("the key is missing; write %(what)s", what=Text(describe_key(_find_block(at, form), str(at[-1]))))


def describe_key(block: type[BaseModel], key: str) -> str:
    """Return the description of a key as a part of a sentence."""
    description = (block.model_fields[key].description or "").rstrip(".")
    return description[0].lower() + description[1:]


def _describe_wrong_value(detail: ErrorDetails, at: Location, node: Node, form: Form[Any]) -> str:
    if detail["type"] == "value_error":
        message: str = detail["ctx"]["error"].args[0]
        return message
    if detail["type"] in ("model_type", "dict_type", "list_type") and WIDE_COLON in node.text:
        return WIDE_COLON_HINT
    if detail["type"] == "string_type" and node.kind in _MISREAD:
        return _describe_misread(node, at, is_secret=not form.secret_keys.isdisjoint(at))
    return Text(MESSAGES[detail["type"]], **detail.get("ctx", {}))


def _describe_misread(node: Node, at: Location, *, is_secret: bool) -> Text:
    reading = _MISREAD[node.kind]
    if is_secret or len(node.text) > _MAX_REPEATED:
        return Text("YAML reads the value as %(reading)s; put it in quotes", reading=reading)
    value = convert_scalar(node.text)
    if isinstance(value, int | float) and node.kind in ("int", "float") and str(value) != node.text:
        reading = Text("the number %(value)s", value=value)
    return Text("YAML reads %(text)s as %(reading)s; %(quote)s", text=node.text, reading=reading, quote=quote(node, at))


def _find_block(at: Location, form: Form[Any]) -> type[BaseModel]:
    """Return the block that a key stands in."""
    return form.blocks[next((step for step in reversed(at[:-1]) if isinstance(step, str)), "")]


def _find_similar_key(at: Location, form: Form[Any]) -> str | None:
    return next(iter(difflib.get_close_matches(str(at[-1]), _find_block(at, form).model_fields, 1)), None)


def _describe_unknown_key(at: Location, form: Form[Any]) -> Text:
    if WIDE_COLON in str(at[-1]):
        return WIDE_COLON_HINT
    for name, block in form.blocks.items():
        if at[-1] in block.model_fields:
            if name:
                return Text("unknown key here; it belongs in %(block)s", block=name)
            return Text("unknown key here; it belongs at the top level")
    if similar := _find_similar_key(at, form):
        return Text("unknown key; did you mean %(name)s?", name=similar)
    return Text("unknown key; remove it, or use one of %(keys)s", keys=join(_find_block(at, form).model_fields))
