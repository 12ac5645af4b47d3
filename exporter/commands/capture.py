"""``--capture FILE``: write what was sent to the platform and what it answered, with pseudonyms for what is private.

aiohttp reports each request to a `TraceConfig`. A file in ``tests/captures`` becomes a test.
"""

import asyncio
import base64
import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiohttp
import click
import yaml
from aiohttp.base_protocol import BaseProtocol
from click.core import ParameterSource

from exporter import __version__
from exporter.clock import SystemClock
from exporter.commands.options import flag
from exporter.commands.parameters import Moment
from exporter.commands.pseudonyms import Pseudonyms
from exporter.config import Config, SecretUnavailable, Tenant
from exporter.language import Text
from exporter.upstream import failures
from exporter.upstream.client import MAX_BODY_BYTES

capture_option: Final = flag(
    "--capture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the requests and answers to a file, without secrets, ids and names, to send with a report.",
)

_HEADING: Final = """\
# The requests of oifde-exporter and the answers of the platform.
#
# Secrets, tokens, tenant ids, access codes, names, addresses and other texts are replaced, the same text always by the
# same pseudonym. Counts, rates, times and the names of fields are real. Messages and pages of the platform or a gateway
# are kept, apart from what looks private: read them before you send the file.
"""
_HEADER: Final = re.compile(
    "accept(-encoding)?|cache-control|connection|content-(encoding|length|type)|date|retry-after|transfer-encoding"
    "|user-agent|vary"
)
"""The headers whose values are shown."""

_SENTENCES: Final = frozenset({"location", "server", "www-authenticate"})
"""Headers whose values are shown with pseudonyms; of other headers only the length."""

_LONG: Final = 80
_OTHER_FLAGS: Final = frozenset(
    {"capture", "config_file", "tenant", "format", "lang", "log_level", "log_format", "shard", "total_shards"}
)


@dataclass
class _Exchange:
    """A request and its answer, as far as it came."""

    call: str
    started: float
    """Seconds since the start of the capture."""
    asked: dict[str, str] = field(default_factory=dict)
    """The headers of the request."""
    sent: bytes = b""
    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    tls: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    failure: str | None = None


class _Response(aiohttp.ClientResponse):
    """Remembers the encryption: the connection may be released before anybody reads the answer."""

    tls: str | None = None

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        encryption = connection.transport and connection.transport.get_extra_info("ssl_object")
        if encryption:
            self.tls = f"{encryption.version()} {encryption.cipher()[0]}"
        return await super().start(connection)


