"""How far a long command has got, on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(what: str, steps: int | None) -> Iterator[Callable[[], None]]:
    """Shows a bar on stderr, if that is a terminal, which each call of what is given moves on by a step; ``steps`` may not be known."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=steps)
        yield lambda: bar.advance(task)
