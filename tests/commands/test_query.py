"""``query``: the table, the JSON, and what it says when something is wrong."""

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml
from commands.conftest import LOGIN, NOW, QUERY, TENANT, Shell
from rich.cells import cell_len

from exporter.simulator import SimBot
from exporter.simulator.world import World
from harness import faults

BILLING = TENANT.bots[0].access_code


def rows(world: World, hours: float = 0) -> list[dict[str, Any]]:
    """What the platform has of the first bot's day, ``hours`` after now."""
    moment = (NOW + timedelta(hours=hours)).timestamp()
    return world.records(
        "queryCallStatisticsReport", "hour", TENANT.tenant_id, BILLING, int(NOW.timestamp() * 1000), moment
    )


def asked(shell: Shell, *arguments: str) -> Any:
    """The JSON that ``query`` prints."""
    result = shell.run("query", "--format=json", *arguments)
    assert (0, "") == (result.exit_code, result.stderr)
    return json.loads(result.stdout)


def test_a_table_of_the_hours(shell: Shell) -> None:
    """With what the platform has, the hour in progress marked, and the day's sums."""
    result = shell.run("query")

    assert 0 == result.exit_code, result.output
    lines = result.stdout.splitlines()
    assert "账单助手 (943370855474270208) of acme (202104237142) on main" == lines[0].rstrip()
    assert "report hour of 2026-05-20 in Asia/Shanghai, as of 2026-05-20 15:30 CST" == lines[1].rstrip()
    cells = [line.split() for line in lines if line[2:3] == ":" or line.startswith("sum")]
    calls = [row["callCount"] for row in rows(shell.simulator.world)]
    assert [f"{hour:02}:00" for hour in range(15)] + ["15:00*", "sum"] == [each[0] for each in cells]
    assert [*map(str, calls), str(sum(calls))] == [each[1] for each in cells]


@pytest.mark.parametrize("command", [["query", "--bot=账单助手"], ["discover"], ["check", "--live"]])
def test_no_line_is_wider_than_a_terminal(shell: Shell, command: list[str]) -> None:
    """Of 80 columns, in which a Chinese character takes two."""
    shell.tenant["discovery"] = {}
    result = shell.run(*command)

    assert 80 >= max(cell_len(line) for line in result.stdout.splitlines())


def test_json_has_the_platforms_names(shell: Shell) -> None:
    """And times with their offset."""
    answer = asked(shell)

    first = rows(shell.simulator.world)[0]
    assert ("2026-05-20", "Asia/Shanghai", 16) == (answer["date"], answer["timezone"], len(answer["records"]))
    assert "2026-05-20T00:00:00+08:00" == answer["records"][0]["start"]
    assert first["callCount"] == answer["records"][0]["values"]["callCount"]
    assert [True] * 15 + [False] == [each["complete"] for each in answer["records"]]
    assert [] == answer["anomalies"]


def test_days_that_begin_off_local_midnight(shell: Shell) -> None:
    """A day is complete by its own end, if the platform's days are not the tenant's."""
    shell.tenant["timezone"] = "UTC"
    records = asked(shell, "--report=day")["records"]

    assert [("2026-05-18T16:00:00+00:00", True), ("2026-05-19T16:00:00+00:00", False)] == [
        (record["start"], record["complete"]) for record in records[-2:]
    ]


def test_a_date_that_is_over(shell: Shell) -> None:
    """Has all its hours."""
    answer = asked(shell, "--date=2026-05-18")

    assert ("2026-05-18", "2026-05-18T23:59:59+08:00", 24) == (
        answer["date"],
        answer["as_of"],
        sum(each["complete"] for each in answer["records"]),
    )


