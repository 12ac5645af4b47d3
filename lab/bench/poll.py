"""Measure the CPU time of a poll, compared with a bare request for the same answer in the same process."""

from collections.abc import Sequence
from operator import truediv
from statistics import median
from typing import Final

from lab import machine
from lab.bench.children import Child
from lab.bench.poll_children import platform, poller
from lab.report import Table, progress, run_alone, spread

_MS: Final = 1e-3


def measure(*, bots: int = 100, rounds: int = 20) -> Sequence[Table]:
    """Measure rounds: polls after a change, the same polls again, and bare requests."""
    progress(f"poll: 35 days of history of {bots} bots")
    with Child(platform) as simulator, Child(poller, simulator.ask("url"), bots) as child:
        child.ask("ready")
        progress(f"poll: {rounds} rounds")
        bare, changed, same = [], [], []
        for _ in range(rounds):
            simulator.ask("change")
            changed.append(child.ask("polls"))
            same.append(child.ask("polls"))
            bare.append(child.ask("bare"))
    rows = [
        (name, spread(seconds, _MS, 3), f"{median(map(truediv, seconds, bare)):.1f}", target)
        for name, seconds, target in (
            ("a bare aiohttp request, json.loads", bare, ""),
            ("a poll whose answer has changed", changed, "4"),
            ("a poll whose answer is byte for byte the last one", same, "2"),
        )
    ]
    notes = (
        (
            "History and judging are on. Each answer has 23 records. The loop is saturated, and each poll is a minute after"
            " the one before by the exporter's clock."
        ),
        f"{rounds} rounds of {bots} requests. A ratio is the median of those of the rounds; load average {machine.load()}.",
    )
    return [Table("Poll", ("", "CPU, ms: median (quartiles)", "ratio", "target: at most"), rows, notes)]


if __name__ == "__main__":
    run_alone(measure)
