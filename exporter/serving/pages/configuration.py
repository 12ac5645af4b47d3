"""The configuration in use as YAML, with all defaults and without secrets."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import yaml

from exporter.config import Config, Discovery, Secret, Tenant

SECRET: Final = "<secret>"  # noqa: S105 - a placeholder
_DURATIONS: Final = ("interval", "_delay", "_after", "_timeout")
_COUNTED: Final = "bots"
"""The key of a list that can have thousands of entries, and is shown elsewhere."""
_UNITS: Final = (("h", 3600), ("m", 60))


def to_yaml(config: Config) -> str:
    """Return the configuration as YAML in the format of the file, with the number of bots in place of the bots."""
    return yaml.dump(_convert_block(config), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=200)


def _convert_block(value: Any) -> dict[str, Any]:
    """Convert a block; a secret from a file appears under the key that names the file."""
    block: dict[str, Any] = {"enabled": True} if isinstance(value, Discovery) else {}
    for entry in fields(value):
        item = getattr(value, entry.name)
        if isinstance(value, Tenant) and entry.name == "stale_after":
            continue  # not a key of a tenant: derived from poll_interval
        if isinstance(item, Secret) and item.path is not None:
            block[f"{entry.name}_file"] = str(item.path)
        elif item is not None and item != ():
            block[entry.name] = _convert(entry.name, item)
    return block


def _convert(key: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return len(value) if key == _COUNTED else [_convert("", item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): str(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, Secret):
        return _convert_block(value)
    return _convert_scalar(key, value)


def _convert_scalar(key: str, value: object) -> object:
    match value:
        case Secret():
            return SECRET
        case re.Pattern():
            return value.pattern
        case ZoneInfo() | Path():
            return str(value)
        case float():
            return _write_duration(value) if key.endswith(_DURATIONS) else int(value) if value.is_integer() else value
        case str() if key.endswith("url"):
            return _redact(value)
        case _:
            return value


def _redact(url: str) -> str:
    """Replace the user and the password of a URL by ``<secret>``."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{SECRET if user else ''}{at}{host}"))


def _write_duration(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


_Dumper: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
