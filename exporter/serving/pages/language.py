"""The languages of the pages. The English messages are the keys of the other languages' tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from exporter.serving.negotiation import choose_language
from exporter.serving.pages.chinese import CHINESE


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages."""

    code: str
    """The value of ``?lang=``."""
    tag: str
    """The value of ``lang`` and ``Content-Language`` (BCP 47)."""
    name: str
    """In the language itself."""
    words: Mapping[str, str]

    def text(self, message: str) -> str:
        """Translate a message; without a translation it stays English."""
        return self.words.get(message, message)

    def plural(self, one: str, many: str, number: int) -> str:
        """Choose one of two messages by a number. A language without plurals translates only ``many``."""
        return self.words.get(many) or (one if number == 1 else many)


LANGUAGES: Final[Sequence[Language]] = (
    Language("en", "en", "English", MappingProxyType({})),
    Language("zh", "zh-Hans", "中文", CHINESE),
)

_BY_CODE: Final = {language.code: language for language in LANGUAGES}


def choose(asked: str | None, accept_language: str) -> tuple[Language, bool]:
    """Return the language for a reader, and whether the URL asks for it; otherwise the browser's settings decide."""
    if asked in _BY_CODE:
        return _BY_CODE[asked], True
    return _BY_CODE[choose_language(accept_language, list(_BY_CODE))], False