class Capture:
    """Records the requests of a command, and writes them."""

    def __init__(self, config: Config, ctx: click.Context) -> None:
        """Record a command, which a replay runs again."""
        self.config = config
        """The part of the configuration that a replay needs."""
        self._arguments = list(_list_arguments(ctx))
        self._clock = SystemClock()
        self._began = self._clock.now()
        self._zero = self._clock.elapsed()
        self._exchanges: list[_Exchange] = []
        self._names = Pseudonyms()
        self._learn(config)
        bot = str(ctx.params.get("bot") or "")
        self._names.learn("code" if bot.isdecimal() else "name", bot)

    @property
    def session_options(self) -> Mapping[str, Any]:
        """Return what an `aiohttp.ClientSession` needs to be recorded."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._start)
        trace.on_connection_create_start.append(self._connect)
        trace.on_connection_create_end.append(self._connected)
        trace.on_request_headers_sent.append(self._sent_headers)
        trace.on_request_chunk_sent.append(self._sent_chunk)
        trace.on_request_end.append(self._answered)
        trace.on_request_exception.append(self._failed)
        return {"trace_configs": [trace], "response_class": _Response}

    def render(self) -> str:
        """Return the capture as YAML."""
        self._describe()  # learns all texts
        self._names.compile()
        document = self._describe()
        text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
        return f"{_HEADING}\n{text}"

    def _describe(self) -> dict[str, Any]:
        names = self._names
        began = datetime.fromtimestamp(self._began, UTC)
        return {
            "version": __version__,
            "at": began.isoformat(timespec="milliseconds"),
            "command": [names.replace_sentence(argument) for argument in self._arguments],
            "configuration": self._describe_config(),
            "exchanges": [self._describe_exchange(exchange) for exchange in self._exchanges],
        }

    def _describe_config(self) -> dict[str, Any]:
        config, value = self.config, self._names.replace_value
        return {
            "reports": list(config.reports),
            "settle_delay": f"{config.settle_delay:.0f}s",
            "empty_hour_delay": f"{config.empty_hour_delay:.0f}s",
            "history": {"days": config.history.days},
            "platforms": [
                {
                    "name": value("name", platform.name),
                    "url": f"{urlsplit(platform.url).scheme}://{value('host', urlsplit(platform.url).hostname or '')}",
                    "tenants": [self._describe_tenant(tenant) for tenant in platform.tenants],
                }
                for platform in config.platforms
            ],
        }

    def _describe_tenant(self, tenant: Tenant) -> dict[str, Any]:
        value, auth = self._names.replace_value, tenant.auth
        login = {"app_key": value("appKey", auth.app_key)} if auth.app_secret else {}
        login |= {"app_secret" if auth.app_secret else "token": "secret"}
        if auth.header_user:
            login["header_user"] = value("userName", auth.header_user)
        described = {
            "tenant_id": value("tenantId", tenant.tenant_id),
            "timezone": tenant.timezone.key,
            "auth": login,
            "bots": [
                {"access_code": value("accessCode", bot.access_code), "name": value("name", bot.name)}
                for bot in tenant.bots
            ],
        }
        if tenant.name:
            described["name"] = value("name", tenant.name)
        if tenant.discovery:
            codes = [value("accessCode", code) for code in self._list_requested(tenant)]
            described["discovery"] = {"include": "|".join(codes)} if codes else {}
        return described

    def _list_requested(self, tenant: Tenant) -> Sequence[str]:
        """Return the access codes of the bots whose reports were requested, which include and exclude have selected."""
        bodies = [json.loads(exchange.sent or b"{}") for exchange in self._exchanges]
        codes = (body.get("accessCode") for body in bodies if body.get("tenantId") == tenant.tenant_id)
        return list(dict.fromkeys(code for code in codes if code))

    def _describe_exchange(self, exchange: _Exchange) -> dict[str, Any]:
        body, _ = _decode(exchange.sent, "utf-8")
        described: dict[str, Any] = {
            "call": self._names.replace_sentence(exchange.call),
            "started": round(exchange.started, 3),
            "request": {
                "headers": self._describe_headers(exchange.asked.items()),
                "body": self._names.replace_body(body),
            },
        }
        if exchange.status is not None:
            body, encoding = _decode(exchange.body, _charset(exchange.headers))
            described["answer"] = {"status": exchange.status, "headers": self._describe_headers(exchange.headers)}
            if encoding != "utf-8":
                described["answer"]["encoding"] = encoding
            described["answer"]["body"] = self._names.replace_body(body)
        described["seconds"] = {what: round(seconds, 3) for what, seconds in exchange.seconds.items()}
        if exchange.tls:
            described["tls"] = exchange.tls
        if exchange.failure:
            described["failure"] = self._names.replace_sentence(exchange.failure)
        return described

    def _describe_headers(self, headers: Any) -> list[str]:
        return [f"{name}: {self._describe_header(name, value)}" for name, value in headers]

    def _describe_header(self, name: str, value: str) -> str:
        if name.lower() == "location":
            value = value.partition("?")[0]
        if name.lower() == "www-authenticate":
            value = value.partition(" ")[0]
        if _HEADER.fullmatch(name.lower()):
            return value
        if name.lower() in _SENTENCES:
            return self._names.replace_sentence(value)
        if name.lower() in ("username", "token"):
            return self._names.replace_value(name, value)
        return f"<{len(value)} characters>"

    def _learn(self, config: Config) -> None:
        """Learn the texts of the configuration."""
        learn = self._names.learn
        for platform in config.platforms:
            for url in (platform.url, platform.proxy_url):
                parts = urlsplit(url or "")
                user, password = unquote(parts.username or ""), unquote(parts.password or "")
                learn("secret", password)
                learn("secret", base64.b64encode(f"{user}:{password}".encode()).decode() if password else None)
                learn("name", user)
                learn("host", parts.hostname)
            learn("host", platform.tls_config.server_name)
        for platform, tenant in config.tenants():
            for secret in (tenant.auth.app_secret, tenant.auth.token):
                with suppress(SecretUnavailable):
                    learn("secret", secret.read() if secret else None)
            if tenant.auth.header_user != "ipcc":
                learn("name", tenant.auth.header_user)
            learn("tenant", tenant.tenant_id)
            if tenant.auth.app_key != "ipcc":
                learn("tenant", tenant.auth.app_key)
            learn("name", tenant.name)
            for bot in tenant.bots:
                learn("code", bot.access_code)
                learn("name", bot.name)
            learn("name", platform.name)

    def _elapsed(self) -> float:
        return self._clock.elapsed() - self._zero

    async def _start(self, _: object, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams) -> None:
        call = params.url.path.rpartition("/oifde/rest/api/")[2]
        context.exchange = _Exchange(call, self._elapsed())
        self._exchanges.append(context.exchange)

    async def _connect(self, _: object, context: SimpleNamespace, params: object) -> None:
        context.connecting = self._clock.elapsed()

    async def _connected(self, _: object, context: SimpleNamespace, params: object) -> None:
        context.exchange.seconds["connect"] = self._clock.elapsed() - context.connecting

    async def _sent_headers(
        self, _: object, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        context.exchange.asked = {
            name: value for name, value in params.headers.items() if name.lower() not in ("host", "content-length")
        }

    async def _sent_chunk(
        self, _: object, context: SimpleNamespace, params: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        context.exchange.sent += params.chunk

    async def _answered(self, _: object, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
        """Read the body, and put it back for the client."""
        exchange, response = context.exchange, params.response
        self._stop(exchange, "headers")
        exchange.status, exchange.headers = response.status, tuple(response.headers.items())
        exchange.tls = response.tls if isinstance(response, _Response) else None
        async for chunk in response.content.iter_any():
            exchange.body += chunk
            if len(exchange.body) > MAX_BODY_BYTES:
                response.close()
                break
        self._stop(exchange, "end")
        loop = asyncio.get_running_loop()
        response.content = aiohttp.StreamReader(BaseProtocol(loop), 2 * MAX_BODY_BYTES, loop=loop)
        response.content.feed_data(exchange.body)
        response.content.feed_eof()

    async def _failed(self, _: object, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams) -> None:
        exchange = context.exchange
        self._stop(exchange, "end")
        error = params.exception
        described = failures.describe(error, exchange.seconds["end"]) if isinstance(error, Exception) else None
        exchange.failure = str(described) if described else "the request was given up"

    def _stop(self, exchange: _Exchange, what: str) -> None:
        exchange.seconds[what] = self._elapsed() - exchange.started


class _Dumper(yaml.SafeDumper):
    """Writes long texts as they are."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text or len(text) > _LONG else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _charset(headers: Sequence[tuple[str, str]]) -> str:
    message = Message()
    message["Content-Type"] = next((value for name, value in headers if name.lower() == "content-type"), "")
    return message.get_content_charset("utf-8")


