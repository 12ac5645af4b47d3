"""From a YAML document to plain data: variables replaced, merge keys applied, keys seen once."""

import re
from collections.abc import Mapping

import yaml

from exporter.config.document import Node
from exporter.config.problems import Location, Problem, printable

_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<open>\{))?")

_MISREAD = object()  # stands for what is no text and nothing else that a key takes


class Reader:
    """Reads one document; `problems` has what was wrong, `holes` where a value is missing from the data for that."""

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        """`environ` is what `${NAME}` is replaced from; None: it is text like any other."""
        self._environ = environ
        self.problems: list[Problem] = []
        self.holes: set[Location] = set()

    def read(self, node: Node, line: int = 1, at: Location = ()) -> object:
        """Return the node's data: dict, list, str, int, float or bool; None for a hole."""
        match node.kind:
            case "str" | "value" | "merge":
                if self._environ is None or "$" not in node.text:
                    return node.text
                return self._replaced(node.text, self._environ, line, at)
            case "mapping":
                entries = self._entries(node, at)
                return {key: self.read(child, key_line, (*at, key)) for key, (key_line, child) in entries.items()}
            case "sequence":
                return [self.read(child, child.line, (*at, index)) for index, child in enumerate(node.children)]
            case "null" | "tagged":
                self._hole(line, at, _no_value(node, at))
                return None
            case _:
                return converted(node.text)

    def _hole(self, line: int, at: Location, message: str) -> None:
        self.problems.append(Problem(line, at, message))
        self.holes.add(at)

    def _entries(self, node: Node, at: Location) -> dict[str, tuple[int, Node]]:
        """Return a mapping's values by their keys as written, so that `on` and `1` are names like any other."""
        if node.entries is not None:
            return node.entries
        node.entries = {}
        merged: dict[str, tuple[int, Node]] = {}
        for key, child in zip(node.children[::2], node.children[1::2], strict=True):
            if key.kind in ("mapping", "sequence", "tagged"):
                self.problems.append(Problem(key.line, at, "has a key that is not text: write `key: value`"))
            elif key.kind == "merge":
                for source in child.children if child.kind == "sequence" else [child]:
                    if source.kind == "mapping":
                        merged = self._entries(source, at) | merged
                    else:
                        self.problems.append(Problem(key.line, at, "<< takes an alias of a mapping, or a list of them"))
            elif key.text in node.entries:
                first = node.entries[key.text][0]
                message = f"is written twice, first on line {first}: keep one"
                self.problems.append(Problem(key.line, (*at, key.text), message))
            else:
                node.entries[key.text] = (key.line, child)
        node.entries = merged | node.entries
        return node.entries

    def _replaced(self, text: str, environ: Mapping[str, str], line: int, at: Location) -> str | None:
        """Return a text with its variables replaced."""
        variables = list(_DOLLAR.finditer(text))
        names = dict.fromkeys(variable["name"] for variable in variables if variable["name"])
        unset = [name for name in names if name not in environ]
        if unset:
            message = f"the environment does not set {', '.join(unset)}: set it, or write $$ for a dollar"
        elif any(variable["open"] for variable in variables):
            message = "${ begins the name of a variable, as in ${NAME}: write $$ for a dollar"
        elif not all(_is_unicode(environ[name]) for name in names):
            message = f"the environment sets {', '.join(names)} to bytes that are not UTF-8: set it to text"
        else:
            return _DOLLAR.sub(lambda match: environ[match["name"]] if match["name"] else "$", text)
        self._hole(line, at, message)
        return None


def quote(node: Node, at: Location) -> str:
    """Say how to write a value so that YAML takes it for text."""
    place = "- " if isinstance(at[-1], int) else f"{printable(at[-1])}: "
    return f'quote it: {place}"{node.text}"'


def _no_value(node: Node, at: Location) -> str:
    if node.kind == "tagged":
        return "begins with !, which is a tag to YAML: put it in quotes if it is meant as text"
    if not node.text:
        return "has no value: write one, or remove it"
    return f"YAML reads {node.text} as no value: write one, remove it, or {quote(node, at)}"


def converted(text: str) -> object:
    """Return what YAML takes a plain scalar for that is not text."""
    try:
        return yaml.safe_load(text)
    except (ValueError, ArithmeticError):
        # YAML knows more numbers and dates than Python: 0x_, thousands of digits, the 31st of June.
        return _MISREAD


def _is_unicode(text: str) -> bool:
    # What the environment has in another encoding, Python keeps as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in text)
