"""Writes into the package which revision it was built from; all else about the build stands in pyproject.toml."""

import os
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRevision(build_py):
    """Adds `exporter/REVISION` to what is built, from the environment (`make wheel` and the image's build set it)."""

    def run(self) -> None:
        super().run()
        revision = os.environ.get("OIFDE_EXPORTER_REVISION")
        if revision and not self.editable_mode:
            Path(self.build_lib, "exporter", "REVISION").write_text(f"{revision}\n", encoding="ascii")


setup(cmdclass={"build_py": BuildWithRevision})
