"""The image, built and run without a container engine and without a registry; `make image-test` names this file to pytest.

The base image cannot be pulled everywhere, so a stand-in is made with debootstrap: the same Debian, the same minor version
of Python. buildah builds the Dockerfile upon it. The result's entry point then runs in the image's own root file system,
read-only, without a shell, as the image's user.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.processes import fetch
from harness.programs import FindProgram
from harness.waiting import wait_for

ROOT = Path(__file__).parents[2]
WHEELHOUSE = ROOT / "dist" / "wheelhouse"
REVISION = "0123456789ab"
# Kept: it takes minutes, and changes as rarely as the base image does.
STAND_IN = ROOT / ".cache" / "image-base.tar"


@dataclass(frozen=True)
class Image:
    """The built image: its configuration and its root file system."""

    settings: dict[str, Any]
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return dict(variable.split("=", 1) for variable in self.settings["Env"])

    def inside(self, *command: str) -> list[str]:
        """A command in the root file system, which nobody can write to, by the image's user, with processes of its own."""
        mounts = f"mount --bind {self.root} {self.root} && mount -o remount,ro,bind {self.root}"
        proc = f"mount -t proc proc {self.root}/proc"
        user = f"--userspec={self.settings['User']}"
        enter = f'exec {shutil.which("chroot")} {user} {self.root} env --chdir={self.settings["WorkingDir"]} "$@"'
        shell = ["/bin/sh", "-ec", f"{mounts} && {proc} && {enter}", "sh"]  # this machine's
        return ["/usr/bin/unshare", "--mount", "--pid", "--fork", *shell, *command]


def run(*command: str | Path) -> str:
    """The output of a program that must succeed."""
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="session")
def base(program: FindProgram) -> Path:
    """The stand-in for the base image, as an archive."""
    debootstrap = program("debootstrap")
    if not STAND_IN.exists():
        directory = STAND_IN.with_suffix(".new")
        packages = "--include=python3,python3-pip,python3-venv,ca-certificates"
        run(debootstrap, "--variant=minbase", packages, "bookworm", directory)
        (directory / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        run("tar", "-C", directory, "--exclude=./dev/*", "-cf", f"{directory}.tar", ".")
        Path(f"{directory}.tar").rename(STAND_IN)
        shutil.rmtree(directory)
    return STAND_IN


@pytest.fixture(scope="session")
def image(base: Path, program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, from the Dockerfile; packages come from the wheelhouse alone."""
    storage = tmp_path_factory.mktemp("storage")
    buildah = [str(program("buildah")), "--storage-driver=vfs", f"--root={storage}/root", f"--runroot={storage}/run"]
    container = run(*buildah, "from", "scratch")
    run(*buildah, "add", "--quiet", container, base, "/")
    run(*buildah, "commit", "--quiet", "--rm", container, "localhost/base")
    arguments = {
        "BASE_IMAGE": "localhost/base",
        "REVISION": REVISION,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/wheelhouse",
    }
    built = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    volume = f"--volume={WHEELHOUSE}:/wheelhouse:ro"
    said = run(*buildah, "build", "--isolation=chroot", "--format=docker", "--tag=localhost/test", *built, volume, ROOT)
    assert "not consumed" not in said
    settings = json.loads(run(*buildah, "inspect", "--type=image", "localhost/test"))["Docker"]["config"]
    root = Path(run(*buildah, "mount", run(*buildah, "from", "--pull-never", "localhost/test")))
    yield Image(settings, root)
    shutil.rmtree(storage)  # a gigabyte, which pytest would keep


def test_what_an_engine_goes_by(image: Image) -> None:
    """Its user by number, its entry point without a shell, its health check, its labels."""
    settings = image.settings

    assert "65532:65532" == settings["User"]
    assert ["oifde-exporter"] == settings["Entrypoint"]
    assert ["CMD", "python", "-m", "exporter.probe"] == settings["Healthcheck"]["Test"]
    assert "SIGTERM" == settings["StopSignal"]
    assert ["10230/tcp"] == list(settings["ExposedPorts"])
    assert REVISION == settings["Labels"]["org.opencontainers.image.revision"]


def test_nothing_that_installs_or_builds_came_along(image: Image) -> None:
    """The exporter and what it imports, and no more."""
    packages = image.root.glob("opt/oifde-exporter/lib/python3*/site-packages/*.dist-info")
    names = {path.name.partition("-")[0] for path in packages}

    assert "oifde_exporter" in names
    assert set() == names & {"pip", "setuptools", "wheel", "pytest"}
    assert [] == [*image.root.glob("src/*"), *image.root.glob("wheels"), *image.root.glob("build")]


def test_it_runs(image: Image) -> None:
    """Read-only, without a shell, as nobody; it serves, is healthy, and ends with status 0 when told to."""
    for shell in image.root.glob("usr/bin/*sh"):  # /bin is a link to it
        shell.unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = image.environment | {"OIFDE_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    health = image.inside(*image.settings["Healthcheck"]["Test"][1:])

    process = subprocess.Popen(image.inside(*image.settings["Entrypoint"], "demo"), env=environment)
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        page = asyncio.run(wait_for(lambda: fetch(url), "the exporter")).text
        assert f'revision="{REVISION}"' in page
        assert "\noifde_up{" in page
        assert 0 == subprocess.run(health, env=environment, check=False).returncode
        # The exporter is the first process of its namespace, as in a container; here unshare is its parent.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        os.kill(int(children), signal.SIGTERM)
        assert 0 == process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert 1 == subprocess.run(health, env=environment, check=False).returncode
