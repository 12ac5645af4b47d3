"""The rules' generator and their measurement are no part of what is installed; they are found in the project itself."""

import sys
from pathlib import Path

import pytest

from harness.programs import FindProgram

# At the end, so that the exporter is still the installed one.
sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> Path:
    """The program."""
    return program("promtool")
