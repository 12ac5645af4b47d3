"""The daemon as the commands start it: on this machine's clock, until a signal ends it."""

import asyncio
import gc
import random
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import click
import uvloop
from structlog.typing import FilteringBoundLogger

from exporter import __version__, signals
from exporter.app import App, StartError
from exporter.clock import SystemClock
from exporter.commands.options import told_to_the_user
from exporter.config import Config, Shard
from exporter.revision import revision
from exporter.serving.web import WebOptions
from exporter.watch import Watch

_LARGE_BLOCK: Final = 16 << 20  # more than 32 MiB would teach it nothing
_OBJECTS_A_COLLECTION: Final = 50_000  # some ten megabytes, should all of them be garbage


def web_from(
    *,
    web_listen_address: Sequence[tuple[str | None, int]],
    web_telemetry_path: str,
    web_enable_lifecycle: bool,
    web_route_prefix: str | None,
    web_external_url: str | None,
    web_config_file: Path | None,
) -> WebOptions:
    """What the flags of ``web_options`` say."""
    return WebOptions(
        listen_addresses=web_listen_address,
        telemetry_path=web_telemetry_path,
        enable_lifecycle=web_enable_lifecycle,
        route_prefix=web_route_prefix,
        external_url=web_external_url,
        web_config_file=web_config_file,
    )


def serve(
    load: Callable[[], Config],
    options: WebOptions,
    log: FilteringBoundLogger,
    shard: Shard = Shard(),  # noqa: B008 - it is frozen
    *,
    config_file: str,
    watch: Watch | None = None,
    on_listening: Callable[[Sequence[str]], None] = lambda _: None,
) -> Coroutine[Any, Any, None]:
    """Build the daemon, on this machine's clock. The parameters are those of `App`."""

    async def run() -> None:
        await App(
            load,
            options,
            shard,
            clock=SystemClock(),
            log=log,
            rng=random.Random(),  # noqa: S311 - jitter, no secrets
            version=__version__,
            revision=revision(),
            config_file=config_file,
            watch=watch,
            on_listening=on_listening,
        ).run()

    return run()


def run_to_end(main: Coroutine[Any, Any, None]) -> None:
    """Runs a daemon; what keeps it from starting is told on stderr without a traceback, with exit status 1."""
    # A poll that succeeds leaves nothing for the garbage collector to find, but whenever it looks, everything else
    # waits: with ten thousand bots up to a second. What failures leave behind is found soon enough.
    gc.set_threshold(_OBJECTS_A_COLLECTION, 10, 10)
    # The C library keeps what one page took for the next, once a block of such a size has come and gone (mallopt(3),
    # M_MMAP_THRESHOLD). Else the kernel clears hundreds of pages of memory at every scrape.
    bytes(_LARGE_BLOCK)
    with told_to_the_user():
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main)
        except StartError as error:
            click.echo(f"oifde-exporter: {error}", err=True)
            sys.exit(1)
        finally:
            signals.ignore()
