"""Find characters that an input method, a chat program or a word processor puts in the place of ASCII characters."""

import re
import unicodedata
from typing import Final, NamedTuple

from exporter.language import Text

WIDE_COLON: Final = "\uff1a"
_QUOTES: Final = frozenset("\"'")
_CURLY: Final = frozenset("\u2018\u2019\u201c\u201d\u300c\u300d\u300e\u300f")
_WIDE: Final = re.compile("[\uff01-\uff5e]")
_KEY_WITH_WIDE_COLON: Final = re.compile(rf"[\s-]*[A-Za-z_]\w*\s*{WIDE_COLON}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class OddCharacter(NamedTuple):
    """A character that does not belong in an identifier or a secret, and the end of a sentence that describes it."""

    character: str
    problem: Text

    def describe(self) -> Text:
        """Return the problem with the character."""
        shown = f"{self.character}, " if self.character.isprintable() and not self.character.isspace() else ""
        return Text("%(problem)s (%(where)s)", problem=self.problem, where=f"{shown}U+{ord(self.character):04X}")


def find_odd_character(text: str) -> OddCharacter | None:
    """Return the first character of an identifier or a secret that is probably a mistake."""
    for end in (text[:1], text[-1:]):
        if end.isspace():
            return OddCharacter(end, Text("begins or ends with a blank"))
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        return OddCharacter(text[0], Text("is in quotation marks"))
    return next((OddCharacter(character, problem) for character in text if (problem := _judge(character))), None)


def _judge(character: str) -> Text | None:
    if character in _CURLY:
        return Text("contains a quotation mark")
    if _WIDE.match(character):
        return Text("contains a full-width character")
    if character != " " and unicodedata.category(character) in _INVISIBLE:
        return Text("contains an invisible character")
    return None


def find_wide_colon(text: str) -> int | None:
    """Return the number of the first line of a YAML document whose key ends with a full-width colon."""
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if _KEY_WITH_WIDE_COLON.match(line)), None)
