"""A real Prometheus with a history: imported by promtool, its recording rules evaluated over all of it, and asked."""

import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

_RECORDED: Final = re.compile(r"\b(?:bot|tenant|all|oifde):[a-z0-9_]+(?::[a-z0-9_]+)?")
_LONGEST_BLOCK: Final = "486h"  # 2 h times a power of three
_RANGE: Final = 10_000  # steps in one query; Prometheus answers no more than 11,000
_START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules as they stand in their files."""

    recording: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, paths: Iterable[Path]) -> "Rules":
        """All groups of some files."""
        groups = [group for path in paths for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
        rules = [rule for group in groups for rule in group["rules"]]
        return cls([rule for rule in rules if "record" in rule], [rule for rule in rules if "alert" in rule])

    def levels(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        """The recording rules that the alerts stand on, in levels of which each needs only those before it."""
        needs = {rule["record"]: set[str]() for rule in self.recording}
        for rule in self.recording:
            needs[rule["record"]] |= set(_RECORDED.findall(rule["expr"])) & needs.keys()
        wanted = {name for alert in self.alerts for name in _RECORDED.findall(alert["expr"])} & needs.keys()
        while more := {need for name in wanted for need in needs[name]} - wanted:
            wanted |= more
        levels: list[list[Mapping[str, Any]]] = []
        done: set[str] = set()
        while left := wanted - done:
            ready = {name for name in left if needs[name] <= done}
            if not ready:
                raise ValueError(f"these rules need one another: {sorted(left)}")
            levels.append([rule for rule in self.recording if rule["record"] in ready])
            done |= ready
        return levels


@dataclass(slots=True)
class Server:
    """A Prometheus that scrapes nothing, in a directory of its own; times are epoch seconds, ``step`` is in seconds."""

    prometheus: Path
    promtool: Path
    directory: Path
    step: int
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def import_history(self, path: Path) -> None:
        """Takes in a file of OpenMetrics text; the server must not be running."""
        self._promtool("openmetrics", path, self.directory / "data")

    def record(self, rules: Sequence[Mapping[str, Any]], start: float, end: float) -> None:
        """Evaluates recording rules over a time, while running; their series are there after the next start."""
        # Always the same name: a group's moments are shifted by a hash of it.
        path = self.directory / "level.yaml"
        group = {"name": "level", "interval": f"{self.step}s", "rules": [dict(rule) for rule in rules]}
        path.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
        flags = [f"--url={self._url}", f"--start={start:.0f}", f"--end={end:.0f}"]
        self._promtool("rules", *flags, f"--output-dir={self.directory / 'data'}", path)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs the server."""
        config = self.directory / "prometheus.yml"
        config.write_text("{}")
        command: list[str | Path] = [
            *(self.prometheus, f"--config.file={config}", f"--storage.tsdb.path={self.directory / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=10y"),
            *("--query.max-samples=500000000", f"--query.lookback-delta={self.step * 5 // 4}s", "--query.timeout=10m"),
        ]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - as written above
        try:
            self._wait()
            yield
        finally:
            self._process.terminate()
            self._process.wait()

    def query(self, expression: str, start: float, end: float) -> Iterator[tuple[Mapping[str, str], float, float]]:
        """The (labels, time, value) of all samples of an expression, evaluated every ``step``."""
        while start <= end:
            last = min(end, start + (_RANGE - 1) * self.step)
            answer = self._get("query_range", query=expression, start=start, end=last, step=self.step)
            for series in answer["result"]:
                for moment, value in series["values"]:
                    yield series["metric"], float(moment), float(value)
            start = last + self.step

    def moments(self, series: str, at: float) -> Sequence[float]:
        """When a series has samples in the two hours up to ``at``."""
        answer = self._get("query", query=f"{series}[2h]", time=at)
        return [float(moment) for moment, _ in answer["result"][0]["values"]]

    def _get(self, what: str, **parameters: object) -> Any:
        asked = urlencode(parameters).encode()
        with urlopen(f"{self._url}/api/v1/{what}", asked, timeout=600) as answer:  # noqa: S310 - of the server above
            return json.load(answer)["data"]

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with urlopen(f"{self._url}/-/ready", timeout=5):  # noqa: S310 - of the server above
                    return
            except (URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _promtool(self, source: str, *arguments: object) -> None:
        command = [
            self.promtool,
            "tsdb",
            "create-blocks-from",
            "--quiet",
            f"--max-block-duration={_LONGEST_BLOCK}",
            source,
        ]
        ended = subprocess.run(  # noqa: S603 - as written above
            [*map(str, command), *map(str, arguments)], capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise RuntimeError(f"promtool: {ended.stderr or ended.stdout}")
