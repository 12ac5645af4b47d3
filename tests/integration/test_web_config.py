"""--web.config.file with the daemon itself, and with a real Prometheus."""

import asyncio
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import bcrypt
import pytest
import trustme

from exporter.serving.webconfig.current import load
from harness.processes import ExporterProcess
from harness.waiting import wait_for

from .conftest import StartExporter, StartPrometheus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Certificates of an authority, for the server and for a client, and a stranger's."""
    directory = tmp_path / "web"
    directory.mkdir()
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(directory / "ca.pem"))
    issued = {
        "server": ours.issue_cert("localhost", "127.0.0.1"),
        "renewed": ours.issue_cert("localhost", "127.0.0.1"),
        "client": ours.issue_cert("prometheus.example.com"),
        "stranger": theirs.issue_cert("prometheus.example.com"),
    }
    for name, certificate in issued.items():
        certificate.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        certificate.cert_chain_pems[0].write_to_path(str(directory / f"{name}.pem"))
        (directory / f"{name}.key").chmod(0o600)
    return directory


@pytest.fixture
def everything(directory: Path) -> Path:
    """A file that asks for TLS, a client's certificate and a password, all at once: the example."""
    text = (ROOT / "web-config.example.yaml").read_text(encoding="utf-8")
    hashed = bcrypt.hashpw(b"canary", bcrypt.gensalt(4)).decode()
    path = directory / "web.yaml"
    path.write_text(re.sub(r"prometheus: \S+", f"prometheus: {hashed}", text), encoding="utf-8")
    return path


async def ask(exporter: ExporterProcess, directory: Path, client: str | None, password: str | None) -> int:
    """The status of an answer to a client with a certificate and a password, or without them."""
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    if client:
        context.load_cert_chain(directory / f"{client}.pem", directory / f"{client}.key")
    headers = {"Authorization": aiohttp.encode_basic_auth("prometheus", password)} if password else {}
    url = f"https://{exporter.address}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, ssl=context, headers=headers) as response:
        await response.read()
        return response.status


async def test_the_daemon_behind_everything(start_exporter: StartExporter, everything: Path, directory: Path) -> None:
    """The example rejects a client that lacks any credential, and shows the password nowhere."""
    exporter = await start_exporter("demo", f"--web.config.file={everything}", "--log.level=debug")

    assert 200 == await ask(exporter, directory, "client", "canary")
    assert 401 == await ask(exporter, directory, "client", "wrong-canary")
    assert 401 == await ask(exporter, directory, "client", None)
    for client in (None, "stranger"):
        with pytest.raises(aiohttp.ClientError):
            await ask(exporter, directory, client, "canary")
    with pytest.raises(aiohttp.ClientError):
        await exporter.fetch("/metrics")
    assert ["https"] == [event["scheme"] for event in exporter.events("listening")]
    assert f"https://{exporter.address}/" in exporter.output
    assert not [text for text in (exporter.log, exporter.output) if "canary" in text]


async def test_prometheus_scrapes_it(
    start_exporter: StartExporter, start_prometheus: StartPrometheus, everything: Path, directory: Path
) -> None:
    """With the certificate and the password in its scrape configuration; a renewed certificate goes unnoticed."""
    exporter = await start_exporter("demo", f"--web.config.file={everything}")
    job = {
        "job_name": "oifde",
        "scheme": "https",
        "tls_config": {
            name: str(directory / f"{file}")
            for name, file in (("ca_file", "ca.pem"), ("cert_file", "client.pem"), ("key_file", "client.key"))
        },
        "basic_auth": {"username": "prometheus", "password": "canary"},
        "static_configs": [{"targets": [exporter.address]}],
    }
    prometheus = await start_prometheus({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})

    await wait_for(lambda: prometheus.query("sum(oifde_up) > 0"), "the first scrape")
    for suffix in ("pem", "key"):
        (directory / f"renewed.{suffix}").replace(directory / f"server.{suffix}")
    assert 200 == await ask(exporter, directory, "client", "canary")
    await wait_for(lambda: prometheus.query("count_over_time(oifde_exporter_bots[1m]) >= 4"), "more scrapes")
    assert [1.0] == [sample.value for sample in await prometheus.query("min_over_time(up[1m])")]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the exporter to its end, which should be soon."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OIFDE_EXPORTER_")}
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments, "--web.listen-address=127.0.0.1:0"],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "text, expected",
    [
        (None, "web.yaml: cannot read the file: No such file or directory\n"),
        (
            "tls_server_config: {cert_file: server.pem, key_file: gone}\n",
            "web.yaml:1: tls_server_config.key_file: cannot read the file: No such file or directory (in FOLDER)\n",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: client.key}\n",
            (
                "web.yaml:1: tls_server_config: cert_file and key_file must hold a certificate and its key in PEM format,"
                " the key not encrypted\n"
            ),
        ),
        ("tls_server_config:\n", "web.yaml:1: tls_server_config: the value is missing; write one, or remove the key\n"),
    ],
)
@pytest.mark.parametrize("by_flag", [True, False])
def test_a_broken_file_is_told_at_the_start(directory: Path, text: str | None, expected: str, *, by_flag: bool) -> None:
    """One line, exit status 1, and nothing was served."""
    if text is not None:
        (directory / "web.yaml").write_text(text, encoding="utf-8")
    if by_flag:
        ended = run("demo", "--web.config.file=web.yaml", cwd=directory)
    else:
        ended = run("demo", cwd=directory, OIFDE_EXPORTER_WEB_CONFIG_FILE="web.yaml")

    assert (1, "", expected.replace("FOLDER", str(directory))) == (ended.returncode, ended.stdout, ended.stderr)


async def test_it_ends_while_passwords_are_checked(start_exporter: StartExporter, tmp_path: Path) -> None:
    """SIGTERM ends it with status 0, whatever is waiting."""
    file = tmp_path / "web.yaml"
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(12)).decode()
    file.write_text(f"basic_auth_users: {{alice: {hashed}}}\n", encoding="utf-8")
    exporter = await start_exporter("demo", f"--web.config.file={file}")

    async def guess(number: int) -> None:
        headers = {"Authorization": aiohttp.encode_basic_auth("alice", f"guess {number}")}
        await exporter.fetch("/metrics", headers=headers)

    guesses = [asyncio.create_task(guess(number)) for number in range(16)]
    await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
    exporter.send_signal(signal.SIGTERM)
    assert 0 == await exporter.ended()
    await asyncio.gather(*guesses, return_exceptions=True)


def test_the_example_loads(everything: Path) -> None:
    """The example works unchanged beside certificates with those names."""
    shutil.copyfile(ROOT / "web-config.example.yaml", everything)

    config = load(everything)

    assert config.context
    assert (frozenset({"prometheus.example.com"}), [b"prometheus"]) == (config.client_names, list(config.users))
