"""Measure memory over days of accelerated polls, with new values every round and with midnights."""

from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from lab import machine
from lab.bench.children import Child
from lab.bench.client import Scraper
from lab.bench.exporter_child import exporter
from lab.bench.fleets import BenchmarkClock, write_config
from lab.bench.platform_child import platform
from lab.report import Table, progress, run_alone

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_ROUND: Final = 180.0  # seconds by the clock of the exporter and the platform
_DAY: Final = 86400.0


def measure(*, bots: int = 20, days: int = 6, polls_per_second: float = 300.0) -> Sequence[Table]:
    """Polls of each bot, as fast as ``polls_per_second`` allows; each is three minutes after the one before."""
    interval = bots / polls_per_second
    clock = BenchmarkClock.started(speed=_ROUND / interval)
    progress(f"memory: {days} days of {_DAY / clock.speed:.0f} s, {bots} bots")
    samples: list[_Sample] = []
    rounds = 0.0
    with TemporaryDirectory() as directory, Child(platform, clock, bots) as simulator:
        path = Path(directory) / "config.yaml"
        write_config(path, bots, url=simulator.ask("url"), requests_per_second=4 * polls_per_second)
        with Child(exporter, clock, path, interval) as child:
            scraper = Scraper(child.ask("port"))
            child.ask("tried")
            for day in range(1, days + 1):
                # Always at the same time of day: there are more records in the evening.
                span = child.ask("span", (clock.start + day * _DAY - clock.now()) / clock.speed)
                rounds += len(span.poll_lags) / bots
                scraper.scrape()
                samples.append(_Sample(rounds, machine.resident(child.pid), child.ask("blocks")))
    later = samples[days // 4 :]
    resident = linear_regression([sample.rounds for sample in later], [sample.resident for sample in later]).slope
    blocks = linear_regression([sample.rounds for sample in later], [sample.blocks for sample in later]).slope
    rows = [
        (f"after day {day}", f"{sample.rounds:,.0f}", f"{sample.resident / _MIB:.1f}", f"{sample.blocks:,}")
        for day, sample in enumerate(samples, 1)
        if day in {1, days // 2, days}
    ]
    notes = (
        (
            f"Slope, without the first {days // 4} days: {resident / _KIB:+.2f} KiB and {blocks:+.2f} pieces of memory a"
            f" round of {bots} polls. The pieces are counted after a collection of garbage."
        ),
        f"Load average {machine.load()}.",
    )
    title = f"Memory: {bots} bots, {rounds:,.0f} rounds of polls in {days} days by the exporter's clock"
    return [Table(title, ("", "rounds", "memory in use, MiB", "pieces of memory in use"), rows, notes)]


class _Sample(NamedTuple):
    rounds: float
    resident: int
    blocks: int


if __name__ == "__main__":
    run_alone(measure)
