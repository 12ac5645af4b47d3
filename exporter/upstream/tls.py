"""Keep the TLS context of a platform up to date with its certificate files."""

import asyncio
import ssl
import warnings
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.config import TlsConfig
from exporter.config.files import Version, get_version
from exporter.language import Text
from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError

_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_OLD: Final = ("TLS10", "TLS11")
_OP_LEGACY_SERVER_CONNECT: Final = 0x4  # in the module ssl since Python 3.12


class TlsContext:
    """Keeps the `ssl.SSLContext` for a `TlsConfig`.

    A changed context applies to new connections only.
    """

    def __init__(self, config: TlsConfig, log: FilteringBoundLogger, keys: str = "tls_config: ") -> None:
        """Name the keys of the configuration with the prefix ``keys`` in messages."""
        self._config = config
        self._log = log
        self._keys = keys
        self._files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file is not None]
        self._versions: tuple[Version, ...] = ()
        self._context: ssl.SSLContext | None = None
        self._asked = False
        self._offer: str | None = None

    def load(self) -> ssl.SSLContext:
        """Return the context for the present content of the files.

        If a change cannot be loaded, such as a certificate without its new key, the former context stays in use.

        Raises:
            UpstreamError: (tls) the files could not be loaded yet.
        """
        versions = tuple(get_version(file) for file in self._files)
        if self._context is not None and versions == self._versions:
            return self._context
        self._versions = versions
        loaded = _load(self._config)
        if isinstance(loaded, ssl.SSLContext):
            self._context = loaded
            return loaded
        if self._context is None:
            advice = Text("Check that the files exist, and hold certificates and keys in PEM format.")
            raise UpstreamError(
                FailureReason.TLS, Text("%(keys)s%(problem)s", keys=self._keys, problem=loaded), advice=advice
            )
        self._log.warning("tls_files_not_loaded", error=f"{self._keys}{loaded}")
        return self._context

    async def find_offer(self, host: str, port: int) -> str | None:
        """Return the TLS version and cipher that a server picks if old ones are allowed; None if that does not help.

        It is asked once, and nothing is sent over the connection.
        """
        if not self._asked and self._config.min_version not in _OLD:
            self._asked = True
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            _set_min_version(context, "TLS10")
            try:
                name = self._config.server_name or host
                _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            except OSError:
                return None
            cipher, version, _ = writer.get_extra_info("cipher")
            self._offer = f"{writer.get_extra_info('ssl_object').version() or version} with {cipher}"
            writer.transport.abort()
        return self._offer


def _load(config: TlsConfig) -> ssl.SSLContext | Text:
    """Create a context, or return what is wrong with the files."""
    loading: str = "ca_file"
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        # As Prometheus does, trust every certificate in the ca_file: the server's own, and those of private authorities,
        # which often lack the extensions that Python 3.13 demands.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        _set_min_version(context, config.min_version)
        if config.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if config.cert_file is not None:
            loading = Text("cert_file and key_file")
            # Without a password here, OpenSSL would ask for one on the terminal if the key is encrypted.
            context.load_cert_chain(config.cert_file, config.key_file, password="")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        return Text("%(files)s cannot be loaded: %(reason)s", files=loading, reason=reason)
    return context


def _set_min_version(context: ssl.SSLContext, name: str) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # old versions are deprecated
        context.minimum_version = _VERSIONS[name]
    if name in _OLD:
        # RSA key exchange, SHA-1 and short keys; and servers without secure renegotiation, which the exporter never uses.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.options |= _OP_LEGACY_SERVER_CONNECT
