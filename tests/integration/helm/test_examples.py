"""The examples work: manifests, compose, the systemd unit."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.clock import SystemClock
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness.manifests import VERSIONS, Helm, Manifest, at, errors, pods, unrestricted
from harness.pod import Pod
from harness.processes import fetch
from harness.programs import FindProgram
from harness.waiting import wait_for

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
TENANT = SimTenant("202104237142", (SimBot("943370855474270208", "billing"),))


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Start a platform with the bot of the examples."""
    async with Simulator(SimulatedWorld(1, [TENANT], CALM), clock=SystemClock()) as running:
        yield running


def run(*command: str | Path, **environment: str) -> tuple[int, str]:
    """Run a program; return its exit status and its output."""
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )
    return ended.returncode, ended.stdout + ended.stderr


def load(path: Path, *replaced: tuple[str, str]) -> Any:
    """Load an example's documents, with the user's own texts in place of the example's."""
    text = path.read_text(encoding="utf-8")
    for example, own in replaced:
        assert example in text
        text = text.replace(example, own)
    return list(yaml.safe_load_all(text))


@pytest.fixture
def kustomized(program: FindProgram, tmp_path: Path) -> Callable[..., list[Manifest]]:
    """Run `kubectl kustomize` with another secret and platform."""
    kubectl = program("kubectl")

    def build(url: str = "https://aicc.example.com:28090") -> list[Manifest]:
        directory = Path(shutil.copytree(EXAMPLES / "kubernetes", tmp_path / "kubernetes"))
        (directory / "app_secret").write_text(default_secret(TENANT.tenant_id))
        config = directory / "config.yaml"
        config.write_text(config.read_text().replace("https://aicc.example.com:28090", url))
        status, said = run(kubectl, "kustomize", directory)
        assert 0 == status, said
        return list(yaml.safe_load_all(said))

    return build


def by_environment() -> list[Manifest]:
    """Load the sidecar that needs no file."""
    found: list[Manifest] = load(EXAMPLES / "kubernetes" / "sidecar-by-environment.yaml")
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_and_restricted(
    kustomized: Callable[..., list[Manifest]], helm: Helm, application: Path, version: str
) -> None:
    """An API server accepts them, in a namespace that enforces the "restricted" standard."""
    manifests = [*kustomized(), *by_environment(), *helm.template(application, None, f"--kube-version={version}")]

    assert [] == [error for manifest in manifests for error in errors(manifest, version)]
    assert 3 == len(list(pods(manifests)))
    assert [] == [fault for _, pod in pods(manifests) for fault in unrestricted(pod)]


def test_the_application_s_chart_lints(helm: Helm, application: Path) -> None:
    """`helm lint --strict` accepts it with its dependency."""
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.run("lint", "--strict", application)


