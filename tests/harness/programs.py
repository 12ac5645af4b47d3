"""The programs the tests need that are no Python packages: one table for installing, finding and missing them.

Run as a script (`make programs`) it installs those that are missing, where it can.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True)
class Program:
    """A program by the names it goes by, the first that is found counts, and the Debian package that has it."""

    executables: tuple[str, ...]
    debian_package: str

    def find(self) -> Path | None:
        """Where it is on this machine."""
        found = (shutil.which(executable) for executable in self.executables)
        return next((Path(path) for path in found if path), None)


PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "alertmanager": Program(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
        "amtool": Program(("amtool",), "prometheus-alertmanager"),
        "prometheus": Program(("prometheus",), "prometheus"),
        "promtool": Program(("promtool",), "prometheus"),
    }
)


class FindProgram(Protocol):
    """Where a program from outside is."""

    def __call__(self, name: str) -> Path:
        """The path of one of PROGRAMS; without it the test is left out, or fails if CI=true."""


# Asked by Debian's packages before they start the service they bring; 101 is "no".
_POLICY = Path("/usr/sbin/policy-rc.d")


def install(packages: list[str]) -> int:
    """Install Debian packages without starting their services; gives the exit status of apt-get."""
    set_policy = not _POLICY.exists()
    if set_policy:
        _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        _POLICY.chmod(0o755)
    try:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        # Out-of-date lists name packages that are gone.
        subprocess.run(["apt-get", "-qq", "update"], check=False, env=environment, stdin=subprocess.DEVNULL)
        command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages]
        return subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ).returncode
    finally:
        if set_policy:
            _POLICY.unlink()


def main() -> None:
    """Install what is missing where that is possible; what then still is, the tests name at their end."""
    packages = sorted({program.debian_package for program in PROGRAMS.values() if program.find() is None})
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"The tests that need {names} cannot run: installing them takes Debian's apt-get and root.")
        return
    print(f"Installing {names} for the tests.", flush=True)
    status = install(packages)
    if status:
        print(f"The tests that need {names} cannot run: apt-get ended with status {status}.", file=sys.stderr)


if __name__ == "__main__":
    main()
