"""Read and check the configuration, and complete it with defaults."""

from exporter.config.files import Secret, SecretUnavailable
from exporter.config.loader import CONFIG_VARIABLE, Source, load
from exporter.config.model import (
    Auth,
    Bot,
    Calendar,
    Config,
    Discovery,
    History,
    Platform,
    SessionSettings,
    Tenant,
    TlsConfig,
)
from exporter.config.sharding import Shard, take_shard
from exporter.config.validation import ConfigError

__all__ = [
    "CONFIG_VARIABLE",
    "Auth",
    "Bot",
    "Calendar",
    "Config",
    "ConfigError",
    "Discovery",
    "History",
    "Platform",
    "Secret",
    "SecretUnavailable",
    "SessionSettings",
    "Shard",
    "Source",
    "Tenant",
    "TlsConfig",
    "load",
    "take_shard",
]
