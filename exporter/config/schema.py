"""What a user may write: every key with its kind, its default and its meaning.

The published JSON Schema is made from these models, so that editors complete and explain the keys.
"""

import ssl
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from exporter.config.types import (
    CaFile,
    Count,
    Country,
    Day,
    Duration,
    FilePath,
    Flag,
    Folder,
    HeaderValue,
    HistoryDays,
    Interval,
    Labels,
    ProxyUrl,
    Rate,
    Regex,
    Report,
    SecretFile,
    SecretText,
    Text,
    Timeout,
    Timezone,
    UpToADay,
    Url,
)

# The ways to say how a tenant logs in; exactly one is written.
CREDENTIALS = ("app_secret", "app_secret_file", "token", "token_file")


def _key(default: Any, description: str) -> Any:
    # Defaults are given as users would write them, and validated like that.
    return Field(default, description=description)


class _Block(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, arbitrary_types_allowed=True
    )


class Auth(_Block):
    """How the exporter logs in for a tenant: exactly one of app_secret, app_secret_file, token and token_file."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in CREDENTIALS]})

    app_key: Text | None = _key(None, "The key that goes with the secret; default: the tenant_id.")
    app_secret: SecretText | None = _key(
        None, "The app secret itself; better read from the environment: ${OIFDE_APP_SECRET}."
    )
    app_secret_file: SecretFile | None = _key(None, "A file with the app secret, read again at each login.")
    token: SecretText | None = _key(None, "A ready authToken, for platforms that hand one out.")
    token_file: SecretFile | None = _key(None, "A file with a ready authToken, read again when needed.")
    header_user: HeaderValue | None = _key(
        None,
        "For internal systems: send this userName and the token as headers, not authToken in the body.",
    )


class TlsConfig(_Block):
    """How the platform is recognised, with the keys Prometheus uses; files hold PEM."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"cert_file": ["key_file"], "key_file": ["cert_file"]}}
    )

    ca_file: CaFile | None = _key(
        None, "Certificates to trust, for a self-signed or private one; default: the system's."
    )
    cert_file: FilePath | None = _key(None, "The certificate shown to the platform, with key_file.")
    key_file: FilePath | None = _key(None, "The key of cert_file, not encrypted.")
    server_name: Text | None = _key(None, "The name the platform's certificate must have; default: the url's host.")
    insecure_skip_verify: Flag = _key(False, "Trust any certificate: anybody could be the platform.")

    @model_validator(mode="after")
    def _certificate_fits_key(self) -> Self:
        if self.cert_file and self.key_file:
            try:
                # An empty password keeps OpenSSL from asking for one on the terminal.
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.cert_file, self.key_file, password="")
            except (OSError, ValueError):
                message = (
                    "cert_file and key_file must hold a certificate and its key in PEM format, the key not encrypted"
                )
                raise ValueError(message) from None
        return self


class Bot(_Block):
    """A chatbot."""

    access_code: Text = _key(..., "The bot's access code on the platform, in quotes.")
    name: Text | None = _key(None, "What the label `bot` says; default: the access code.")
    labels: Labels = _key({}, "More labels, only on oifde_bot_info.")


class Discovery(_Block):
    """Bots found by asking the platform. The expressions are Python's, and match the whole name or access code."""

    enabled: Flag = _key(True, "false: as if discovery were not written.")
    interval: Interval = _key("10m", "The platform is asked this often which bots the tenant has.")
    include: Regex = _key(".*", "Bots are polled whose name or access code this regular expression matches, all of it.")
    exclude: Regex = _key("", "Bots are left out whose name or access code this regular expression matches, all of it.")


class Calendar(_Block):
    """The days of a tenant that are unlike other days of the same weekday."""

    country: Country = _key("", "The country whose public holidays and working weekends apply: its ISO 3166-1 code.")
    subdivision: str = _key(
        "", "The part of the country, where holidays differ: its ISO 3166-2 code without the country."
    )
    special_days: list[Day] = _key([], "More days that are unlike their weekday, like 2026-12-24.")


