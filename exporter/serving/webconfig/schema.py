"""What may be written in the file of ``--web.config.file``, the format of Prometheus' exporter-toolkit.

Source: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import ssl
from collections.abc import Iterator
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from exporter.config.document import Location
from exporter.config.types import CaFile, FilePath, Flag, Text
from exporter.config.validation import Finding, Form
from exporter.serving.webconfig.tls import server_context
from exporter.serving.webconfig.types import (
    HEADERS,
    CipherSuite,
    ClientAuth,
    Curve,
    Headers,
    NoHttp2,
    NotImplementedKey,
    TlsVersion,
    Users,
)

_Mapping = dict[str, object]

_TLS: Final[Location] = ("tls_server_config",)
_VERIFYING: Final = ("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TlsServerConfig(_Block):
    """HTTPS: the server's certificate, and what is asked of clients."""

    cert: Text | None = None
    key: Text | None = Field(None, repr=False)
    client_ca: Text | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    client_auth_type: ClientAuth = ssl.CERT_NONE
    client_ca_file: CaFile | None = None
    client_allowed_sans: list[Text] | None = None
    min_version: TlsVersion = ssl.TLSVersion.TLSv1_2
    max_version: TlsVersion = ssl.TLSVersion.TLSv1_3
    cipher_suites: list[CipherSuite] = []
    prefer_server_cipher_suites: Flag = True
    curve_preferences: list[Curve] = []

    _context: ssl.SSLContext | None = PrivateAttr(None)

    @property
    def context(self) -> ssl.SSLContext | None:
        """What the files held when this was read; None: something is missing, which `cross_checks` tells."""
        return self._context

    @model_validator(mode="after")
    def _load_files(self) -> Self:
        certificate, key = self.cert_file or self.cert, self.key_file or self.key
        if certificate is not None and key is not None and self.min_version <= self.max_version:
            self._context = server_context(
                certificate=certificate,
                key=key,
                client_ca=self.client_ca_file or self.client_ca,
                client_auth=self.client_auth_type,
                min_version=self.min_version,
                max_version=self.max_version,
                ciphers=[suite for suite in self.cipher_suites if suite],
                prefer_server_ciphers=self.prefer_server_cipher_suites,
                curve=next(iter(self.curve_preferences), None),
            )
        return self


class HttpServerConfig(_Block):
    """Headers for every answer."""

    http2: NoHttp2 = False
    headers: Headers = {}


class WebConfigFile(_Block):
    """All of it."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: Users = Field({}, repr=False)
    rate_limit: NotImplementedKey = None


def cross_checks(data: object) -> Iterator[Finding]:
    """What belongs together; finds it whatever the shape of the rest."""
    if not isinstance(data, dict):
        return
    http = data.get("http_server_config")
    if isinstance(http, dict) and isinstance(http.get("headers"), dict):
        yield from _headers(http["headers"])
    tls = data.get("tls_server_config")
    # A key that is misspelt is reported for that, and may be the one that is missed here.
    if isinstance(tls, dict) and not tls.keys() - TlsServerConfig.model_fields:
        yield from _pairs(tls)
        yield from _clients(tls)
        yield from _limits(tls)


def _headers(headers: _Mapping) -> Iterator[Finding]:
    for name, allowed in HEADERS.items():
        if allowed and name in headers and headers[name] not in (*allowed, None):
            yield ("http_server_config", "headers", name), f"can only be {' or '.join(allowed)}"


def _pairs(tls: _Mapping) -> Iterator[Finding]:
    for key in ("cert", "key"):
        if f"{key}_file" not in tls and key not in tls:
            yield _TLS, f"needs {key}_file: without it there is no TLS"
    for key in ("cert", "key", "client_ca"):
        if key in tls and f"{key}_file" in tls:
            yield (*_TLS, key), f"stands beside {key}_file: keep one of them"


def _clients(tls: _Mapping) -> Iterator[Finding]:
    policy = tls.get("client_auth_type", "NoClientCert")
    authority = next((key for key in ("client_ca_file", "client_ca") if key in tls), None)
    if policy in _VERIFYING and authority is None:
        yield (*_TLS, "client_auth_type"), "needs client_ca_file beside it, to verify the certificates with"
    if policy == "NoClientCert" and authority is not None:
        yield (
            (*_TLS, authority),
            "needs client_auth_type: RequireAndVerifyClientCert beside it: so far nobody is asked for a certificate",
        )
    if "client_allowed_sans" in tls and policy in ("NoClientCert", "VerifyClientCertIfGiven"):
        yield (
            (*_TLS, "client_allowed_sans"),
            "needs client_auth_type: RequireAndVerifyClientCert beside it: others let in clients without a certificate",
        )


def _limits(tls: _Mapping) -> Iterator[Finding]:
    # The names sort by age.
    oldest, newest = tls.get("min_version", "TLS12"), tls.get("max_version", "TLS13")
    if (oldest, newest) == ("TLS13", "TLS12"):
        yield (*_TLS, "max_version"), "is older than min_version: nobody could connect"
    suites = tls.get("cipher_suites")
    if (
        suites
        and isinstance(suites, list)
        and not any("_WITH_" in str(suite) for suite in suites)
        and oldest == "TLS12"
    ):
        yield (*_TLS, "cipher_suites"), "has none for TLS 1.2: add one, or set min_version: TLS13"
    curves = tls.get("curve_preferences")
    if isinstance(curves, list) and len(curves) > 1:
        yield (*_TLS, "curve_preferences"), "can only be one: Python's ssl takes no list; remove it to offer all"


FORM: Final = Form(
    WebConfigFile,
    {"": WebConfigFile, "tls_server_config": TlsServerConfig, "http_server_config": HttpServerConfig},
    frozenset({"basic_auth_users", "key"}),
    cross_checks,
)
