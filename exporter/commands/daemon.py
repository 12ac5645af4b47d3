"""Start the daemon for a command, with this machine's clock, and run it until a signal."""

import asyncio
import gc
import random
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import click
import uvloop
from structlog.typing import FilteringBoundLogger

from exporter import __version__, signals
from exporter.app import App, StartError
from exporter.clock import SystemClock
from exporter.commands.options import exit_on_config_error, find_unknown_variables
from exporter.config import Config, Shard
from exporter.revision import read_revision
from exporter.serving.web import WebOptions
from exporter.watch import Watch

_LARGE_BLOCK: Final = 16 << 20  # malloc does not adapt to blocks above 32 MiB
_COLLECT_NEW: Final = 0.25
_COLLECT_ALL: Final = 24 * 3600.0
"""Seconds between collections of garbage."""


def read_web_options(flags: Mapping[str, Any]) -> WebOptions:
    """Return the values of the flags of ``web_options``, by their parameter names, such as ``web_external_url``."""
    return WebOptions(**{name.removeprefix("web_"): value for name, value in flags.items()})


def log_unknown_variables(ctx: click.Context, log: FilteringBoundLogger) -> None:
    """Warn of variables that no flag reads."""
    for name, similar in find_unknown_variables(ctx):
        log.warning("unknown_variable", variable=name, **({"similar": similar} if similar else {}))


async def serve(
    load: Callable[[], Config],
    options: WebOptions,
    log: FilteringBoundLogger,
    shard: Shard = Shard(),  # noqa: B008 - it is frozen
    *,
    config_file: str,
    watch: Watch | None = None,
    on_listening: Callable[[Sequence[str]], None] = lambda _: None,
) -> None:
    """Run the daemon, on this machine's clock. The parameters are those of `App`."""
    await App(
        load,
        options,
        shard,
        clock=SystemClock(),
        log=log,
        rng=random.Random(),  # noqa: S311 - jitter, no secrets
        version=__version__,
        revision=read_revision(),
        config_file=config_file,
        watch=watch,
        on_listening=on_listening,
    ).run()


def run_to_end(main: Coroutine[Any, Any, None]) -> None:
    """Run a daemon. If it cannot start, print the error on stderr and exit with status 1."""
    # Python's own rule counts new objects less those that end. Polls replace objects, so hundreds of thousands would be new
    # at the next collection, and hold the event loop for a quarter of a second. These thresholds are for the start.
    gc.set_threshold(5_000, 1, 1_000_000)
    # After a block of this size was freed, malloc keeps the memory of one scrape for the next (mallopt(3),
    # M_MMAP_THRESHOLD). Otherwise the kernel clears hundreds of pages at every scrape.
    bytes(_LARGE_BLOCK)
    with exit_on_config_error():
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                loop = runner.get_loop()
                loop.call_later(_COLLECT_NEW, _collect_garbage, loop, 1, _COLLECT_NEW)
                # This takes up to a second with ten thousand bots. Polls leave no garbage, even if they fail.
                loop.call_later(_COLLECT_ALL, _collect_garbage, loop, 2, _COLLECT_ALL)
                runner.run(main)
        except StartError as error:
            click.echo(f"oifde-exporter: {error}", err=True)
            sys.exit(1)
        finally:
            signals.ignore()


def _collect_garbage(loop: asyncio.AbstractEventLoop, generation: int, every: float) -> None:
    """Collect the objects up to a generation, and again each time ``every`` seconds have passed.

    Generation 1 has what is new since the last time, 2 has everything.
    """
    gc.collect(generation)
    loop.call_later(every, _collect_garbage, loop, generation, every)
