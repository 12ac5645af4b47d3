"""``oifde-exporter demo``: the daemon against the built-in simulated platform."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click

from exporter import config, logs
from exporter.app import StartError
from exporter.clock import SystemClock
from exporter.commands.daemon import run_to_end, serve, web_from
from exporter.commands.help import Command
from exporter.commands.options import flag, log_options, web_options
from exporter.config.files import read_regular
from exporter.simulator.demo import demo_config, demo_simulator

_HEADING: Final = "# Written by oifde-exporter demo, for as long as it runs.\n"


@click.command(
    cls=Command,
    short_help="The daemon, with a simulated platform to look at.",
    examples="""
oifde-exporter demo                            open http://localhost:10230/
oifde-exporter demo --web.listen-address=:8080
oifde-exporter demo --write-config=demo.yaml   for the other commands
""",
)
@flag(
    "--write-config",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write the configuration that the other commands need to ask the simulated platform, too, until the demo ends.",
)
@web_options
@log_options()
def demo(write_config: Path | None, log_level: str, log_format: str, **web: Any) -> None:
    """Run the daemon against a simulated platform: no configuration, no network."""
    log = logs.configure(level=log_level, format=log_format)
    options = web_from(**web)

    async def run() -> None:
        async with demo_simulator(SystemClock()) as simulator:
            text = demo_config(simulator.port)
            with ExitStack() as written:

                def listening(urls: Sequence[str]) -> None:
                    # Not before: where its port is taken, by another demo, the file is that one's.
                    written.enter_context(_written(write_config, _HEADING + text))
                    _announce(urls)

                await serve(lambda: config.load(text, {}), options, log, config_file="demo", on_listening=listening)

    run_to_end(run())


@contextmanager
def _written(path: Path | None, text: str) -> Iterator[None]:
    """Has the text in a file meanwhile, which only its owner can read; raises StartError."""
    if path is None:
        yield
        return
    try:
        if path.exists() and read_regular(path, len(_HEADING)) != _HEADING.encode():
            raise StartError(f"{path} exists, and is not of a demo: give --write-config another name")
        path.unlink(missing_ok=True)
        path.touch(0o600, exist_ok=False)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            path.unlink()  # without its heading it would be nobody's
            raise
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text(encoding="utf-8") == text:  # else it is another demo's by now
                path.unlink()


def _announce(urls: Sequence[str]) -> None:
    local = (url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:") for url in urls)
    for here in dict.fromkeys(local):
        click.echo(
            f"Simulated platform and exporter are running: open {here} (metrics: {here}metrics). End with Ctrl-C."
        )
