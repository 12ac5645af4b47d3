"""``oifde-exporter demo``: the daemon against the built-in simulated platform."""

from collections.abc import Sequence
from typing import Any

import click

from exporter import config, logs
from exporter.clock import SystemClock
from exporter.commands.daemon import run_to_end, serve, web_from
from exporter.commands.help import Command
from exporter.commands.options import log_options, web_options
from exporter.upstream.simulator.demo import demo_config, demo_simulator


@click.command(
    cls=Command,
    short_help="The daemon, with a simulated platform to look at.",
    examples="""
oifde-exporter demo                            open http://localhost:10230/
oifde-exporter demo --web.listen-address=:8080
""",
)
@web_options
@log_options()
def demo(log_level: str, log_format: str, **web: Any) -> None:
    """Run the daemon against a simulated platform: no configuration, no network."""
    log = logs.configure(level=log_level, format=log_format)
    options = web_from(**web)

    async def run() -> None:
        async with demo_simulator(SystemClock()) as simulator:
            await serve(lambda: config.load(demo_config(simulator.port), {}), options, log, on_listening=_announce)

    run_to_end(run())


def _announce(urls: Sequence[str]) -> None:
    local = (url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:") for url in urls)
    for here in dict.fromkeys(local):
        click.echo(
            f"Simulated platform and exporter are running: open {here} (metrics: {here}metrics). End with Ctrl-C."
        )
