"""docs/commands.md shows what the commands print."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from commands.conftest import NOW, serving, typed

from exporter.simulator.demo import demo_config, demo_simulator
from harness.clocks import StandingClock

PAGE: Final = Path(__file__).parents[2] / "docs" / "commands.md"
EXAMPLES: Final = re.findall(r"```console\n\$ oifde-exporter (.*)\n((?s:.*?))```\n", PAGE.read_text(encoding="utf-8"))
PORT: Final = ":28090"
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
    port = re.findall("http://127.0.0.1(:[0-9]+)", (directory / "config.yaml").read_text(encoding="utf-8"))[0]
    result = typed(*shlex.split(command), directory=directory)
    assert (0, "") == (result.exit_code, result.stderr)
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.replace(port, PORT).splitlines())


def test_there_are_examples() -> None:
    """Of each command."""
    assert {"check", "query", "discover"} == {command.split()[0] for command, _ in EXAMPLES}


def keys(data: object) -> set[str]:
    """Those of a document; not those that are the platform's, or HTTP's."""
    if isinstance(data, list):
        return {key for each in data for key in keys(each)}
    if not isinstance(data, dict):
        return set()
    theirs = ("values", "answer", "headers", "body")
    return data.keys() | {key for name, each in data.items() if name not in theirs for key in keys(each)}


@pytest.mark.parametrize(
    "command",
    [
        "check --live",
        "query --bot=Complaints --explain",
        "discover",
        "backfill --tenant=202401017788 --from=2026-05-20 --to=2026-05-20T01:00",
    ],
)
def test_the_page_has_every_key_for_scripts(command: str, directory: Path) -> None:
    """All that is there when all is well."""
    section = PAGE.read_text(encoding="utf-8").partition("## JSON for scripts")[2]
    rows = section.partition(f"| `{command.split(maxsplit=1)[0]}` |")[2].split("\n| `")[0]
    documented = set(re.findall("`([a-z_]+)(?:\\[\\])?`", rows))
    actual = keys(json.loads(printed(f"{command} --format=json", directory)))

    assert set() == actual - documented


@pytest.mark.parametrize("command, documented", EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_the_page_shows_it(command: str, documented: str, directory: Path) -> None:
    """Line by line; ``...`` stands for some that are left out."""
    parts = [re.escape(part) for part in re.split(r"^ *\.\.\.\n", documented, flags=re.MULTILINE)]
    actual = printed(command, directory)

    assert re.fullmatch("(?s:.*)".join(parts), actual), actual
