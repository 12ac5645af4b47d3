"""A YAML document with the lines its parts stand on.

PyYAML's own composer is not used: it recurses, in C without a limit, and lets aliases multiply.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml
from yaml.resolver import Resolver

from exporter.config.problems import Location

_MAX_DEPTH = 64
_MAX_ALIASED_NODES = 200_000

# The complement of YAML 1.1's c-printable. PyYAML would report these by byte offset.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TAG = "tag:yaml.org,2002:"
# What a tag may say without changing anything.
_PLAIN_TAGS = {None, "!", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map"}

_NodeEvent = yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent

_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = Resolver()


@dataclass(slots=True, eq=False)
class Node:
    """A part of a document.

    `kind` is sequence, mapping, tagged (with a tag nothing is known of), or what YAML 1.1 takes a scalar for: str,
    int, float, bool, null, timestamp, merge, value. `text` is a scalar as written, without quotes.
    `children` of a mapping are its keys and values in turn; its `entries`, there once it was read, are the key's line
    and the value by key. `size` counts this node and those below, aliases replaced; it is 0 while more may come.
    """

    line: int
    kind: str
    text: str = ""
    children: list["Node"] = field(default_factory=list)
    entries: dict[str, tuple[int, "Node"]] | None = None
    size: int = 0

    def locate(self, at: Location) -> tuple[int, "Node"]:
        """Return the line and the node at a location, or of the innermost part around it that was written."""
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
    """There is no sane YAML document; the message is one line and holds nothing of the text, `line` counts from 1."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


def compose(text: str) -> Node | None:
    """Return the root of the only document in a text, or None if there is none.

    Raises:
        DocumentError: the text is not YAML, holds several documents, or grows out of all proportion when read.
    """
    if unprintable := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        raise DocumentError(line, f"holds a control character (U+{ord(unprintable[0]):04X}): remove it")
    try:
        return _compose(yaml.parse(text, _Loader))
    except yaml.MarkedYAMLError as error:
        line, problem = _syntax(error)
    lines = text.rstrip().split("\n")
    # What is missed at the end of the text is missed after its last line.
    line = min(line, len(lines))
    if "${" in lines[line - 1]:
        hint = "between { and }, put ${NAME} in quotes"
    else:
        hint = "look for a wrong indent, a tab or a missing quote, here or above"
    raise DocumentError(line, f"is not YAML: {problem}; {hint}")


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Return the line, and the problem in PyYAML's words without the tag it may repeat from the text."""
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    problem = re.sub(" '!.*'", "", f"{error.problem} {error.context or ''}".strip())
    if error.context_mark and error.context_mark.line + 1 != line:
        problem += f" that began on line {error.context_mark.line + 1}"
    return line, problem


def _compose(events: Iterable[yaml.Event]) -> Node | None:
    roots: list[Node] = []
    open_nodes: list[Node] = []
    anchors: dict[str, Node] = {}
    aliased = 0
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.CollectionEndEvent):
            node = open_nodes.pop()
            node.size = 1 + sum(child.size for child in node.children)
        elif isinstance(event, _NodeEvent):
            node = _node(event, anchors)
            (open_nodes[-1].children if open_nodes else roots).append(node)
            if isinstance(event, yaml.AliasEvent):
                aliased += node.size
            elif isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
        elif isinstance(event, yaml.DocumentStartEvent) and roots:
            raise DocumentError(line, "a second document begins: keep one, and remove the --- before the other")
        if aliased > _MAX_ALIASED_NODES:
            raise DocumentError(line, f"aliases repeat more than {_MAX_ALIASED_NODES} values: write fewer")
        if len(open_nodes) > _MAX_DEPTH:
            raise DocumentError(line, f"is nested more than {_MAX_DEPTH} levels deep")
    return roots[0] if roots else None


def _node(event: _NodeEvent, anchors: dict[str, Node]) -> Node:
    line = _line(event)
    if isinstance(event, yaml.AliasEvent):
        return _repeated(anchors.get(event.anchor or ""), line)
    if isinstance(event, yaml.ScalarEvent):
        node = Node(line, _kind(event), event.value, size=1)
    elif event.tag in _PLAIN_TAGS:
        node = Node(line, "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping")
    else:
        node = Node(line, "tagged")
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


def _kind(event: yaml.ScalarEvent) -> str:
    if event.tag is not None:
        return "str" if event.tag in _PLAIN_TAGS else "tagged"
    if not event.implicit[0]:
        return "str"
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return str(tag).removeprefix(_TAG)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _repeated(node: Node | None, line: int) -> Node:
    if node is None:
        raise DocumentError(
            line, "an alias names no anchor above it: put the value in quotes if its * is meant as text"
        )
    if not node.size:
        raise DocumentError(line, "an alias stands inside of what it repeats")
    return node
