"""The table, the JSON and the errors of ``query``."""

import json
import re
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
    """Return the platform's records of the first bot's day, ``hours`` after now."""
    moment = (NOW + timedelta(hours=hours)).timestamp()
    return world.records(
        "queryCallStatisticsReport", "hour", TENANT.tenant_id, BILLING, int(NOW.timestamp() * 1000), moment
    )


def query_json(shell: Shell, *arguments: str) -> Any:
    """Return the JSON of ``query``."""
    result = shell.run("query", "--format=json", *arguments)
    assert (0, "") == (result.exit_code, result.stderr)
    return json.loads(result.stdout)


def test_a_table_of_the_hours(shell: Shell) -> None:
    """The table marks the hour in progress and has the sums of the day."""
    result = shell.run("query")

    assert 0 == result.exit_code, result.output
    lines = result.stdout.splitlines()
    assert "账单助手 (943370855474270208) of acme (202104237142) on main" == lines[0].rstrip()
    assert "report hour of 2026-05-20 in Asia/Shanghai, as of 2026-05-20 15:30 UTC+08:00" == lines[1].rstrip()
    cells = [line.split() for line in lines if line[2:3] == ":" or line.startswith("sum")]
    calls = [row["callCount"] for row in rows(shell.simulator.world)]
    assert [f"{hour:02}:00" for hour in range(15)] + ["15:00*", "sum"] == [row[0] for row in cells]
    assert [*map(str, calls), str(sum(calls))] == [row[1] for row in cells]


@pytest.mark.parametrize("command", [["query", "--bot=账单助手"], ["discover"], ["check", "--live"]])
def test_no_line_is_wider_than_a_terminal(shell: Shell, command: list[str]) -> None:
    """A terminal has 80 columns, and a Chinese character takes two."""
    shell.tenant["discovery"] = {}
    result = shell.run(*command)

    assert 80 >= max(cell_len(line) for line in result.stdout.splitlines())


def test_json_has_the_platforms_names(shell: Shell) -> None:
    """Times have their offset."""
    answer = query_json(shell)

    first = rows(shell.simulator.world)[0]
    assert ("2026-05-20", "Asia/Shanghai", 16) == (answer["date"], answer["timezone"], len(answer["records"]))
    assert "2026-05-20T00:00:00+08:00" == answer["records"][0]["start"]
    assert first["callCount"] == answer["records"][0]["values"]["callCount"]
    assert [True] * 15 + [False] == [record["complete"] for record in answer["records"]]
    assert [] == answer["anomalies"]


def test_days_that_begin_off_local_midnight(shell: Shell) -> None:
    """A day is complete by its own end, if the platform's days are not the tenant's."""
    shell.tenant["timezone"] = "UTC"
    records = query_json(shell, "--report=day")["records"]

    assert [("2026-05-18T16:00:00+00:00", True), ("2026-05-19T16:00:00+00:00", False)] == [
        (record["start"], record["complete"]) for record in records[-2:]
    ]


