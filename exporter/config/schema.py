"""Every key of the configuration, with its type, its default and its description.

The published JSON Schema comes from these models. Editors complete and explain the keys with it.
"""

import ssl
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from exporter.config import types
from exporter.language import Text

# A tenant has exactly one of these.
CREDENTIALS = ("app_secret", "app_secret_file", "token", "token_file")


def _key(default: Any, description: str) -> Any:
    # Defaults are in the form that users write, and are validated.
    return Field(default, description=description)


class _Block(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, arbitrary_types_allowed=True
    )


class Auth(_Block):
    """How the exporter logs in for a tenant: exactly one of app_secret, app_secret_file, token and token_file."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in CREDENTIALS]})

    app_key: types.Identifier | None = _key(
        None, "The app key that belongs to the secret; default: the header_user if there is one, else the tenant_id."
    )
    app_secret: types.SecretText | None = _key(
        None, "The app secret; prefer a variable to the secret itself: ${OIFDE_APP_SECRET}."
    )
    app_secret_file: types.SecretFile | None = _key(None, "A file with the app secret, which every login reads again.")
    token: types.SecretText | None = _key(None, "A ready authToken, for platforms that provide one.")
    token_file: types.SecretFile | None = _key(None, "A file with a ready authToken, which is read again when needed.")
    header_user: types.HeaderValue | None = _key(
        None,
        "For internal systems: send this userName and the token as headers, instead of authToken in the body.",
    )


class TlsConfig(_Block):
    """TLS settings, with the keys that Prometheus uses. Files are in PEM format."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"cert_file": ["key_file"], "key_file": ["cert_file"]}}
    )

    ca_file: types.CaFile | None = _key(
        None, "Trusted certificates, for a self-signed or private one; default: the system's."
    )
    cert_file: types.FilePath | None = _key(None, "The client certificate, with key_file.")
    key_file: types.FilePath | None = _key(None, "The key of cert_file, unencrypted.")
    server_name: types.NonEmptyText | None = _key(
        None, "The name in the platform's certificate; default: the url's host."
    )
    insecure_skip_verify: types.Flag = _key(False, "Accept any certificate. Anyone can then impersonate the platform.")
    min_version: types.TlsVersion = _key(
        "TLS12",
        "The oldest TLS version to accept. TLS10 and TLS11 also allow the weak ciphers and keys of old servers.",
    )

    @model_validator(mode="after")
    def _certificate_fits_key(self) -> Self:
        if self.cert_file and self.key_file:
            try:
                # With an empty password, OpenSSL does not ask for one on the terminal.
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.cert_file, self.key_file, password="")
            except (OSError, ValueError):
                message = Text("cert_file and key_file must be a certificate and its unencrypted key, in PEM format")
                raise ValueError(message) from None
        return self


class Bot(_Block):
    """A chatbot."""

    access_code: types.Identifier = _key(..., "The bot's access code on the platform, in quotes.")
    name: types.NonEmptyText | None = _key(None, "The label `bot`; default: the access code.")
    labels: types.Labels = _key({}, "More labels, on oifde_bot_info only.")


class Discovery(_Block):
    """Discovery of bots. Regular expressions are Python's, and match the whole name or access code."""

    enabled: types.Flag = _key(True, "false disables discovery.")
    interval: types.Interval = _key("10m", "How often to list the tenant's bots.")
    include: types.Regex = _key(".*", "Poll the bots whose whole name or access code matches this regular expression.")
    exclude: types.Regex = _key("", "Ignore the bots whose whole name or access code matches this regular expression.")


class Calendar(_Block):
    """Days that are unlike other days of the same weekday."""

    country: types.Country = _key(
        "", "The country whose public holidays and working weekends apply, as its ISO 3166-1 code."
    )
    subdivision: str = _key(
        "", "The part of the country, where holidays differ, as its ISO 3166-2 code without the country."
    )
    special_days: list[types.Day] = _key([], "More days that are unlike their weekday, like 2026-12-24.")


