"""Messages for people: their Chinese, and how they stay English for machines."""

import ast
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import extract_from_ast

import exporter
from exporter.commands.query_output import choose_heading
from exporter.config import schema, validation
from exporter.language import BY_CODE, Text, join
from exporter.reasons import FailureReason
from exporter.serving.catalogue import LAYOUTS, list_families
from exporter.serving.pages import rendering
from exporter.upstream import failures
from exporter.upstream.anomalies import AnomalyKind

ZH = BY_CODE["zh"]


def messages_in_code() -> Iterator[str]:
    """Yield the first argument of each ``Text(...)``, with both sides of a condition."""
    for path in Path(exporter.__file__).parent.rglob("*.py"):
        if path.name == "output.py":
            continue  # its Text is rich's
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text" and node.args:
                yield from constants(node.args[0])


def constants(node: ast.expr) -> Iterator[str]:
    """Yield a constant, or both sides of a condition. Tables and variables have no constants."""
    assert not isinstance(node, ast.JoinedStr), ast.unparse(node)
    if isinstance(node, ast.IfExp):
        yield from (*constants(node.body), *constants(node.orelse))
    elif isinstance(node, ast.Constant):
        yield str(node.value)


def messages_in_templates() -> Iterator[str]:
    """Yield the messages of the pages; of those with a plural, the plural."""
    environment = Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701 - nothing is rendered
    for file in resources.files("exporter.serving").joinpath("templates").iterdir():
        if file.name.endswith(".html"):
            for _, function, message in extract_from_ast(environment.parse(file.read_text(encoding="utf-8"))):
                several = message if isinstance(message, tuple) else (message,)
                yield str(several[function == "ngettext"])


def messages_in_tables() -> Iterator[str]:
    """Yield the messages that the code makes from its tables."""
    for reason in FailureReason:
        yield from (reason.meaning.template, reason.advice.template)
    for kind in AnomalyKind:
        yield from (kind.meaning.template, kind.advice.template)
    yield from (words for _, _, words in failures.KINDS)
    yield from validation.MESSAGES.values()
    for block in schema.BLOCKS.values():
        required = [key for key, info in block.model_fields.items() if info.is_required()]
        yield from (validation.describe_key(block, key) for key in required)
    for layout in LAYOUTS.values():
        yield layout.shown.report.title
        yield from (window.title for window in layout.shown.windows)
        for field in layout.shown.report.fields:
            yield from (rendering.name_field(field), field.help, choose_heading(field).template)
            if field.labels:
                yield field.metric.replace("_", " ")
    for family in list_families():
        assert isinstance(family.help, Text)
        yield family.help.template


def test_every_message_has_a_chinese_translation() -> None:
    """Output in Chinese has no English messages, and no translation is unused."""
    used = {*messages_in_code(), *messages_in_templates(), *messages_in_tables()} - {"None"}  # `_(variable)`

    assert set() == used - ZH.words.keys()
    assert set() == ZH.words.keys() - used
    for english, chinese in ZH.words.items():
        assert set(re.findall(r"%\(\w+\)", english)) == set(re.findall(r"%\(\w+\)", chinese)), english


def test_a_message_is_english_as_a_string() -> None:
    """Logs and JSON have the same words in every language; a name that looks like a message is never translated."""
    message = Text("%(where)s: %(message)s", where="Bots", message=Text("the secret is empty"))

    assert "Bots: the secret is empty" == message
    assert '"Bots: the secret is empty"' == json.dumps(message)
    assert "Bots：密钥为空" == ZH.text(message)
    assert "Bots: the secret is empty" == BY_CODE["en"].text(message)


def test_a_list_has_the_commas_of_the_language() -> None:
    """Chinese has a comma of its own for lists."""
    assert "a, b, c" == join(["a", "b", "c"])
    assert "a、b、c" == ZH.text(join(["a", "b", "c"]))
    assert ("a", "") == (join(["a"]), join([]))
