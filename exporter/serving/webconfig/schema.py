"""The keys of the ``--web.config.file``, in the format of Prometheus' exporter-toolkit.

Source: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import re
import ssl
from collections.abc import Iterator
from typing import Annotated, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    model_validator,
)

from exporter.config.document import Location
from exporter.config.types import CaFile, FilePath, NonEmptyText, check_header_value
from exporter.config.validation import Finding, Form
from exporter.serving.webconfig.tls import make_server_context

T = TypeVar("T")
_Mapping = dict[str, object]

_TLS: Final[Location] = ("tls_server_config",)

_CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED: Final = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_HEADERS: Final = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
"""The headers that may be set, and the values that some of them are limited to."""

# 22 characters of salt, whose last one has two significant bits, and 31 of the hash.
_BCRYPT: Final = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
# A check with a cost of 14 takes seconds, and the exporter cannot stop in the middle of it.
_COSTS: Final = range(4, 15)


def _read_client_auth(value: object) -> ssl.VerifyMode:
    if value in _UNVERIFIED:
        raise ValueError(
            "Python's ssl accepts no certificate without verifying it; write RequireAndVerifyClientCert or"
            " VerifyClientCertIfGiven"
        )
    return _choose(_CLIENT_AUTH, value)


def _read_tls_version(value: object) -> ssl.TLSVersion:
    if value in ("TLS10", "TLS11"):
        raise ValueError("this version is insecure and not supported; write TLS12 or TLS13")
    return _choose(_VERSIONS, value)


def _choose(values: dict[str, T], value: object) -> T:
    if not isinstance(value, str) or value not in values:
        raise ValueError(f"the value must be one of {', '.join(values)}")
    return values[value]


def _check_user_name(value: str) -> str:
    if not value:
        raise ValueError("the user name is empty")
    if ":" in value:
        raise ValueError("the user name contains a colon, which ends the name in basic authentication; choose another")
    return value


def _check_password_hash(value: str) -> str:
    match = _BCRYPT.fullmatch(value)
    if match is None:
        raise ValueError("the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER")
    if int(match[1]) not in _COSTS:
        raise ValueError(
            f"the cost of the hash must be {_COSTS[0]} to {_COSTS[-1]}; make one with htpasswd -nBC 10 USER"
        )
    return value


def _check_header_name(value: str) -> str:
    if value not in _HEADERS:
        raise ValueError(f"this header cannot be set; use one of {', '.join(_HEADERS)}")
    return value


def _convert_digit(value: object) -> object:
    # Go's YAML reads the usual X-XSS-Protection: 1 as text.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 else value


def _reject_http2(value: bool) -> bool:
    if value:
        raise ValueError("HTTP/2 is not implemented; write false, or remove the key")
    return value


_ClientAuth = Annotated[ssl.VerifyMode, PlainValidator(_read_client_auth)]
_TlsVersion = Annotated[ssl.TLSVersion, PlainValidator(_read_tls_version)]
_Users = dict[
    Annotated[str, AfterValidator(_check_user_name)], Annotated[NonEmptyText, AfterValidator(_check_password_hash)]
]
_HeaderValues = dict[
    Annotated[str, AfterValidator(_check_header_name)],
    Annotated[str, AfterValidator(check_header_value), BeforeValidator(_convert_digit)],
]
_NoHttp2 = Annotated[bool, AfterValidator(_reject_http2)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TlsServerConfig(_Block):
    """HTTPS: the server's certificate, and how clients' certificates are checked."""

    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    client_auth_type: _ClientAuth = ssl.CERT_NONE
    client_ca_file: CaFile | None = None
    client_allowed_sans: list[NonEmptyText] | None = None
    min_version: _TlsVersion = ssl.TLSVersion.TLSv1_2
    max_version: _TlsVersion = ssl.TLSVersion.TLSv1_3

    _context: ssl.SSLContext | None = PrivateAttr(None)

    @property
    def context(self) -> ssl.SSLContext | None:
        """Return what the files held when this was read; None if something is missing, which `cross_checks` reports."""
        return self._context

    @model_validator(mode="after")
    def _load_files(self) -> Self:
        if self.cert_file and self.key_file and self.min_version <= self.max_version:
            self._context = make_server_context(
                certificate=self.cert_file,
                key=self.key_file,
                client_ca=self.client_ca_file,
                client_auth=self.client_auth_type,
                min_version=self.min_version,
                max_version=self.max_version,
            )
        return self


class HttpServerConfig(_Block):
    """Headers for every response."""

    http2: _NoHttp2 = False
    headers: _HeaderValues = {}


class WebConfigFile(_Block):
    """The whole file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: _Users = Field({}, repr=False)


def cross_checks(data: object) -> Iterator[Finding]:
    """Find errors between keys, whatever the types of their values."""
    if not isinstance(data, dict):
        return
    http = data.get("http_server_config")
    if isinstance(http, dict) and isinstance(http.get("headers"), dict):
        yield from _check_headers(http["headers"])
    tls = data.get("tls_server_config")
    # An unknown key is reported as such, and may be a misspelling of a missing one.
    if isinstance(tls, dict) and not tls.keys() - TlsServerConfig.model_fields:
        yield from _check_tls(tls)


def _check_headers(headers: _Mapping) -> Iterator[Finding]:
    for name, allowed in _HEADERS.items():
        if allowed and name in headers and headers[name] not in (*allowed, None):
            yield ("http_server_config", "headers", name), f"the value must be {' or '.join(allowed)}"


def _check_tls(tls: _Mapping) -> Iterator[Finding]:
    for key in ("cert_file", "key_file"):
        if key not in tls:
            yield _TLS, f"{key} is missing; TLS needs it"
    policy = tls.get("client_auth_type", "NoClientCert")
    if policy in ("RequireAndVerifyClientCert", "VerifyClientCertIfGiven") and "client_ca_file" not in tls:
        yield (*_TLS, "client_auth_type"), "client_ca_file is missing; it verifies the clients' certificates"
    required = "needs client_auth_type: RequireAndVerifyClientCert; other types let in clients without a certificate"
    if policy == "NoClientCert" and "client_ca_file" in tls:
        yield (*_TLS, "client_ca_file"), f"client_ca_file {required}"
    if policy in ("NoClientCert", "VerifyClientCertIfGiven") and "client_allowed_sans" in tls:
        yield (*_TLS, "client_allowed_sans"), f"client_allowed_sans {required}"
    if (tls.get("min_version"), tls.get("max_version")) == ("TLS13", "TLS12"):
        yield (*_TLS, "max_version"), "max_version is older than min_version; no client could connect"


FORM: Final = Form(
    WebConfigFile,
    {"": WebConfigFile, "tls_server_config": TlsServerConfig, "http_server_config": HttpServerConfig},
    frozenset({"basic_auth_users"}),
    cross_checks,
)
