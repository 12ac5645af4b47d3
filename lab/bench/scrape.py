"""Measure a scrape over loopback, compared with the same series in prometheus-client and in client_golang."""

from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from statistics import median
from typing import Final

from lab import machine
from lab.bench.children import Child
from lab.bench.client import Scraper
from lab.bench.go_child import NEEDS, GoChild, find_go, serve
from lab.bench.scrape_children import ours, peer
from lab.report import Table, progress, run_alone, spread

_MS: Final = 1e-3
_US: Final = 1e-6
_OURS: Final = "oifde-exporter"
_PEER: Final = f"prometheus-client {version('prometheus-client')}"


def measure(*, bots: int = 1000, rounds: int = 20, warm_up: int = 3) -> Sequence[Table]:
    """Measure rounds, in which every series changes and each server is scraped in turn."""
    progress(f"scrape: {bots} bots, {rounds} rounds")
    with ExitStack() as stack:
        exporter = stack.enter_context(Child(ours, bots))
        page = Scraper(exporter.ask("port")).scrape().page()
        series = sum(not line.startswith("#") for line in page.splitlines())
        servers = {
            _OURS: _Server(exporter),
            f"{_PEER}, zlib": _Server(stack.enter_context(Child(peer, page, False))),
            f"{_PEER}, isal": _Server(stack.enter_context(Child(peer, page, True))),
        }
        if go := find_go():
            servers[go.title] = _Server(stack.enter_context(serve(go, page)))
        for number in range(-warm_up, rounds):
            for server in servers.values():
                server.measure(kept=number >= 0)
    exact = servers.pop(_OURS)
    rows = [
        (
            name,
            spread(server.seconds, _MS),
            f"{median(server.seconds) / median(exact.seconds):.0f}",
            spread(server.cpu, _MS),
            f"{median(server.cpu) / median(exact.cpu):.0f}",
            f"{server.size / 1000:,.0f}",
        )
        for name, server in {_OURS: exact, **servers}.items()
    ]
    in_go = servers.pop(go.title) if go else None
    best = min(servers.values(), key=lambda server: median(server.seconds))
    notes = (
        _compare("the faster prometheus-client", best, exact, 40),
        _compare("client_golang", in_go, exact, 15) if in_go else f"Not measured: client_golang. It needs {NEEDS}.",
        (
            f"Writing the lines of a changed bot costs {spread([change / bots for change in exact.changes], _US, 0)} µs of CPU,"
            " at its poll."
        ),
        f"{rounds} rounds after {warm_up} warm-up rounds; load average {machine.load()}.",
    )
    columns = ("server", "time, ms: median (quartiles)", "ratio", "CPU, ms", "ratio", "response, kB")
    title = f"Scrape: {bots:,} bots, {series:,} series, all changed since the last scrape"
    return [Table(title, columns, rows, notes)]


class _Server:
    """A server and its measurements, in seconds."""

    def __init__(self, child: Child | GoChild) -> None:
        self._child = child
        self._scraper = Scraper(child.ask("port"))
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self.changes: list[float] = []
        self.size = 0

    def measure(self, *, kept: bool) -> None:
        change = self._child.ask("change")
        before = self._child.ask("cpu")
        scrape = self._scraper.scrape()
        cpu = self._child.ask("cpu") - before
        if kept:
            self.changes.append(change)
            self.seconds.append(scrape.seconds)
            self.cpu.append(cpu)
            self.size = len(scrape.body)


def _compare(name: str, other: _Server, exact: _Server, target: int) -> str:
    times = median(other.seconds) / median(exact.seconds)
    cpu = median(other.cpu) / median(exact.cpu)
    return (
        f"Compared with {name}, the exporter is {times:.0f} times as fast (target: {target}), and takes 1/{cpu:.0f} of the"
        " CPU time."
    )


if __name__ == "__main__":
    run_alone(measure)
