"""The image, built by podman and run by runc, without a registry; `make image-test` names this file to pytest.

Images cannot be pulled everywhere, so stand-ins are made: debootstrap makes the base image, with the same Debian and the same
minor version of Python. Prometheus and Alertmanager of the compose example are this machine's.
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import trustme
import yaml

import exporter
from harness.manifests import Helm, Manifest, at
from harness.processes import ExporterProcess, choose_address, fetch
from harness.programs import FindProgram
from harness.waiting import wait_for

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "oifde-exporter"
WHEELHOUSE = ROOT / "dist" / "wheelhouse"
REVISION = "0123456789ab"
EPOCH = 1_700_000_000
IMAGE = f"registry.example.org/oifde-exporter:{exporter.__version__}"
# Kept: it takes minutes, and changes as rarely as the base image does.
STAND_IN = ROOT / ".cache" / "image-base.tar"
# The list of an image for several processors, or a chart.
MANIFESTS = "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json"
# What a careful operator sets.
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=128m", "--user=10001:0")


def run(*command: str | Path, environment: dict[str, str] | None = None, text: str = "") -> str:
    """Return the output of a program that must succeed."""
    ended = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout.strip()


@dataclass(frozen=True)
class Podman:
    """podman, with storage and settings of its own."""

    program: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str | Path, text: str = "") -> str:
        """Run it, and return its output."""
        return run(self.program, *arguments, environment=self.environment, text=text)

    def build(self, tag: str, *arguments: str, context: Path = ROOT, text: str = "") -> None:
        """Build an image in the format that has health checks."""
        self(
            "build", "--format=docker", "--pull=never", "--network=none", f"--tag={tag}", *arguments, context, text=text
        )

    def inspect(self, name: str) -> Any:
        """Return what it knows of an image or a container."""
        (known,) = json.loads(self("inspect", name))
        return known

    @contextmanager
    def container(self, *arguments: str | Path) -> Iterator[str]:
        """Run a container of the image on the host's network; end it with SIGTERM, with status 0."""
        name = self("run", "--detach", "--network=host", *arguments)
        try:
            yield name
            self("stop", "--time=30", name)
            assert 0 == self.inspect(name)["State"]["ExitCode"], self("logs", name)
        finally:
            self("rm", "--force", name)


