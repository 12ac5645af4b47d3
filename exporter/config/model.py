"""The configuration as the program uses it: checked, completed with the defaults, and frozen.

Two configurations are equal when the same was written, so a reload can tell which parts have changed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from exporter.config.secrets import Secret


@dataclass(frozen=True, slots=True)
class Auth:
    """How a tenant logs in: exactly one of `app_secret` (a token is fetched with it) and `token` (a ready one)."""

    app_key: str
    app_secret: Secret | None = None
    token: Secret | None = None
    header_user: str | None = None


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """What a platform's certificate is checked against, and the certificate shown to it; files are absolute."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Bot:
    """A chatbot, by its access code."""

    access_code: str
    name: str
    labels: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Discovery:
    """How often (seconds) the platform is asked which bots a tenant has, and which of them are polled.

    A bot is, when ``include`` matches all of its name or of its access code, and ``exclude`` of neither.
    """

    interval: float
    include: re.Pattern[str]
    exclude: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that are unlike their weekday: public holidays and working weekends of a country, and special days.

    ``country`` and ``subdivision`` are codes that PyPI's ``holidays`` knows; empty: no public holidays.
    """

    country: str = ""
    subdivision: str = ""
    special_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """All that a tenant's requests depend on, besides its platform. A reload keeps a session whose settings are equal."""

    tenant_id: str
    auth: Auth


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with the bots that are configured; `discovery`, unless None, finds more. Intervals in seconds."""

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
        """Return what the tenant's session needs to know."""
        return SessionSettings(self.tenant_id, self.auth)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform with its tenants; `url` has no trailing slash, `request_timeout` is in seconds."""

    name: str
    url: str
    request_timeout: float
    max_concurrency: int
    requests_per_second: float
    proxy_url: str | None = field(repr=False)  # may hold a password
    tls_config: TlsConfig
    tenants: tuple[Tenant, ...]


@dataclass(frozen=True, slots=True)
class History:
    """How many past days of each bot are kept (0: none, and nothing is judged), and the folder of their cache."""

    days: int = 35
    path: Path | None = None
    """An absolute path; None: memory only."""


@dataclass(frozen=True, slots=True)
class Config:
    """All of it; durations in seconds."""

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
