"""The width of a terminal that has none."""

from typing import Final

from rich.console import Console

_DEFAULT_WIDTH: Final = 80


def ensure_width(console: Console) -> None:
    """Use 80 columns if COLUMNS is 0, as some terminals without a size set it: rich would write nothing."""
    if console.width < 1:
        console.width = _DEFAULT_WIDTH
