"""TLS over real sockets. The cases of exporter-toolkit's tests, and more."""

import asyncio
import io
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.serving.server import Limits
from exporter.serving.webconfig.tls import read_subject_alt_names

from .conftest import TIMEOUT, TLS, Get, Running, Serve

MakeContext = Callable[..., ssl.SSLContext]

END = "-----END CERTIFICATE-----"

REQUIRED = """\
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
"""


@contextmanager
def refused() -> Iterator[None]:
    """The server ends the connection, with an alert (in TLS 1.3 perhaps only when the client reads) or without one."""
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)) as caught:
        yield
    if isinstance(caught.value, ssl.SSLError):
        assert re.search("ALERT|EOF", str(caught.value))
    if isinstance(caught.value, asyncio.IncompleteReadError):
        assert b"" == caught.value.partial


def tls(extra: str) -> str:
    """A configuration with more lines under tls_server_config."""
    return f"tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n{extra}"


@pytest.fixture
def tls12(client: MakeContext) -> ssl.SSLContext:
    """A client that speaks TLS 1.2 at most."""
    context = client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def test_without_a_file_there_is_no_tls(serve: Serve, get: Get, client: MakeContext) -> None:
    """Plain HTTP by default, and only that."""
    async with serve() as running:
        assert 200 == (await get(running)).status
        with pytest.raises(ssl.SSLError, match="wrong version number"):
            await get(running, context=client())


async def test_tls(serve: Serve, get: Get, client: MakeContext) -> None:
    """A certificate and a key are sufficient."""
    async with serve(TLS) as running:
        answer = await get(running, context=client())

    assert (200, "TLSv1.3") == (answer.status, answer.version)


async def test_no_plain_http_with_tls(serve: Serve, get: Get) -> None:
    """A client without TLS gets no response, not even an error."""
    async with serve(TLS) as running:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)) as caught:
            await get(running, "/metrics")

    # A TLS alert may arrive, which is not an HTTP response.
    if isinstance(caught.value, asyncio.IncompleteReadError):
        assert b"HTTP" not in caught.value.partial


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_old_clients_are_refused(serve: Serve, get: Get, client: MakeContext) -> None:
    """TLS 1.1 is insecure, and is rejected."""
    context = client()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with serve(TLS) as running:
        with refused():
            await get(running, context=context)


