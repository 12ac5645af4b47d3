"""The configuration as the program uses it, to be shown: with every default, without any secret."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import yaml

from exporter.config import Config, Discovery, Secret, Tenant

SECRET: Final = "<secret>"  # noqa: S105 - what stands in place of one
_DURATIONS: Final = ("interval", "_delay", "_after", "_timeout")
_COUNTED: Final = "bots"
"""The key of a list that may have thousands of entries, and is shown elsewhere."""
_UNITS: Final = (("h", 3600), ("m", 60))


def to_yaml(config: Config) -> str:
    """The configuration as YAML in the form of the file; of each tenant's bots only the number is told."""
    return yaml.dump(_block(config), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=200)


def _block(value: Any) -> dict[str, Any]:
    """What is written or has a default; a secret from a file is named after the key that names the file."""
    block: dict[str, Any] = {"enabled": True} if isinstance(value, Discovery) else {}
    for each in fields(value):
        item = getattr(value, each.name)
        if isinstance(value, Tenant) and each.name == "stale_after":
            continue  # no key of a tenant's: what the default comes to with its poll_interval
        if isinstance(item, Secret) and item.path is not None:
            block[f"{each.name}_file"] = str(item.path)
        elif item is not None and item != ():
            block[each.name] = _several(each.name, item)
    return block


def _several(key: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return len(value) if key == _COUNTED else [_several("", each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): str(each) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, Secret):
        return _block(value)
    return _scalar(key, value)


def _scalar(key: str, value: object) -> object:
    match value:
        case Secret():
            return SECRET
        case re.Pattern():
            return value.pattern
        case ZoneInfo() | Path():
            return str(value)
        case float():
            return _duration(value) if key.endswith(_DURATIONS) else int(value) if value.is_integer() else value
        case str() if key.endswith("url"):
            return _without_user(value)
        case _:
            return value


def _without_user(url: str) -> str:
    """A URL with ``<secret>`` in place of the user and the password it may hold."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{SECRET if user else ''}{at}{host}"))


def _duration(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


_Dumper: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
