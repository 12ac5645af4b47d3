"""The probe for containers: when it succeeds, and which URL it uses."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter import probe

Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that answers every request with a status, and return its URL."""
    servers: list[TestServer] = []

    async def start(status: int, context: ssl.SSLContext | None = None) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=status)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        server = TestServer(app, scheme="https" if context else "http")
        await server.start_server(ssl=context)
        servers.append(server)
        return str(server.make_url("/-/healthy"))

    yield start
    for server in servers:
        await server.close()


async def ask(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the probe as a process; return its exit status and its output."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "exporter.probe", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, None),
        (401, None),
        (404, "HTTP status 404"),
        (500, "HTTP status 500"),
        (503, "HTTP status 503"),
        (302, "HTTP status 302"),
    ],
)
async def test_an_answer_or_a_request_for_a_password_means_alive(
    serve: Serve, status: int, expected: str | None
) -> None:
    """Every other status is a failure."""
    url = await serve(status)

    assert ((0, "") if expected is None else (1, f"{url}: {expected}\n")) == await ask(url)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("client_auth", [ssl.CERT_NONE, ssl.CERT_REQUIRED])
async def test_tls(serve: Serve, version: ssl.TLSVersion, client_auth: ssl.VerifyMode) -> None:
    """Any certificate is accepted, and a server that asks for a client certificate is alive."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example.com").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = client_auth
    context.minimum_version = context.maximum_version = version
    url = await serve(200, context)

    assert (0, "") == await ask(url)
    assert 1 == (await ask(url.replace("https", "http")))[0]


async def test_http_where_https_is_asked_for(serve: Serve) -> None:
    """Another server is a failure."""
    assert 1 == (await ask((await serve(200)).replace("http", "https")))[0]


async def test_no_server(unused_tcp_port: int) -> None:
    """The output is one line without a traceback."""
    status, said = await ask(f"http://127.0.0.1:{unused_tcp_port}/")

    assert (1, 1) == (status, said.count("\n"))
    assert "refused" in said


async def test_proxies_are_ignored(serve: Serve) -> None:
    """The exporter is on this machine, so proxies in the environment are ignored."""
    assert (0, "") == await ask(await serve(200), http_proxy="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "http://localhost:10230/-/healthy"),
        ({"WEB_LISTEN_ADDRESS": ":9"}, "http://localhost:9/-/healthy"),
        ({"WEB_LISTEN_ADDRESS": "0.0.0.0:9"}, "http://localhost:9/-/healthy"),
        ({"WEB_LISTEN_ADDRESS": "[::]:9"}, "http://localhost:9/-/healthy"),
        ({"WEB_LISTEN_ADDRESS": "[::1]:9 10.1.2.3:8"}, "http://[::1]:9/-/healthy"),
        ({"WEB_LISTEN_ADDRESS": "10.1.2.3:9"}, "http://10.1.2.3:9/-/healthy"),
        ({"WEB_ROUTE_PREFIX": "/bots/"}, "http://localhost:10230/bots/-/healthy"),
        ({"WEB_EXTERNAL_URL": "https://a/bots/x"}, "http://localhost:10230/bots/x/-/healthy"),
        ({"WEB_EXTERNAL_URL": "https://a/bots", "WEB_ROUTE_PREFIX": "/"}, "http://localhost:10230/-/healthy"),
    ],
)
def test_where_the_environment_says(environment: dict[str, str], expected: str) -> None:
    """The URL follows the exporter's own variables."""
    assert expected == probe.find_url({f"OIFDE_EXPORTER_{name}": value for name, value in environment.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tls_server_config:\n  cert_file: a\n", "https"),
        ("{tls_server_config: {cert_file: a}}\n", "https"),
        ('{"basic_auth_users": {}, "tls_server_config": {"cert_file": "a"}}\n', "https"),
        ("basic_auth_users: {}\n'tls_server_config' : {cert_file: a}\n", "https"),
        ("basic_auth_users: {a: [\ntls_server_config:\n", "https"),
        ("basic_auth_users: {}\n# tls_server_config:\n", "http"),
        ("basic_auth_users: {}  # no tls_server_config:\n", "http"),
    ],
)
def test_tls_where_the_web_configuration_says(tmp_path: Path, text: str, expected: str) -> None:
    """The probe finds TLS in the file, however it is written, even while the file is broken."""
    (tmp_path / "web.yaml").write_text(text)

    url = probe.find_url({"OIFDE_EXPORTER_WEB_CONFIG_FILE": str(tmp_path / "web.yaml")})

    assert f"{expected}://localhost:10230/-/healthy" == url


async def test_a_web_configuration_that_is_not_there() -> None:
    """The error is one line."""
    status, said = await ask(OIFDE_EXPORTER_WEB_CONFIG_FILE="/nowhere.yaml")

    assert (1, 1) == (status, said.count("\n"))
    assert "/nowhere.yaml" in said