@pytest.fixture(scope="session")
def podman(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Return podman with runc."""
    for name in ("runc", "netavark", "aardvark-dns", "catatonit", "iptables"):
        program(name)
    directory = tmp_path_factory.mktemp("podman")
    (directory / "containers.conf").write_text(
        # More than the limits of this process would be refused.
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{directory}/networks"\n',
        encoding="utf-8",
    )
    (directory / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/root"\nrunroot = "{directory}/run"\n',
        encoding="utf-8",
    )
    (directory / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}', encoding="ascii")
    environment = os.environ | {
        "CONTAINERS_CONF": str(directory / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
    }
    podman = Podman(program("podman"), environment)
    yield podman
    podman("pod", "rm", "--all", "--force")
    podman("rm", "--all", "--force")
    podman("rmi", "--all", "--force")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def base(podman: Podman, program: FindProgram) -> str:
    """Return the stand-in for the base image. Like the original, it has no bytecode of the standard library."""
    debootstrap = program("debootstrap")
    if not STAND_IN.exists():
        directory = STAND_IN.with_suffix(".new")
        run(debootstrap, "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm", directory)
        (directory / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        run("tar", "-C", directory, "--exclude=./dev/*", "--exclude=*.pyc", "-cf", f"{directory}.tar", ".")
        Path(f"{directory}.tar").rename(STAND_IN)
        shutil.rmtree(directory)
    podman("import", STAND_IN, "localhost/base")
    return "localhost/base"


def build(podman: Podman, base: str, tag: str) -> None:
    """Build the Dockerfile, with packages from the wheelhouse alone."""
    arguments = {
        "BASE_IMAGE": base,
        "REVISION": REVISION,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/wheelhouse",
    }
    built = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    podman.build(tag, "--no-cache", f"--timestamp={EPOCH}", f"--volume={WHEELHOUSE}:/wheelhouse:ro", *built)


@pytest.fixture(scope="session")
def image(podman: Podman, base: str) -> str:
    """Return the name of the image."""
    build(podman, base, IMAGE)
    return IMAGE


def test_what_an_engine_goes_by(podman: Podman, image: str) -> None:
    """Its user by number, its entry point without a shell, its health check, its labels."""
    known = podman.inspect(image)
    settings = known["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in settings["Labels"].items()}

    assert "65532:65532" == settings["User"]
    assert ["oifde-exporter"] == settings["Entrypoint"]
    assert ["CMD", "python", "-m", "exporter.probe"] == known["Healthcheck"]["Test"]
    assert "SIGTERM" == settings["StopSignal"]
    assert ["10230/tcp"] == list(settings["ExposedPorts"])
    assert REVISION == labels["revision"]
    assert "localhost/base" == labels["base.name"]
    assert {"source", "url", "documentation", "licenses", "title", "description", "version", "created"} <= set(labels)


def test_two_builds_are_the_same(podman: Podman, base: str, image: str) -> None:
    """Every byte of the layers, and the settings. The rest of its configuration has podman's random names of containers."""
    build(podman, base, "localhost/again")
    first, second = podman.inspect(image), podman.inspect("localhost/again")

    assert first["RootFS"] == second["RootFS"]
    assert first["Config"] == second["Config"]


INSIDE = """
import importlib.util, pathlib, sys
site = pathlib.Path(sys.prefix)
sources = [*site.rglob("*.py"), *pathlib.Path(importlib.util.find_spec("json").origin).parent.rglob("*.py")]
caches = {source: pathlib.Path(importlib.util.cache_from_source(str(source))) for source in sources}
print(*sorted(path.name for path in (site / "bin").iterdir()))
print(*sorted(name for name in ("pip", "setuptools", "wheel", "ensurepip", "pytest") if importlib.util.find_spec(name)))
print(*(source for source, cache in caches.items() if not cache.exists() or cache.read_bytes()[4:8] != bytes([1, 0, 0, 0])))
print(*(path for path in map(pathlib.Path, ("/src", "/wheels", "/build")) if path.exists()))
print(pathlib.Path.cwd())
"""


def test_nothing_that_installs_or_builds_came_along(podman: Podman, image: str) -> None:
    """Only the exporter and its packages, with bytecode that is valid whatever the files' times, in the working directory."""
    programs, packages, uncompiled, built, directory = podman(
        "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", INSIDE
    ).split("\n")

    assert "oifde-exporter python python3 python3.11" == programs
    assert ("", "", "") == (packages, uncompiled, built)
    assert "/etc/oifde-exporter" == directory


async def test_it_runs(podman: Podman, image: str) -> None:
    """With a read-only root, another user, no capabilities, no new privileges and little memory; SIGTERM ends it well."""
    address = choose_address()
    with podman.container(*HARDENED, f"--env=OIFDE_EXPORTER_WEB_LISTEN_ADDRESS={address}", image, "demo") as name:
        page = (await wait_for(lambda: fetch(f"http://{address}/metrics"), "the exporter")).text
        assert f'revision="{REVISION}"' in page
        assert "\noifde_up{" in page
        podman("healthcheck", "run", name)
    assert "" == podman("ps", "--all", "--quiet")


def write_web_config(directory: Path) -> None:
    """Write a configuration that asks for a password, and a new certificate."""
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(directory / "tls.pem")
    web = {
        "tls_server_config": {"cert_file": "tls.pem", "key_file": "tls.pem"},
        "basic_auth_users": {"prometheus": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode("ascii")},
    }
    (directory / "web.yaml").write_text(yaml.safe_dump(web), encoding="utf-8")


def get_certificate(address: str) -> str:
    """Return the certificate that a server shows."""
    host, _, port = address.partition(":")
    return ssl.get_server_certificate((host, int(port)))


def set_variables(**settings: str) -> list[str]:
    """Return podman's arguments for variables of the exporter."""
    return [f"--env=OIFDE_EXPORTER_{name}={value}" for name, value in settings.items()]


async def test_it_is_healthy_with_tls_and_passwords(podman: Podman, image: str, tmp_path: Path) -> None:
    """The health check needs neither."""
    directory = tmp_path / "web"
    directory.mkdir()
    write_web_config(directory)
    address = choose_address()
    variables = set_variables(WEB_LISTEN_ADDRESS=address, WEB_CONFIG_FILE="/web/web.yaml")
    with podman.container(*HARDENED, *variables, f"--volume={directory}:/web:ro", image, "demo") as name:
        await wait_for(lambda: get_certificate(address), "the exporter")
        podman("healthcheck", "run", name)


class Volume:
    """A directory that is updated as the kubelet does: a link to a new directory replaces the old one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._versions = 0

    def update(self, **files: str) -> None:
        """Replace all files at once; ``name_yaml`` is the file ``name.yaml``."""
        self._versions += 1
        version = self.directory / f"..{self._versions}"
        version.mkdir()
        for name, text in files.items():
            file = name.replace("_yaml", ".yaml")
            (version / file).write_text(text, encoding="utf-8")
            if self._versions == 1:
                (self.directory / file).symlink_to(f"..data/{file}")
        (self.directory / "..data_tmp").symlink_to(version.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """Run the simulated platform, and return its configuration."""
    flags = ("--log.format=json", "--web.listen-address=127.0.0.1:0", f"--write-config={tmp_path}/demo.yaml")
    demo = ExporterProcess(["demo", *flags], tmp_path / "demo", {})
    try:
        await demo.started()
        yield yaml.safe_load((tmp_path / "demo.yaml").read_text(encoding="utf-8"))["platforms"][0]
    finally:
        await demo.stop()


async def test_updates_of_the_kubelet_need_no_restart(
    podman: Podman, image: str, platform: dict[str, Any], tmp_path: Path
) -> None:
    """A new secret ends the refused logins, a new configuration adds a bot, a new certificate is shown."""
    tenant = platform["tenants"][0]
    secret = tenant["auth"]["app_secret"]

    def configure(bots: int) -> str:
        account = tenant | {"auth": {"app_secret_file": "/files/secret"}, "bots": tenant["bots"][:bots]}
        return yaml.safe_dump({"poll_interval": "1s", "platforms": [platform | {"tenants": [account]}]})

    def certify() -> dict[str, str]:
        write_web_config(tmp_path)
        return {
            "web_yaml": "tls_server_config: {cert_file: tls, key_file: tls}",
            "tls": (tmp_path / "tls.pem").read_text(encoding="ascii"),
        }

    async def count(wanted: int, up: float) -> bool:
        async with aiohttp.request("GET", f"https://{address}/metrics", ssl=False) as response:
            page = await response.text()
        return [f"{up}"] * wanted == re.findall(r"^oifde_up\{.*\} (.*)$", page, re.MULTILINE)

    web, files, address = certify(), Volume(tmp_path / "files"), choose_address()
    files.update(config_yaml=configure(1), secret="wrong", **web)
    variables = set_variables(
        WEB_LISTEN_ADDRESS=address,
        WEB_CONFIG_FILE="/files/web.yaml",
        CONFIG_FILE="/files/config.yaml",
        CONFIG_AUTO_RELOAD_INTERVAL="1s",
    )
    with podman.container(*HARDENED, *variables, f"--volume={files.directory}:/files:ro", image):
        await wait_for(lambda: count(1, 0.0), "a refused login")
        files.update(config_yaml=configure(1), secret=secret, **web)
        await wait_for(lambda: count(1, 1.0), "a login with the new secret")
        files.update(config_yaml=configure(2), secret=secret, **web)
        await wait_for(lambda: count(2, 1.0), "the second bot")
        before = get_certificate(address)
        files.update(config_yaml=configure(2), secret=secret, **certify())
        await wait_for(lambda: get_certificate(address) != before, "the new certificate")


async def play(podman: Podman, manifests: list[Manifest], address: str, directory: Path) -> str:
    """Start the pods of rendered manifests, and return the exporter's metrics."""
    played = {"Deployment", "ConfigMap", "Secret"}
    pods = directory / "pods.yaml"
    pods.write_text(yaml.safe_dump_all(one for one in manifests if one["kind"] in played), encoding="utf-8")
    podman("kube", "play", pods)
    try:
        return (await wait_for(lambda: fetch(f"http://{address}/metrics"), "the exporter in its pod")).text
    finally:
        podman("kube", "down", pods)


async def test_podman_plays_the_charts_deployment(
    podman: Podman, image: str, program: FindProgram, tmp_path: Path
) -> None:
    """As Helm renders it."""
    address = choose_address()
    values = {"demo": True, "containerPort": int(address.partition(":")[2])}
    manifests = Helm(program("helm"), tmp_path / "home").template(CHART, values)

    assert "\noifde_up{" in await play(podman, manifests, address, tmp_path)


async def test_podman_plays_the_sidecar(
    podman: Podman, image: str, base: str, program: FindProgram, tmp_path: Path
) -> None:
    """In the pod of the example's application."""
    helm, address = Helm(program("helm"), tmp_path / "home"), choose_address()
    shutil.copytree(CHART, tmp_path / "helm" / CHART.name)
    application = Path(shutil.copytree(ROOT / "examples" / "sidecar", tmp_path / "examples" / "sidecar"))
    helm.run("dependency", "build", application)
    podman.build(
        "localhost/application", "--file=-", context=tmp_path, text="FROM localhost/base\nCMD sleep infinity\n"
    )
    sidecar = {"containerPort": int(address.partition(":")[2])}
    manifests = helm.template(application, {"image": "localhost/application", "oifde-exporter": sidecar})
    for volume in at(manifests, "Deployment:spec/template/spec/volumes"):
        volume.get("secret", {})["optional"] = False  # the default, without which podman 4.3 crashes
    metadata = {"name": "application-oifde"}
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": {"app_secret": "c2VjcmV0"}}

    assert "\noifde_bot_info{" in await play(podman, [secret, *manifests], address, tmp_path)


async def test_the_compose_example_runs(
    podman: Podman, image: str, base: str, program: FindProgram, tmp_path: Path
) -> None:
    """Prometheus scrapes the exporter and finds Alertmanager. Only Grafana, which Debian does not have, is left out."""
    directory = ROOT / "examples" / "compose"
    text = (directory / "compose.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load(text.replace("../../", f"{ROOT}/").replace("- ./", f"- {directory}/"))
    addresses = {}
    del compose["services"]["grafana"], compose["services"]["exporter"]["build"]
    for name, service in compose["services"].items():
        addresses[name] = choose_address()
        service["ports"] = [f"{addresses[name]}:{service['ports'][0].rpartition(':')[2]}"]
        if name != "exporter":
            shutil.copy(program(name), tmp_path / "main")
            file = 'FROM localhost/base\nCOPY main /\nENTRYPOINT ["/main"]\n'
            podman.build(service["image"], "--file=-", context=tmp_path, text=file)
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(compose), encoding="utf-8")
    command = (sys.executable, "-m", "podman_compose", f"--file={tmp_path}/compose.yaml")
    prometheus = f"http://{addresses['prometheus']}/api/v1"

    async def scraped() -> bool:
        answer = await fetch(f"{prometheus}/query?query=oifde_up")
        assert 200 == answer.status
        return len(json.loads(answer.text)["data"]["result"]) > 1

    run(*command, "up", "--detach", environment=podman.environment)
    try:
        await wait_for(scraped, "the first scrape")
        managers = json.loads((await fetch(f"{prometheus}/alertmanagers")).text)["data"]["activeAlertmanagers"]
        assert ["http://alertmanager:9093/api/v2/alerts"] == [manager["url"] for manager in managers]
    finally:
        run(*command, "down", "--volumes", environment=podman.environment)


@pytest.fixture
def registry(program: FindProgram, tmp_path: Path) -> Iterator[str]:
    """Run a registry, and return its address."""
    address = choose_address()
    storage = {"filesystem": {"rootdirectory": f"{tmp_path}/data"}}
    settings = tmp_path / "registry.yaml"
    settings.write_text(
        yaml.safe_dump({"version": 0.1, "storage": storage, "http": {"addr": address}}), encoding="utf-8"
    )
    with subprocess.Popen([program("docker-registry"), "serve", settings]) as process:
        yield address
        process.terminate()


async def test_a_release_is_published(
    podman: Podman, image: str, registry: str, program: FindProgram, tmp_path: Path
) -> None:
    """`make publish-image` and `make publish-chart` push to a registry, and write the digests that the workflow signs."""
    await wait_for(lambda: fetch(f"http://{registry}/v2/"), "the registry")
    podman("save", "--format=docker-archive", f"--output={tmp_path}/amd64.tar", image)
    Helm(program("helm"), tmp_path / "home").run("package", CHART, f"--destination={tmp_path}")
    variables = [f"REGISTRY_ADDRESS={registry}", f"IMAGES={tmp_path}", f"RELEASE={tmp_path}", f"HELM={program('helm')}"]
    plain = ["PODMAN_PUSH_ARGS=--tls-verify=false", "HELM_PUSH_ARGS=--plain-http"]

    for target, name in (("publish-image", "oifde-exporter"), ("publish-chart", "charts/oifde-exporter")):
        make = ("make", "--silent", f"--directory={ROOT}", target, *variables, *plain)
        published = dict(line.split("=", 1) for line in run(*make, environment=podman.environment).splitlines())
        stored = await fetch(
            f"http://{registry}/v2/{name}/manifests/{exporter.__version__}", headers={"Accept": MANIFESTS}
        )
        assert f"{registry}/{name}" == published["name"]
        assert stored.headers["docker-content-digest"] == published["digest"]
