"""``oifde-exporter run``: the daemon."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from exporter import config, logs
from exporter.commands.daemon import run_to_end, serve, web_from
from exporter.commands.help import Command
from exporter.commands.options import (
    Interval,
    config_option,
    config_source,
    flag,
    log_options,
    shard_from,
    shard_options,
    web_options,
)
from exporter.watch import Watch


@click.command(
    cls=Command,
    short_help="Poll the platforms and serve metrics (the default).",
    examples="""
oifde-exporter --config.file=/etc/oifde-exporter/config.yaml
oifde-exporter --web.listen-address=127.0.0.1:10230 --log.format=json
oifde-exporter --shard=auto --total-shards=3   a pod of a StatefulSet of three
OIFDE_EXPORTER_CONFIG="$(cat config.yaml)" oifde-exporter
""",
)
@config_option
@flag(
    "--config.auto-reload-interval",
    type=Interval(),
    default="0s",
    help="Look so often whether the file's content has changed, and reload it if so; 0s: never.",
)
@shard_options
@web_options
@log_options()
@click.pass_context
def run(
    ctx: click.Context,
    /,
    config_file: Path,
    config_auto_reload_interval: float,
    shard: int,
    total_shards: int,
    log_level: str,
    log_format: str,
    **web: Any,
) -> None:
    """Poll the platforms and serve what they report as metrics (the default command)."""
    source = config_source(ctx, config_file)
    chosen = shard_from(shard=shard, total_shards=total_shards)
    log = logs.configure(level=log_level, format=log_format)
    # Known before the daemon reads it, so that no change falls between the two.
    watch = Watch(source) if config_auto_reload_interval and isinstance(source, Path) else None
    daemon = serve(lambda: config.load(source, os.environ), web_from(**web), log, chosen)
    run_to_end(_watching(watch, config_auto_reload_interval, daemon) if watch else daemon)


async def _watching(watch: Watch, interval: float, daemon: Coroutine[Any, Any, None]) -> None:
    """The daemon, told of a change as an operator would tell it."""
    watching = asyncio.create_task(watch.run(interval, _hang_up))
    try:
        await daemon
    finally:
        watching.cancel()


def _hang_up() -> None:
    signal.raise_signal(signal.SIGHUP)
