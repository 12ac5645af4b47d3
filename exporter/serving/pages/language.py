"""The languages of the pages. The English words are the keys of the others' tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from exporter.serving.negotiation import preferred_language
from exporter.serving.pages.chinese import CHINESE


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages."""

    code: str
    """What ``?lang=`` has."""
    tag: str
    """What ``lang`` and ``Content-Language`` have (BCP 47)."""
    name: str
    """In the language itself."""
    words: Mapping[str, str]

    def text(self, message: str) -> str:
        """A message in this language; English where there is no other."""
        return self.words.get(message, message)

    def plural(self, one: str, many: str, number: int) -> str:
        """One of two messages, by the number in it. A language without plurals has a word for the second alone."""
        return self.words.get(many) or (one if number == 1 else many)


LANGUAGES: Final[Sequence[Language]] = (
    Language("en", "en", "English", MappingProxyType({})),
    Language("zh", "zh-Hans", "中文", CHINESE),
)

_BY_CODE: Final = {language.code: language for language in LANGUAGES}


def choose(asked: str | None, accept_language: str) -> tuple[Language, bool]:
    """The language for a reader, and whether it was asked for in the URL; else the browser's settings decide."""
    if asked in _BY_CODE:
        return _BY_CODE[asked], True
    return _BY_CODE[preferred_language(accept_language, list(_BY_CODE))], False
