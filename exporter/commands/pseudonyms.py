"""Replace what identifies a customer in captured requests and answers: the same text by the same pseudonym.

A text is kept only if it is known to be harmless: names of fields, counts, rates, times and the documented words.
Digits are replaced by as many digits, so that a number stays a number.
"""

import json
import re
from collections import Counter
from datetime import datetime
from typing import Final
from urllib.parse import quote

_KINDS: Final = (
    ("token", re.compile("token(?!type)|cookie|session|authorization")),
    ("secret", re.compile("secret|passw|pwd")),
    ("tenant", re.compile("tenant_?(id|code)?$|appkey|app_key")),
    ("code", re.compile("access_?code")),
    ("name", re.compile("name$")),
    ("id", re.compile("[^a]id$|^id$")),
)
"""What a value is, by the name of its field in lower case; the first match counts."""

_DIGIT: Final = {"tenant": "1", "code": "2", "id": "3", "number": "4"}
"""The first digit of a pseudonym of digits."""

_MESSAGE: Final = re.compile("(message|msg|desc|reason|detail|^error)$")
_COUNTED: Final = re.compile("time|date|count|sum|total|rate|page|average|(error|re[st]\\w*|status)_?code|^code$")
_WORDS: Final = frozenset(
    [
        "hour",
        "day",
        "month",
        "ivr",
        "oifde",
        "hours",
        "days",
        "months",
        "true",
        "false",
        "null",
        "none",
        "nan",
        "ok",
        "success",
        "fail",
        "failed",
        "error",
        "bearer",
        "ipcc",
        "--",
        "-",
    ]
)
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.$-]{0,40}")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9,]*(\.[0-9]*)?([eE][+-]?[0-9]+)?%?")
_DATE: Final = re.compile(r"20[0-9]{2}[-/.年][01]?[0-9][-/.月][0-3]?[0-9]日?([ T][0-9 :.,Z时分秒+-]*)?")
_SHORT: Final = 6
"""Numbers with no more digits are counts or rates, not identifiers."""

_EPOCHS: Final = (range(1_500_000_000, 2_500_000_000), range(1_500_000_000_000, 2_500_000_000_000))

_IN_JSON: Final = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*"?)(?P<colon>\s*:)?|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<next>\}\s*,\s*\{)', re.DOTALL
)
_IN_TEXT: Final = re.compile(
    r"(?P<address>\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b)"
    r"|(?P<text>(?=[A-Za-z_+=-]*[0-9])[A-Za-z0-9_+=-]{20,})"
    r"|(?P<number>\b[0-9]{7,}\b)"
)
"""Addresses, opaque texts such as tokens, and long numbers in a sentence or a page."""


