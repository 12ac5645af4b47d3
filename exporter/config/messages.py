"""The words for what pydantic finds: what is wrong, and what to do."""

import difflib
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from exporter.config.document import Node
from exporter.config.form import Form
from exporter.config.problems import Location, Problem
from exporter.config.reader import converted, quote

_MISREAD = {"int": "a number", "float": "a number", "bool": "true or false", "timestamp": "a date"}

_LONGEST_REPEATED = 40

_BY_TYPE = {
    "model_type": "must be lines of `key: value`, further in than the key",
    "dict_type": "must be lines of `name: value`, further in than the key",
    "list_type": "must be a list, each item on a line that begins with `- `",
    "too_short": "is empty: list at least one",
    "string_type": "must be text, not a list or keys",
    "string_too_short": "is empty: write its value",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt:g}",
    "literal_error": "is not a known report: write {expected}",
}


def explained(details: list[ErrorDetails], root: Node, form: Form[Any]) -> list[Problem]:
    """Return pydantic's findings on a document, without those that only follow from another."""
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    misspelt = {(*at[:-1], _nearest(at, form)) for at in unknown}
    problems = []
    for detail in details:
        at = detail["loc"]
        if at[-1:] == ("[key]",):
            at = at[:-1]
        line, node = root.locate(at)
        if at in unknown:
            problems.append(Problem(line, at, _unknown(at, form)))
        elif detail["type"] != "missing":
            problems.append(Problem(line, at, _wrong(detail, at, node, form)))
        elif at not in misspelt:
            problems.append(Problem(line, at, _missing(at, form)))
    return problems


def _missing(at: Location, form: Form[Any]) -> str:
    description = (_block(at, form).model_fields[str(at[-1])].description or "").rstrip(".")
    return f"is missing: write {description[0].lower()}{description[1:]}"


def _wrong(detail: ErrorDetails, at: Location, node: Node, form: Form[Any]) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "string_type" and node.kind in _MISREAD:
        return _misread(node, at, is_secret=not form.secret_keys.isdisjoint(at))
    return _BY_TYPE[detail["type"]].format(**detail.get("ctx", {}))


def _misread(node: Node, at: Location, *, is_secret: bool) -> str:
    taken = _MISREAD[node.kind]
    if is_secret or len(node.text) > _LONGEST_REPEATED:
        return f"YAML reads it as {taken}: put it in quotes"
    value = converted(node.text)
    if isinstance(value, int | float) and taken == "a number" and str(value) != node.text:
        taken = f"the number {value}"
    return f"YAML reads {node.text} as {taken}: {quote(node, at)}"


def _block(at: Location, form: Form[Any]) -> type[BaseModel]:
    """Return the block that a key stands in."""
    return form.blocks[next((step for step in reversed(at[:-1]) if isinstance(step, str)), "")]


def _nearest(at: Location, form: Form[Any]) -> str | None:
    return next(iter(difflib.get_close_matches(str(at[-1]), _block(at, form).model_fields, 1)), None)


def _unknown(at: Location, form: Form[Any]) -> str:
    for name, block in form.blocks.items():
        if at[-1] in block.model_fields:
            return f"is not a known key here: it belongs {f'in {name}' if name else 'at the top level'}"
    if nearest := _nearest(at, form):
        return f"is not a known key: did you mean {nearest}?"
    return f"is not a known key: remove it, or use one of {', '.join(_block(at, form).model_fields)}"
