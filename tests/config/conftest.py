"""Fixtures: the smallest configuration, and functions that write and load configurations."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.config import ConfigError, load

SMALLEST = """\
platforms:
  - url: https://aicc.example.com:28090
    tenants:
      - tenant_id: "1"
        auth: {app_secret: "open sesame"}
        bots: [{access_code: "7"}]
"""


@pytest.fixture
def smallest() -> str:
    """Return a configuration without optional keys."""
    return SMALLEST


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a configuration file."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def errors() -> Callable[..., list[str]]:
    """Load an invalid configuration, and return its errors."""

    def load_wrong(source: Path | str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(source, environ or {})
        return caught.value.errors

    return load_wrong
