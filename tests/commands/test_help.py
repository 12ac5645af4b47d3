"""``--help`` and the parsing of flags."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter import __version__
from exporter.cli import COMMANDS, main


def show_help(*command: str) -> str:
    """Return the output of ``--help``."""
    result = CliRunner().invoke(main, [*command, "--help"], prog_name="oifde-exporter")
    assert 0 == result.exit_code
    return result.output


def test_the_order_of_commands() -> None:
    """The order is that of use, not of the alphabet."""
    listed = re.findall("^  ([a-z]+)  ", show_help().partition("\nCommands:\n")[2].partition("\n\n")[0], re.MULTILINE)

    assert ["run", "demo", "check", "query", "discover", "backtest", "backfill"] == list(COMMANDS) == listed


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_examples(command: str) -> None:
    """The examples use existing flags."""
    text = show_help(command)
    examples = text.partition("\nExamples:\n")[2].partition("\n\n")[0]

    assert "oifde-exporter" in examples
    options = text.partition("\nOptions")[2].partition("\nExamples")[0] + "--config.file"
    assert set(re.findall("--[a-z.-]+", examples)) <= set(re.findall("--[a-z.-]+", options))
    assert not [line for line in text.splitlines() if len(line) > 80]


@pytest.mark.parametrize("command", ["check", "query", "discover", "backtest", "backfill"])
def test_exit_statuses_are_documented(command: str) -> None:
    """Scripts depend on them."""
    assert "Exit status: 0" in show_help(command)


@pytest.mark.parametrize(
    "word, hint",
    [("qury", "did you mean query?"), ("x", "the commands are run, demo, check, query, discover, backtest, backfill")],
)
def test_a_mistyped_command(word: str, hint: str) -> None:
    """The error suggests a similar command."""
    result = CliRunner().invoke(main, [word], prog_name="oifde-exporter")

    assert 2 == result.exit_code
    assert f"unknown command {word!r}; {hint}" in result.stderr


@pytest.mark.parametrize("before", [["--config.file=nowhere"], ["--config.file", "nowhere"]])
def test_flags_can_precede_the_command(before: list[str]) -> None:
    """The value may follow an equals sign or a space."""
    result = CliRunner().invoke(main, [*before, "check"], prog_name="oifde-exporter")

    assert 1 == result.exit_code
    assert result.stderr.startswith("nowhere: cannot read the file")


@pytest.mark.parametrize("command", [[], ["run"], ["check"]])
def test_every_command_has_the_version(command: list[str]) -> None:
    """The flag also works after a command."""
    result = CliRunner().invoke(main, [*command, "--version"], prog_name="oifde-exporter")

    assert 0 == result.exit_code
    assert result.output.startswith(f"oifde-exporter, version {__version__}")


def test_the_daemon_imports_only_its_own_modules(tmp_path: Path) -> None:
    """The modules of other commands are imported on use."""
    program = (
        "import sys; sys.argv = ['oifde-exporter', 'run', '--config.file=nowhere']\n"
        "from exporter.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    loaded = set(ended.stdout.split())
    assert "exporter.app" in loaded
    assert not loaded & {
        "rich.console",
        "exporter.commands.query",
        "exporter.commands.check",
        "exporter.simulator",
    }


@pytest.mark.parametrize("flags", [["-config.file=nowhere"], ["-config.file", "nowhere"]])
def test_flags_work_with_a_single_dash(flags: list[str]) -> None:
    """Programs in Go accept both."""
    result = CliRunner().invoke(main, ["check", *flags], prog_name="oifde-exporter")

    assert 1 == result.exit_code
    assert result.stderr.startswith("nowhere: cannot read the file")
