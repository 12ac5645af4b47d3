"""Replace what identifies a customer in captured requests and answers: the same text by the same pseudonym.

A text is kept only if it is known to be harmless: names of fields, counts, rates, times and the documented words.
Digits are replaced by as many digits, so that a number stays a number.
"""

import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import quote, quote_plus

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

_NEVER_COUNTS: Final = frozenset({"tenant", "code", "secret", "token"})
"""Kinds whose values are replaced even if they look like counts."""

_MESSAGE: Final = re.compile("(message|msg|desc|reason|detail|^error)$")
_COUNTED: Final = re.compile(
    "(time(out|stamp)?|ttl|expir[a-z]*|date|(?<!ac)count|sum|total|rate|page_?(num|size))$|^(total|average)"
    "|(^|error|result|response|ret|return|status)_?code$"
)
_WORD: Final = re.compile(
    "hours?|days?|months?|ivr|oifde|true|false|null|none|nan|ok|success|fail(ed)?|error|bearer|ipcc|--?",
    re.ASCII | re.IGNORECASE,
)
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.$-]{0,40}")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9,]*(\.[0-9]*)?([eE][+-]?[0-9]+)?%?")
_DATE: Final = re.compile(r"20[0-9]{2}[-/.年][01]?[0-9][-/.月][0-3]?[0-9]日?([ T][0-9 :.,Z时分秒+-]*)?")
_SHORT: Final = 6
"""Numbers with no more digits are counts or rates, not identifiers."""
_LONGEST_COUNT: Final = 10
"""Longer numbers are not counts either, whatever the field's name: a Chinese mobile number has 11 digits."""

_EPOCHS: Final = (range(1_500_000_000, 2_500_000_000), range(1_500_000_000_000, 2_500_000_000_000))

_IN_JSON: Final = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*"?)(?P<colon>\s*:)?|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<next>\}\s*,\s*\{)', re.DOTALL
)
_IN_TEXT: Final = re.compile(
    r"(?P<address>(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])"
    r"|(?<![0-9a-f:])(?:(?:[0-9a-f]{1,4}:){7}|(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}:){0,5})[0-9a-f]{1,4}(?![0-9a-f:]))"
    r"|(?P<host>(?<=://)(?!host-)[^\s/?#\"'<>]+"
    r"|(?:[\w.+-]+@)?\b(?:[\w-]+\.)+(?!(?:html?|jspx?|php|aspx?|js|css|json|xml|java)\b)[a-z]{2,8}\b(?!\.?[\w-]))"
    r"|(?P<text>(?=[a-z_+=-]*[0-9])[a-z0-9_+=-]{20,})"
    r"|(?P<label>(?:token|secret|passw(?:or)?d|pwd)[\"']?\s*[=:>]\s*[\"']?)(?P<labelled>(?=[^\s\"'&<,;]*[0-9])[^\s\"'&<,;]+)"
    r"|(?P<number>(?<![0-9])(?:[0-9]{7,}|[48]00-[0-9]{3,4}-[0-9]{3,4})(?![0-9]))",
    re.ASCII | re.IGNORECASE,  # ASCII: a word ends where Chinese begins
)
"""Addresses, hosts, opaque texts such as tokens, labelled secrets and long numbers in a sentence or a page."""


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
        self._sentences: dict[str, str] = {}

    def learn(self, kind: str, text: str | None) -> None:
        """Replace a text from now on."""
        if text and text.strip():
            self._replace(kind, text.strip())

    def replace_body(self, text: str) -> str:
        """Replace in a body: JSON, even if it is broken, or any text. Each object of an array begins a line."""
        if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
            return self.replace_sentence(text)
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
                new = self.replace_value(field, text)
            return (found["text"] if new == text else json.dumps(new, ensure_ascii=False)) + (found["colon"] or "")

        return _IN_JSON.sub(replace, text)

    def replace_value(self, field: str, text: str) -> str:
        """Replace the value of a field or a header."""
        inner, field = text.strip(), field.lower()
        kind = _find_kind(field)
        if not inner or _WORD.fullmatch(inner):
            return text
        known = inner in self._known and (len(inner) > 3 or not _is_short_number(inner))
        counts = kind not in _NEVER_COUNTS or _COUNTED.search(field)
        if not known and counts and _is_short_number(inner):
            return text
        if known or kind:
            return text.replace(inner, self._replace(kind or "text", inner))
        if _is_harmless(field, inner):
            return self._hide_secrets(text)
        if _MESSAGE.search(field) or inner.startswith(("{", "[")):
            return self.replace_body(text)
        return text.replace(inner, self._opaque(inner))

    def replace_sentence(self, text: str) -> str:
        """Replace what is known, addresses, tokens and long numbers in a sentence or a page."""
        if text not in self._sentences:  # thousands of answers have the same headers
            replaced = self._pattern.sub(lambda found: self._forms[found[0]], text)
            self._sentences[text] = _IN_TEXT.sub(self._replace_found, replaced)
        return self._sentences[text]

    def compile(self) -> None:
        """Find in sentences what was learned so far: secrets anywhere, other texts as words; also as in JSON and URLs."""
        self._forms = {
            form: pseudonym
            for text, pseudonym in self._known.items()
            if text in self._secret or (len(text) > text.isascii() + 1 and not _WORD.fullmatch(text))
            for form in _list_forms(text)
        }
        self._secret |= {form for text in self._secret for form in _list_forms(text)}
        # Pseudonyms stay as they are.
        self._known |= {pseudonym: pseudonym for pseudonym in self._known.values()}
        by_neighbours = defaultdict[str, list[str]](list)  # much faster to search than neighbours at each form
        for form in sorted(self._forms, key=len, reverse=True):
            by_neighbours[self._delimit(form)].append(re.escape(form))
        groups = (delimited % "|".join(forms) for delimited, forms in by_neighbours.items())
        self._pattern = re.compile("|".join(groups) or "(?!)")
        self._sentences.clear()

    def _replace_found(self, found: re.Match[str]) -> str:
        if found["labelled"]:
            return found["label"] + self._replace("text", found["labelled"])
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
        for secret in self._secret & self._known.keys():
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
        """Return the pattern around a form: a secret may stand anywhere, another text only as a word."""
        if form in self._secret:
            return "(?:%s)"
        before, after = (_find_neighbours(form[end]) for end in (0, -1))
        return f"(?<!{before})(?:%s)(?!{after})"


