"""Replaces addresses of the project in every file of the checkout: set-addresses.py NAME=VALUE...

The names are those of addresses.toml. An empty value leaves the address unchanged.
"""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def replace(new: Mapping[str, str]) -> None:
    """Replace the addresses; raise KeyError if a name is unknown."""
    current = tomllib.loads((_ROOT / "addresses.toml").read_text(encoding="utf-8"))
    changes = {current[name]: address.rstrip("/") for name, address in new.items() if address}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    for file in (_ROOT / name for name in listed.split("\0") if name):
        text = before = file.read_bytes()
        for old, address in changes.items():
            text = text.replace(old.encode(), address.encode())
        if text != before:
            file.write_bytes(text)


if __name__ == "__main__":
    replace(dict(argument.split("=", 1) for argument in sys.argv[1:]))
