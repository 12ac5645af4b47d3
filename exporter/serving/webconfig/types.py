"""The kinds of value a web configuration holds, in Go's words as exporter-toolkit has them, turned into OpenSSL's.

What cannot be accepted raises ValueError with what is wrong and what to do, and without the value, as in
exporter.config.types.
"""

import re
import ssl
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from exporter.config.types import Text, header_value

T = TypeVar("T")

_CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED: Final = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")

_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

# The secure suites of Go's crypto/tls. Those of TLS 1.3 cannot be chosen, in Go neither; both always offer all of them.
_CIPHER_SUITES: Final = {
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}

_CURVES: Final = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}

HEADERS: Final = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
"""The headers that may be set, and the values some of them are confined to."""

# 22 characters of salt, of which the last has but two bits that count, and 31 of the hash.
_BCRYPT: Final = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
# The last takes seconds, and the program does not end in the middle of a check.
_COSTS: Final = range(4, 15)


def client_auth(value: object) -> ssl.VerifyMode:
    """Return what is asked of clients, from the name of a Go tls.ClientAuthType."""
    if value in _UNVERIFIED:
        raise ValueError(
            "cannot be had: Python's ssl takes no certificate that it does not verify;"
            " write RequireAndVerifyClientCert or VerifyClientCertIfGiven"
        )
    return _known(_CLIENT_AUTH, value)


def tls_version(value: object) -> ssl.TLSVersion:
    """Return a version of TLS."""
    if value in ("TLS10", "TLS11"):
        raise ValueError("is not supported, being broken: write TLS12 or TLS13")
    return _known(_VERSIONS, value)


def cipher_suite(value: object) -> str:
    """Return OpenSSL's name of a cipher suite; empty for those of TLS 1.3."""
    return _known(_CIPHER_SUITES, value)


def curve(value: object) -> str:
    """Return OpenSSL's name of an elliptic curve."""
    return _known(_CURVES, value)


def user_name(value: str) -> str:
    """Return a name that a client can give."""
    if not value:
        raise ValueError("is empty: write the user's name")
    if ":" in value:
        raise ValueError("holds a colon, which ends the name in what clients send: choose another name")
    return value


def password_hash(value: str) -> str:
    """Return a hash that can be checked against in bearable time."""
    match = _BCRYPT.fullmatch(value)
    if match is None:
        raise ValueError("is not a bcrypt hash: make one with htpasswd -nBC 10 USER")
    if int(match[1]) not in _COSTS:
        raise ValueError(f"has a cost that is not from {_COSTS[0]} to {_COSTS[-1]}: make it anew with htpasswd -nBC 10")
    return value


def header_name(value: str) -> str:
    """Return the name of a header that may be set."""
    if value not in HEADERS:
        raise ValueError(f"is not a header that can be set: use one of {', '.join(HEADERS)}")
    return value


def no_http2(value: bool) -> bool:
    """Return False; there is no HTTP/2 to turn on."""
    if value:
        raise ValueError("is not implemented: write false, or remove it; HTTP/1.1 is served either way")
    return value


def _known(words: dict[str, T], value: object) -> T:
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"is none of {', '.join(words)}")
    return words[value]


def _digit(value: object) -> object:
    # As Go's YAML does: the usual X-XSS-Protection: 1 is a text.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 else value


def _not_implemented(value: object) -> None:
    if value is not None:
        raise ValueError("is not implemented: remove it; a reverse proxy can limit requests")


ClientAuth = Annotated[ssl.VerifyMode, PlainValidator(client_auth)]
TlsVersion = Annotated[ssl.TLSVersion, PlainValidator(tls_version)]
CipherSuite = Annotated[str, PlainValidator(cipher_suite)]
Curve = Annotated[str, PlainValidator(curve)]
Users = dict[Annotated[str, AfterValidator(user_name)], Annotated[Text, AfterValidator(password_hash)]]
Headers = dict[
    Annotated[str, AfterValidator(header_name)], Annotated[str, AfterValidator(header_value), BeforeValidator(_digit)]
]
NoHttp2 = Annotated[bool, AfterValidator(no_http2)]
NotImplementedKey = Annotated[None, PlainValidator(_not_implemented)]
