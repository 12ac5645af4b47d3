"""The addresses of the published project: in one file, and the same everywhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADDRESSES = tomllib.loads((ROOT / "addresses.toml").read_text(encoding="utf-8"))


def git(directory: Path, *arguments: str) -> str:
    """Return the output of git."""
    return subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True).stdout


def test_every_placeholder_is_an_address() -> None:
    """No file has a placeholder that `make addresses` would leave."""
    lines = git(ROOT, "grep", "-hI", "example[.]org", "--", ".", ":!tests/test_addresses.py").splitlines()
    for address in ADDRESSES.values():
        lines = [line.replace(address, "") for line in lines]

    assert [] == [line for line in lines if re.search(r"\S\.example\.org|@example\.org", line)]


def test_addresses_are_set_in_every_file(tmp_path: Path) -> None:
    """`make addresses` changes addresses.toml and every file that has the address; others stay the same."""
    (tmp_path / "scripts").mkdir()
    for name in ("addresses.toml", "scripts/set-addresses.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "picture").write_bytes(b"\xff" + ADDRESSES["site"].encode() + b"/latest/")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")

    command = [sys.executable, "scripts/set-addresses.py", "site=https://bots.example.com/", "contact="]
    subprocess.run(command, cwd=tmp_path, check=True)

    changed = tomllib.loads((tmp_path / "addresses.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ADDRESSES | {"site": "https://bots.example.com"} == changed
    assert "https://bots.example.com" == project["urls"]["Homepage"]
    assert ADDRESSES["repository"] == project["urls"]["Repository"]
    assert b"\xffhttps://bots.example.com/latest/" == (tmp_path / "picture").read_bytes()
