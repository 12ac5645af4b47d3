"""Releases: what `make release-check` refuses, and the workflows that publish."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import exporter

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def release(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/release.py in a checkout."""
    command = [sys.executable, "scripts/release.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout that is ready to be released."""
    for name in ("exporter", "scripts"):
        (tmp_path / name).mkdir()
    for name in ("scripts/release.py", "exporter/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    changelog = f"# Changelog\n\n## [{exporter.__version__}] - 2026-03-01\n\n### Added\n\n- A.\n\n## [0.0.1] - 2026-02-01\n\n- B.\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    (tmp_path / "addresses.toml").write_text('registry = "registry.example.com"\n', encoding="utf-8")
    for name in ("README.md", "README.zh-CN.md"):
        (tmp_path / name).write_text("# oifde-exporter\n", encoding="utf-8")
    return tmp_path


def test_a_release_is_accepted(checkout: Path) -> None:
    """The tag, the version, the changelog and the addresses fit together."""
    assert 0 == release(checkout, "check", f"v{exporter.__version__}").returncode


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("exporter/__init__.py", exporter.__version__, "9.9.9", "but exporter/__init__.py has version 9.9.9"),
        ("CHANGELOG.md", " - 2026-03-01", "", "with a date"),
        ("CHANGELOG.md", f"[{exporter.__version__}]", "[Unreleased]", "not [Unreleased]"),
        ("addresses.toml", "example.com", "example.org", "The address of the registry is a placeholder"),
        ("README.md", "#", "Addresses under `example.org` are placeholders.", "README.md says that nothing"),
    ],
)
def test_a_release_is_refused(checkout: Path, file: str, old: str, new: str, problem: str) -> None:
    """The message says what to change."""
    text = (checkout / file).read_text(encoding="utf-8")
    (checkout / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    ended = release(checkout, "check", f"v{exporter.__version__}")

    assert 1 == ended.returncode
    assert problem in ended.stderr


def test_the_notes_are_the_newest_section_of_the_changelog(checkout: Path) -> None:
    """Without its heading."""
    assert "### Added\n\n- A.\n" == release(checkout, "notes").stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_of_the_makefile(workflow: Path) -> None:
    """Every command is a target, so that it can be tried on any machine."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job.get("steps", []) if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert commands
    for command in commands:
        (named,) = re.findall(r"\bmake (?:--silent )?([a-z -]+)", command)
        assert set(named.split()) <= targets, command