def test_a_past_date(shell: Shell) -> None:
    """All its hours are complete."""
    answer = query_json(shell, "--date=2026-05-18")

    assert ("2026-05-18", "2026-05-18T23:59:59+08:00", 24) == (
        answer["date"],
        answer["as_of"],
        sum(record["complete"] for record in answer["records"]),
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
    """A time without an offset is in the tenant's time zone; a date means its end."""
    answer = query_json(shell, f"--at={at}")

    assert (date, as_of) == (answer["date"], answer["as_of"])


def test_as_of_a_time_shortly_after_midnight(shell: Shell) -> None:
    """The command ignores later records and requests the day before, like the daemon."""
    shell.tenant["bots"] = [{"access_code": BILLING, "name": "billing"}]
    answer = query_json(shell, "--explain", "--at=2026-05-20T00:30")

    yesterday = query_json(shell, "--date=2026-05-19")["records"]
    (first,) = answer["records"]
    samples = dict(sample.rsplit(" ", 1) for sample in answer["explanation"]["samples"])
    labels = f'{{tenant_id="{TENANT.tenant_id}",access_code="{BILLING}",bot="billing"}}'
    assert "2026-05-20T00:00:00+08:00" == first["start"]
    assert yesterday[-1]["values"]["callCount"] == float(samples[f"oifde_hour_calls{labels}"])
    assert first["values"]["callCount"] == float(samples[f"oifde_live_hour_calls{labels}"])
    assert first["values"]["callCount"] == float(samples[f"oifde_calls_total{labels}"])
    uses = [record["uses"] for record in answer["explanation"]["records"]]
    assert [["not used: the record begins after --at"]] * 15 == uses[1:]
    assert [
        (
            "No hour of 2026-05-20 is complete yet. Until then, the metrics show 2026-05-19 23:00, from the report of the"
            " day before (--date=2026-05-19)."
        ),
        "00:00 was in progress at that time; its values are the platform's current ones.",
    ] == answer["explanation"]["notes"]


def test_a_failed_request_for_the_day_before(shell: Shell) -> None:
    """The command continues without it, like the daemon."""
    counts = shell.simulator.journal.counts
    shell.simulator.faults.add(faults.HttpStatus(403), when=lambda _: counts[QUERY] > 1)
    answer = query_json(shell, "--explain", "--at=2026-05-20T00:30")

    assert ["No hour of 2026-05-20 is complete yet. Until then, the metrics show an hour of the day before."] == answer[
        "explanation"
    ]["notes"][:1]
    assert "403" in answer["explanation"]["judgement"]["error"]


@pytest.mark.parametrize(
    "flag", ["--at=yesterday", "--at=0001-01-01", "--at=2026-02-30", "--date=20260520", "--date=x"]
)
def test_invalid_times(shell: Shell, flag: str) -> None:
    """The error shows an example."""
    result = shell.run("query", flag)

    assert 2 == result.exit_code
    assert "write one like 2026-05-20" in result.stderr


def test_a_bot_that_is_not_configured(shell: Shell) -> None:
    """With --tenant, any access code works."""
    assert "claims" == TENANT.bots[1].name
    answer = query_json(shell, "--tenant=acme", f"--bot={TENANT.bots[1].access_code}")

    assert TENANT.bots[1].access_code == answer["bot"]
    assert answer["records"]


def test_a_discovered_bot(shell: Shell) -> None:
    """It has the platform's name."""
    shell.tenant["discovery"] = {}

    assert TENANT.bots[1].access_code == query_json(shell, "--bot=claims")["access_code"]


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
def test_unknown_names(shell: Shell, arguments: list[str], words: str) -> None:
    """The error lists the known names, and the command sends no request."""
    result = shell.run("query", *arguments)

    assert 2 == result.exit_code
    assert words in result.stderr
    assert not shell.simulator.journal.counts


def test_several_bots(shell: Shell) -> None:
    """The error says how to choose one."""
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
def test_a_failure_comes_with_an_advice(shell: Shell, fault: faults.Fault, words: str) -> None:
    """It is on stderr, and the exit status is 1."""
    shell.simulator.faults.add(fault, operation=QUERY)
    result = shell.run("query")

    assert 1 == result.exit_code
    assert words in result.stderr.replace("\n", " ")


def test_a_failed_login_is_tried_once(shell: Shell) -> None:
    """The advice warns of more tries."""
    shell.tenant["auth"]["app_secret"] = "wrong"
    result = shell.run("query")

    assert (1, 1) == (result.exit_code, shell.simulator.journal.counts[LOGIN])
    assert "Correct the secret before you try again" in result.stderr


def test_no_record(shell: Shell) -> None:
    """The output says so, and has no empty table."""
    result = shell.run("query", "--tenant=acme", f"--bot={TENANT.bots[2].access_code}")

    assert 0 == result.exit_code
    assert "no record: there were no calls, or there is no such bot" in result.stdout


def test_a_future_date(shell: Shell) -> None:
    """It does not look like a bot without calls."""
    result = shell.run("query", "--date=2026-05-21")

    assert 0 == result.exit_code
    assert "no record: the date is in the future" in result.stdout


def test_the_configuration_may_be_in_the_environment(shell: Shell) -> None:
    """The commands read it like the daemon."""
    text = yaml.safe_dump(shell.settings)
    shell.settings = {}
    result = shell.run("query", env={"OIFDE_EXPORTER_CONFIG": text, "OIFDE_EXPORTER_BOT": BILLING})

    assert 0 == result.exit_code, result.output


def test_no_configuration(shell: Shell) -> None:
    """The error suggests the demo and the example."""
    for command in ("check", "query", "discover"):
        result = shell.run(command, "--config.file=nowhere.yaml")

        assert (1, "") == (result.exit_code, result.stdout)
        assert "oifde-exporter demo" in result.stderr
        assert "config.example.yaml" in result.stderr


def test_names_cannot_control_the_terminal(shell: Shell) -> None:
    """The output escapes names from the configuration and the platform."""
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


def test_the_judgement(shell: Shell) -> None:
    """--explain shows each window with the expected and the actual value, the spread and the score."""
    judgement = query_json(shell, "--explain")["explanation"]["judgement"]

    assert (35 * 86_400, None) == (judgement["history_seconds"], judgement["error"])
    signals = {signal["signal"]: signal for signal in judgement["signals"]}
    assert {"autonomy_drop", "calls_drop", "calls_rise"} <= signals.keys()
    assert all(signal["score"] < 5 for signal in signals.values())
    for window in signals["autonomy_drop"]["windows"]:
        assert 0.5 < window["expected"] < 0.8
        assert abs(window["came"] - window["expected"]) < 5 * window["spread"]
    text = shell.run("query", "--explain", width=200).stdout
    assert "35 of the last 35 days are known." in text
    assert re.search(r"autonomy_drop +24 h +\d+\.\d% +\d+\.\d% +\d+\.\d% ", text)


def test_no_judgement(shell: Shell) -> None:
    """Without a history, and for other reports, nothing more is requested; a bot without a past cannot be judged."""
    shell.settings["history"] = {"days": 0}
    assert "Judgement" not in shell.run("query", "--explain").stdout
    assert 1 == shell.simulator.journal.counts[QUERY]

    shell.settings["history"] = {"days": 7}
    assert "Judgement" not in shell.run("query", "--explain", "--report=day").stdout
    assert 2 == shell.simulator.journal.counts[QUERY]

    shell.settings["platforms"][0]["tenants"][0]["bots"] = [{"access_code": TENANT.bots[2].access_code}]
    assert "Too few days are known to judge the bot." in shell.run("query", "--explain").stdout


@pytest.mark.parametrize(
    ("operation", "fault", "form"),
    [
        (QUERY, faults.Wrapped("result"), "{errorCode: number, errorMsg: text, result: [16 x {recordTime: number, "),
        (LOGIN, faults.Wrapped(), "{errorCode: number, errorMsg: text, data: {errorCode: number, errorMsg: text, "),
    ],
)
def test_an_answer_of_another_form(shell: Shell, operation: str, fault: faults.Fault, form: str) -> None:
    """The form is shown without values, and the error names the keys: a user can report both."""
    shell.simulator.faults.add(fault, operation=operation)
    for_people, for_scripts = shell.run("query", "--explain"), shell.run("query", "--explain", "--format=json")

    assert (1, 1) == (for_people.exit_code, for_scripts.exit_code)
    (line,) = [line for line in for_people.stdout.splitlines() if line.strip().startswith("{errorCode: number")]
    assert line.strip().startswith(form)
    assert json.loads(for_scripts.stdout)["explanation"]["answer_form"] == line.strip()
    assert "its keys: errorCode, errorMsg, " in for_people.stderr
    assert "report it to the exporter's developers" in for_people.stderr
    assert not re.search("[0-9]{6}", line)
