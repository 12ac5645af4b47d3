"""``oifde-exporter run``: the daemon."""

import os
from pathlib import Path
from typing import Any

import click

from exporter import config, logs
from exporter.commands.daemon import run_to_end, serve, web_from
from exporter.commands.help import Command
from exporter.commands.options import (
    CONFIG_TEXT,
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
    # Made before the daemon reads the file, so that no change between the two is missed.
    file = source if isinstance(source, Path) else None
    run_to_end(
        serve(
            lambda: config.load(source, os.environ),
            web_from(**web),
            log,
            chosen,
            config_file=str(file or CONFIG_TEXT),
            watch=Watch(file, config_auto_reload_interval) if file and config_auto_reload_interval else None,
        )
    )
