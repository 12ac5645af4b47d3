"""``backfill``: what it takes, and what it says in the end."""

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
def test_flags_that_cannot_be_meant(shell: Shell, flags: Sequence[str], message: str) -> None:
    """Exit status 2, and a word on what to write instead; nothing is asked of the platform."""
    ended = shell.run(*FLAGS, *flags)

    assert 2 == ended.exit_code
    assert message in ended.stderr
    assert 0 == shell.simulator.journal.counts.total()


def test_the_beginning_has_to_be_before_the_end(shell: Shell) -> None:
    """Which is three hours ago at the latest."""
    ended = shell.run("backfill", "--from=2026-05-20T13:00")

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "--from is not before --to, which is at most 3 hours ago" in ended.stderr


def test_nothing_is_newer_than_three_hours(shell: Shell) -> None:
    """Also when the end that is asked for is: Prometheus may have it in memory only."""
    ended = shell.run("backfill", "--from=2026-05-20", "--to=2026-05-21", "--format=json")

    (bot,) = json.loads(ended.stdout)["bots"]
    assert (0, "2026-05-20T12:30+08:00") == (ended.exit_code, bot["to"])
    (file,) = [
        file for file in (shell.directory / "history").iterdir() if file.suffix == ".om" and "05-20" in file.name
    ]
    newest = max(int(line.split()[-1]) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert NOW.timestamp() - 3 * 3600 - 240 <= newest < NOW.timestamp() - 3 * 3600


@pytest.mark.parametrize("flags", [[], ["--to=2026-05-21"]])
def test_what_was_too_new_is_to_be_fetched_later(shell: Shell, flags: Sequence[str]) -> None:
    """And from where on, the end of the summary says."""
    words = " ".join(shell.run("backfill", "--from=2026-05-20", *flags).stdout.split())

    assert re.search(r"The history ends at (2026-05-20T04:30:0\dZ), .* with --from=\1, --to and another", words)


def test_the_summary_in_words(shell: Shell) -> None:
    """What is there and what is missing, by bot; nothing of bots of which all is known."""
    ended = shell.run(*FLAGS)

    assert (0, "") == (ended.exit_code, ended.stderr)
    assert "Hours of 1 bot: 32 with a record" in ended.stdout
    assert "2 of 2 days (UTC) complete in history." in ended.stdout
    assert "The history ends" not in ended.stdout
    assert "账单助手" not in ended.stdout


def test_the_summary_of_what_failed(shell: Shell) -> None:
    """Which bot, how many hours, why, and which days are left."""
    shell.tenant["bots"].append({"access_code": "943370855474270311", "name": "claims"})
    shell.simulator.faults.add(faults.ErrorCode(10000002), access_code="943370855474270311")

    ended = shell.run(*FLAGS)

    assert 1 == ended.exit_code
    assert "claims" in ended.stdout
    assert "Hours of 2 bots: 32 with a record, 0 without calls, 0 unknown, 32" in ended.stdout
    assert "10000002" in ended.stdout
    assert "Missing: 2026-05-18, 2026-05-19. Repeat the same command" in " ".join(ended.stdout.split())


def test_the_chatbot_report_has_a_past_too(shell: Shell) -> None:
    """Its window and its counters, of a directory of their own."""
    ended = shell.run(*FLAGS, "--report=chatbot")

    text = (shell.directory / "history" / "2026-05-19.om").read_text()
    assert 0 == ended.exit_code
    assert {"oifde_bot_info", "oifde_chatbot_hour_replies", "oifde_replies"} <= {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")
    }
    assert "oifde_calls" not in text


def test_discovered_bots_have_a_past_too(shell: Shell) -> None:
    """With the names that the platform has for them, as their live series."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {"exclude": "new.*"}

    ended = shell.run(*FLAGS, "--format=json")

    assert 0 == ended.exit_code
    assert ["账单助手", "claims"] == [bot["bot"] for bot in json.loads(ended.stdout)["bots"]]


def test_bots_that_cannot_be_listed_are_told(shell: Shell) -> None:
    """With what to do about it; nothing is written."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {}
    shell.simulator.faults.add(faults.HttpStatus(404), operation="query_bindings")

    ended = shell.run(*FLAGS)

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "acme (202104237142) on main: cannot list the bots" in ended.stderr
    assert not (shell.directory / "history").exists()


def test_no_bot_at_all_is_told(shell: Shell) -> None:
    """Where discovery takes none."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {"exclude": ".*"}

    ended = shell.run(*FLAGS)

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert "there are no bots" in ended.stderr


def test_a_file_that_cannot_be_written_is_told(shell: Shell) -> None:
    """In a line, and what has been done stays done."""
    (shell.directory / "history" / "2026-05-19.om.partial").mkdir(parents=True)

    ended = shell.run(*FLAGS)

    assert 1 == ended.exit_code
    assert "oifde-exporter: cannot write to history: Is a directory" in ended.stderr
    assert "1 of 2 days (UTC) complete" in ended.stdout


def test_a_short_gap_that_fails_is_not_complete(shell: Shell) -> None:
    """Though no hour begins in it."""
    shell.tenant["bots"].append({"access_code": "943370855474270311", "name": "claims"})
    flags = ("backfill", "--from=2026-05-20T08:10", "--to=2026-05-20T08:30")
    with shell.simulator.faults.active(faults.ErrorCode(10000002), access_code="943370855474270311"):
        failed = shell.run(*flags)
    mended = shell.run(*flags)

    assert (1, 0) == (failed.exit_code, mended.exit_code)


def test_values_in_the_environment_may_hold_blanks(shell: Shell) -> None:
    """Each has a line of its own."""
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


def test_names_that_a_terminal_would_obey(shell: Shell) -> None:
    """Are shown as what they are."""
    shell.tenant["bots"][0] |= {"access_code": "0", "name": "\x1b[31mred"}

    ended = shell.run(*FLAGS)

    assert "\\x1b[31mred" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr


def test_the_documentation_has_flags_that_there_are() -> None:
    """Those of the commands in docs/backfill.md, which were typed as they stand there."""
    text = (Path(__file__).parents[2] / "docs" / "backfill.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ oifde-exporter backfill (.*?[^\\])$", text, re.MULTILINE | re.DOTALL)

    assert commands
    for command in commands:
        with backfill.make_context("backfill", shlex.split(command.replace("\\\n", " "))) as context:
            assert context.params["from"].written.isoformat() == "2026-11-20T22:39:00"
