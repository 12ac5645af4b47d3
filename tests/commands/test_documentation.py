"""docs/commands.md shows what the commands print."""

import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from commands.conftest import NOW, StandingClock, serving, typed

from exporter.upstream.simulator.demo import demo_config, demo_simulator

PAGE: Final = Path(__file__).parents[2] / "docs" / "commands.md"
EXAMPLES: Final = re.findall(r"```console\n\$ oifde-exporter (.*)\n((?s:.*?))```\n", PAGE.read_text(encoding="utf-8"))
PORT: Final = "28090"
"""Stands for whichever is free."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the demo's configuration lies, beside its platform."""
    directory = tmp_path_factory.mktemp("documented")
    with serving(demo_simulator(StandingClock(NOW + timedelta(seconds=5)))) as simulator:
        (directory / "config.yaml").write_text(demo_config(simulator.port), encoding="utf-8")
        yield directory


def printed(command: str, directory: Path) -> str:
    """What a command prints, with trailing blanks left out."""
    port = re.findall("http://127.0.0.1:([0-9]+)", (directory / "config.yaml").read_text(encoding="utf-8"))[0]
    result = typed(*shlex.split(command), directory=directory)
    assert (0, "") == (result.exit_code, result.stderr)
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.replace(port, PORT).splitlines())


def test_there_are_examples() -> None:
    """Of each command."""
    assert {"check", "query", "discover"} == {command.split()[0] for command, _ in EXAMPLES}


@pytest.mark.parametrize("command, documented", EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_the_page_shows_it(command: str, documented: str, directory: Path) -> None:
    """Line by line; ``...`` stands for some that are left out."""
    parts = [re.escape(part) for part in re.split(r"^ *\.\.\.\n", documented, flags=re.MULTILINE)]
    actual = printed(command, directory)

    assert re.fullmatch("(?s:.*)".join(parts), actual), actual
