"""Keep the TLS context of a platform up to date with its certificate files."""

import ssl

from structlog.typing import FilteringBoundLogger

from exporter.config import TlsConfig
from exporter.config.files import Version, get_version
from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError


class TlsContext:
    """Keeps the `ssl.SSLContext` for a `TlsConfig`.

    A changed context applies to new connections only.
    """

    def __init__(self, config: TlsConfig, log: FilteringBoundLogger) -> None:
        self._config = config
        self._log = log
        self._files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file is not None]
        self._versions: tuple[Version, ...] = ()
        self._context: ssl.SSLContext | None = None

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
            raise UpstreamError(FailureReason.TLS, loaded)
        self._log.warning("tls_files_not_loaded", error=loaded)
        return self._context


def _load(config: TlsConfig) -> ssl.SSLContext | str:
    """Create a context, or return what is wrong with the files."""
    loading = "ca_file"
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        # As Prometheus does, trust every certificate in the ca_file: the server's own, and those of private authorities,
        # which often lack the extensions that Python 3.13 demands.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if config.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if config.cert_file is not None:
            loading = "cert_file and key_file"
            # Without a password here, OpenSSL would ask for one on the terminal if the key is encrypted.
            context.load_cert_chain(config.cert_file, config.key_file, password="")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        return f"tls_config: {loading} cannot be loaded: {reason}"
    return context
