"""What the user wrote: read, checked and completed."""

from exporter.config.loader import Source, load
from exporter.config.model import Auth, Bot, Config, Discovery, Platform, Tenant, TlsConfig
from exporter.config.secrets import Secret, SecretUnavailable
from exporter.config.sharding import Shard, take_shard
from exporter.config.validation import ConfigError

__all__ = [
    "Auth",
    "Bot",
    "Config",
    "ConfigError",
    "Discovery",
    "Platform",
    "Secret",
    "SecretUnavailable",
    "Shard",
    "Source",
    "Tenant",
    "TlsConfig",
    "load",
    "take_shard",
]
