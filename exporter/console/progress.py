"""The progress bar of a long command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from exporter.console.width import ensure_width


@contextmanager
def show_progress(what: str, steps: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, if that is a terminal, until the block ends.

    Yields a function that advances the bar. ``steps`` is the number of steps; None: unknown.
    """
    console = Console(stderr=True)
    ensure_width(console)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=steps)
        yield partial(bar.advance, task)