def _invent(kind: str, number: int, text: str) -> str:
    if kind == "address":
        return f"192.0.2.{number % 256}"
    if kind in _DIGIT and text.isascii() and text.isdecimal() and len(text) > 3:
        return f"{_DIGIT[kind]}{number:0{len(text) - 1}d}"
    # The encoding of a body shows only in characters that ASCII does not have.
    mark = "字" if max(text) > "\u2e7f" else "é" if "\xbf" < max(text) < "\u0100" else ""
    return f"{kind}-{number}{mark}"


def _list_forms(text: str) -> Iterator[str]:
    """Return a text as it is in plain text, JSON, HTML and URLs, which may have JSON in them."""
    for inner in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        escaped = html.escape(inner)
        yield from (inner, escaped, escaped.replace("&#x27;", "&#39;"), html.escape(inner, quote=False))
        for quoted in (quote(inner), quote(inner, safe=""), quote_plus(inner)):
            yield from (quoted, re.sub("%..", lambda found: found[0].lower(), quoted))


def _find_neighbours(end: str) -> str:
    """Return the pattern of what may not stand beside the end of a word: in Chinese nothing does."""
    return "[0-9]" if end.isdecimal() else "[a-zA-Z0-9]" if end.isascii() and end.isalpha() else "(?!)"


def _find_kind(field: str) -> str | None:
    return next((kind for kind, pattern in _KINDS if pattern.search(field)), None)


def _is_harmless(field: str, text: str) -> bool:
    if _WORD.fullmatch(text):
        return True
    if _NUMBER.fullmatch(text):
        longest = _LONGEST_COUNT if _COUNTED.search(field) else _SHORT
        return _is_short_number(text, longest) or _is_time(text)
    return _is_time(text)


def _is_short_number(text: str, longest: int = _SHORT) -> bool:
    whole = text.lstrip("+-").partition(".")[0]
    return bool(_NUMBER.fullmatch(text)) and sum(character.isdigit() for character in whole) <= longest


def _is_time(text: str) -> bool:
    if not (text.isascii() and text.isdecimal()):
        return bool(_DATE.fullmatch(text))
    if any(int(text) in epochs for epochs in _EPOCHS):
        return True
    try:  # not YYYYMMDDHHMM: tenant ids look like that
        form = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}[len(text)]
        return datetime.strptime(text, form).year // 100 == 20  # noqa: DTZ007 - only whether it is a date
    except (KeyError, ValueError):
        return False


def _decode(literal: str) -> str:
    """Return the text of a JSON string; one that is broken stays as it is."""
    try:
        text = json.loads(literal, strict=False)
    except ValueError:
        text = literal.strip('"')
    assert isinstance(text, str)  # noqa: S101 - the literal begins with a quote
    return text
