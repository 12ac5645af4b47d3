"""Colours, progress bars, and outputs that fail."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands.conftest import Shell, configuration

from harness import faults


def in_terminal(*arguments: str, directory: Path, **environment: str) -> tuple[int, str]:
    """Run a command in a terminal, and return its exit status and its output."""
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=directory,
        env=clean | {"TERM": "xterm-256color", "PYTHONUTF8": "1"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 4096):
            written += part
    except OSError:  # that is how a terminal ends on Linux
        pass
    finally:
        os.close(ours)
    return process.wait(), written.decode()


@pytest.mark.parametrize("environment, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals(tmp_path: Path, environment: dict[str, str], coloured: bool) -> None:
    """There are none on a dumb terminal or with NO_COLOR (https://no-color.org)."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration("https://127.0.0.1:9")), encoding="utf-8")
    status, text = in_terminal("check", directory=tmp_path, **environment)

    assert 0 == status, text
    assert coloured == ("\x1b[32mconfig.yaml is valid." in text)


def test_a_progress_bar(shell: Shell) -> None:
    """The bar is on stderr and disappears at the end."""
    shell.simulator.faults.add(faults.Delay(0.3))
    (shell.directory / "config.yaml").write_text(yaml.safe_dump(shell.settings), encoding="utf-8")
    _, text = in_terminal("check", "--live", directory=shell.directory)

    assert "0/1" in text
    assert "acme" in text


def test_no_colours_in_a_pipe(shell: Shell) -> None:
    """There is no bar either."""
    result = shell.run("check", "--live")

    assert "\x1b" not in result.output
    assert "" == result.stderr


def test_a_terminal_with_another_encoding(tmp_path: Path) -> None:
    """Characters that it lacks are escaped."""
    settings = configuration("https://127.0.0.1:9")
    settings["platforms"][0]["name"] = "平台"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", "check"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )

    assert (0, b"") == (ended.returncode, ended.stderr)
    assert rb"\u5e73\u53f0" in ended.stdout


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk(tmp_path: Path, form: str) -> None:
    """The error is one line, and the exit status is not 0."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration("https://127.0.0.1:9")), encoding="utf-8")
    command = [sys.executable, "-m", "exporter", "check", f"--format={form}"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert 1 == ended.returncode
    assert "Error: cannot write the output: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"]], ids=" ".join)
def test_a_full_disk_with_help_and_version(arguments: list[str]) -> None:
    """The same is true for --help and --version."""
    command = [sys.executable, "-m", "exporter", *arguments]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert 1 == ended.returncode
    assert "Error: cannot write the output: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["check"], ["check", "--format=json"], ["--help"]], ids=" ".join)
def test_the_reader_has_ended(tmp_path: Path, arguments: list[str]) -> None:
    """The exit status is that of SIGPIPE."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration("https://127.0.0.1:9")), encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", *arguments], cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)

    assert (128 + signal.SIGPIPE, b"") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """The output is lost, but the exit status is right."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration("https://127.0.0.1:9")), encoding="utf-8")
    for file, status in (("config.yaml", 0), ("missing.yaml", 1)):
        command = ["sh", "-c", f'"$0" -m exporter check --format=json --config.file={file} {closed}', sys.executable]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert status == ended.returncode
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", [["check", "--live"], ["query", "--explain"], ["discover"]])
def test_no_columns(shell: Shell, command: list[str]) -> None:
    """Some terminals without a size set COLUMNS to 0; nothing is lost."""
    shell.settings["history"] = {"days": 0}
    wide, none = shell.run(*command), shell.run(*command, width=0)

    assert wide.stdout == none.stdout != ""


def test_a_progress_bar_without_columns(shell: Shell) -> None:
    """The bar needs a width, too."""
    (shell.directory / "config.yaml").write_text(yaml.safe_dump(shell.settings), encoding="utf-8")
    _, text = in_terminal("check", "--live", directory=shell.directory, COLUMNS="0")

    assert "acme" in text
    assert "Traceback" not in text
