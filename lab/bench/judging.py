"""Measure the cost of the judgement: CPU, memory and series of the exporter, and the CPU of Prometheus for the rules."""

import json
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from urllib.request import urlopen

from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Counts, Hours, Past, pack
from exporter.judging.judge import judge
from exporter.judging.usual import Baseline, expect, learn
from exporter.judging.verdict import Verdict
from exporter.serving.catalogue import read_verdict
from lab import machine
from lab.bench.children import Child, Pipe, answer
from lab.bench.fleets import ZONE
from lab.bench.scrape_children import ours
from lab.report import Table, progress, run_alone

_MS: Final = 1e-3
_KIB: Final = 1 << 10
_DAYS: Final = 35
_NOW: Final = datetime(2026, 5, 20, 22, 10, tzinfo=ZONE)
_RULES: Final = Path(__file__).parents[2] / "observability/rules"
_INTERVAL: Final = re.compile(r"interval: (\d+)m")
_PORT: Final = 19090
_SLOWEST: Final = 20
"""Of so many evaluations, one has all rules."""


def measure(*, largest: int = 10_000, evaluations: int = _SLOWEST) -> Sequence[Table]:
    """Learn and judge fleets of up to ``largest`` bots; then let Prometheus evaluate the rules some times."""
    rows = []
    for bots in (10, 1_000, 10_000):
        if bots <= largest:
            progress(f"judging: {bots} bots")
            with Child(_learner) as child:
                cost: _Cost = child.ask("learn", bots)
            memory = "" if bots == 10 else f"{cost.past / bots / _KIB:.1f}"
            more = "" if bots == 10 else f"{cost.baselines / bots / _KIB:.1f}"
            rows.append(
                (
                    f"{bots:,}",
                    f"{cost.learn / _MS:.1f}",
                    f"{cost.judge / _MS:.3f}",
                    memory,
                    more,
                    str(cost.series),
                )
            )
    notes = (
        f"{_DAYS} days of history. A bot is judged at most once a poll, and learned once a day. Load average {machine.load()}.",
        "Targets: 0.3 ms a poll, 30 KiB of history and 26 series a bot.",
    )
    columns = (
        "bots",
        "CPU to learn a bot, ms",
        "CPU to judge a bot, ms",
        "memory of the history, KiB a bot",
        "memory of what is learned, KiB a bot",
        "series a bot",
    )
    return [Table("Judging", columns, rows, notes), _measure_rules(largest, evaluations)]


# --- the exporter ----------------------------------------------------------------------------------------------------


class _Cost(NamedTuple):
    """Return CPU seconds per bot, bytes of all bots, and series per bot."""

    learn: float
    judge: float
    past: int
    baselines: int
    series: int


async def _learner(pipe: Pipe) -> None:
    async def measure_fleet(bots: int) -> _Cost:
        rng = random.Random(1)
        today, now = _NOW.date(), _NOW.timestamp()
        pid = os.getpid()
        _learn(_make_past(rng))  # loads what is loaded once
        resident = machine.resident(pid)
        pasts = [_make_past(rng) for _ in range(bots)]
        with_pasts = machine.resident(pid)
        started = time.process_time()
        baselines = [_learn(past) for past in pasts]
        learned = (time.process_time() - started) / bots
        for baseline in baselines:
            baseline.day(today)
            baseline.day(today - timedelta(days=1))
        with_baselines = machine.resident(pid)
        hours = _make_day(rng, _NOW.hour + 1)
        shown = datetime(2026, 5, 20, 21, tzinfo=ZONE).timestamp()
        expected, signals = None, {}
        started = time.process_time()
        for baseline, past in zip(baselines, pasts, strict=True):
            expected = expect(baseline, shown, Counts(100, 10, 20, 60, 200, 190))
            signals = judge(baseline, past, hours, now)
        judged = (time.process_time() - started) / bots
        verdict = Verdict(_DAYS * 86_400, expected, signals)
        series = sum(value is not None for value in read_verdict(verdict))
        return _Cost(learned, judged, with_pasts - resident, with_baselines - with_pasts, series)

    await answer(pipe, {"learn": measure_fleet})


def _learn(past: Past) -> Baseline:
    baseline = learn(past, Calendar(), ZONE, _NOW.date())
    if baseline is None:
        raise ValueError("the past is too short")
    return baseline


def _make_past(rng: random.Random) -> Past:
    return {_NOW.date() - timedelta(days=ago): _make_day(rng, 24) for ago in range(_DAYS, 0, -1)}


