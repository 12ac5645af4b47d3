"""The installed packages: as locked, compatible, freely licensed, and listed."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = re.compile(r"^\| (?P<name>[a-z0-9-]+) \| (?P<version>[0-9][^ ]*) \| (?P<licence>[^|]*) \|", re.MULTILINE)

# Licences that require no more than a notice.
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
    """In the locked version."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))

    assert set() == locked - {(entry["name"], entry["version"]) for entry in LISTED.finditer(page)}


def test_no_lock_has_an_address() -> None:
    """A lock works with any registry, and advertises nothing."""
    locks = [*(ROOT / "requirements").glob("*.txt"), ROOT / "tests" / "grafana" / "package-lock.json"]
    assert [] == [lock.name for lock in locks if "://" in lock.read_text(encoding="utf-8")]


def test_the_locked_versions_are_tested(page: str) -> None:
    """Tests and users have the same versions."""
    installed = {entry["name"]: metadata.version(entry["name"]) for entry in LISTED.finditer(page)}

    assert {entry["name"]: entry["version"] for entry in LISTED.finditer(page)} == installed


def test_all_licences_are_permissive(page: str) -> None:
    """Each package that runs has a permissive licence."""
    runs, _, _ = page.partition("## What builds")
    licences = {entry["name"]: entry["licence"] for entry in LISTED.finditer(runs)}

    assert licences
    assert {} == {name: licence for name, licence in licences.items() if not PERMISSIVE.fullmatch(licence)}


def test_the_packages_fit_together() -> None:
    """`pip check` finds no conflict."""
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)

    assert (0, "No broken requirements found.\n") == (checked.returncode, checked.stdout)


def test_the_auditor_is_locked() -> None:
    """The audit tool is pinned with hashes, and comes from the index that the machine is configured for."""
    lock = (ROOT / "requirements" / "audit.txt").read_text(encoding="utf-8")

    assert re.search(r"^pip-audit==[^ ]+ \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert [] == [line for line in lock.splitlines() if "//" in line]
