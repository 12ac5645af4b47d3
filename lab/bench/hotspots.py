"""Measure the CPU time of a process with py-spy, by parts of the program."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_RATE: Final = 250  # samples a second

# The part of a sample is that of its innermost known frame; the page's parts only count as such in a
# scrape. Frames of asyncio and of the standard library say nothing of who needed them.
_PARTS: Final = (
    ("configuration", r"exporter/config/|yaml/|pydantic"),
    ("JSON", r"json/|upstream/answer\.py"),
    ("reading records", r"upstream/reports\.py"),
    ("judging, learning", r"exporter/judging/"),
    ("windows: hours and counters", r"polling/(windows|calendar)\.py"),
    ("writing lines (at the poll)", r"serving/(exposition|catalogue)\.py"),
    ("login, retries", r"upstream/(session|login)\.py"),
    ("limits, failures, accounting", r"upstream/(client|lanes|breaker|failures)\.py"),
    ("history: which days to fetch and to keep, when to learn", r"exporter/history/"),
    ("own metrics", r"prometheus_client/|exporter/health\.py"),
    ("schedule, snapshot, store", r"polling/(poller|schedule|fleet|store|snapshot)\.py"),
    ("log", r"structlog/|exporter/logs\.py"),
    ("HTTP client", r"aiohttp/|yarl/|multidict/|aiohappyeyeballs/|http/"),
    ("the benchmark itself", r"lab/bench/exporter_child"),
)
_SCRAPE: Final = re.compile(r"aiohttp/web_|serving/web\.py")


class UnavailableError(Exception):
    """There is no profile. The message says why."""


def profile(pid: int, seconds: float) -> Counter[str]:
    """Return the samples of a busy process by the part of the program. Raises UnavailableError."""
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{'/usr/local/bin:/usr/bin'}")
    if spy is None:
        raise UnavailableError("py-spy is not installed")
    with TemporaryDirectory() as directory:
        stacks = Path(directory) / "stacks"
        command = [spy, "record", "--format=raw", f"--pid={pid}", f"--rate={_RATE}", "--full-filenames"]
        command += [f"--duration={round(seconds)}", f"--output={stacks}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as written above
        if run.returncode != 0:
            raise UnavailableError(f"py-spy: {run.stderr.strip().splitlines()[-1]}")
        parts: Counter[str] = Counter()
        for line in stacks.read_text(encoding="utf-8").splitlines():
            stack, _, samples = line.rpartition(" ")
            parts[_part(stack)] += int(samples)
    return parts


def _part(stack: str) -> str:
    """Return the part that a stack belongs to: frames from the outermost to the innermost, ``name (file:line);...``."""
    if _SCRAPE.search(stack):
        return "scrape: join, compress, send"
    for frame in reversed(stack.split(";")):
        for part, files in _PARTS:
            if re.search(files, frame):
                return part
    return "event loop: switching tasks, waiting for sockets"
