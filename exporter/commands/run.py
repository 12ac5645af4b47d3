"""``oifde-exporter run``: the daemon."""

import os
from pathlib import Path
from typing import Any

import click
from structlog.typing import FilteringBoundLogger

from exporter.commands.daemon import log_unknown_variables, read_web_options, run_to_end, serve
from exporter.commands.help import Command
from exporter.commands.options import (
    choose_source,
    config_option,
    log_options,
    reload_option,
    shard_options,
    web_options,
)
from exporter.config import CONFIG_VARIABLE, Shard, load
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
@reload_option
@shard_options
@web_options
@log_options()
@click.pass_context
def run(
    ctx: click.Context,
    /,
    config_file: Path,
    config_auto_reload_interval: float,
    shard: Shard,
    log: FilteringBoundLogger,
    **web: Any,
) -> None:
    """Poll the platforms and serve metrics (the default command)."""
    source = choose_source(ctx, config_file)
    log_unknown_variables(ctx, log)
    # The watch starts before the daemon reads the file, so it does not miss a change between the two.
    file = source if isinstance(source, Path) else None
    run_to_end(
        serve(
            lambda: load(source, os.environ),
            read_web_options(web),
            log,
            shard,
            config_file=str(file or CONFIG_VARIABLE),
            watch=Watch(file, config_auto_reload_interval) if file and config_auto_reload_interval else None,
        )
    )
