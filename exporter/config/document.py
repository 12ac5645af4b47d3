"""A YAML document: its nodes with their lines, and the plain data in them.

This module composes nodes from PyYAML's events. PyYAML's own composer recurses in C without a limit and lets aliases
multiply.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml
from yaml.resolver import Resolver

from exporter.config.characters import WIDE_COLON, find_wide_colon
from exporter.language import Text, join

Location = tuple[str | int, ...]
"""The keys and indexes that lead from the root of a document to a part of it."""

_MAX_DEPTH = 64
_MAX_ALIASED_NODES = 200_000

# The complement of YAML 1.1's c-printable. PyYAML reports these by byte offset.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<open>\{))?")

WIDE_COLON_HINT = Text(
    "the key ends with the full-width colon %(colon)s (U+%(code)04X); write a : and a blank",
    colon=WIDE_COLON,
    code=ord(WIDE_COLON),
)

_TAG = "tag:yaml.org,2002:"
_NEUTRAL_TAGS = {None, "!", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map"}

_NOT_IN_PYTHON = object()

_NodeEvent = yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent

_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = Resolver()


class Problem(NamedTuple):
    """An error: its place, and a message on one line that holds no value that may be secret."""

    line: int
    at: Location
    message: str


@dataclass(slots=True, eq=False)
class Node:
    """A part of a document.

    `kind` is sequence, mapping, tagged (has an unknown tag), or the type that YAML 1.1 gives a scalar: str, int,
    float, bool, null, timestamp, merge, value. `text` is a scalar as written, without quotes. `children` of a mapping
    are its keys and values in turn. `Reader` sets `entries`: the key's line and the value, by key. `size` counts this
    node and those below, with aliases expanded; it is 0 until the node is complete.
    """

    line: int
    kind: str
    text: str = field(default="", repr=False)  # may be a secret
    children: list["Node"] = field(default_factory=list)
    entries: dict[str, tuple[int, "Node"]] | None = None
    size: int = 0

    def locate(self, at: Location) -> tuple[int, "Node"]:
        """Return the line and the node at a location, or those of the innermost written part around it."""
        line, node = self.line, self
        for step in at:
            if node.entries and isinstance(step, str) and step in node.entries:
                line, node = node.entries[step]
            elif isinstance(step, int) and step < len(node.children):
                node = node.children[step]
                line = node.line
            else:
                break
        return line, node


class DocumentError(Exception):
    """The text is not a usable document. The message is one line without parts of the text; `line` counts from 1."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def compose(text: str) -> Node | None:
    """Return the root of the only document in a text, or None if there is none.

    Raises:
        DocumentError: the text is not YAML, holds several documents, or its aliases expand to too many nodes.
    """
    if unprintable := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        raise DocumentError(
            line, Text("the text contains a control character (U+%(code)04X); remove it", code=ord(unprintable[0]))
        )
    try:
        return _compose(yaml.parse(text, _Loader))
    except yaml.MarkedYAMLError as error:
        line, problem = _describe_syntax_error(error)
    if wide := find_wide_colon(text):
        raise DocumentError(wide, WIDE_COLON_HINT)
    lines = text.rstrip().split("\n")
    # PyYAML reports a missing end after the last line.
    line = min(line, len(lines))
    if "${" in lines[line - 1]:
        hint = Text("between { and }, put ${NAME} in quotes")
    else:
        hint = Text("look for a wrong indent, a tab or a missing quote, here or above")
    raise DocumentError(line, Text("the text is not YAML: %(problem)s; %(hint)s", problem=problem, hint=hint))


