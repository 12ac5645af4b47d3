"""Writes into the package which revision it was built from; all else about the build stands in pyproject.toml."""

import os
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DESCRIBE = ("git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty")
"""A tree with changes of its own says "-dirty"."""


def revision() -> str:
    """Return the revision from the environment (builds without git: source distributions, images) or from git."""
    told = os.environ.get("OIFDE_EXPORTER_REVISION")
    if told or not Path(ROOT, ".git").exists():  # another project's git may lie above
        return told or ""
    try:
        return subprocess.run(DESCRIBE, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""


class BuildWithRevision(build_py):
    """Adds `exporter/REVISION` to what is built."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode and (built_from := revision()):
            Path(self.build_lib, "exporter", "REVISION").write_text(f"{built_from}\n", encoding="ascii")


setup(cmdclass={"build_py": BuildWithRevision})
