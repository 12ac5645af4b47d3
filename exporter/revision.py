"""Which commit the program was built from."""

from importlib import resources


def revision() -> str:
    """The git revision that what is installed was built from (see setup.py), "unknown" when run from the source tree."""
    built_from = resources.files("exporter") / "REVISION"
    return built_from.read_text(encoding="ascii").strip() if built_from.is_file() else "unknown"
