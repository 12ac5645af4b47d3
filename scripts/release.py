"""Checks a release, and prints its notes: ``release.py check TAG`` and ``release.py notes``."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_SECTION = re.compile(
    r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)


def newest_section(changelog: str) -> re.Match[str]:
    """Return the newest section of the changelog; raise ValueError if there is none."""
    if found := _SECTION.search(changelog):
        return found
    raise ValueError("CHANGELOG.md has no section")


def find_problems(root: Path, tag: str) -> Iterator[str]:
    """Return what must be changed before the tag can be published."""
    code = (root / "exporter" / "__init__.py").read_text(encoding="utf-8")
    version = code.partition('__version__ = "')[2].partition('"')[0]
    if tag != f"v{version}":
        yield f"The tag is {tag}, but exporter/__init__.py has version {version}."
    section = newest_section((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if section["version"] != version or not section["date"]:
        yield f"The newest section of CHANGELOG.md must be [{version}] with a date, not [{section['version']}]."
    addresses = tomllib.loads((root / "addresses.toml").read_text(encoding="utf-8"))
    for name, address in addresses.items():
        if "example.org" in address:
            yield f"The address of the {name} is a placeholder: {address}. Set it with make addresses."
    for page in ("README.md", "README.zh-CN.md"):
        if "example.org" in re.sub(r"\S+\.example\.org", "", (root / page).read_text(encoding="utf-8")):
            yield f"{page} says that nothing has been published yet."


def main(action: str, *arguments: str) -> None:
    """Run the command."""
    if action == "check":
        if problems := list(find_problems(_ROOT, *arguments)):
            sys.exit("\n".join(problems))
    else:
        sys.stdout.write(newest_section((_ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))["text"].strip() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
