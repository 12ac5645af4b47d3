"""The contents of the wheel, and of the locks."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import exporter
from exporter.revision import read_revision

ROOT = Path(__file__).parents[1]
RUN_LOCK = ROOT / "requirements" / "run.txt"
DEV_LOCK = ROOT / "requirements" / "dev.txt"
BUILD_LOCK = ROOT / "requirements" / "build.txt"

# A requirement in a lock: a version, and the hashes of its files.
PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+")


def pinned(lock: Path) -> dict[str, str]:
    """Return the versions in a lock by package; a line without a pinned version is an error."""
    uncommented = re.sub(r"^ *#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = re.split(r"\n+(?! )", uncommented.strip())
    matches = [PINNED.fullmatch(entry) for entry in entries]
    assert [] == [entry for entry, match in zip(entries, matches, strict=True) if match is None]
    return {match["name"]: match["version"] for match in matches if match}


def package_files(package: Path) -> set[str]:
    """Return the path of each file of the package."""
    return {
        file.relative_to(package).as_posix()
        for file in package.rglob("*")
        if file.is_file() and file.suffix != ".pyc" and file.name != "REVISION"
    }


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> Path | None:
    """Return the folder of the installed package; None if the source tree is tested."""
    return Path(sysconfig.get_path("purelib"), "exporter") if request.config.getoption("--installed") else None


def test_version_is_the_distributions() -> None:
    """`pip show` and `--version` agree."""
    assert metadata.version("oifde-exporter") == exporter.__version__


def test_the_changelog_has_the_version() -> None:
    """The changelog has a section for this version or the next one."""
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] in {"Unreleased", exporter.__version__}


def test_wheel_has_every_file(installed: Path | None) -> None:
    """The wheel lacks no page, schema or module, and has no file left over from before."""
    source = ROOT / "exporter"

    assert package_files(source) == package_files(installed or source)


def test_wheel_knows_its_revision(installed: Path | None) -> None:
    """A wheel has the commit it was built from; a source tree does not."""
    assert (installed is not None) == (read_revision() != "unknown")


@pytest.mark.parametrize(
    ("git", "checkout", "told", "expected"),
    [
        ("echo 0123456789ab", True, "", "0123456789ab\n"),
        ("echo 0123456789ab", True, "ba9876543210", "ba9876543210\n"),
        ("echo 0123456789ab", False, "", None),
        ("exit 128", True, "", None),
    ],
)
def test_an_install_from_a_checkout_knows_its_revision(
    tmp_path: Path, git: str, checkout: bool, told: str, expected: str | None
) -> None:
    """Unless the environment sets another one. If git does not know it, there is none, and no error."""
    tree = tmp_path / "tree"
    (tree / "exporter").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "exporter/__init__.py"):
        shutil.copy(ROOT / name, tree / name)
    if checkout:
        (tree / ".git").mkdir()
    (tmp_path / "git").write_text(f"#!/bin/sh\n{git}\n", encoding="utf-8")
    (tmp_path / "git").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OIFDE_EXPORTER_REVISION": told}
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", "built"]
    subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True, timeout=60)

    file = tree / "built" / "exporter" / "REVISION"
    assert expected == (file.read_text(encoding="ascii") if file.exists() else None)


def test_locks_pin_every_package_with_hashes() -> None:
    """Only the locked files are installed, and the tests run with the versions that users run."""
    run, dev, build = pinned(RUN_LOCK), pinned(DEV_LOCK), pinned(BUILD_LOCK)

    assert run == {name: version for name, version in dev.items() if name in run}
    assert build == {name: version for name, version in dev.items() if name in build}


def test_lock_satisfies_the_project() -> None:
    """Each dependency of the project is in the lock, in a version that fits."""
    lock = pinned(RUN_LOCK)
    required = [Requirement(text) for text in metadata.requires("oifde-exporter") or []]

    assert [] == [str(need) for need in required if not need.specifier.contains(lock.get(need.name.lower(), "0"))]


@pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK, BUILD_LOCK], ids=lambda path: path.name)
def test_locks_name_no_server(lock: Path) -> None:
    """The packages come from the index that the machine is configured for."""
    assert "//" not in lock.read_text(encoding="utf-8")
