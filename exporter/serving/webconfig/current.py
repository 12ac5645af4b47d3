"""The web configuration in use: read again when its file, or a file named there, changes."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import ConfigError, Secret
from exporter.config.files import Version, get_version
from exporter.config.validation import validate
from exporter.serving.webconfig.schema import FORM
from exporter.serving.webconfig.tls import LatestContext, read_subject_alt_names

# Seconds. A file that a broken configuration names may appear later, without a change of the configuration.
_RETRY_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The content of the file and of the files it names."""

    context: ssl.SSLContext | None
    """For new connections; None: no TLS."""
    client_names: frozenset[str] | None
    """The names allowed in clients' certificates; None: any."""
    users: Mapping[bytes, bytes] = field(repr=False)
    """Names and bcrypt hashes; empty: no authentication."""
    headers: Mapping[str, str]
    """Set in every response; an empty value removes the header."""
    files: tuple[Path, ...]
    key_file: Path | None
    """Holds the server's key; None: no TLS."""


def load(path: Path) -> WebConfig:
    """Read the file and the files it names. Raises ConfigError."""
    written = validate(FORM, path, name=str(path), directory=path.parent.absolute(), environ=None)
    tls = written.tls_server_config
    named = (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ()
    return WebConfig(
        context=tls.context if tls else None,
        client_names=frozenset(tls.client_allowed_sans) if tls and tls.client_allowed_sans is not None else None,
        users={user.encode(): hashed.encode() for user, hashed in written.basic_auth_users.items()},
        headers=written.http_server_config.headers,
        files=tuple(file for file in named if file is not None),
        key_file=tls.key_file if tls else None,
    )


class CurrentWebConfig:
    """Follows the file, as exporter-toolkit does.

    If the file is invalid, an error is logged and the last valid configuration stays in use, so that protection never
    drops by mistake. TLS cannot be switched on or off without a restart.
    """

    def __init__(self, path: Path, *, clock: Clock, log: FilteringBoundLogger) -> None:
        """Read the file; raises ConfigError."""
        self._path = path
        self._clock = clock
        self._log = log
        self._errors: list[str] = []
        self._retry_at = 0.0
        before = self._find_versions(())
        self._config = load(path)
        self._seen = self._find_read_versions(before)
        self._warn()
        self.context = LatestContext(self._get_context) if self._config.context else None
        """For listening; None: no TLS."""

    def get(self) -> WebConfig:
        """Return the current configuration."""
        now = self._find_versions(self._config.files)
        if now != self._seen or (self._errors and self._clock.elapsed() >= self._retry_at):
            self._reload(now)
        return self._config

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Return whether a client with this verified certificate is allowed; None: it sent no certificate."""
        allowed = self.get().client_names
        return allowed is None or not allowed.isdisjoint(read_subject_alt_names(certificate or {}))

    def _reload(self, now: dict[Path, Version]) -> None:
        try:
            self._config = self._load_like_before()
        except ConfigError as error:
            self._seen = now
            self._retry_at = self._clock.elapsed() + _RETRY_AFTER
            for message in error.errors:
                if message not in self._errors:
                    self._log.error("web_config_invalid", error=message)
            self._errors = error.errors
        else:
            self._seen = self._find_read_versions(now)
            self._errors = []
            self._log.info("web_config_loaded", file=str(self._path))
            self._warn()

    def _load_like_before(self) -> WebConfig:
        config = load(self._path)
        if (config.context is None) != (self.context is None):
            what = "removed" if config.context is None else "added"
            raise ConfigError([f"{self._path}: tls_server_config was {what}; restart the exporter to apply this"])
        return config

    def _get_context(self) -> ssl.SSLContext:
        context = self.get().context
        assert context is not None  # noqa: S101 - _load_like_before rejects a file without
        return context

    def _find_read_versions(self, before: dict[Path, Version]) -> dict[Path, Version]:
        """Return the versions of the files just read. A file that changed meanwhile gets its former version, and is read again."""
        after = self._find_versions(self._config.files)
        return after | {file: before[file] for file in after.keys() & before.keys()}

    def _find_versions(self, files: tuple[Path, ...]) -> dict[Path, Version]:
        return {file: get_version(file) for file in (self._path, *files)}

    def _warn(self) -> None:
        key_file = self._config.key_file
        if key_file and Secret(path=key_file).world_readable():
            self._log.warning("secret_readable_by_everyone", file=str(key_file))