@pytest.mark.parametrize(
    "at, date, as_of",
    [
        ("2026-05-19T15:30", "2026-05-19", "2026-05-19T15:30:00+08:00"),
        ("2026-05-19T20:30Z", "2026-05-20", "2026-05-20T04:30:00+08:00"),
        ("2026-05-19", "2026-05-19", "2026-05-19T23:59:59+08:00"),
    ],
)
def test_as_of_another_time(shell: Shell, at: str, date: str, as_of: str) -> None:
    """In the tenant's time zone, unless it says which; a date is its end."""
    answer = asked(shell, f"--at={at}")

    assert (date, as_of) == (answer["date"], answer["as_of"])


def test_as_of_a_time_shortly_after_midnight(shell: Shell) -> None:
    """What began later is left out, and the day before is asked for, as the daemon would."""
    shell.tenant["bots"] = [{"access_code": BILLING, "name": "billing"}]
    answer = asked(shell, "--explain", "--at=2026-05-20T00:30")

    yesterday = asked(shell, "--date=2026-05-19")["records"]
    (first,) = answer["records"]
    samples = dict(sample.rsplit(" ", 1) for sample in answer["explanation"]["samples"])
    labels = f'{{tenant_id="{TENANT.tenant_id}",access_code="{BILLING}",bot="billing"}}'
    assert "2026-05-20T00:00:00+08:00" == first["start"]
    assert yesterday[-1]["values"]["callCount"] == float(samples[f"oifde_hour_calls{labels}"])
    assert first["values"]["callCount"] == float(samples[f"oifde_live_hour_calls{labels}"])
    assert first["values"]["callCount"] == float(samples[f"oifde_calls_total{labels}"])
    uses = [each["uses"] for each in answer["explanation"]["records"]]
    assert [["not used: the record begins after --at"]] * 15 == uses[1:]
    assert [
        (
            "No hour of 2026-05-20 is complete yet. Until then, the metrics show 2026-05-19 23:00, from the report of the"
            " day before (--date=2026-05-19)."
        ),
        "00:00 was in progress at that time; its values are the platform's current ones.",
    ] == answer["explanation"]["notes"]


def test_a_day_before_that_cannot_be_had(shell: Shell) -> None:
    """Ends nothing, as it ends no poll of the daemon's."""
    counts = shell.simulator.journal.counts
    shell.simulator.faults.add(faults.HttpStatus(403), when=lambda _: counts[QUERY] > 1)
    answer = asked(shell, "--explain", "--at=2026-05-20T00:30")

    assert ["No hour of 2026-05-20 is complete yet. Until then, the metrics show an hour of the day before."] == answer[
        "explanation"
    ]["notes"][:1]


@pytest.mark.parametrize(
    "flag", ["--at=yesterday", "--at=0001-01-01", "--at=2026-02-30", "--date=20260520", "--date=x"]
)
def test_times_that_are_none(shell: Shell, flag: str) -> None:
    """Are refused with an example."""
    result = shell.run("query", flag)

    assert 2 == result.exit_code
    assert "write one like 2026-05-20" in result.stderr


def test_a_bot_by_its_access_code_that_is_not_configured(shell: Shell) -> None:
    """With the tenant's name, any may be asked for."""
    assert "claims" == TENANT.bots[1].name
    answer = asked(shell, "--tenant=acme", f"--bot={TENANT.bots[1].access_code}")

    assert TENANT.bots[1].access_code == answer["bot"]
    assert answer["records"]


def test_a_bot_that_discovery_finds(shell: Shell) -> None:
    """Goes by the platform's name for it."""
    shell.tenant["discovery"] = {}

    assert TENANT.bots[1].access_code == asked(shell, "--bot=claims")["access_code"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["--bot=账单"],
            "no bot has the name or access code '账单' (did you mean '账单助手'?); the bots are: 账单助手. With",
        ),
        (
            ["--bot=账单助手", "--tenant=acmee"],
            "no tenant has the name or id 'acmee' (did you mean 'acme'?); the tenants are: acme (202104237142)",
        ),
        (["--report=week"], "'week' is not one of"),
    ],
)
def test_what_does_not_exist(shell: Shell, arguments: list[str], words: str) -> None:
    """Is told with what does, and nothing is sent."""
    result = shell.run("query", *arguments)

    assert 2 == result.exit_code
    assert words in result.stderr
    assert not shell.simulator.journal.counts


