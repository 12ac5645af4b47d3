"""The flags and the summary of ``backfill``."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.commands.backfill import backfill
from harness import faults

from .conftest import NOW, TENANT, Shell

FLAGS = ("backfill", "--from=2026-05-19", "--to=2026-05-20T08:00")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--step=5m"], "from 1s to 4m"),
        (["--step=1500ms"], "not a whole number of seconds"),
        (["--from=yesterday"], "2026-05-20T15:30"),
        (["--from=1926-05-20"], "2026-05-20T15:30"),
        (["--label=bot=x"], "already have a label bot"),
        (["--label=job"], "NAME=VALUE"),
        (["--label=0job=x"], "NAME=VALUE"),
        (["--label=job=a", "--label=job=b"], "the same label"),
        (["--bot=nobody"], "nobody"),
        (["--report=day"], "day"),
    ],
)
def test_wrong_flags(shell: Shell, flags: Sequence[str], message: str) -> None:
    """The exit status is 2, the message shows a fix, and the command sends no request."""
    ended = shell.run(*FLAGS, *flags)

    assert 2 == ended.exit_code
    assert message in ended.stderr
    assert 0 == shell.simulator.journal.counts.total()


def test_the_start_must_precede_the_end(shell: Shell) -> None:
    """The end is at most three hours ago."""
    ended = shell.run("backfill", "--from=2026-05-20T13:00")

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "--from is not before --to, which is at most 3 hours ago" in ended.stderr


def test_samples_are_at_least_three_hours_old(shell: Shell) -> None:
    """--to cannot change this: Prometheus may have newer samples in memory only."""
    ended = shell.run("backfill", "--from=2026-05-20", "--to=2026-05-21", "--format=json")

    (bot,) = json.loads(ended.stdout)["bots"]
    assert (0, "2026-05-20T12:30+08:00") == (ended.exit_code, bot["to"])
    (file,) = [
        file for file in (shell.directory / "history").iterdir() if file.suffix == ".om" and "05-20" in file.name
    ]
    newest = max(int(line.split()[-1]) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert NOW.timestamp() - 3 * 3600 - 240 <= newest < NOW.timestamp() - 3 * 3600


@pytest.mark.parametrize("flags", [[], ["--to=2026-05-21"]])
def test_the_summary_says_how_to_fetch_newer_samples(shell: Shell, flags: Sequence[str]) -> None:
    """The summary names the --from of the next command."""
    words = " ".join(shell.run("backfill", "--from=2026-05-20", *flags).stdout.split())

    assert re.search(r"The history ends at (2026-05-20T04:30:0\dZ), .* with --from=\1, --to and another", words)


def test_the_summary(shell: Shell) -> None:
    """The summary lists only bots with gaps."""
    ended = shell.run(*FLAGS)

    assert (0, "") == (ended.exit_code, ended.stderr)
    assert "Hours of 1 bot: 32 with a record" in ended.stdout
    assert "2 of 2 days (UTC) complete in history." in ended.stdout
    assert "The history ends" not in ended.stdout
    assert "账单助手" not in ended.stdout


def test_the_summary_of_failures(shell: Shell) -> None:
    """The summary names the bot, the hours, the error and the missing days."""
    shell.tenant["bots"].append({"access_code": "943370855474270311", "name": "claims"})
    shell.simulator.faults.add(faults.ErrorCode(10000002), access_code="943370855474270311")

    ended = shell.run(*FLAGS)

    assert 1 == ended.exit_code
    assert "claims" in ended.stdout
    assert "Hours of 2 bots: 32 with a record, 0 without calls, 0 unknown, 32" in ended.stdout
    assert "10000002" in ended.stdout
    assert "Missing: 2026-05-18, 2026-05-19. Repeat the same command" in " ".join(ended.stdout.split())


def test_the_chatbot_report(shell: Shell) -> None:
    """The files have its gauges and counters."""
    ended = shell.run(*FLAGS, "--report=chatbot")

    text = (shell.directory / "history" / "2026-05-19.om").read_text()
    assert 0 == ended.exit_code
    assert {"oifde_bot_info", "oifde_chatbot_hour_replies", "oifde_replies"} <= {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")
    }
    assert "oifde_calls" not in text


def test_discovered_bots(shell: Shell) -> None:
    """They have the platform's names, like their live series."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {"exclude": "new.*"}

    ended = shell.run(*FLAGS, "--format=json")

    assert 0 == ended.exit_code
    assert ["账单助手", "claims"] == [bot["bot"] for bot in json.loads(ended.stdout)["bots"]]