def _describe_syntax_error(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Return the line, and PyYAML's message without the tag that it may quote from the text."""
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    problem = re.sub(" '!.*'", "", f"{error.problem} {error.context or ''}".strip())
    if error.context_mark and error.context_mark.line + 1 != line:
        problem = Text("%(problem)s that began on line %(line)s", problem=problem, line=error.context_mark.line + 1)
    return line, problem


def _compose(events: Iterable[yaml.Event]) -> Node | None:
    roots: list[Node] = []
    open_nodes: list[Node] = []
    anchors: dict[str, Node] = {}
    aliased = 0
    for event in events:
        line = _find_line(event)
        if isinstance(event, yaml.CollectionEndEvent):
            node = open_nodes.pop()
            node.size = 1 + sum(child.size for child in node.children)
        elif isinstance(event, _NodeEvent):
            node = _build_node(event, anchors)
            (open_nodes[-1].children if open_nodes else roots).append(node)
            if isinstance(event, yaml.AliasEvent):
                aliased += node.size
            elif isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
        elif isinstance(event, yaml.DocumentStartEvent) and roots:
            raise DocumentError(line, Text("a second document begins; keep one, and remove the --- before the other"))
        if aliased > _MAX_ALIASED_NODES:
            raise DocumentError(
                line, Text("aliases expand to more than %(most)s values; use fewer", most=_MAX_ALIASED_NODES)
            )
        if len(open_nodes) > _MAX_DEPTH:
            raise DocumentError(line, Text("the nesting is deeper than %(most)s levels", most=_MAX_DEPTH))
    return roots[0] if roots else None


def _build_node(event: _NodeEvent, anchors: dict[str, Node]) -> Node:
    line = _find_line(event)
    if isinstance(event, yaml.AliasEvent):
        return _resolve_alias(anchors.get(event.anchor or ""), line)
    if isinstance(event, yaml.ScalarEvent):
        node = Node(line, _find_kind(event), event.value, size=1)
    elif event.tag in _NEUTRAL_TAGS:
        node = Node(line, "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping")
    else:
        node = Node(line, "tagged")
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


def _find_kind(event: yaml.ScalarEvent) -> str:
    if event.tag is not None:
        return "str" if event.tag in _NEUTRAL_TAGS else "tagged"
    if not event.implicit[0]:
        return "str"
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return str(tag).removeprefix(_TAG)


def _find_line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _resolve_alias(node: Node | None, line: int) -> Node:
    if node is None:
        raise DocumentError(
            line, Text("an alias has no anchor above it; if the * is part of a text, put the text in quotes")
        )
    if not node.size:
        raise DocumentError(line, Text("an alias is inside its own anchor"))
    return node


class Reader:
    """Reads the data of one document.

    `problems` lists the errors, `holes` the locations without usable data.
    """

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        """`environ` replaces `${NAME}`; None leaves `${NAME}` as it stands."""
        self._environ = environ
        self.problems: list[Problem] = []
        self.holes: set[Location] = set()

    def read(self, node: Node, line: int = 1, at: Location = ()) -> object:
        """Return the node's data: dict, list, str, int, float, bool or date; None for a hole."""
        match node.kind:
            case "str" | "value" | "merge":
                if self._environ is None or "$" not in node.text:
                    return node.text
                return self._expand(node.text, self._environ, line, at)
            case "mapping":
                entries = self._read_entries(node, at)
                return {key: self.read(child, key_line, (*at, key)) for key, (key_line, child) in entries.items()}
            case "sequence":
                return [self.read(child, child.line, (*at, index)) for index, child in enumerate(node.children)]
            case "null" | "tagged":
                self._add_hole(line, at, _describe_missing_value(node, at))
                return None
            case _:
                return convert_scalar(node.text)

    def _add_hole(self, line: int, at: Location, message: str) -> None:
        self.problems.append(Problem(line, at, message))
        self.holes.add(at)

    def _read_entries(self, node: Node, at: Location) -> dict[str, tuple[int, Node]]:
        """Return a mapping's values by key. Keys stay text, so `on` and `1` are names like any other."""
        if node.entries is not None:
            return node.entries
        node.entries = {}
        merged: dict[str, tuple[int, Node]] = {}
        for key, child in zip(node.children[::2], node.children[1::2], strict=True):
            if key.kind in ("mapping", "sequence", "tagged"):
                self.problems.append(Problem(key.line, at, Text("a key is not text; write `key: value`")))
            elif key.kind == "merge":
                for source in child.children if child.kind == "sequence" else [child]:
                    if source.kind == "mapping":
                        merged = self._read_entries(source, at) | merged
                    else:
                        self.problems.append(
                            Problem(key.line, at, Text("<< takes an alias of a mapping, or a list of them"))
                        )
            elif key.text in node.entries:
                first = node.entries[key.text][0]
                message = Text("duplicate key, first on line %(first)s; keep one", first=first)
                self.problems.append(Problem(key.line, (*at, key.text), message))
            else:
                node.entries[key.text] = (key.line, child)
        node.entries = merged | node.entries
        return node.entries

    def _expand(self, text: str, environ: Mapping[str, str], line: int, at: Location) -> str | None:
        """Return a text with its variables replaced."""
        variables = list(_DOLLAR.finditer(text))
        names = dict.fromkeys(variable["name"] for variable in variables if variable["name"])
        unset = [name for name in names if name not in environ]
        if unset:
            message = Text(
                "the environment does not set %(names)s; set it, or write $$ for a dollar", names=join(unset)
            )
        elif any(variable["open"] for variable in variables):
            message = Text("${ begins the name of a variable, as in ${NAME}; write $$ for a dollar")
        elif not all(_is_unicode(environ[name]) for name in names):
            message = Text(
                "the environment sets %(names)s to bytes that are not UTF-8; set it to text", names=join(names)
            )
        else:
            return _DOLLAR.sub(lambda match: environ[match["name"]] if match["name"] else "$", text)
        self._add_hole(line, at, message)
        return None


def quote(node: Node, at: Location) -> Text:
    """Say how to write a value so that YAML reads it as text."""
    place = "- " if isinstance(at[-1], int) else f"{_quote_unprintable(at[-1])}: "
    return Text("quote it: %(line)s", line=f'{place}"{node.text}"')


def spell(at: Location) -> str:
    """Return a location as users read it: `platforms[0].tenants[1].tenant_id`."""
    return "".join(_spell_step(step) for step in at).removeprefix(".")


def convert_scalar(text: str) -> object:
    """Return the value of a plain scalar that YAML does not read as text."""
    try:
        return yaml.safe_load(text)
    except (ValueError, ArithmeticError):
        # YAML has numbers and dates that Python lacks: 0x_, thousands of digits, the 31st of June.
        return _NOT_IN_PYTHON


def _describe_missing_value(node: Node, at: Location) -> Text:
    if node.kind == "tagged":
        return Text("YAML reads the ! at the beginning as a tag; to write text, put it in quotes")
    if not node.text:
        return Text("the value is missing; write one, or remove the key")
    return Text(
        "YAML reads %(text)s as no value; write one, remove the key, or %(quote)s",
        text=node.text,
        quote=quote(node, at),
    )


def _spell_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if re.fullmatch(r"[\w-]+", step):
        return f".{step}"
    return f"[{json.dumps(step, ensure_ascii=not step.isprintable())}]"


def _quote_unprintable(key: str) -> str:
    return key if key.isprintable() else json.dumps(key)


def _is_unicode(text: str) -> bool:
    # Python keeps bytes of the environment that are not UTF-8 as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in text)
