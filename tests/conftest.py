"""Fixtures for all tests, and a summary of the tests that could not run."""

import asyncio
import os
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import exporter
from harness.programs import PROGRAMS, FindProgram

_STRICT = os.environ.get("CI") == "true"
# The language of this machine makes no difference.
os.environ["OIFDE_EXPORTER_LANG"] = "en"

# No test asserts a duration, so hypothesis must not either. On CI each run has the same examples.
settings.register_profile(
    "project", deadline=None, derandomize=_STRICT, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--installed", action="store_true", help="refuse to test anything but the installed wheel")
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing them")


def pytest_configure(config: pytest.Config) -> None:
    # Without it pytest-asyncio, which asks for the current loop, would create one that is never closed.
    asyncio.set_event_loop(None)
    place = Path(exporter.__file__)
    if config.getoption("--installed") and not place.is_relative_to(sysconfig.get_path("purelib")):
        raise pytest.UsageError(f"--installed: what is imported is not the installed wheel, but {place}")


def pytest_report_header() -> str:
    return f"exporter: {exporter.__version__} from {Path(exporter.__file__).parent}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.getreports("skipped")
    if not skipped:
        return
    terminalreporter.section("Not run here")
    for report in skipped:
        # For a skipped test this is the file, the line and the reason.
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        terminalreporter.write_line(f"Not run here: {report.nodeid}: {reason.removeprefix('Skipped: ')}")


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> Callable[[Path, bytes], None]:
    """Compare content with a golden file, or write it there with ``--update-golden``."""

    def check(file: Path, content: bytes) -> None:
        if request.config.getoption("--update-golden"):
            file.write_bytes(content)
        assert file.read_bytes() == content

    return check


@pytest.fixture(scope="session")
def program() -> FindProgram:
    """Find a program that the test needs."""

    def find(name: str) -> Path:
        path = PROGRAMS[name].find()
        if path is None:
            missing = f"needs {PROGRAMS[name]}"
            if _STRICT:
                pytest.fail(missing)
            pytest.skip(missing)
        return path

    return find