@pytest.mark.parametrize(
    "extra, newest_of_client, expected",
    [
        ("", ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        ("", ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ("  min_version: TLS12\n  max_version: TLS12\n", ssl.TLSVersion.TLSv1_3, "TLSv1.2"),
        ("  min_version: TLS13\n", ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ("  min_version: TLS13\n", ssl.TLSVersion.TLSv1_2, None),
    ],
)
async def test_versions(
    serve: Serve,
    get: Get,
    client: MakeContext,
    extra: str,
    newest_of_client: ssl.TLSVersion,
    expected: str | None,
) -> None:
    """The limits apply to every connection."""
    context = client()
    context.maximum_version = newest_of_client
    async with serve(tls(extra)) as running:
        if expected is None:
            with refused():
                await get(running, context=context)
        else:
            assert expected == (await get(running, context=context)).version


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_nobody_gets_in_without_a_certificate(
    serve: Serve, get: Get, client: MakeContext, version: ssl.TLSVersion
) -> None:
    """If client certificates are required, clients without one, or with one of another authority, get no response."""
    async with serve(REQUIRED) as running:
        for name in (None, "stranger"):
            context = client(name)
            context.minimum_version = context.maximum_version = version
            for path in ("/metrics", "/", "/-/healthy", "/api/v1/bots"):
                with refused():
                    await get(running, path, context=context)
        context = client("client")
        context.minimum_version = context.maximum_version = version
        assert 200 == (await get(running, "/metrics", context=context)).status


async def test_a_client_may_be_its_own_authority(serve: Serve, get: Get, client: MakeContext) -> None:
    """A client's certificate in client_ca_file admits this client and no other, as in the toolkit."""
    async with serve(REQUIRED.replace("ca.pem", "client.pem")) as running:
        assert 200 == (await get(running, context=client("client"))).status
        with refused():
            await get(running, context=client("server"))


async def test_certificates_verified_if_given(serve: Serve, get: Get, client: MakeContext) -> None:
    """A certificate is optional, but an invalid one is refused."""
    text = REQUIRED.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    async with serve(text) as running:
        for name in (None, "client"):
            assert 200 == (await get(running, context=client(name))).status
        with refused():
            await get(running, context=client("stranger"))


@pytest.mark.parametrize(
    "allowed, admitted",
    [
        ("[test3, one]", True),
        ("['::1']", True),
        ("[prometheus@example.com]", True),
        ("[One, oneself, two.]", False),
        ("[]", False),
    ],
)
async def test_names_of_clients(serve: Serve, get: Get, client: MakeContext, allowed: str, *, admitted: bool) -> None:
    """Only verified clients whose certificate has one of the names are let in."""
    async with serve(f"{REQUIRED}  client_allowed_sans: {allowed}\n") as running:
        if admitted:
            assert 200 == (await get(running, context=client("client"))).status
        else:
            with refused():
                await get(running, context=client("client"))
        with refused():
            await get(running, context=client("stranger"))


def test_names_in_a_certificate() -> None:
    """IP addresses are normalized as in Go; other entries are ignored."""
    certificate = {
        "subject": ((("commonName", "cn"),),),
        "subjectAltName": (
            ("DNS", "one"),
            ("IP Address", "2001:DB8:0:0:0:0:0:1"),
            ("IP Address", "<invalid>"),
            ("URI", "spiffe://x"),
            ("email", "a@b"),
            ("DirName", ((("commonName", "cn"),),)),
        ),
    }

    assert {"one", "2001:db8::1", "spiffe://x", "a@b"} == read_subject_alt_names(certificate)
    assert frozenset() == read_subject_alt_names({})


@pytest.mark.parametrize("protocols", [["h2"], ["h2", "http/1.1"]])
async def test_http2_is_not_promised(serve: Serve, get: Get, client: MakeContext, protocols: list[str]) -> None:
    """A client that prefers HTTP/2 gets HTTP/1.1."""
    context = client()
    context.set_alpn_protocols(protocols)
    async with serve(TLS) as running:
        assert 200 == (await get(running, context=context)).status


def renew(directory: Path, name: str, *suffixes: str) -> None:
    """Replace the server's certificate, key or both by renaming files."""
    for suffix in suffixes:
        new = directory / f"new.{suffix}"
        new.write_bytes((directory / f"{name}.{suffix}").read_bytes())
        new.replace(directory / f"server.{suffix}")


async def test_a_renewed_certificate_needs_no_restart(
    serve: Serve, get: Get, client: MakeContext, directory: Path
) -> None:
    """New connections get the new certificate; open connections continue."""
    renewed = (directory / "renewed.pem").read_text(encoding="utf-8")
    async with serve(TLS) as running, asyncio.timeout(TIMEOUT):
        before = (await get(running, context=client())).certificate
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=client())

        renew(directory, "renewed", "pem", "key")

        after = (await get(running, context=client())).certificate
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.transport.abort()

    assert before != after
    assert ssl.PEM_cert_to_DER_cert(f"{renewed.partition(END)[0]}{END}") == after


async def test_a_broken_certificate_keeps_the_old_one(
    serve: Serve, get: Get, client: MakeContext, directory: Path, log: io.StringIO
) -> None:
    """While one of the two files is old or missing, the old pair stays in use, and the error is logged once."""
    async with serve(TLS) as running:
        before = (await get(running, context=client())).certificate
        renew(directory, "renewed", "pem")
        assert [before, before] == [(await get(running, context=client())).certificate for _ in range(2)]
        assert 1 == log.getvalue().count("msg=web_config_invalid")
        (directory / "server.key").unlink()
        assert before == (await get(running, context=client())).certificate
        renew(directory, "renewed", "key")
        assert before != (await get(running, context=client())).certificate

    said = log.getvalue()
    assert 2 == said.count("msg=web_config_invalid")
    assert 1 == said.count("msg=web_config_loaded")


async def test_a_renewed_client_authority(serve: Serve, get: Get, client: MakeContext, directory: Path) -> None:
    """A changed client_ca_file applies to new connections."""
    async with serve(REQUIRED) as running:
        assert 200 == (await get(running, context=client("client"))).status
        context = client("client")
        (directory / "ca.pem").write_bytes((directory / "other-ca.pem").read_bytes())
        with refused():
            await get(running, context=context)


async def test_a_session_does_not_outlive_its_authority(serve: Serve, client: MakeContext, directory: Path) -> None:
    """A client cannot resume a session that a new client_ca_file would refuse."""
    context = client("client")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serve(REQUIRED) as running:
        session = await asyncio.to_thread(resume, running, context, None)
        assert (await asyncio.to_thread(resume, running, context, session)).has_ticket
        (directory / "ca.pem").write_bytes((directory / "other-ca.pem").read_bytes())
        with refused():
            await asyncio.to_thread(resume, running, context, session)


def resume(running: Running, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession:
    """Send a request over blocking sockets, which support sessions."""
    with (
        socket.create_connection(("127.0.0.1", running.port), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        assert session is None or connection.session_reused
        assert connection.session is not None
        return connection.session


async def test_a_client_that_stalls_in_the_handshake_is_cut_off(serve: Serve) -> None:
    """A client that does not complete the handshake is disconnected."""
    async with serve(TLS, limits=Limits(handshake=0.2)) as running, asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        assert await reader.read() == b""
        writer.close()


async def test_a_key_that_everyone_can_read(serve: Serve, directory: Path, log: io.StringIO) -> None:
    """The log warns: whoever reads the key can impersonate the exporter."""
    key = directory / "server.key"
    key.chmod(0o644)
    async with serve(TLS):
        assert f"msg=secret_readable_by_everyone file={key}\n" in log.getvalue()