def test_which_of_several_bots(shell: Shell) -> None:
    """Has to be said, and how is told."""
    shell.tenant["bots"] = [{"access_code": bot.access_code, "name": "twin"} for bot in TENANT.bots]

    unsaid, twin = shell.run("query"), shell.run("query", "--bot=twin")

    assert "choose one with --bot=ACCESS_CODE or --tenant=NAME" in unsaid.stderr
    assert "several bots have the name 'twin'" in twin.stderr
    assert (2, 2) == (unsaid.exit_code, twin.exit_code)


@pytest.mark.parametrize(
    "fault, words",
    [
        (faults.HttpStatus(404), "HTTP status 404. Check that the url is the platform's"),
        (faults.ErrorCode(10000002, "bad parameter"), "check tenant_id and access_code"),
        (faults.ErrorCode(900002, "the token check failed"), "belongs to this tenant"),
    ],
)
def test_a_failure_says_what_may_help(shell: Shell, fault: faults.Fault, words: str) -> None:
    """On stderr, with exit status 1."""
    shell.simulator.faults.add(fault, operation=QUERY)
    result = shell.run("query")

    assert 1 == result.exit_code
    assert words in result.stderr.replace("\n", " ")


def test_a_failed_login_is_tried_once(shell: Shell) -> None:
    """With the advice not to try on."""
    shell.tenant["auth"]["app_secret"] = "wrong"
    result = shell.run("query")

    assert (1, 1) == (result.exit_code, shell.simulator.journal.counts[LOGIN])
    assert "Correct the secret before you try again" in result.stderr


def test_no_record_is_told_in_words(shell: Shell) -> None:
    """Not as an empty table."""
    result = shell.run("query", "--tenant=acme", f"--bot={TENANT.bots[2].access_code}")

    assert 0 == result.exit_code
    assert "no record: there were no calls, or there is no such bot" in result.stdout


def test_a_date_to_come_is_told(shell: Shell) -> None:
    """It does not look like a bot without calls."""
    result = shell.run("query", "--date=2026-05-21")

    assert 0 == result.exit_code
    assert "no record: the date is in the future" in result.stdout


def test_the_configuration_may_be_in_the_environment(shell: Shell) -> None:
    """As for the daemon."""
    text = yaml.safe_dump(shell.settings)
    shell.settings = {}
    result = shell.run("query", env={"OIFDE_EXPORTER_CONFIG": text, "OIFDE_EXPORTER_BOT": BILLING})

    assert 0 == result.exit_code, result.output


def test_no_configuration_says_where_to_begin(shell: Shell) -> None:
    """With the demo and the example."""
    for command in ("check", "query", "discover"):
        result = shell.run(command, "--config.file=nowhere.yaml")

        assert (1, "") == (result.exit_code, result.stdout)
        assert "oifde-exporter demo" in result.stderr
        assert "config.example.yaml" in result.stderr


def test_names_do_nothing_to_the_terminal(shell: Shell) -> None:
    """Whatever the configuration or the platform calls a bot."""
    nasty = "\x1b]0;title\x07[red]:smile:\u202eevil\x9b31m"
    shell.tenant["bots"][0]["name"] = "x\u202ey"
    world = shell.simulator.world
    first, second, third = world.bots(TENANT.tenant_id)
    bots = (first, SimBot(second.access_code, nasty), third)
    shell.simulator.world = type(
        "Renamed", (), {"bots": lambda _, __: bots, "records": world.records, "tenants": world.tenants}
    )()
    for command in (
        ["query"],
        ["query", "--explain"],
        ["discover"],
        ["discover", "--format=yaml"],
        ["check", "--live"],
    ):
        for form in ([], ["--format=json"]):
            if command[-1] != "--format=yaml" or not form:
                result = shell.run(*command, *form)
                assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(result.output), command
    assert "[red]:smile:" in shell.run("discover", "--format=yaml").stdout
