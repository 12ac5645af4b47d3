"""The web configuration as it is now, in use as soon as it is written."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import ConfigError, Secret
from exporter.config.files import Version, version
from exporter.config.validation import validate
from exporter.serving.webconfig.schema import FORM
from exporter.serving.webconfig.tls import LatestContext, subject_alt_names

# Seconds; what a broken file names may come later, without another change of the file.
_RETRY_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What one state of the file, and of those it names, says."""

    context: ssl.SSLContext | None
    """For new connections; None: no TLS."""
    client_names: frozenset[str] | None
    """A client's certificate is made out to one of these; None: to whomever."""
    users: Mapping[bytes, bytes] = field(repr=False)
    """Names and bcrypt hashes; none: no authentication."""
    headers: Mapping[str, str]
    """Set in every answer; an empty value takes the header away."""
    files: tuple[Path, ...]
    key_file: Path | None
    """Holds the server's key; None: no TLS."""


def load(path: Path) -> WebConfig:
    """Reads the file and those it names. Raises ConfigError."""
    written = validate(FORM, path, name=str(path), directory=path.parent.absolute(), environ=None)
    tls = written.tls_server_config
    named = (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ()
    return WebConfig(
        context=tls.context if tls else None,
        client_names=frozenset(tls.client_allowed_sans) if tls and tls.client_allowed_sans is not None else None,
        users={user.encode(): hashed.encode() for user, hashed in written.basic_auth_users.items()},
        headers=written.http_server_config.headers,
        files=tuple(file for file in named if file is not None),
        key_file=(tls.key_file or path) if tls else None,
    )


class CurrentWebConfig:
    """Follows the file, as exporter-toolkit does.

    A state that cannot be used is logged, and the one before it stays in use: never is anything served with less
    protection than the last good file asks for. Whether TLS is spoken at all is settled at the start.
    """

    def __init__(self, path: Path, *, clock: Clock, log: FilteringBoundLogger) -> None:
        """Reads the file; raises ConfigError."""
        self._path = path
        self._clock = clock
        self._log = log
        self._errors: list[str] = []
        self._retry_at = 0.0
        before = self._versions(())
        self._config = load(path)
        self._seen = self._versions_read(before)
        self._warn()
        self.context = LatestContext(self._context) if self._config.context else None
        """To listen with; None: no TLS."""

    def get(self) -> WebConfig:
        """What the file says now."""
        now = self._versions(self._config.files)
        if now != self._seen or (self._errors and self._clock.elapsed() >= self._retry_at):
            self._reload(now)
        return self._config

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a client may come in with this certificate, which was verified; None: it gave none."""
        allowed = self.get().client_names
        return allowed is None or not allowed.isdisjoint(subject_alt_names(certificate or {}))

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
            self._seen = self._versions_read(now)
            self._errors = []
            self._log.info("web_config_loaded", file=str(self._path))
            self._warn()

    def _load_like_before(self) -> WebConfig:
        config = load(self._path)
        if (config.context is None) != (self.context is None):
            what = "was removed" if config.context is None else "was added"
            raise ConfigError([f"{self._path}: tls_server_config {what}: restart the exporter for that"])
        return config

    def _context(self) -> ssl.SSLContext:
        context = self.get().context
        assert context is not None  # noqa: S101 - _load_like_before refuses a file without
        return context

    def _versions_read(self, before: dict[Path, Version]) -> dict[Path, Version]:
        """The versions of the files that were just read, rather too old than too new."""
        after = self._versions(self._config.files)
        return after | {file: before[file] for file in after.keys() & before.keys()}

    def _versions(self, files: tuple[Path, ...]) -> dict[Path, Version]:
        return {file: version(file) for file in (self._path, *files)}

    def _warn(self) -> None:
        key_file = self._config.key_file
        if key_file and Secret(path=key_file).world_readable():
            self._log.warning("secret_readable_by_everyone", file=str(key_file))
