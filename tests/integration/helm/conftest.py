"""The chart, rendered by a real Helm."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.manifests import Helm
from harness.programs import FindProgram

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def chart() -> Path:
    """The exporter's chart."""
    return ROOT / "helm" / "oifde-exporter"


@pytest.fixture(scope="session")
def helm(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm."""
    return Helm(program("helm"), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def application(helm: Helm, chart: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of an application's chart, with the exporter's chart fetched by `helm dependency build`."""
    root = tmp_path_factory.mktemp("application")
    shutil.copytree(chart, root / "helm" / chart.name)
    application = Path(shutil.copytree(ROOT / "examples" / "sidecar", root / "examples" / "sidecar"))
    helm.run("dependency", "build", application)
    return application


@pytest.fixture(scope="session")
def free_port(worker_id: str) -> Callable[[], int]:
    """Choose free ports outside the range that the system assigns by itself, a different one on each call."""
    worker = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    ports = iter(range(20000 + 500 * worker, 20500 + 500 * worker))

    def free() -> int:
        return next(port for port in ports if _is_free(port))

    return free


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
