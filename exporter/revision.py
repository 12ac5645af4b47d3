"""The commit the exporter was built from."""

from importlib import resources


def read_revision() -> str:
    """Return the git revision of the installed exporter (see setup.py), or "unknown" in a source tree."""
    built_from = resources.files("exporter") / "REVISION"
    return built_from.read_text(encoding="ascii").strip() if built_from.is_file() else "unknown"
