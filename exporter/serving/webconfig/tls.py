"""TLS on the listening side."""

import ipaddress
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self


def make_server_context(
    *,
    certificate: Path,
    key: Path,
    client_ca: Path | None,
    client_auth: ssl.VerifyMode,
    min_version: ssl.TLSVersion,
    max_version: ssl.TLSVersion,
) -> ssl.SSLContext:
    """Return the context for new connections, from the present content of the files.

    Raises ValueError with the error and a fix.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = min_version
    context.maximum_version = max_version
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        raise ValueError(
            "cert_file and key_file must hold a certificate and its key in PEM format, the key not encrypted"
        ) from None
    context.verify_mode = client_auth
    if client_ca is not None:
        # As in Go, any certificate of the file is trusted, even if it is not its own issuer.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cafile=client_ca)
        except (OSError, ValueError):
            raise ValueError("client_ca_file must hold certificates in PEM format") from None
    return context


class LatestContext(ssl.SSLContext):
    """A context that opens each new connection with the current context.

    Asyncio and uvloop keep one context while they listen, and call only its ``wrap_bio``, once per connection.
    """

    _current: Callable[[], ssl.SSLContext]

    def __new__(cls, current: Callable[[], ssl.SSLContext]) -> Self:
        """Make a context; ``current`` returns the current one."""
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        self._current = current
        return self

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self._current().wrap_bio(*arguments, **named)


def read_subject_alt_names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the alternative names (DNS, IP, email, URI) of a certificate from ``ssl.SSLSocket.getpeercert``."""
    names = set()
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            names.add(name)
        elif kind == "IP Address":
            try:
                names.add(str(ipaddress.ip_address(name)))
            except ValueError:  # not an address
                continue
    return frozenset(names)