def documented_values() -> Iterator[Any]:
    """Yield the values that the pages about the chart show."""
    for page in ("docs/kubernetes.md", "docs/zh/kubernetes.md", "helm/oifde-exporter/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in re.findall(r"^```yaml\n([^{].*?)^```$", text, re.MULTILINE | re.DOTALL):
            values = yaml.safe_load(block)
            if values.get("kind") == "Application":
                values = values["spec"]["source"]["helm"]["valuesObject"]
            yield pytest.param(values, id=f"{page}: {' '.join(values)}")


@pytest.mark.parametrize("values", [*documented_values()])
def test_documented_values_are_accepted(helm: Helm, chart: Path, values: dict[str, Any]) -> None:
    """The chart renders valid manifests with the values of each example, which need no others but a configuration."""
    manifests = helm.template(chart, {"existingConfigMap": "bots"} | values if "config" not in values else values)

    assert [] == [error for manifest in manifests for error in errors(manifest, VERSIONS[-1])]


async def is_up(address: str) -> bool:
    """Return whether the exporter reports the bot as up."""
    return 'report="hour"} 1.0\n' in (await fetch(f"http://{address}/metrics")).text


@pytest.mark.parametrize("example", ["kustomization", "by environment"])
async def test_manifests_run(
    example: str,
    kustomized: Callable[..., list[Manifest]],
    simulator: Simulator,
    free_port: Callable[[], int],
    running: AsyncExitStack,
    tmp_path: Path,
) -> None:
    """They work with the platform's address, the secret and the port replaced."""
    port = free_port()
    if example == "kustomization":
        manifests = kustomized(simulator.url)
        name, pod = "exporter", at(manifests, "Deployment:spec/template")
        pod["spec"]["containers"][0]["args"].append(f"--web.listen-address=127.0.0.1:{port}")
    else:
        manifests = load(
            EXAMPLES / "kubernetes" / "sidecar-by-environment.yaml",
            ("https://aicc.example.com:28090", simulator.url),
            ("replace-me", default_secret(TENANT.tenant_id)),
            ("value: :10230", f"value: 127.0.0.1:{port}"),
        )
        name, pod = "oifde-exporter", at(manifests, "Deployment:spec/template")
    (container,) = (one for one in pod["spec"]["containers"] if one["name"] == name)
    container["ports"][0]["containerPort"] = port
    container.setdefault("args", []).append("--log.format=json")
    started = Pod(pod, manifests, tmp_path / "pod")
    process = started.process(name, tmp_path / "process")
    running.push_async_callback(process.stop)
    await process.started()

    await wait_for(lambda: is_up(process.address), "the bot")
    assert await started.probe(name, "livenessProbe")


def test_compose_s_files_are_there(program: FindProgram, tmp_path: Path) -> None:
    """Every mounted file exists. Prometheus and Alertmanager accept their files, Prometheus with the chart's rules."""
    directory = EXAMPLES / "compose"
    (compose,) = load(directory / "compose.yaml")
    mounts = [mount.split(":")[:2] for one in compose["services"].values() for mount in one.get("volumes", [])]
    assert [] == [
        source for source, _ in mounts if not (source in compose["volumes"] or (directory / source).resolve().exists())
    ]
    assert (directory / compose["services"]["exporter"]["build"]["context"] / "Dockerfile").is_file()

    shutil.copy(directory / "prometheus.yaml", tmp_path)
    shutil.copytree(ROOT / "helm" / "oifde-exporter" / "rules", tmp_path / "rules")
    status, said = run(program("promtool"), "check", "config", tmp_path / "prometheus.yaml")
    assert (0, True) == (status, "rules found" in said), said
    status, said = run(program("amtool"), "check-config", directory / "alertmanager.yaml")
    assert 0 == status, said


def test_the_systemd_unit_is_valid_and_hardened(program: FindProgram, tmp_path: Path) -> None:
    """`systemd-analyze` finds no error, and an exposure of at most 1.5 of 10."""
    analyze = program("systemd-analyze")
    unit = tmp_path / "oifde-exporter.service"
    text = (EXAMPLES / "systemd" / "oifde-exporter.service").read_text(encoding="utf-8")
    installed = "/opt/oifde-exporter/bin/oifde-exporter"
    assert installed in text
    unit.write_text(text.replace(installed, str(Path(sys.executable).with_name("oifde-exporter"))))

    assert (0, "") == run(analyze, "verify", "--man=no", unit)
    status, said = run(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", unit)
    assert 0 == status, said


async def test_the_systemd_unit_s_secret(
    simulator: Simulator, running: AsyncExitStack, start_exporter: Any, tmp_path: Path
) -> None:
    """The exporter finds a credential by the variable that systemd sets."""
    unit = (EXAMPLES / "systemd" / "oifde-exporter.service").read_text(encoding="utf-8")
    line = "app_secret_file: ${CREDENTIALS_DIRECTORY}/app_secret"
    assert line in unit
    (tmp_path / "app_secret").write_text(default_secret(TENANT.tenant_id))
    text = (
        (EXAMPLES / "kubernetes" / "config.yaml").read_text().replace("https://aicc.example.com:28090", simulator.url)
    )
    config = text.replace("app_secret_file: /etc/oifde-exporter/secrets/app_secret", line)
    assert line in config

    exporter = await start_exporter(config=config, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    await wait_for(lambda: is_up(exporter.address), "the bot")