def _make_day(rng: random.Random, hours: int) -> Hours:
    def make_hour() -> Counts:
        calls = rng.randrange(90, 130)
        contained = round(calls * rng.uniform(0.55, 0.65))
        return Counts(calls, calls // 10, calls // 5, contained, 2 * calls, 2 * calls - rng.randrange(8))

    return pack(make_hour() for _ in range(hours))


# --- Prometheus ------------------------------------------------------------------------------------------------------


class _Fleet(NamedTuple):
    """Bots whose rules are evaluated."""

    bots: int
    every: int
    """The seconds between two evaluations."""
    past: bool
    """Whether Prometheus has the samples of the last day."""
    rounds: int
    """How often to measure, without the rules and with them."""


_FLEETS: Final = (
    _Fleet(10, 1, past=True, rounds=3),
    _Fleet(1_000, 3, past=True, rounds=3),
    _Fleet(10_000, 8, past=False, rounds=1),
)


def _measure_rules(largest: int, evaluations: int) -> Table:
    title = "Rules: Prometheus's CPU"
    if shutil.which("prometheus") is None:
        return Table(title, ("",), (), ("Not measured: prometheus is not installed.",))
    rows = []
    for fleet in _FLEETS:
        if fleet.bots <= largest:
            costs, recorded = _compare(fleet, evaluations)
            rows.append(
                (
                    f"{fleet.bots:,}",
                    "a day" if fleet.past else "a minute",
                    f"{median(costs) / _MS:.0f}",
                    ", ".join(f"{cost / fleet.bots / _MS:.2f}" for cost in sorted(costs)),
                    f"{recorded / fleet.bots:.1f}",
                )
            )
    version = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    return Table(
        title,
        (
            "bots",
            "samples of",
            "CPU of an evaluation, ms: median",
            "a bot, ms: each round",
            "recorded series a bot",
        ),
        rows,
        (
            (
                f"{' '.join(version.stdout.split()[:3]).rstrip(',')}. The CPU is that of the process with the rules, less that"
                f" without, each over {evaluations} evaluations. Between two of them all bots change. Load average {machine.load()}."
            ),
            "Targets: 0.3 ms and 15 series a bot. The rules that judged in PromQL took 7.5 ms and 130 series a bot.",
        ),
    )


def _compare(fleet: _Fleet, evaluations: int) -> tuple[Sequence[float], float]:
    """Return the CPU seconds that an evaluation costs, of each round, and how many series the rules record."""
    costs, recorded = [], 0.0
    with TemporaryDirectory() as directory, Child(ours, fleet.bots) as child:
        past = Path(directory) / "past"
        _write_past(past, child.ask("port"), fleet)
        for number in range(fleet.rounds):
            progress(f"rules: {fleet.bots} bots, round {number + 1} of {fleet.rounds}")
            without, _ = _evaluate(child, fleet, past, (), evaluations)
            cost, recorded = _evaluate(child, fleet, past, sorted(_RULES.glob("*.yaml")), evaluations)
            costs.append(cost - without)
    return costs, recorded


def _evaluate(child: Child, fleet: _Fleet, past: Path, rules: Sequence[Path], evaluations: int) -> tuple[float, float]:
    """Return Prometheus's CPU seconds for each evaluation, and how many series the rules record."""
    with TemporaryDirectory() as directory, _prometheus(Path(directory), past, rules, child.ask("port"), fleet.every):
        _change(child, fleet, 3)
        before = _query("process_cpu_seconds_total")
        _change(child, fleet, evaluations)
        cost = (_query("process_cpu_seconds_total") - before) / evaluations
        return cost, _query('count({__name__=~".+:.+"})')


def _change(child: Child, fleet: _Fleet, times: int) -> None:
    """Change all bots once before each evaluation. The time that the change takes is part of the time between two."""
    start = time.monotonic()
    for number in range(1, times + 1):
        child.ask("change")
        time.sleep(max(0.0, start + number * fleet.every - time.monotonic()))


def _write_past(data: Path, port: int, fleet: _Fleet) -> None:
    """Write Prometheus's data of the last day: the counters, sampled every minute."""
    data.mkdir()
    if not fleet.past:
        return
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        page = response.read().decode()
    names = "calls|call_outcomes|interface_requests|interface_successes"
    counters = re.findall(rf"^(oifde_(?:{names})_total{{.*)}} ", page, re.MULTILINE)
    now = int(time.time())
    file = data / "past.txt"
    with file.open("w", encoding="utf-8") as text:
        for series in counters:
            whole = f'{series},job="oifde-exporter",instance="127.0.0.1:{port}"}}'
            text.writelines(f"{whole} {1440 - ago} {now - 60 * ago}\n" for ago in range(1440, 0, -1))
        text.write("# EOF\n")
    subprocess.run(  # noqa: S603 - as written here
        ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics", file, data],  # noqa: S607
        check=True,
        stdout=subprocess.DEVNULL,
    )
    file.unlink()


@contextmanager
def _prometheus(directory: Path, past: Path, rules: Sequence[Path], port: int, every: int) -> Iterator[None]:
    """Run Prometheus with rules and the data of ``past``; a minute takes ``every`` seconds."""
    shutil.copytree(past, directory / "data")
    for file in rules:
        text = _INTERVAL.sub(lambda minutes: f"interval: {int(minutes[1]) * every}s", file.read_text(encoding="utf-8"))
        (directory / file.name).write_text(text, encoding="utf-8")
    settings = {
        "global": {"scrape_interval": f"{every}s", "evaluation_interval": f"{every}s"},
        "rule_files": [file.name for file in rules],
        "scrape_configs": [
            {"job_name": "oifde-exporter", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]},
            {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{_PORT}"]}]},
        ],
    }
    (directory / "prometheus.yml").write_text(json.dumps(settings), encoding="utf-8")
    command = [
        "prometheus",
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/data",
        f"--web.listen-address=127.0.0.1:{_PORT}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:  # noqa: S603 - as written above
        try:
            yield
        finally:
            process.terminate()


def _query(expression: str) -> float:
    """Return the value of the only series of a query, or 0."""
    with urlopen(f"http://127.0.0.1:{_PORT}/api/v1/query?query={quote(expression)}") as response:
        result: Any = json.load(response)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


if __name__ == "__main__":
    run_alone(measure)
