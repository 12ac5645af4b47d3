"""Load a configuration from a file or a text."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from exporter.config import schema
from exporter.config.checks import cross_checks, find_host
from exporter.config.model import Auth, Bot, Calendar, Config, Discovery, History, Platform, Tenant, TlsConfig
from exporter.config.validation import Form, validate
from exporter.language import Text

Source = Path | str
"""A configuration file, or the YAML itself; JSON is YAML too."""

CONFIG_VARIABLE = "OIFDE_EXPORTER_CONFIG"
"""The environment variable that can hold the YAML itself, and its name in messages."""

_MIN_STALE_AFTER = 300.0
_STALE_INTERVALS = 3


_FORM = Form(
    schema.Config,
    schema.BLOCKS,
    schema.SECRET_KEYS,
    cross_checks,
    least="platforms",
    advice=Text(
        "name another file with --config.file, write one as config.example.yaml and docs/configuration.md show, "
        "or try the exporter without one: oifde-exporter demo"
    ),
    text_advice=Text(
        "%(variable)s contains the YAML itself; to name a file, set %(variable)s_FILE", variable=CONFIG_VARIABLE
    ),
    may_be_a_pipe=True,
)


def load(source: Source, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration.

    Args:
        source: the file, or the text. Relative file names in a text start from the working directory.
        environ: replaces `${NAME}`.

    Raises:
        ConfigError: with all errors, each as `file:line: path: error and fix`.
    """
    name, directory = CONFIG_VARIABLE, Path.cwd()
    if isinstance(source, Path):
        name, directory = str(source), source.parent.absolute()
    return _build_config(validate(_FORM, source, name=name, directory=directory, environ=environ))


def _list_keys(block: BaseModel, **replacements: Any) -> dict[str, Any]:
    """Return the keys of a block by name, with some values replaced."""
    return dict(block) | replacements


def _build_config(written: schema.Config) -> Config:
    stale_after = written.stale_after or max(_MIN_STALE_AFTER, _STALE_INTERVALS * written.poll_interval)
    return Config(
        **_list_keys(
            written,
            stale_after=stale_after,
            reports=tuple(written.reports),
            history=History(**_list_keys(written.history)),
            platforms=tuple(_build_platform(platform, written, stale_after) for platform in written.platforms),
        )
    )


def _build_platform(written: schema.Platform, top: schema.Config, stale_after: float) -> Platform:
    return Platform(
        **_list_keys(
            written,
            name=written.name or find_host(written.url),
            tls_config=TlsConfig(**_list_keys(written.tls_config)),
            tenants=tuple(_build_tenant(tenant, top, stale_after) for tenant in written.tenants),
        )
    )


def _build_tenant(written: schema.Tenant, top: schema.Config, stale_after: float) -> Tenant:
    poll_interval = written.poll_interval or top.poll_interval
    if top.stale_after is None:
        stale_after = max(stale_after, _STALE_INTERVALS * poll_interval)
    auth, calendar, discovery = written.auth, written.calendar, written.discovery
    return Tenant(
        **_list_keys(
            written,
            poll_interval=poll_interval,
            stale_after=stale_after,
            auth=Auth(
                app_key=auth.app_key or auth.header_user or written.tenant_id,
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
            calendar=Calendar(**_list_keys(calendar, special_days=tuple(calendar.special_days))),
        )
    )
