"""Describe the machine of a measurement, and measure its processes."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from exporter.revision import read_revision

_LIBRARIES: Final = ("aiohttp", "isal", "prometheus-client", "pydantic", "PyYAML", "uvloop")
_MIB: Final = 1 << 20


def describe() -> Sequence[tuple[str, str]]:
    """Return properties of the machine and of the software, as pairs of name and value."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
    return (
        ("CPU", f"{_cpu()}, {os.cpu_count()} cores"),
        ("Memory", f"{memory:,} MiB"),
        ("System", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("Libraries", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        ("Exporter", f"{version('oifde-exporter')} {_revision()}".strip()),
    )


def load() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return the seconds that a process's first thread has spent on a CPU."""
    return _scheduled(pid)[0]


def starved_seconds(pid: int) -> float:
    """Return the seconds that a process's first thread has waited for a CPU."""
    return _scheduled(pid)[1]


def _scheduled(pid: int) -> tuple[float, float]:
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(ran) / 1e9, int(waited) / 1e9


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    described = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as written above
    return described.stdout.strip() if described.returncode == 0 else read_revision()
