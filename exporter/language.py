"""The languages of the pages and of the commands' output. The English messages are the keys of the other languages' tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Final, Self

import yaml


class Text(str):
    """A message that can be shown in another language. As a string it is English, for logs, JSON and metrics."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        """Take a constant, with the values for its ``%(name)s``. Values that are texts are translated too."""
        text = super().__new__(cls, template % values if values else template)
        text.template = template
        text.values = values
        return text


def join(texts: Iterable[str], most: int | None = None) -> str:
    """Join texts with commas, and count those beyond the first ``most``; the empty text if there are none."""
    listed = list(texts)
    shown = listed[:most]
    joined = reduce(lambda one, other: Text("%(one)s, %(other)s", one=one, other=other), shown) if shown else ""
    more = len(listed) - len(shown)
    return Text("%(names)s and %(more)s more", names=joined, more=more) if more else joined


@dataclass(frozen=True, slots=True)
class Language:
    """A language for people."""

    code: str
    """The value of ``?lang=`` and ``--lang``."""
    tag: str
    """The value of ``lang`` and ``Content-Language`` (BCP 47)."""
    name: str
    """In the language itself."""
    table: str = ""
    """The file with the messages of the language, by the English ones."""

    @property
    def words(self) -> Mapping[str, str]:
        """Return the messages by the English ones; the first use reads the file."""
        return _read_table(self.table) if self.table else {}

    def text(self, message: str) -> str:
        """Translate a message; without a translation it stays English."""
        if not isinstance(message, Text):
            return self.words.get(message, message)
        template = self.words.get(message.template, message.template)
        return (
            template % {name: self.value(value) for name, value in message.values.items()}
            if message.values
            else template
        )

    def value(self, value: object) -> object:
        """Translate a text; anything else, such as a name that the platform sends, stays the same."""
        return self.text(value) if isinstance(value, Text) else value

    def plural(self, one: str, many: str, number: int) -> str:
        """Choose one of two messages by a number. A language without plurals translates only ``many``."""
        return self.words.get(many) or (one if number == 1 else many)


@cache
def _read_table(name: str) -> Mapping[str, str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    words: Mapping[str, str] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return words


ENGLISH: Final = Language("en", "en", "English")
LANGUAGES: Final[Sequence[Language]] = (ENGLISH, Language("zh", "zh-Hans", "中文", "chinese.yaml"))
BY_CODE: Final = {language.code: language for language in LANGUAGES}