def test_a_failed_listing(shell: Shell) -> None:
    """The error comes with an advice, and the command writes nothing."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {}
    shell.simulator.faults.add(faults.HttpStatus(404), operation="query_bindings")

    ended = shell.run(*FLAGS)

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "acme (202104237142) on main: cannot list the bots" in ended.stderr
    assert not (shell.directory / "history").exists()


def test_no_bots(shell: Shell) -> None:
    """The error says so if discovery matches no bot."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {"exclude": ".*"}

    ended = shell.run(*FLAGS)

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "there are no bots" in ended.stderr


def test_a_file_that_is_not_writable(shell: Shell) -> None:
    """The error is one line, and finished days stay."""
    (shell.directory / "history" / "2026-05-19.om.partial").mkdir(parents=True)

    ended = shell.run(*FLAGS)

    assert 1 == ended.exit_code
    assert "oifde-exporter: cannot write to history: Is a directory" in ended.stderr
    assert "1 of 2 days (UTC) complete" in ended.stdout


def test_a_short_gap_that_fails_is_not_complete(shell: Shell) -> None:
    """This is so even if no hour begins in the gap."""
    shell.tenant["bots"].append({"access_code": "943370855474270311", "name": "claims"})
    flags = ("backfill", "--from=2026-05-20T08:10", "--to=2026-05-20T08:30")
    with shell.simulator.faults.active(faults.ErrorCode(10000002), access_code="943370855474270311"):
        failed = shell.run(*flags)
    mended = shell.run(*flags)

    assert (1, 0) == (failed.exit_code, mended.exit_code)


def test_variables_have_one_value_per_line(shell: Shell) -> None:
    """A value may contain spaces."""
    shell.tenant["bots"] = [
        {"access_code": bot.access_code, "name": name}
        for bot, name in zip(TENANT.bots, ("Re charge", "b c", "d"), strict=True)
    ]
    names = {"OIFDE_EXPORTER_BOT": "Re charge\nb c\n", "OIFDE_EXPORTER_LABEL": "job=a b\ninstance=c d"}

    ended = shell.run(*FLAGS, "--format=json", env=names)

    assert ["Re charge", "b c"] == [bot["bot"] for bot in json.loads(ended.stdout)["bots"]]
    written = "".join(file.read_text(encoding="utf-8") for file in (shell.directory / "history").glob("*.om"))
    assert 'job="a b"' in written
    assert 'instance="c d"' in written


def test_control_characters_in_names(shell: Shell) -> None:
    """The output escapes them."""
    shell.tenant["bots"][0] |= {"access_code": "0", "name": "\x1b[31mred"}

    ended = shell.run(*FLAGS)

    assert "\\x1b[31mred" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("page", ["docs/backfill.md", "docs/zh/backfill.md"])
def test_documented_flags_exist(page: str) -> None:
    """Every flag on the page exists."""
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    commands = re.findall(r"^\$ oifde-exporter backfill (.*?[^\\])$", text, re.MULTILINE | re.DOTALL)

    assert commands
    for command in commands:
        with backfill.make_context("backfill", shlex.split(command.replace("\\\n", " "))) as context:
            assert context.params["from"].written.isoformat() == "2026-11-20T22:39:00"
