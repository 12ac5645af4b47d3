"""``PYTHONPATH=tests python -m lab.soak --minutes 30 --seed 1`` prints a summary; exit status 1 if a check failed."""

import asyncio
import logging
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import click
import uvloop

from harness.programs import PROGRAMS
from lab import machine
from lab.soak.run import CALM, Result, Soak

START = "2026-03-28T21:57:00+00:00"
"""Three minutes before midnight in Johannesburg and in Beirut, where that night has no hour from 0 to 1."""


@click.command()
@click.option("--minutes", type=click.FloatRange(min=2 * CALM / 60), default=30.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same weather.")
@click.option("--bots", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--start", default=START, show_default=True, help="The moment the clocks are set to, in ISO 8601.")
def main(minutes: float, seed: int, bots: int, start: str) -> None:
    """Run the exporter against platforms that fail, beside a real Prometheus, and check all that it shows."""
    prometheus = PROGRAMS["prometheus"].find()
    if prometheus is None:
        raise click.ClickException(
            f"needs {PROGRAMS['prometheus']}: `make programs` installs it where that is possible"
        )
    # What the simulator's server thinks of being struck in the middle of an answer.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    directory = Path(mkdtemp(prefix="oifde-soak-"))
    soak = Soak(
        directory,
        prometheus,
        minutes=minutes,
        seed=seed,
        bots=bots,
        start=datetime.fromisoformat(start).astimezone(UTC),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(soak.run())
    click.echo("\n".join(_summary(result, f"make soak MINUTES={minutes:g} SEED={seed}")))
    if result.violations:
        click.echo("\n".join(["", *result.details, "", f"The log and the rest are in {directory}."]), err=True)
        sys.exit(1)
    shutil.rmtree(directory)


def _summary(result: Result, command: str) -> list[str]:
    """Render the result as Markdown."""
    about = [
        ("command", f"`{command}`"),
        ("date", datetime.now(UTC).date().isoformat()),
        *machine.describe(),
    ]
    faults = sorted(result.faults.items())
    return [
        "| run | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in (*about, *result.figures)),
        "",
        "| invariant | checked | violated |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {count:,} | {result.violations[name]:,} |" for name, count in result.checks.items()),
        "",
        "| fault of a platform | times |",
        "| --- | ---: |",
        *(f"| {kind} | {count:,} |" for kind, count in faults),
    ]


main(prog_name="python -m lab.soak")