def _decode(body: bytes, charset: str) -> tuple[str, str]:
    """Return a body as text, and the encoding that makes the same bytes of it."""
    if body.startswith(b"\x1f\x8b"):  # an encoding that aiohttp does not know, such as x-gzip
        with suppress(OSError, EOFError, zlib.error):
            body = gzip.decompress(body)
    if b"\0" in body:
        big = body.startswith((b"\0", codecs.BOM_UTF16_BE))
        encodings = ["utf-16-be" if big else "utf-16-le"]
    else:
        encodings = ["utf-8", charset, "gb18030", "latin-1"]
    for encoding in encodings:
        with suppress(LookupError, UnicodeError):
            text = body.decode(encoding)
            if text.encode(encoding) == body:
                return text, encoding
    return f"<{len(body)} bytes>", "utf-8"


@contextmanager
def capture_to(path: Path | None, config: Config, ctx: click.Context) -> Iterator[Capture | None]:
    """Record a command; at the end of the block, however it ends, write a file that only its owner can read."""
    if path is None:
        yield None
        return
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError:
        raise click.ClickException(f"{path} exists; choose another name for --capture") from None
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    capture = Capture(config, ctx)
    try:
        yield capture
    finally:
        path.write_text(capture.render(), encoding="utf-8")
        told = Text("wrote %(path)s; read it before you send it", path=path)
        click.echo(f"oifde-exporter: {ctx.params['lang'].text(told)}", err=True)


def _list_arguments(ctx: click.Context) -> Iterator[str]:
    """Return the command and the flags that decide what it requests."""
    yield str(ctx.info_name)
    for name, value in ctx.params.items():
        if name in _OTHER_FLAGS or ctx.get_parameter_source(name) is ParameterSource.DEFAULT:
            continue
        text = value.written.isoformat() if isinstance(value, Moment) else str(value)
        yield f"--{name}" if value is True else f"--{name}={text}"
