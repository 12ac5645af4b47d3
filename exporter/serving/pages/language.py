"""The language of a page."""

from exporter.language import BY_CODE, Language
from exporter.serving.negotiation import choose_language


def choose(asked: str | None, accept_language: str) -> tuple[Language, bool]:
    """Return the language for a reader, and whether the URL asks for it; otherwise the browser's settings decide."""
    if asked in BY_CODE:
        return BY_CODE[asked], True
    return BY_CODE[choose_language(accept_language, list(BY_CODE))], False
