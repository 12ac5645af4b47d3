"""``oifde-exporter run``: the daemon."""

import os
from pathlib import Path
from typing import Any

import click

from exporter import config, logs
from exporter.commands.options import flag, log_options, run_to_end, serve, web_from, web_options

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
@web_options
@log_options
@click.pass_context
def run(ctx: click.Context, /, config_file: Path, log_level: str, log_format: str, **web: Any) -> None:
    """Poll the platforms and serve what they report as metrics (the default command)."""
    by_default = ctx.get_parameter_source("config_file") is click.core.ParameterSource.DEFAULT
    source = os.environ.get(CONFIG_TEXT, config_file) if by_default else config_file
    log = logs.configure(level=log_level, format=log_format)
    run_to_end(serve(lambda: config.load(source, os.environ), web_from(**web), log))
