"""Measure how long a large configuration takes to load, and how much a reload delays."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from exporter import config
from lab import machine
from lab.bench.children import Child, Pipe, answer
from lab.bench.exporter_child import Reload, Span, exporter
from lab.bench.fleets import BenchmarkClock, write_config
from lab.bench.platform_child import platform
from lab.report import Table, percentile, progress, run_alone, spread

_MS: Final = 1e-3
_INTERVAL: Final = 60.0
_AROUND_RELOAD: Final = 12.0  # seconds that are watched


def measure(*, bots: int = 10_000, loads: int = 5, reloads: int = 3) -> Sequence[Table]:
    """Load the configuration in fresh processes; then change one bot's name in a running exporter, and reload."""
    clock = BenchmarkClock.started()
    with TemporaryDirectory() as directory, Child(platform, clock, bots) as simulator:
        path = Path(directory) / "config.yaml"
        write_config(path, bots, url=simulator.ask("url"), requests_per_second=600)
        size = path.stat().st_size
        progress(f"start: {loads} loads of {bots} bots")
        spent = []
        for _ in range(loads):
            with Child(_loader) as child:
                spent.append(child.ask("load", path))
        with Child(exporter, clock, path) as child:
            progress(f"start: the first round of {bots} bots")
            child.ask("tried")
            time.sleep(_INTERVAL)  # what fell due during the first round waits behind it
            results: list[tuple[Reload, Span]] = []
            for number in range(reloads):
                progress(f"start: reload {number + 1} of {reloads}")
                text = path.read_text(encoding="utf-8")
                former = "bot-00007" if number == 0 else f"renamed-{number - 1}"
                path.write_text(text.replace(f"name: {former}\n", f"name: renamed-{number}\n"), encoding="utf-8")
                results.append(child.ask("reload", _AROUND_RELOAD))
    return [
        Table(
            f"Start: a configuration of {bots:,} bots, {size / 1e6:.1f} MB",
            ("CPU seconds to load it: median (quartiles)", "target"),
            [(spread(spent, digits=2), "3")],
            (f"{loads} loads, each in a process of its own; load average {machine.load()}.",),
        ),
        Table(
            f"Reload: one of {bots:,} bots has a new name",
            (
                "reload",
                "seconds",
                "CPU seconds",
                "bots' schedules restarted",
                "connections closed",
                "event loop lag p99, ms",
                "event loop lag max, ms",
                "poll lag max, ms",
            ),
            [
                (
                    str(number),
                    f"{reload.seconds:.2f}",
                    f"{reload.cpu:.2f}",
                    f"{reload.pollers - reload.pollers_kept} of {reload.pollers:,}",
                    f"{reload.connections - reload.connections_kept} of {reload.connections}",
                    f"{percentile(span.loop_lags, 0.99) / _MS:.0f}",
                    f"{max(span.loop_lags) / _MS:.0f}",
                    f"{max(span.poll_lags) / _MS:.0f}",
                )
                for number, (reload, span) in enumerate(results, 1)
            ],
            (f"Lags are those of the {_AROUND_RELOAD:.0f} s around a reload. Load average {machine.load()}.",),
        ),
    ]


async def _loader(pipe: Pipe) -> None:
    async def load(path: Path) -> float:
        started = time.process_time()
        config.load(path, {})
        return time.process_time() - started

    await answer(pipe, {"load": load})


if __name__ == "__main__":
    run_alone(measure)
