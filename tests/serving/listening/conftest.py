"""Servers on real sockets, with both event loops and fresh certificates."""

import asyncio
import io
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import bcrypt
import pytest
import trustme
import uvloop

from exporter.clock import Clock
from exporter.logs import configure
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.server import Limits, Server
from exporter.serving.web import WebOptions, create_app
from exporter.serving.webconfig import CurrentWebConfig, protect

TIMEOUT = 20.0

TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The daemon uses uvloop; programs that embed it may use asyncio's loop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of certificates and keys: those of one authority, and one of another authority."""
    directory = tmp_path_factory.mktemp("certificates")
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(directory / "ca.pem"))
    theirs.cert_pem.write_to_path(str(directory / "other-ca.pem"))
    for name, authority, names in (
        ("server", ours, ["localhost", "127.0.0.1"]),
        ("renewed", ours, ["localhost", "127.0.0.1"]),
        ("client", ours, ["one", "two", "::1", "prometheus@example.com"]),
        ("stranger", theirs, ["one"]),
    ):
        # RSA, as most certificates in use.
        issued = authority.issue_cert(*names, key_type=trustme.KeyType.RSA)
        issued.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        (directory / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return directory


@pytest.fixture
def directory(tmp_path: Path, certificates: Path) -> Path:
    """The directory of web.yaml, with copies of the certificates that the test may change."""
    return shutil.copytree(certificates, tmp_path / "web")


@pytest.fixture
def log() -> io.StringIO:
    """The server's log at the level debug."""
    return io.StringIO()


@dataclass(frozen=True)
class Running:
    """A server, and the file of its web configuration."""

    port: int
    file: Path

    def write(self, text: str) -> None:
        """Replace the file in one step."""
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.file)


class Serve(Protocol):
    """Serves the exporter's pages with a web configuration."""

    def __call__(
        self, text: str | None = None, *, limits: Limits | None = None
    ) -> AbstractAsyncContextManager[Running]:
        """Serve with the text of a configuration, or without one."""


@pytest.fixture
def serve(exposition: Exposition, clock: Clock, directory: Path, log: io.StringIO) -> Serve:
    """Serves on a free port of 127.0.0.1."""

    @asynccontextmanager
    async def run(text: str | None = None, *, limits: Limits | None = None) -> AsyncIterator[Running]:
        logger = configure(level="debug", format="logfmt", stream=log)

        async def reload() -> None:
            """Do nothing."""

        app = create_app(
            WebOptions(enable_lifecycle=True),
            store=Store([exposition]),
            exposition=exposition,
            clock=clock,
            log=logger,
            ready=lambda: True,
            reload=reload,
        )
        file = directory / "web.yaml"
        if text is None:
            server = Server(app, shutdown_timeout=1, limits=limits)
        else:
            file.write_text(text, encoding="utf-8")
            config = CurrentWebConfig(file, clock=clock, log=logger)
            protect(app, config, log=logger)
            server = Server(app, shutdown_timeout=1, context=config.context, admits=config.admits, limits=limits)
        await server.start()
        try:
            await server.listen("127.0.0.1", 0)
            yield Running(server.addresses[0][1], file)
        finally:
            await server.close()

    return run


@dataclass(frozen=True)
class Answer:
    """The content of a response."""

    status: int
    headers: Mapping[str, str]
    certificate: bytes | None
    cipher: str | None
    version: str | None


@pytest.fixture
def client(directory: Path) -> Callable[..., ssl.SSLContext]:
    """A client's context that trusts the test's authority, with or without a certificate."""

    def make(name: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=directory / "ca.pem")
        if name is not None:
            context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
        return context

    return make


class Get(Protocol):
    """Requests a path on a new connection."""

    async def __call__(
        self,
        running: Running,
        path: str = "/-/healthy",
        *,
        context: ssl.SSLContext | None = None,
        authorization: bytes | None = None,
        method: str = "GET",
    ) -> Answer:
        """Send a request; raises OSError or EOFError without a response."""


@pytest.fixture
def get() -> Get:
    """Uses bare sockets: nothing is retried, and a header can have any bytes."""

    async def ask(
        running: Running,
        path: str = "/-/healthy",
        *,
        context: ssl.SSLContext | None = None,
        authorization: bytes | None = None,
        method: str = "GET",
    ) -> Answer:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context)
            try:
                credentials = b"" if authorization is None else b"Authorization: " + authorization + b"\r\n"
                writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + credentials + b"\r\n")
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                tls = writer.get_extra_info("ssl_object")
                return Answer(
                    status=int(head.split(" ")[1]),
                    headers=dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2]),
                    certificate=tls and tls.getpeercert(binary_form=True),
                    cipher=tls and tls.cipher()[0],
                    version=tls and tls.version(),
                )
            finally:
                writer.transport.abort()

    return ask


@pytest.fixture
def hashed() -> Callable[[str], str]:
    """A cheap bcrypt hash of a password."""

    def make(password: str) -> str:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()

    return make
