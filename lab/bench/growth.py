"""Measure how the cost grows with the number of bots, at the same rate of polls."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from lab import machine
from lab.bench.children import Child
from lab.bench.client import Scraper
from lab.bench.exporter_child import exporter
from lab.bench.fleets import BenchmarkClock, write_config
from lab.bench.platform_child import platform
from lab.report import Table, progress, run_alone, spread

_MS: Final = 1e-3
_US: Final = 1e-6
_FLEETS: Final = (10, 100, 1_000, 10_000)
_POLLS_PER_SECOND: Final = 160.0
_SCRAPES: Final = 15


@dataclass(frozen=True, slots=True)
class _Size:
    bots: int
    scrapes: Sequence[float]
    cpu_per_scrape: float
    cpu_per_poll: float
    resident: int


def measure(*, seconds: float = 10.0) -> Sequence[Table]:
    """Measure each fleet alone: a first round, polls for some seconds, then scrapes."""
    sizes = [_measure(bots, seconds) for bots in _FLEETS]
    smallest = sizes[0].resident
    return [
        Table(
            f"Growth: {_POLLS_PER_SECOND:.0f} polls a second",
            (
                "bots",
                "scrape, ms: median (quartiles)",
                "CPU a scrape and bot, µs",
                "CPU a poll, ms",
                "memory, MiB",
                "memory a bot, KiB",
            ),
            [
                (
                    f"{size.bots:,}",
                    spread(size.scrapes, _MS),
                    f"{size.cpu_per_scrape / size.bots / _US:.1f}",
                    f"{size.cpu_per_poll / _MS:.2f}",
                    f"{size.resident / (1 << 20):.0f}",
                    f"{(size.resident - smallest) / (size.bots - _FLEETS[0]) / 1024:.1f}"
                    if size is not sizes[0]
                    else "",
                )
                for size in sizes
            ],
            (
                f"Memory a bot is what there is more than with {_FLEETS[0]} bots. The scrapes happen while polls go on.",
                f"Load average {machine.load()}.",
            ),
        )
    ]


def _measure(bots: int, seconds: float) -> _Size:
    progress(f"growth: {bots} bots")
    clock = BenchmarkClock.started()
    interval = bots / _POLLS_PER_SECOND
    with TemporaryDirectory() as directory, Child(platform, clock, bots) as simulator:
        path = Path(directory) / "config.yaml"
        write_config(path, bots, url=simulator.ask("url"), requests_per_second=600)
        with Child(exporter, clock, path, interval) as child:
            scraper = Scraper(child.ask("port"))
            child.ask("tried")
            time.sleep(min(interval, seconds))  # what the first round has held up is caught up with
            span = child.ask("span", seconds)
            cpu_per_poll = span.cpu / len(span.poll_lags)
            scrapes, cpus = [], []
            for _ in range(_SCRAPES):
                before, started = machine.cpu_seconds(child.pid), time.monotonic()
                scrapes.append(scraper.scrape().seconds)
                passed = time.monotonic() - started
                # Polls go on meanwhile, at their usual cost.
                cpus.append(machine.cpu_seconds(child.pid) - before - passed * cpu_per_poll * _POLLS_PER_SECOND)
            return _Size(bots, scrapes, max(0.0, median(cpus)), cpu_per_poll, machine.resident(child.pid))


if __name__ == "__main__":
    run_alone(measure)
