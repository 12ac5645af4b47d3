"""Does memory stay flat? Days of polls, hurried: every round the platform has new figures, and midnight comes and goes."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression, mean
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import machine
from benchmarks.children import Child
from benchmarks.client import Scraper
from benchmarks.exporter_child import Span, exporter
from benchmarks.fleets import BenchmarkClock, write_config
from benchmarks.platform_child import platform
from benchmarks.report import Table, progress, run_alone

_MIB: Final = 1 << 20
_ROUND: Final = 60.0  # seconds by the clock of the exporter and the platform
_SAMPLES: Final = 24


def measure(*, bots: int = 20, rounds: int = 3600, polls_per_second: float = 300.0) -> Sequence[Table]:
    """``rounds`` polls of each bot, as fast as ``polls_per_second`` allows; each is a minute to the program."""
    interval = bots / polls_per_second
    clock = BenchmarkClock.started(speed=_ROUND / interval)
    progress(f"memory: {rounds} rounds of {bots} bots, {rounds * interval:.0f} s")
    samples: list[tuple[float, int, int]] = []
    spent = Span()
    with TemporaryDirectory() as directory, Child(platform, clock, bots) as simulator:
        path = Path(directory) / "config.yaml"
        write_config(path, bots, url=simulator.ask("url"), requests_per_second=4 * polls_per_second)
        with Child(exporter, clock, path, interval) as child:
            scraper = Scraper(child.ask("port"))
            child.ask("tried")
            started = time.monotonic()
            for _ in range(_SAMPLES):
                spent += child.ask("span", rounds * interval / _SAMPLES)
                scraper.scrape()
                blocks = child.ask("blocks")
                samples.append((len(spent.poll_lags) / bots, machine.resident(child.pid), blocks))
            hours = (time.monotonic() - started) * clock.speed / 3600
    rows = []
    for name, place in (("at the start", 0), ("in the middle", _SAMPLES // 2), ("at the end", -1)):
        done, resident, blocks = samples[place]
        rows.append((name, f"{done:,.0f}", f"{resident / _MIB:.1f}", f"{blocks:,}"))
    later = samples[_SAMPLES // 3 :]
    of_resident = linear_regression([done for done, _, _ in later], [resident for _, resident, _ in later]).slope
    of_blocks = linear_regression([done for done, _, _ in later], [blocks for _, _, blocks in later]).slope
    return [
        Table(
            f"Memory: {bots} bots, {samples[-1][0]:,.0f} rounds of polls, {hours:.0f} hours by the exporter's clock",
            ("", "rounds", "memory in use, MiB", "pieces of memory in use"),
            rows,
            (
                (
                    f"Slope over the last two thirds: {of_resident / 1024:+.2f} KiB and {of_blocks:+.2f} pieces a round"
                    f" (on average {mean(blocks for _, _, blocks in later):,.0f} pieces). Logins and two midnights are in"
                    " it; the pieces are counted after a collection of garbage."
                ),
                f"Load average {machine.load()}.",
            ),
        )
    ]


if __name__ == "__main__":
    run_alone(measure)
