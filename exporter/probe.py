"""``python -m exporter.probe [URL]``: exit status 0 if the exporter answers; for the health checks of containers.

It needs neither shell nor curl, and works where a kubelet's own probe does not: with basic auth, and with TLS that asks
for a client certificate. An exporter that asks for credentials is alive. The probe sends no secret, so it does not check
the certificate. Without a URL it asks for ``/-/healthy`` at the address in the exporter's environment; if the exporter
has its address from flags, the probe needs the URL.
"""

import http.client
import os
import re
import ssl
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

TIMEOUT: Final = 4.0
"""Seconds for each step of the request; container engines allow a probe a little more."""

_WILDCARDS: Final = (None, "0.0.0.0", "::")  # noqa: S104 - addresses to listen on; the probe asks localhost
# The file is not parsed as YAML: the exporter runs on while the file is broken, so the probe must work as well, and the
# import of a parser would take a third of the probe's time.
_TLS: Final = re.compile(r"^[^#\n]*\btls_server_config[\"']?\s*:", re.MULTILINE)
_NO_CERTIFICATE: Final = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE")


def find_url(environ: Mapping[str, str]) -> str:
    """Return the URL of ``/-/healthy`` in this environment; raise OSError if the web configuration cannot be read."""
    addresses = environ.get("OIFDE_EXPORTER_WEB_LISTEN_ADDRESS", "").split() or [":10230"]
    address = urlsplit(f"//{addresses[0]}")
    host = "localhost" if address.hostname in _WILDCARDS else address.netloc.rpartition(":")[0]
    prefix = environ.get("OIFDE_EXPORTER_WEB_ROUTE_PREFIX")
    if prefix is None:
        prefix = urlsplit(environ.get("OIFDE_EXPORTER_WEB_EXTERNAL_URL", "")).path
    prefix = prefix.strip("/")
    path = f"/{prefix}/-/healthy" if prefix else "/-/healthy"
    web_config = environ.get("OIFDE_EXPORTER_WEB_CONFIG_FILE")
    encrypted = web_config and _TLS.search(Path(web_config).read_text("utf-8"))
    return f"{'https' if encrypted else 'http'}://{host}:{address.port}{path}"


def ask(url: str) -> str | None:
    """Ask the exporter; return what is wrong, or None if it answers."""
    where = urlsplit(url)
    host = where.hostname or ""
    connection: http.client.HTTPConnection
    if where.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, where.port, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(host, where.port, timeout=TIMEOUT)
    try:
        connection.request("GET", where.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        refused = where.scheme == "https" and _is_refusal(error)
        return None if refused else str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED) else f"HTTP status {status}"


def _is_refusal(error: Exception) -> bool:
    """Return whether a server ended TLS because it wants a client certificate: with an alert or, as asyncio does, without."""
    if isinstance(error, ssl.SSLError):
        # Python 3.11.2, Debian 12's, raises the second where later ones raise the first.
        is_closed = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        return is_closed or (error.reason or "").endswith(_NO_CERTIFICATE)
    return isinstance(error, ConnectionResetError | BrokenPipeError)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print what is wrong to stderr, and return the exit status."""
    try:
        url = arguments[0] if arguments else find_url(environ)
        problem = ask(url)
    except (OSError, ValueError) as error:
        url, problem = "the exporter", str(error)
    if problem:
        sys.stderr.write(f"{url}: {problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