class Tenant(_Block):
    """A tenant with its bots: those that are listed, those that are discovered, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["bots"], "properties": {"bots": {"minItems": 1}}},
                {
                    "required": ["discovery"],
                    "properties": {"discovery": {"properties": {"enabled": {"not": {"const": False}}}}},
                },
            ]
        }
    )

    tenant_id: Text = _key(..., "The tenant's id on the platform, in quotes.")
    name: Text | None = _key(None, "What the label `tenant` of oifde_bot_info says; optional.")
    timezone: Timezone = _key("Asia/Shanghai", "The IANA time zone in which the tenant's days and hours are reckoned.")
    poll_interval: Interval | None = _key(None, "This tenant's poll interval; default: the top-level one.")
    calendar: Calendar = _key({}, "The tenant's holidays and other special days; default: none.")
    auth: Auth = _key(..., "How the exporter logs in for this tenant.")
    bots: list[Bot] = _key([], "The bots to report on; with discovery, those that go by another name or have labels.")
    discovery: Discovery | None = _key(None, "Report on the bots that the platform lists for the tenant, too.")


class Platform(_Block):
    """A platform with its tenants."""

    name: Text | None = _key(None, "What the label `platform` says; default: the url's host.")
    url: Url = _key(
        ..., "The platform's address, https://host:port; /oifde/rest/api/... is appended, a path prefix is kept."
    )
    request_timeout: Timeout = _key("10s", "One request may take this long.")
    max_concurrency: Count = _key(8, "At most this many requests at the same time.")
    requests_per_second: Rate = _key(20, "At most this many requests a second; may be a fraction.")
    proxy_url: ProxyUrl | None = _key(None, "The proxy to go through, http://[user:password@]host:port.")
    tls_config: TlsConfig = _key({}, "How the platform is recognised.")
    tenants: Annotated[list[Tenant], Field(min_length=1)] = _key(..., "The tenants of this platform.")


class History(_Block):
    """How much of the past of each bot the exporter fetches and keeps."""

    days: HistoryDays = _key(35, "How many past days of each bot to fetch and keep: 7 to 90, or 0 for no judgement.")
    path: Folder = _key("", "A folder for a cache that survives a restart; default: memory only.")


class Config(_Block):
    """The configuration of oifde-exporter."""

    model_config = ConfigDict(title="oifde-exporter")

    poll_interval: Interval = _key(
        "60s", "Each bot's report is fetched this often (1s or more), spread evenly over the interval."
    )
    settle_delay: Duration = _key("10m", "An hour's record counts as complete this long after the hour has ended.")
    empty_hour_delay: UpToADay = _key(
        "2h",
        "An hour without a record counts as an hour without calls this long after it has ended; at most 24h.",
    )
    stale_after: Timeout | None = _key(
        None,
        "A bot's series are withdrawn when no poll has succeeded for so long; "
        "default: 5m or three poll intervals, whichever is more.",
    )
    reports: Annotated[list[Report], Field(min_length=1)] = _key(
        ["hour"],
        "The reports to fetch: calls by hour, calls by day (every 10 minutes at most), replies of the chatbot by hour.",
    )
    history: History = _key({}, "The past of each bot, by which the exporter judges what is usual.")
    platforms: Annotated[list[Platform], Field(min_length=1)] = _key(..., "The platforms to report on.")


# The block behind each key that holds one, or a list of them; the top level has no key.
BLOCKS: dict[str, type[BaseModel]] = {
    "": Config,
    "history": History,
    "platforms": Platform,
    "tls_config": TlsConfig,
    "tenants": Tenant,
    "calendar": Calendar,
    "auth": Auth,
    "bots": Bot,
    "discovery": Discovery,
}

SECRET_KEYS = frozenset({"app_secret", "app_secret_file", "token", "token_file", "proxy_url"})


class _ForEditors(GenerateJsonSchema):
    """What may be written: an optional key may be left out, but not be null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            super().default_schema(schema) if schema["default"] is not None else self.generate_inner(schema["schema"])
        )

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a configuration file."""
    return {"$schema": _ForEditors.schema_dialect, **Config.model_json_schema(schema_generator=_ForEditors)}
