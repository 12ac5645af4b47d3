"""The configuration that the program uses: checked, complete with defaults, and frozen.

Parts are equal when they were written alike, so a reload can compare them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from exporter.config.files import Secret

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Auth:
    """How a tenant logs in: with either `app_secret`, which fetches a token, or a ready `token`."""

    app_key: str
    app_secret: Secret | None = None
    token: Secret | None = None
    header_user: str | None = None


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How to check a platform's certificate, and the client certificate to send. Paths are absolute.

    ``min_version`` is one of TLS10, TLS11, TLS12 and TLS13.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: str = "TLS12"


@dataclass(frozen=True, slots=True)
class Bot:
    """A chatbot, by its access code."""

    access_code: str
    name: str
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS, hash=False)


@dataclass(frozen=True, slots=True)
class Discovery:
    """How often (seconds) to list a tenant's bots, and which of them to poll.

    The exporter polls a bot if ``include`` matches its whole name or access code, and ``exclude`` matches neither.
    """

    interval: float
    include: re.Pattern[str]
    exclude: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days that are unlike their weekday: public holidays, working weekends and special days.

    ``country`` and ``subdivision`` are codes in the package ``holidays``; an empty country has no holidays.
    """

    country: str = ""
    subdivision: str = ""
    special_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Every setting of a tenant that changes its requests. A reload keeps a session if they are equal."""

    tenant_id: str
    auth: Auth


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with its configured bots; `discovery`, unless None, finds more. Intervals are in seconds."""

    tenant_id: str
    name: str | None
    timezone: ZoneInfo
    poll_interval: float
    stale_after: float
    auth: Auth
    bots: tuple[Bot, ...]
    discovery: Discovery | None = None
    calendar: Calendar = Calendar()

    @property
    def session(self) -> SessionSettings:
        """Return the settings of the tenant's session."""
        return SessionSettings(self.tenant_id, self.auth)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform with its tenants. `url` has no trailing slash; `request_timeout` is in seconds."""

    name: str
    url: str
    request_timeout: float
    max_concurrency: int
    requests_per_second: float
    proxy_url: str | None = field(repr=False)  # may hold a password
    proxy_ca_file: Path | None
    tls_config: TlsConfig
    tenants: tuple[Tenant, ...]
    health_check: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """How much of each bot's past to fetch and keep."""

    days: int = 35
    """0 disables the history and all judgement."""
    path: Path | None = None
    """The folder of a cache that survives a restart; None: memory only."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; durations are in seconds."""

    poll_interval: float
    settle_delay: float
    empty_hour_delay: float
    stale_after: float
    reports: tuple[str, ...]
    history: History
    platforms: tuple[Platform, ...]

    def tenants(self) -> Iterator[tuple[Platform, Tenant]]:
        """Yield every tenant with its platform, in the order of the file."""
        for platform in self.platforms:
            for tenant in platform.tenants:
                yield platform, tenant
