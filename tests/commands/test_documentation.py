"""The pages about the commands show their output."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from commands.conftest import NOW, run_command, serve_in_thread

from exporter.simulator.demo import make_demo_config, make_demo_simulator
from harness.clocks import StandingClock

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = {"en": DOCS / "commands.md", "zh": DOCS / "zh" / "commands.md"}
EXAMPLES: Final = [
    (language, *example)
    for language, page in PAGES.items()
    for example in re.findall(r"```console\n\$ oifde-exporter (.*)\n((?s:.*?))```\n", page.read_text(encoding="utf-8"))
]
PORT: Final = ":28090"
"""Stands for whichever is free."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a directory with the demo's configuration, beside its platform; in `fast`, without waits for the rate."""
    directory = tmp_path_factory.mktemp("documented")
    with serve_in_thread(make_demo_simulator(StandingClock(NOW + timedelta(seconds=5)))) as simulator:
        config = make_demo_config(simulator.port)
        (directory / "config.yaml").write_text(config, encoding="utf-8")
        (directory / "fast").mkdir()
        fast = config.replace("  url:", "  requests_per_second: 1000\n  url:")
        (directory / "fast" / "config.yaml").write_text(fast, encoding="utf-8")
        yield directory


def run_example(command: str, directory: Path, language: str = "en") -> str:
    """Return the output of a command in a language, without trailing spaces."""
    port = re.findall("http://127.0.0.1(:[0-9]+)", (directory / "config.yaml").read_text(encoding="utf-8"))[0]
    # Only `check` shows the rate.
    where = directory if command.startswith("check") else directory / "fast"
    result = run_command(*shlex.split(command), directory=where, env={"OIFDE_EXPORTER_LANG": language})
    assert (0, "") == (result.exit_code, result.stderr)
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.replace(port, PORT).splitlines())


def test_there_are_examples() -> None:
    """Every command has an example in each language."""
    commands = {(language, command) for language in PAGES for command in ("check", "query", "discover")}
    assert commands == {(language, command.split()[0]) for language, command, _ in EXAMPLES}


def keys(data: object) -> set[str]:
    """Return the keys of a document, except those of the platform and of HTTP."""
    if isinstance(data, list):
        return {key for item in data for key in keys(item)}
    if not isinstance(data, dict):
        return set()
    theirs = ("values", "answer", "headers", "body")
    return data.keys() | {key for name, item in data.items() if name not in theirs for key in keys(item)}


@pytest.mark.parametrize(
    "command",
    [
        "check --live",
        "query --bot=Complaints --explain",
        "discover",
        "backtest --bot=Agendamento --from=2026-05-19",
        "backfill --tenant=202401017788 --from=2026-05-20 --to=2026-05-20T01:00",
    ],
)
def test_every_json_key_is_documented(command: str, directory: Path) -> None:
    """The last section has all keys of a successful command, in each language."""
    actual = keys(json.loads(run_example(f"{command} --format=json", directory)))
    for language, page in PAGES.items():
        section = page.read_text(encoding="utf-8").rpartition("\n## ")[2]
        rows = section.partition(f"| `{command.split(maxsplit=1)[0]}` |")[2].split("\n| `")[0]
        documented = set(re.findall("`([a-z0-9_]+)(?:\\[\\])?`", rows))
        assert set() == actual - documented, language


@pytest.mark.parametrize(
    "language, command, documented", EXAMPLES, ids=[f"{language} {command}" for language, command, _ in EXAMPLES]
)
def test_the_page_has_the_output(language: str, command: str, documented: str, directory: Path) -> None:
    """``...`` stands for omitted lines."""
    parts = [re.escape(part) for part in re.split(r"^ *\.\.\.\n", documented, flags=re.MULTILINE)]
    actual = run_example(command, directory, language)

    assert re.fullmatch("(?s:.*)".join(parts), actual), actual


@pytest.mark.parametrize("language", PAGES)
def test_the_errors_of_a_configuration_are_shown(language: str, tmp_path: Path) -> None:
    """The page about the configuration has the errors of this one."""
    (tmp_path / "config.yaml").write_text(
        """\
pol_interval: 60s
platforms:
  - url: https://aicc.example.com:28090
    request_timeout: 10
    tenants:
      - tenant_id: 0755
        auth:
          app_secret: ${OIFDE_APP_SECRET}
        bots: [{access_code: "1"}]
""",
        encoding="utf-8",
    )

    result = run_command("check", directory=tmp_path, env={"OIFDE_EXPORTER_LANG": language})

    assert result.stderr.strip() in PAGES[language].with_name("configuration.md").read_text(encoding="utf-8")
    assert 4 == len(result.stderr.splitlines())