class Pseudonyms:
    """Replaces texts, and remembers by what.

    All texts pass twice, with `compile` in between: what is learned late applies to earlier sentences, too.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._secret: set[str] = set()
        self._counts = Counter[str]()
        self._forms: dict[str, str] = {}
        self._pattern = re.compile("(?!)")

    def learn(self, kind: str, text: str | None) -> None:
        """Replace a text from now on."""
        if text and text.strip():
            self._replace(kind, text.strip())

    def body(self, text: str) -> str:
        """Replace in a body: JSON, even if it is broken, or any text. Each object of an array begins a line."""
        if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
            return self.sentence(text)
        field = ""

        def replace(found: re.Match[str]) -> str:
            nonlocal field
            if found["next"]:
                return "},\n{"
            if found["number"]:
                return self._number(field, found["number"])
            text = _decode(found["text"])
            if found["colon"]:
                field = text
                is_field = _FIELD.fullmatch(text) and text not in self._known
                new = self._hide_secrets(text) if is_field else self._opaque(text)
            else:
                new = self.value(field, text)
            return (found["text"] if new == text else json.dumps(new, ensure_ascii=False)) + (found["colon"] or "")

        return _IN_JSON.sub(replace, text)

    def value(self, field: str, text: str) -> str:
        """Replace the value of a field or a header."""
        inner, field = text.strip(), field.lower()
        kind = _find_kind(field)
        if not inner or inner.lower() in _WORDS or (kind not in ("tenant", "code") and _is_short_number(inner)):
            return text
        if inner in self._known or kind:
            return text.replace(inner, self._replace(kind or "text", inner))
        if _is_harmless(field, inner):
            return self._hide_secrets(text)
        if _MESSAGE.search(field) or inner.startswith(("{", "[")):
            return self.body(text)
        return text.replace(inner, self._opaque(inner))

    def sentence(self, text: str) -> str:
        """Replace what is known, addresses, tokens and long numbers in a sentence or a page."""
        text = self._pattern.sub(lambda found: self._forms[found[0]], text)
        return _IN_TEXT.sub(self._replace_found, text)

    def compile(self) -> None:
        """Find in sentences what was learned so far: secrets anywhere, other texts as words; also as in JSON and URLs."""
        self._forms = {
            form: pseudonym
            for text, pseudonym in self._known.items()
            if text in self._secret or (len(text) > 2 and text.lower() not in _WORDS)
            for form in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote(text))
        }
        # Pseudonyms stay as they are.
        self._known |= {pseudonym: pseudonym for pseudonym in self._known.values()}
        self._pattern = re.compile("|".join(map(self._delimit, sorted(self._forms, key=len, reverse=True))) or "(?!)")

    def _replace_found(self, found: re.Match[str]) -> str:
        kind, text = found.lastgroup or "text", found[0]
        return text if kind == "number" and _is_time(text) else self._replace(kind, text)

    def _number(self, field: str, text: str) -> str:
        if len(text) > 3 and text in self._known:
            known = self._known[text]
            return known if known.isdecimal() else json.dumps(known)
        kind = _find_kind(field.lower())
        if "." in text or (kind not in _DIGIT and _is_harmless(field.lower(), text)) or _is_short_number(text):
            return text
        return self._replace(kind if kind in _DIGIT else "number", text)

    def _hide_secrets(self, text: str) -> str:
        for secret in self._secret:
            text = text.replace(secret, self._known[secret])
        return text

    def _opaque(self, text: str) -> str:
        return self._replace("number" if text.isdecimal() and len(text) > 3 else "text", text)

    def _replace(self, kind: str, text: str) -> str:
        if text not in self._known:
            self._counts[kind] += 1
            self._known[text] = _invent(kind, self._counts[kind], text)
            if kind in ("secret", "token"):
                self._secret.add(text)
        return self._known[text]

    def _delimit(self, form: str) -> str:
        if form in self._secret:
            return re.escape(form)
        before, after = (r"\b" if form[end].isascii() and form[end].isalnum() else "" for end in (0, -1))
        return before + re.escape(form) + after


def _invent(kind: str, number: int, text: str) -> str:
    if kind == "address":
        return f"192.0.2.{number % 256}"
    if kind in _DIGIT and text.isascii() and text.isdecimal() and len(text) > 3:
        return f"{_DIGIT[kind]}{number:0{len(text) - 1}d}"
    # The encoding of a body shows only in characters that ASCII does not have.
    mark = "字" if max(text) > "\u2e7f" else "é" if "\xbf" < max(text) < "\u0100" else ""
    return f"{kind}-{number}{mark}"


def _find_kind(field: str) -> str | None:
    return next((kind for kind, pattern in _KINDS if pattern.search(field)), None)


def _is_harmless(field: str, text: str) -> bool:
    if text.lower() in _WORDS:
        return True
    if _NUMBER.fullmatch(text):
        return bool(_COUNTED.search(field)) or _is_short_number(text) or _is_time(text)
    return _is_time(text)


def _is_short_number(text: str) -> bool:
    whole = text.lstrip("+-").partition(".")[0]
    return bool(_NUMBER.fullmatch(text)) and sum(character.isdigit() for character in whole) <= _SHORT


def _is_time(text: str) -> bool:
    if not (text.isascii() and text.isdecimal()):
        return bool(_DATE.fullmatch(text))
    if len(text) not in (8, 10, 12, 13, 14):
        return False
    if any(int(text) in epochs for epochs in _EPOCHS):
        return True
    try:
        return datetime.strptime(text[:8], "%Y%m%d").year // 100 == 20  # noqa: DTZ007 - only whether it is a date
    except ValueError:
        return False


def _decode(literal: str) -> str:
    """Return the text of a JSON string; one that is broken stays as it is."""
    try:
        text = json.loads(literal, strict=False)
    except ValueError:
        text = literal.strip('"')
    assert isinstance(text, str)  # noqa: S101 - the literal begins with a quote
    return text
