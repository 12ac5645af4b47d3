"""``check``: what is wrong, what looks wrong, and the exit status that says so."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import BINDINGS, LOGIN, NOW, QUERY, TENANT, Shell

from exporter.simulator import SimulatedWorld
from exporter.simulator.world import Record, World
from harness import faults

BOTS = [{"access_code": bot.access_code, "name": bot.name.replace("$", "$$")} for bot in TENANT.bots]
HTTP = ("note", "main", "the url is not https, so others on the network can read secrets and tokens")


@dataclass
class Altered(SimulatedWorld):
    """A world whose records are not as they should be."""

    world: World
    alter: Callable[[Record], Record]

    def records(self, *asked: Any) -> list[Record]:
        """Those of the world, altered."""
        return [self.alter(record) for record in self.world.records(*asked)]

    def __getattribute__(self, name: str) -> Any:
        """Everything else is the world's."""
        own = ("world", "alter", "records")
        return object.__getattribute__(self, name) if name in own else getattr(self.world, name)


def later(hours: float) -> Callable[[Record], Record]:
    """Moves a record."""
    return lambda record: record | {"recordTime": int(str(record["recordTime"])) + int(3_600_000 * hours)}


def checked(shell: Shell, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of ``check --live`` and its findings, but for the note that the platform here has no TLS."""
    result = shell.run("check", "--live", "--format=json", *arguments)
    assert "" == result.stderr
    found = json.loads(result.stdout)["findings"]
    return result.exit_code, [each for each in found if (each["level"], each["where"], each["what"]) != HTTP]


def test_a_plan(shell: Shell) -> None:
    """In a table, without a request."""
    result = shell.run("check")

    assert (0, "") == (result.exit_code, result.stderr)
    assert "config.yaml is valid." in result.stdout
    assert ["main", "1", "1", "0.02", "0.03", "1000", "1,644"] in [line.split() for line in result.stdout.splitlines()]
    assert "an answer may take 10 s on average" in result.stdout  # request_timeout: none takes longer
    assert "Prometheus: up to 1" in result.stdout
    assert not shell.simulator.journal.counts


def test_a_plan_for_scripts(shell: Shell) -> None:
    """With figures that are not rounded for people."""
    data = json.loads(shell.run("check", "--format=json").stdout)

    (platform,) = data["platforms"]
    assert (True, "main", 1, 1644) == (data["valid"], platform["name"], platform["bots"], platform["requests_per_day"])
    assert data["series"] > data["series_per_bot"]


def test_what_does_not_fit(shell: Shell, change: Callable[..., None]) -> None:
    """Is a warning, which has an exit status of its own."""
    change(requests_per_second=0.02)
    result = shell.run("check")

    assert 3 == result.exit_code
    assert "warning: main: polling needs 0.0333 requests per second after midnight" in result.stdout


@pytest.mark.parametrize(("stale_after", "status"), [("5m", 3), ("301s", 0)])
def test_figures_that_would_not_last_until_the_next_poll(shell: Shell, stale_after: str, status: int) -> None:
    """Are a warning: each of them would be gone for a moment again and again."""
    shell.settings["stale_after"] = stale_after
    shell.tenant["poll_interval"] = "5m"
    result = shell.run("check")

    told = "warning: acme on main: stale_after (300 s) is not longer than poll_interval (300 s)" in " ".join(
        result.stdout.split()
    )
    assert (status, status == 3) == (result.exit_code, told)


def test_what_is_not_valid(shell: Shell, change: Callable[..., None]) -> None:
    """Is told on stderr as the daemon tells it, and to scripts on stdout."""
    change(requests_per_second=-1, colour="red")
    for_people, for_scripts = shell.run("check"), shell.run("check", "--format=json")

    assert (1, 1, "") == (for_people.exit_code, for_scripts.exit_code, for_people.stdout)
    told = json.loads(for_scripts.stdout)
    assert False is told["valid"]
    assert for_people.stderr.splitlines() == told["errors"]
    assert 2 == len(told["errors"])


def test_a_shard_without_a_tenant_is_told(shell: Shell) -> None:
    """Not as an empty table."""
    results = [shell.run("check", "--total-shards=2", f"--shard={number}") for number in range(2)]

    assert [0, 0] == [result.exit_code for result in results]
    assert 1 == sum("This shard has no tenants." in result.stdout for result in results)


def test_a_shard(shell: Shell) -> None:
    """Has its tenants, and its part of the limits."""
    plans = [
        json.loads(shell.run("check", "--format=json", "--total-shards=2", f"--shard={number}").stdout)["platforms"]
        for number in range(2)
    ]

    assert [0, 1] == sorted(len(each) for each in plans)
    assert [500] == [each["requests_per_second_allowed"] for part in plans for each in part]


def test_all_is_well(shell: Shell) -> None:
    """One request for each bot, and nothing found."""
    shell.tenant["bots"] = BOTS[:2]

    assert (0, []) == checked(shell)
    assert {LOGIN: 1, QUERY: 2} == shell.simulator.journal.counts


def test_a_bot_that_never_had_a_record(shell: Shell) -> None:
    """Is pointed out, with whether the platform knows it."""
    shell.tenant["bots"] = [*BOTS, {"access_code": "943370855474270209", "name": "mistyped"}]
    status, findings = checked(shell)

    assert 3 == status
    assert {
        "mistyped": ("warning", "no record in the last 30 days, and not bound to the tenant"),
        "new ${one}": ("warning", "no record in the last 30 days, though bound to the tenant"),
    } == {each["bots"][0]: (each["level"], each["what"]) for each in findings}


def test_a_quiet_day_is_nothing_to_tell(shell: Shell) -> None:
    """A bot that had records before is right."""
    world = shell.simulator.world

    class Quiet(Altered):
        def records(self, *asked: Any) -> list[Record]:
            return [] if asked[1] == "hour" else self.world.records(*asked)

    shell.simulator.world = Quiet(world, lambda record: record)

    assert (0, []) == checked(shell)


def test_a_bot_is_not_taken_for_mistyped_because_of_the_time_asked_for(shell: Shell) -> None:
    """Whether it had a record in the last 30 days does not depend on --at."""
    status, found = checked(shell, "--at=2027-05-20")

    assert (0, []) == (status, found)


def test_whoever_may_not_list_bots(shell: Shell) -> None:
    """Is still told that a bot never had a record."""
    shell.tenant["bots"] = BOTS[2:]
    shell.simulator.faults.add(faults.HttpStatus(403), operation=BINDINGS)
    status, (finding,) = checked(shell)

    assert (3, "no record in the last 30 days") == (status, finding["what"])


@pytest.mark.parametrize("hours, words", [(1, "a record begins in the future"), (-16, "a record of another date")])
def test_hours_that_are_off(shell: Shell, hours: float, words: str) -> None:
    """By the zone, or because the platform names hours by their end."""
    shell.simulator.world = Altered(shell.simulator.world, later(hours))
    status, findings = checked(shell)

    assert 3 == status
    assert any(each["what"].startswith(words) and "timezone" in each["advice"] for each in findings)


def test_fields_that_are_not_known(shell: Shell) -> None:
    """Are good to know, and no reason to worry."""
    shell.simulator.world = Altered(shell.simulator.world, lambda record: record | {"mood": 1})
    status, (finding,) = checked(shell)

    assert (0, "note", "mood") == (status, finding["level"], finding["example"])


def test_a_field_that_no_record_has(shell: Shell) -> None:
    """Is a warning that names it, and beside it the field that may be its new name."""

    def rename(record: Record) -> Record:
        return {"totalCalls" if name == "callCount" else name: value for name, value in record.items()}

    shell.simulator.world = Altered(shell.simulator.world, rename)
    status, findings = checked(shell)

    assert 3 == status
    assert [("warning", "callCount (missing: callCount; unknown: totalCalls)"), ("note", "totalCalls")] == [
        (finding["level"], finding["example"]) for finding in findings
    ]


def test_values_that_make_no_sense(shell: Shell) -> None:
    """Are told once for all bots that have them."""
    shell.tenant["bots"] = BOTS[:2]
    shell.simulator.world = Altered(shell.simulator.world, lambda record: record | {"callCount": "many"})
    status, (finding,) = checked(shell)

    assert (3, ["账单助手", "claims"]) == (status, finding["bots"])
    assert "oifde-exporter query --explain" in finding["advice"]


def test_one_tenants_failure(shell: Shell) -> None:
    """Is told, its login tried once, and the other tenants are checked."""
    wrong = {"tenant_id": "7", "name": "other", "auth": {"app_secret": "x"}, "bots": BOTS}
    shell.settings["platforms"][0]["tenants"].insert(0, wrong)
    status, (finding,) = checked(shell)

    assert (1, "problem", "other on main") == (status, finding["level"], finding["where"])
    assert [bot.name for bot in TENANT.bots] == finding["bots"]
    assert "app_key" in finding["advice"]
    assert {LOGIN: 2, QUERY: 1} == shell.simulator.journal.counts


def test_a_platform_that_is_not_there(shell: Shell) -> None:
    """Is told once, however many bots it has."""
    bots = [{"access_code": str(number)} for number in range(20)]
    tenant = {"tenant_id": "7", "auth": {"token": "x"}, "bots": bots}
    shell.settings["platforms"].append({"name": "gone", "url": "https://127.0.0.1:9", "tenants": [tenant]})
    status, (finding,) = checked(shell)

    assert (1, 20, "cannot connect: Connection refused") == (status, len(finding["bots"]), finding["what"])


def test_clocks_that_differ(shell: Shell) -> None:
    """Since hours count as complete by this machine's."""
    shell.clock.wall += 600
    status, (finding,) = checked(shell)

    assert 3 == status
    assert re.fullmatch("the platform's clock is [0-9]{3} s ahead of this machine's", finding["what"])


def test_answers_that_are_too_slow(shell: Shell, change: Callable[..., None]) -> None:
    """For so many bots and so few requests at the same time."""
    change(max_concurrency=1)
    shell.settings["poll_interval"] = "1s"
    shell.simulator.faults.add(faults.Delay(0.6), operation=QUERY)
    status, (finding,) = checked(shell)

    assert 3 == status
    assert "but max_concurrency 1 allows 0.50 s" in finding["what"]


def test_discovered_bots_are_asked_for_too(shell: Shell) -> None:
    """As the daemon would."""
    shell.tenant["discovery"] = {"exclude": "new.*"}
    result = shell.run("check", "--live", "--format=json")

    told = json.loads(result.stdout)
    assert [2] == [each["bots"] for each in told["live"]] == [each["bots"] for each in told["platforms"]]
    assert 2 == shell.simulator.journal.counts[QUERY]


def test_discovery_that_fails(shell: Shell) -> None:
    """Is a problem, and what is configured is checked."""
    shell.tenant["discovery"] = {}
    shell.simulator.faults.add(faults.HttpStatus(404), operation=BINDINGS)
    status, (finding,) = checked(shell)

    assert (1, "discovery fails: HTTP status 404") == (status, finding["what"])
    assert 1 == shell.simulator.journal.counts[QUERY]


def test_another_date(shell: Shell) -> None:
    """Is asked for with --at."""
    checked(shell, "--at=2026-05-18T12:00")

    (asked,) = shell.simulator.journal.of(QUERY)
    assert asked.body["timestamp"] == int((NOW.replace(day=18, hour=0, minute=0, second=0)).timestamp() * 1000)


def test_secrets_that_anybody_can_read(shell: Shell, tmp_path: Path) -> None:
    """Are pointed out, with the command that mends it."""
    secret = tmp_path / "secret"
    secret.write_text(str(shell.tenant["auth"].pop("app_secret")), encoding="utf-8")
    secret.chmod(0o644)
    shell.tenant["auth"]["app_secret_file"] = "secret"
    result = shell.run("check", "--format=json")

    assert 3 == result.exit_code
    assert f"chmod o-r {secret}" in [each["advice"] for each in json.loads(result.stdout)["findings"]]


def test_findings_for_people(shell: Shell) -> None:
    """Each with the bots concerned, and what to do."""
    shell.tenant["bots"] = BOTS
    shell.simulator.faults.add(faults.HttpStatus(404), operation=QUERY)
    result = shell.run("check", "--live")

    assert 1 == result.exit_code
    assert "problem: acme on main (账单助手, claims, new ${one}): HTTP status 404" in " ".join(result.stdout.split())
    assert "Check that the url is the platform's" in result.stdout
