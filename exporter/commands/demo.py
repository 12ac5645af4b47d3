"""``oifde-exporter demo``: the daemon with a simulated platform."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click
from structlog.typing import FilteringBoundLogger

from exporter import config
from exporter.app import StartError
from exporter.clock import SystemClock
from exporter.commands.daemon import log_unknown_variables, read_web_options, run_to_end, serve
from exporter.commands.help import Command
from exporter.commands.options import flag, log_options, web_options
from exporter.config.files import read_regular
from exporter.simulator.demo import make_demo_config, make_demo_simulator

_HEADING: Final = "# oifde-exporter demo wrote this file, and removes it when it ends.\n"


@click.command(
    cls=Command,
    short_help="Run the daemon with a simulated platform.",
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
    help="Write a configuration with which other commands can query the simulated platform until the demo ends.",
)
@web_options
@log_options()
@click.pass_context
def demo(ctx: click.Context, /, write_config: Path | None, log: FilteringBoundLogger, **web: Any) -> None:
    """Run the daemon with a simulated platform. It needs no configuration and no network."""
    log_unknown_variables(ctx, log)
    options = read_web_options(web)

    async def run() -> None:
        async with make_demo_simulator(SystemClock()) as simulator:
            text = make_demo_config(simulator.port)
            with ExitStack() as written:

                def listening(urls: Sequence[str]) -> None:
                    # Only now: if the port is taken by another demo, the file belongs to that one.
                    written.enter_context(_write_temporarily(write_config, _HEADING + text))
                    _announce(urls)

                await serve(lambda: config.load(text, {}), options, log, config_file="demo", on_listening=listening)

    run_to_end(run())


@contextmanager
def _write_temporarily(path: Path | None, text: str) -> Iterator[None]:
    """Keep a text in a file that only its owner can read, until the block ends. Raises StartError."""
    if path is None:
        yield
        return
    try:
        if path.exists() and read_regular(path, len(_HEADING)) != _HEADING.encode():
            raise StartError(f"{path} exists, and a demo did not write it; choose another name for --write-config")
        path.unlink(missing_ok=True)
        path.touch(0o600, exist_ok=False)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            path.unlink()  # without the heading, later demos would not replace it
            raise
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text(encoding="utf-8") == text:  # otherwise another demo has replaced it
                path.unlink()


def _announce(urls: Sequence[str]) -> None:
    local = (url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:") for url in urls)
    for here in dict.fromkeys(local):
        click.echo(
            f"The simulated platform and the exporter are running. Open {here} (metrics: {here}metrics). Stop with Ctrl-C."
        )
