"""Measure ten thousand bots in one process: the delay and the cost of polls, and the delay of the event loop."""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lab import machine
from lab.bench import hotspots
from lab.bench.children import Child
from lab.bench.client import Scraper
from lab.bench.exporter_child import Span, exporter
from lab.bench.fleets import BenchmarkClock, write_config
from lab.bench.platform_child import platform
from lab.report import Table, progress, run_alone, spread, tail

_MS: Final = 1e-3
_MIB: Final = 1 << 20
_INTERVAL: Final = 60.0
_SCRAPE_INTERVAL: Final = 15.0
_FIRST_ROUND: Final = 600.0  # requests a second allowed; the steady rate is far below
_HISTORY_DAYS: Final = 35
_AROUND_RELOAD: Final = 12.0
_REQUESTS: Final = re.compile(
    r'^oifde_upstream_requests_total\{.*operation="query_call_statistics".*\} (\S+)$', re.MULTILINE
)

_SCORE: Final = "\noifde_anomaly_score{"


def measure(*, bots: int = 10_000, rounds: int = 2, profiled: float = 30.0) -> Sequence[Table]:
    """After the first round, measure intervals without scrapes and intervals with a scrape every 15 s, in turn."""
    clock = BenchmarkClock.started()
    with TemporaryDirectory() as directory, Child(platform, clock, bots) as simulator:
        path = Path(directory) / "config.yaml"
        write_config(path, bots, url=simulator.ask("url"), requests_per_second=_FIRST_ROUND)
        with Child(exporter, clock, path) as child:
            progress(f"load: the first round of {bots} bots")
            scraper = Scraper(child.ask("port"))
            child.ask("tried")
            time.sleep(_INTERVAL)  # what fell due during the first round waits behind it
            quiet, scraped = Span(), Span()
            scrapes: list[float] = []
            simulated = 0.0
            for number in range(rounds):
                progress(f"load: {_INTERVAL:.0f} s without scrapes, then with, round {number + 1} of {rounds}")
                quiet += child.ask("span", _INTERVAL)
                before = machine.cpu_seconds(simulator.pid)
                with _scraping(scraper, scrapes):
                    scraped += child.ask("span", _INTERVAL)
                simulated += machine.cpu_seconds(simulator.pid) - before
            progress(f"load: {_INTERVAL:.0f} s while the history is fetched, as soon as bots are judged")
            write_config(
                path, bots, url=simulator.ask("url"), requests_per_second=_FIRST_ROUND, history_days=_HISTORY_DAYS
            )
            child.ask("reload", _AROUND_RELOAD)
            while _SCORE not in scraper.scrape().page():  # from then on bots are learned and judged, too
                time.sleep(_AROUND_RELOAD)
            before = _requests(scraper)
            fetching = child.ask("span", _INTERVAL)
            low_priority = (_requests(scraper) - before) / fetching.seconds - len(fetching.poll_lags) / fetching.seconds
            resident = machine.resident(child.pid)
            progress(f"load: {profiled:.0f} s with the profiler")
            with _scraping(scraper, []):
                where = _where(child.pid, profiled)
    rows = zip(_NAMES, _list_seconds(quiet), _list_seconds(scraped), _list_seconds(fetching), strict=True)
    notes = (
        (
            f"While the history was fetched, {low_priority:.0f} requests a second were for it (limit: half of"
            f" {_FIRST_ROUND:.0f})."
        ),
        (
            f"A scrape took {spread(scrapes, _MS, 0)} ms. The process had {resident / _MIB:,.0f} MiB in use at the end."
            f" The simulated platform, a process of its own, took {simulated / scraped.seconds:.0%} of a core."
        ),
        (
            f"{rounds} rounds; load average {machine.load()}. Targets: poll lag p99 below 2 s, below 50 % of a core,"
            " event loop lag p99.9 below 50 ms."
        ),
    )
    scraping = f"a scrape every {_SCRAPE_INTERVAL:.0f} s"
    history = f"{_HISTORY_DAYS} days of history are fetched, bots are learned"
    title = f"Load: {bots:,} bots, each polled every {_INTERVAL:.0f} s"
    return Table(title, ("", "no scrapes", scraping, history), list(rows), notes), where


_NAMES: Final = (
    "polls a second",
    "CPU, share of one core",
    "CPU a poll, ms",
    "poll lag p50, ms",
    "poll lag p99, ms",
    "poll lag max, ms",
    "event loop lag p50, ms",
    "event loop lag p99, ms",
    "event loop lag p99.9, ms",
    "event loop lag max, ms",
    "garbage collections, share of one core",
    "longest garbage collection, ms CPU",
    "waiting for a core taken by others, share of the time",
)


def _list_seconds(span: Span) -> Sequence[str]:
    return (
        f"{len(span.poll_lags) / span.seconds:.1f}",
        f"{span.cpu / span.seconds:.1%}",
        f"{span.cpu / len(span.poll_lags) / _MS:.2f}",
        *tail(span.poll_lags, (0.5, 0.99), _MS),
        *tail(span.loop_lags, (0.5, 0.99, 0.999), _MS),
        f"{sum(span.collections) / span.seconds:.1%}",
        f"{max(span.collections, default=0.0) / _MS:.1f}",
        f"{span.starved / span.seconds:.1%}",
    )


def _where(pid: int, seconds: float) -> Table:
    try:
        parts = hotspots.profile(pid, seconds)
    except hotspots.UnavailableError as error:
        return Table("Where the CPU goes", ("part",), (), (f"Not measured: {error}.",))
    rows = [(part, f"{samples / parts.total():.1%}") for part, samples in parts.most_common()]
    return Table("Where the CPU goes, with scrapes", ("part", "share of the samples"), rows)


def _requests(scraper: Scraper) -> float:
    """Return how many reports have been requested so far."""
    return sum(map(float, _REQUESTS.findall(scraper.scrape().page())))


@contextmanager
def _scraping(scraper: Scraper, seconds: list[float]) -> Iterator[None]:
    """Scrapes at an interval until the block ends, and records the duration of each scrape."""
    stopped = threading.Event()

    def scrape() -> None:
        while not stopped.wait(_SCRAPE_INTERVAL / 2):
            seconds.append(scraper.scrape().seconds)
            stopped.wait(_SCRAPE_INTERVAL / 2)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


if __name__ == "__main__":
    run_alone(measure)