class Tenant(_Block):
    """A tenant with its bots: listed, discovered, or both."""

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

    tenant_id: types.Identifier = _key(..., "The tenant's id on the platform, in quotes.")
    name: types.NonEmptyText | None = _key(None, "The label `tenant` of oifde_bot_info; default: the tenant_id.")
    timezone: types.Timezone = _key(
        "Asia/Shanghai",
        "The IANA time zone of the tenant's days and hours. It must match the one that the platform uses for day boundaries.",
    )
    poll_interval: types.Interval | None = _key(None, "This tenant's poll interval; default: the top-level one.")
    calendar: Calendar = _key({}, "The tenant's holidays and other special days; default: none.")
    auth: Auth = _key(..., "How the exporter logs in for this tenant.")
    bots: list[Bot] = _key([], "The bots to report on; with discovery, bots with another name or with labels.")
    discovery: Discovery | None = _key(None, "Also report on the bots that the platform lists for the tenant.")


class Platform(_Block):
    """A platform with its tenants."""

    name: types.NonEmptyText | None = _key(None, "The label `platform`; default: the url's host.")
    url: types.Url = _key(
        ...,
        "The platform's URL up to /oifde/rest/api, like https://host:port or https://host/prefix.",
    )
    request_timeout: types.Timeout = _key("10s", "The timeout of one request.")
    max_concurrency: types.Count = _key(8, "The maximum number of concurrent requests.")
    requests_per_second: types.Rate = _key(20, "The maximum number of requests per second; may be a fraction.")
    proxy_url: types.ProxyUrl | None = _key(None, "The URL of a proxy, like http://[user:password@]host:port.")
    proxy_ca_file: types.CaFile | None = _key(
        None, "Trusted certificates for an https proxy with a self-signed or private one; default: the system's."
    )
    tls_config: TlsConfig = _key({}, "TLS settings for the platform.")
    health_check: types.Flag = _key(
        False, "Ask the platform for its own health (servicemonitor) once per poll_interval."
    )
    tenants: Annotated[list[Tenant], Field(min_length=1)] = _key(..., "The tenants of this platform.")


class History(_Block):
    """How much of each bot's past to fetch and keep."""

    days: types.HistoryDays = _key(
        35, "The number of past days to fetch and keep, from 7 to 90; 0 disables the history and all judgement."
    )
    path: types.Folder = _key("", "A folder for a cache that survives a restart; default: memory only.")


class Config(_Block):
    """The configuration of oifde-exporter."""

    model_config = ConfigDict(title="oifde-exporter")

    poll_interval: types.Interval = _key(
        "60s", "How often to fetch each bot's report (1s or more). The requests are spread evenly over the interval."
    )
    settle_delay: types.Duration = _key("10m", "How long after the end of an hour its record counts as complete.")
    empty_hour_delay: types.UpToADay = _key(
        "2h",
        "How long after its end an hour without a record counts as an hour without calls; at most 24h.",
    )
    stale_after: types.Timeout | None = _key(
        None,
        "The exporter drops a bot's series when no poll has succeeded for this long; "
        "default: 5m or three poll intervals, whichever is longer.",
    )
    reports: Annotated[list[types.Report], Field(min_length=1)] = _key(
        ["hour"],
        "The reports to fetch: calls by hour, calls by day (at most every 10 minutes), the chatbot's replies by hour.",
    )
    history: History = _key({}, "The past of each bot, which the exporter compares its present with.")
    platforms: Annotated[list[Platform], Field(min_length=1)] = _key(..., "The platforms to report on.")


# By the key that holds the block, or the list of blocks; the top level has no key.
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
    """Write the schema for files: an optional key can be absent, but not null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            super().default_schema(schema) if schema["default"] is not None else self.generate_inner(schema["schema"])
        )

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def make_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a configuration file."""
    return {"$schema": _ForEditors.schema_dialect, **Config.model_json_schema(schema_generator=_ForEditors)}
