"""TLS on the listening side."""

import ipaddress
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

Pem = Path | str
"""A file in PEM format, or its text."""


def server_context(
    *,
    certificate: Pem,
    key: Pem,
    client_ca: Pem | None,
    client_auth: ssl.VerifyMode,
    min_version: ssl.TLSVersion,
    max_version: ssl.TLSVersion,
    ciphers: Sequence[str],
    prefer_server_ciphers: bool,
    curve: str | None,
) -> ssl.SSLContext:
    """The context for new connections, from what the files hold now.

    ``ciphers`` are OpenSSL's names of those for TLS 1.2 (none: its own choice), ``curve`` is the only one (None: its own
    choice). Raises ValueError with what is wrong and what to do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = min_version
    context.maximum_version = max_version
    context.set_alpn_protocols(["http/1.1"])
    if ciphers:
        context.set_ciphers(":".join(ciphers))
    if not prefer_server_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if curve is not None:
        context.set_ecdh_curve(curve)
    try:
        _load_pair(context, certificate, key)
    except (OSError, ValueError):
        raise ValueError("needs a certificate and its key in PEM format, the key not encrypted") from None
    context.verify_mode = client_auth
    if client_ca is not None:
        # As Go does, trust whatever certificate is among these, also one that is not its own issuer.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            if isinstance(client_ca, Path):
                context.load_verify_locations(cafile=client_ca)
            else:
                context.load_verify_locations(cadata=client_ca)
        except (OSError, ValueError):
            raise ValueError("needs client CA certificates in PEM format") from None
    return context


def _load_pair(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    # An empty password keeps OpenSSL from asking for one on the terminal.
    if isinstance(certificate, Path) and isinstance(key, Path):
        context.load_cert_chain(certificate, key, password="")
        return
    # OpenSSL's functions that Python has read them from files only; this one is the user's own, and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(
            b"\n".join(pem.read_bytes() if isinstance(pem, Path) else pem.encode() for pem in (key, certificate))
        )
        file.flush()
        context.load_cert_chain(file.name, password="")


class LatestContext(ssl.SSLContext):
    """Makes each new connection with the context of that moment.

    Asyncio and uvloop take one context for as long as they listen, and of it only ``wrap_bio``, once per connection.
    """

    _current: Callable[[], ssl.SSLContext]

    def __new__(cls, current: Callable[[], ssl.SSLContext]) -> Self:
        """``current`` gives the context of now."""
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        self._current = current
        return self

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self._current().wrap_bio(*arguments, **named)


def subject_alt_names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The names a certificate, as ``ssl.SSLSocket.getpeercert`` gives it, is made out to: DNS, IP, email, URI."""
    names = set()
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            names.add(name)
        elif kind == "IP Address":
            try:
                names.add(str(ipaddress.ip_address(name)))
            except ValueError:  # not an address, so nobody's name
                continue
    return frozenset(names)
