"""Adds to the build what pyproject.toml cannot say: the revision, and a description whose links work on the package index."""

import os
import re
import subprocess
import tomllib
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


def describe() -> str:
    """Return README.md with absolute links: to the documentation's site, or else to the repository."""
    urls: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

    def lead(link: re.Match[str]) -> str:
        path = link[1]
        if not path.startswith("docs/"):
            return f"{urls['Repository']}/blob/main/{path}"
        page = re.sub(r"(/README)?\.md(?=#|$)", "/", path.removeprefix("docs/"))
        return urls["Documentation"] + page

    return re.sub(r"(?<=\]\()(?![a-z]+:|#)([^)\s]+)", lead, (ROOT / "README.md").read_text(encoding="utf-8"))


class BuildWithRevision(build_py):
    """Adds `exporter/REVISION` to what is built."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode and (built_from := revision()):
            Path(self.build_lib, "exporter", "REVISION").write_text(f"{built_from}\n", encoding="ascii")


setup(
    cmdclass={"build_py": BuildWithRevision},
    long_description=describe(),
    long_description_content_type="text/markdown",
)
