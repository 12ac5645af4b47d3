"""The TLS context for a platform, made anew when its certificate files change."""

import ssl

from structlog.typing import FilteringBoundLogger

from exporter.config import TlsConfig
from exporter.config.files import Version, version
from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError


class TlsContext:
    """Keeps the `ssl.SSLContext` for a `TlsConfig`.

    A changed context is for new connections; those that exist go on with the one they were made with.
    """

    def __init__(self, config: TlsConfig, log: FilteringBoundLogger) -> None:
        self._config = config
        self._log = log
        self._files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file is not None]
        self._versions: tuple[Version, ...] = ()
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext:
        """Return the context for the files as they are now.

        A change that cannot be loaded, such as a certificate whose key is still to come, is logged and left alone.

        Raises:
            UpstreamError: (tls) they could never be loaded so far.
        """
        versions = tuple(version(file) for file in self._files)
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
    """Make a context, or return what is wrong with the files."""
    loading = "ca_file"
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        # As Prometheus does, trust whatever certificate the ca_file holds, also that of the server itself, and those
        # of private authorities, which often lack what Python 3.13 newly demands.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if config.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if config.cert_file is not None:
            loading = "cert_file and key_file"
            # Without a password, OpenSSL would ask for it on the terminal when the key is encrypted.
            context.load_cert_chain(config.cert_file, config.key_file, password="")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        return f"tls_config: {loading} cannot be loaded: {reason}"
    return context
