"""What is installed besides the project: as locked, fitting together, freely usable, and listed."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = re.compile(r"^\| (?P<name>[a-z0-9-]+) \| (?P<version>[0-9][^ ]*) \| (?P<licence>[^|]*) \|", re.MULTILINE)

# What may be shipped along without giving anything away but a notice.
PERMISSIVE = re.compile(
    r"(MIT|Apache|BSD|PSF|Python Software Foundation|ISC)[^,]*(, (MIT|Apache|BSD|PSF|ISC)[^,]*)*", re.IGNORECASE
)


@pytest.fixture
def page() -> str:
    """The list of dependencies."""
    return (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")


def test_the_list_is_up_to_date(page: str) -> None:
    """`make docs` would not change it."""
    script = ROOT / "scripts" / "list-dependencies.py"
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, encoding="utf-8", check=True)

    assert made.stdout == page


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_the_list_has_every_locked_package(page: str, lock: str) -> None:
    """In the version that is locked."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))

    assert set() == locked - {(entry["name"], entry["version"]) for entry in LISTED.finditer(page)}


def test_what_is_tested_is_what_is_locked(page: str) -> None:
    """A package in another version would be neither the one tested nor the one that users get."""
    installed = {entry["name"]: metadata.version(entry["name"]) for entry in LISTED.finditer(page)}

    assert {entry["name"]: entry["version"] for entry in LISTED.finditer(page)} == installed


def test_what_is_shipped_may_be_shipped(page: str) -> None:
    """Every package that runs has a permissive licence."""
    runs, _, _ = page.partition("## What builds")
    licences = {entry["name"]: entry["licence"] for entry in LISTED.finditer(runs)}

    assert licences
    assert {} == {name: licence for name, licence in licences.items() if not PERMISSIVE.fullmatch(licence)}


def test_the_packages_fit_together() -> None:
    """Pip finds no requirement of one that another does not meet."""
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)

    assert (0, "No broken requirements found.\n") == (checked.returncode, checked.stdout)


def test_the_auditor_is_locked() -> None:
    """What looks for vulnerabilities is itself pinned with hashes, and fetched from wherever packages come from."""
    lock = (ROOT / "requirements" / "audit.txt").read_text(encoding="utf-8")

    assert re.search(r"^pip-audit==[^ ]+ \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert [] == [line for line in lock.splitlines() if "//" in line]
