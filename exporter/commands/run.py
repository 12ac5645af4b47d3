"""``oifde-exporter run``: the daemon."""

import os
from pathlib import Path
from typing import Any

import click

from exporter import config, logs
from exporter.commands.options import (
    flag,
    log_options,
    run_to_end,
    serve,
    shard_from,
    shard_options,
    web_from,
    web_options,
)

CONFIG_TEXT = "OIFDE_EXPORTER_CONFIG"
"""The environment variable that may hold the configuration itself."""


@click.command()
@flag(
    "--config.file",
    type=click.Path(path_type=Path),
    default="config.yaml",
    metavar="PATH",
    help=f"The configuration. Without this flag, the variable {CONFIG_TEXT} may hold the YAML itself.",
)
@shard_options
@web_options
@log_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    config_file: Path,
    shard: int,
    total_shards: int,
    log_level: str,
    log_format: str,
    **web: Any,
) -> None:
    """Poll the platforms and serve what they report as metrics (the default command)."""
    by_default = ctx.get_parameter_source("config_file") is click.core.ParameterSource.DEFAULT
    source = os.environ.get(CONFIG_TEXT, config_file) if by_default else config_file
    chosen = shard_from(shard=shard, total_shards=total_shards)
    log = logs.configure(level=log_level, format=log_format)
    run_to_end(serve(lambda: config.load(source, os.environ), web_from(**web), log, chosen))
