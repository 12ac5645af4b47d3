"""From what the user wrote to a `Config`, or to everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from exporter.config import schema
from exporter.config.checks import cross_checks, host
from exporter.config.form import Form
from exporter.config.model import Auth, Bot, Calendar, Config, Discovery, History, Platform, Tenant, TlsConfig
from exporter.config.validation import validate

Source = Path | str
"""A configuration file, or the YAML itself; JSON is YAML too."""

# What the text of a configuration is called when it comes from no file.
_TEXT_NAME = "OIFDE_EXPORTER_CONFIG"

_MIN_STALE_AFTER = 300.0
_STALE_INTERVALS = 3


_FORM = Form(
    schema.Config,
    schema.BLOCKS,
    schema.SECRET_KEYS,
    cross_checks,
    least="platforms",
    advice=(
        "name another with --config.file, write one after config.example.yaml and docs/configuration.md, "
        "or see the exporter work without one: oifde-exporter demo"
    ),
    may_be_a_pipe=True,
)


def load(source: Source, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration.

    Args:
        source: the configuration's file, or its text, which messages then call OIFDE_EXPORTER_CONFIG and whose
            relative file names start from the working directory.
        environ: what `${NAME}` is replaced from.

    Raises:
        ConfigError: with all that is wrong, each as `file:line: path: what is wrong and what to do`.
    """
    name, directory = _TEXT_NAME, Path.cwd()
    if isinstance(source, Path):
        name, directory = str(source), source.parent.absolute()
    return _config(validate(_FORM, source, name=name, directory=directory, environ=environ))


def _config(written: schema.Config) -> Config:
    stale_after = written.stale_after or max(_MIN_STALE_AFTER, _STALE_INTERVALS * written.poll_interval)
    return Config(
        poll_interval=written.poll_interval,
        settle_delay=written.settle_delay,
        empty_hour_delay=written.empty_hour_delay,
        stale_after=stale_after,
        reports=tuple(written.reports),
        history=History(written.history.days, written.history.path),
        platforms=tuple(_platform(platform, written, stale_after) for platform in written.platforms),
    )


def _platform(written: schema.Platform, top: schema.Config, stale_after: float) -> Platform:
    tls = written.tls_config
    return Platform(
        name=written.name or host(written.url),
        url=written.url,
        request_timeout=written.request_timeout,
        max_concurrency=written.max_concurrency,
        requests_per_second=written.requests_per_second,
        proxy_url=written.proxy_url,
        tls_config=TlsConfig(tls.ca_file, tls.cert_file, tls.key_file, tls.server_name, tls.insecure_skip_verify),
        tenants=tuple(_tenant(tenant, top, stale_after) for tenant in written.tenants),
    )


def _tenant(written: schema.Tenant, top: schema.Config, stale_after: float) -> Tenant:
    poll_interval = written.poll_interval or top.poll_interval
    if top.stale_after is None:
        stale_after = max(stale_after, _STALE_INTERVALS * poll_interval)
    auth, calendar, discovery = written.auth, written.calendar, written.discovery
    return Tenant(
        tenant_id=written.tenant_id,
        name=written.name,
        timezone=written.timezone,
        poll_interval=poll_interval,
        stale_after=stale_after,
        auth=Auth(
            app_key=auth.app_key or written.tenant_id,
            app_secret=auth.app_secret or auth.app_secret_file,
            token=auth.token or auth.token_file,
            header_user=auth.header_user,
        ),
        bots=tuple(
            Bot(bot.access_code, bot.name or bot.access_code, MappingProxyType(bot.labels)) for bot in written.bots
        ),
        discovery=(
            Discovery(discovery.interval, discovery.include, discovery.exclude)
            if discovery and discovery.enabled
            else None
        ),
        calendar=Calendar(calendar.country, calendar.subdivision, tuple(calendar.special_days)),
    )
