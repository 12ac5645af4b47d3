"""The findings and the exit status of ``check``."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import BINDINGS, LOGIN, NOW, QUERY, TENANT, Shell

from exporter.simulator import SimulatedWorld
from exporter.simulator.faults import HttpStatus
from exporter.simulator.world import Record, World
from harness import faults

BOTS = [{"access_code": bot.access_code, "name": bot.name.replace("$", "$$")} for bot in TENANT.bots]
HTTP = ("note", "main", "the url is not https, so others on the network can read secrets and tokens")


@dataclass
class Altered(SimulatedWorld):
    """A world with altered records."""

    world: World
    alter: Callable[[Record], Record]

    def records(self, *asked: Any) -> list[Record]:
        """Return the altered records."""
        return [self.alter(record) for record in self.world.records(*asked)]

    def __getattribute__(self, name: str) -> Any:
        """Take everything else from the world."""
        own = ("world", "alter", "records")
        return object.__getattribute__(self, name) if name in own else getattr(self.world, name)


def later(hours: float) -> Callable[[Record], Record]:
    """Return a function that moves a record."""
    return lambda record: record | {"recordTime": int(str(record["recordTime"])) + int(3_600_000 * hours)}


def check_live(shell: Shell, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status of ``check --live`` and its findings, without the note about TLS."""
    result = shell.run("check", "--live", "--format=json", *arguments)
    assert "" == result.stderr
    found = json.loads(result.stdout)["findings"]
    return result.exit_code, [
        finding for finding in found if (finding["level"], finding["where"], finding["what"]) != HTTP
    ]


def test_the_load(shell: Shell) -> None:
    """The table needs no request."""
    result = shell.run("check")

    assert (0, "") == (result.exit_code, result.stderr)
    assert "config.yaml is valid." in result.stdout
    assert ["main", "1", "1", "0.02", "0.03", "1000", "1,644"] in [line.split() for line in result.stdout.splitlines()]
    assert "an answer may take 10 s on average" in result.stdout  # request_timeout: none takes longer
    assert "Prometheus: up to 1" in result.stdout
    assert not shell.simulator.journal.counts


def test_the_load_as_json(shell: Shell) -> None:
    """The numbers are not rounded for people."""
    data = json.loads(shell.run("check", "--format=json").stdout)

    (platform,) = data["platforms"]
    assert (True, "main", 1, 1644) == (data["valid"], platform["name"], platform["bots"], platform["requests_per_day"])
    assert data["series"] > data["series_per_bot"]


def test_too_many_requests(shell: Shell, change: Callable[..., None]) -> None:
    """They are a warning, with its own exit status."""
    change(requests_per_second=0.02)
    result = shell.run("check")

    assert 3 == result.exit_code
    assert "warning: main: polling needs 0.0333 requests per second after midnight" in result.stdout


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("“open sesame”", "contains a quotation mark"),
        ("open２", "contains a full-width character"),
        ("open sesame ", "begins or ends with a blank"),
        ('"open sesame"', "is in quotation marks"),
        ("open\u200b", "contains an invisible character"),
    ],
)
def test_a_secret_that_looks_wrong(shell: Shell, secret: str, problem: str) -> None:
    """It is a warning before the first login, since wrong secrets lock the account; the platform may have it so."""
    shell.tenant["auth"] = {"app_secret": secret}
    result = shell.run("check")

    assert 3 == result.exit_code
    assert f"warning: acme on main: the secret {problem}" in " ".join(result.stdout.split())
    assert "２" not in result.output


def test_a_reversed_time_zone(shell: Shell) -> None:
    """Etc/GMT+8 is eight hours behind UTC, and Asia/Shanghai is ahead of it."""
    shell.tenant["timezone"] = "Etc/GMT+8"
    result = shell.run("check")

    assert 3 == result.exit_code
    assert "timezone Etc/GMT+8 is behind UTC" in " ".join(result.stdout.split())
    assert "Asia/Shanghai for UTC+8" in result.stdout


def test_old_tls_is_a_warning(shell: Shell, change: Callable[..., None]) -> None:
    """The administrator should know that others on the network may break the encryption."""
    change(url="https://127.0.0.1:1", tls_config={"min_version": "TLS11"})
    result = shell.run("check")

    assert 3 == result.exit_code
    assert "warning: main: min_version TLS11 allows old TLS versions and ciphers" in " ".join(result.stdout.split())


@pytest.mark.parametrize(("stale_after", "status"), [("5m", 3), ("301s", 0)])
def test_series_that_disappear_between_polls(shell: Shell, stale_after: str, status: int) -> None:
    """They are a warning."""
    shell.settings["stale_after"] = stale_after
    shell.tenant["poll_interval"] = "5m"
    result = shell.run("check")

    answer = "warning: acme on main: stale_after (300 s) is not longer than poll_interval (300 s)" in " ".join(
        result.stdout.split()
    )
    assert (status, status == 3) == (result.exit_code, answer)


def test_an_invalid_configuration(shell: Shell, change: Callable[..., None]) -> None:
    """The errors are on stderr, or in the JSON on stdout."""
    change(requests_per_second=-1, colour="red")
    for_people, for_scripts = shell.run("check"), shell.run("check", "--format=json")

    assert (1, 1, "") == (for_people.exit_code, for_scripts.exit_code, for_people.stdout)
    answer = json.loads(for_scripts.stdout)
    assert False is answer["valid"]
    assert for_people.stderr.splitlines() == answer["errors"]
    assert 2 == len(answer["errors"])


def test_a_shard_without_tenants(shell: Shell) -> None:
    """The output says so, and has no empty table."""
    results = [shell.run("check", "--total-shards=2", f"--shard={number}") for number in range(2)]

    assert [0, 0] == [result.exit_code for result in results]
    assert 1 == sum("This shard has no tenants." in result.stdout for result in results)


def test_a_shard(shell: Shell) -> None:
    """A shard has its tenants and its part of the limits."""
    plans = [
        json.loads(shell.run("check", "--format=json", "--total-shards=2", f"--shard={number}").stdout)["platforms"]
        for number in range(2)
    ]

    assert [0, 1] == sorted(len(platforms) for platforms in plans)
    assert [500] == [platform["requests_per_second_allowed"] for platforms in plans for platform in platforms]


def test_all_is_ok(shell: Shell) -> None:
    """The command sends one request per bot and finds nothing."""
    shell.tenant["bots"] = BOTS[:2]

    assert (0, []) == check_live(shell)
    assert {LOGIN: 1, QUERY: 2} == shell.simulator.journal.counts


def test_a_bot_that_never_had_a_record(shell: Shell) -> None:
    """The finding says whether the platform lists the bot."""
    shell.tenant["bots"] = [*BOTS, {"access_code": "943370855474270209", "name": "mistyped"}]
    status, findings = check_live(shell)

    assert 3 == status
    assert {
        "mistyped": ("warning", "no record in the last 30 days, and not bound to the tenant"),
        "new ${one}": ("warning", "no record in the last 30 days, though bound to the tenant"),
    } == {finding["bots"][0]: (finding["level"], finding["what"]) for finding in findings}


def test_a_quiet_day_is_no_finding(shell: Shell) -> None:
    """A bot with earlier records is OK."""
    world = shell.simulator.world

    class Quiet(Altered):
        def records(self, *asked: Any) -> list[Record]:
            return [] if asked[1] == "hour" else self.world.records(*asked)

    shell.simulator.world = Quiet(world, lambda record: record)

    assert (0, []) == check_live(shell)


def test_at_does_not_change_the_last_30_days(shell: Shell) -> None:
    """The finding about a bot without records does not depend on --at."""
    status, found = check_live(shell, "--at=2027-05-20")

    assert (0, []) == (status, found)


def test_bots_cannot_be_listed(shell: Shell) -> None:
    """The finding about a bot without records needs no listing."""
    shell.tenant["bots"] = BOTS[2:]
    shell.simulator.faults.add(faults.HttpStatus(403), operation=BINDINGS)
    status, (finding,) = check_live(shell)

    assert (3, "no record in the last 30 days") == (status, finding["what"])


@pytest.mark.parametrize("hours, words", [(1, "a record begins in the future"), (-16, "a record of another date")])
def test_shifted_hours(shell: Shell, hours: float, words: str) -> None:
    """The time zone is wrong, or the platform names hours by their end."""
    shell.simulator.world = Altered(shell.simulator.world, later(hours))
    status, findings = check_live(shell)

    assert 3 == status
    assert any(finding["what"].startswith(words) and "timezone" in finding["advice"] for finding in findings)


def test_times_in_seconds(shell: Shell) -> None:
    """The finding names the unit, and does not lead to the time zone."""
    world = Altered(
        shell.simulator.world, lambda record: record | {"recordTime": int(str(record["recordTime"])) // 1000}
    )
    shell.simulator.world = world
    status, (finding,) = check_live(shell)

    assert (3, "warning") == (status, finding["level"])
    assert finding["example"].endswith(" (seconds instead of milliseconds)")
    assert "timezone" not in finding["advice"]


def test_unknown_fields(shell: Shell) -> None:
    """They are a note."""
    shell.simulator.world = Altered(shell.simulator.world, lambda record: record | {"mood": 1})
    status, (finding,) = check_live(shell)

    assert (0, "note", "mood") == (status, finding["level"], finding["example"])


def test_a_field_that_no_record_has(shell: Shell) -> None:
    """The warning names it, and the unknown field that may be its new name."""

    def rename(record: Record) -> Record:
        return {"totalCalls" if name == "callCount" else name: value for name, value in record.items()}

    shell.simulator.world = Altered(shell.simulator.world, rename)
    status, findings = check_live(shell)

    assert 3 == status
    assert [("warning", "callCount (missing: callCount; unknown: totalCalls)"), ("note", "totalCalls")] == [
        (finding["level"], finding["example"]) for finding in findings
    ]


def test_invalid_values(shell: Shell) -> None:
    """All bots with the same problem share one finding."""
    shell.tenant["bots"] = BOTS[:2]
    shell.simulator.world = Altered(shell.simulator.world, lambda record: record | {"callCount": "many"})
    status, (finding,) = check_live(shell)

    assert (3, ["账单助手", "claims"]) == (status, finding["bots"])
    assert "oifde-exporter query --explain" in finding["advice"]


def test_one_tenants_failure(shell: Shell) -> None:
    """The command tries its login once and checks the other tenants."""
    wrong = {"tenant_id": "7", "name": "other", "auth": {"app_secret": "x"}, "bots": BOTS}
    shell.settings["platforms"][0]["tenants"].insert(0, wrong)
    status, (finding,) = check_live(shell)

    assert (1, "problem", "other on main") == (status, finding["level"], finding["where"])
    assert [bot.name for bot in TENANT.bots] == finding["bots"]
    assert "app_key" in finding["advice"]
    assert {LOGIN: 2, QUERY: 1} == shell.simulator.journal.counts


def test_an_unreachable_platform(shell: Shell) -> None:
    """All its bots share one finding."""
    bots = [{"access_code": str(number)} for number in range(20)]
    tenant = {"tenant_id": "7", "auth": {"token": "x"}, "bots": bots}
    shell.settings["platforms"].append({"name": "gone", "url": "https://127.0.0.1:9", "tenants": [tenant]})
    status, (finding,) = check_live(shell)

    assert (1, 20, "cannot connect: Connection refused") == (status, len(finding["bots"]), finding["what"])


@pytest.mark.parametrize(
    "status, level, words, exit_code",
    [
        (400, "problem", "the platform is not healthy: HTTP status 400", 1),
        (404, "warning", "the health check does not work: HTTP status 404", 3),
    ],
)
def test_the_platforms_health(
    shell: Shell, change: Callable[..., None], status: int, level: str, words: str, exit_code: int
) -> None:
    """It is a finding of its own, where it is asked for."""
    shell.simulator.faults.add(HttpStatus(status), operation="service_monitor")
    assert (0, []) == check_live(shell)

    change(health_check=True)
    code, findings = check_live(shell)

    assert (exit_code, [(level, "main", words)]) == (
        code,
        [(finding["level"], finding["where"], finding["what"]) for finding in findings],
    )


def test_clocks_that_differ(shell: Shell) -> None:
    """This machine's clock decides which hours are complete."""
    shell.clock.wall += 600
    status, (finding,) = check_live(shell)

    assert 3 == status
    assert re.fullmatch("the platform's clock is [0-9]{3} s ahead of this machine's", finding["what"])


def test_slow_answers(shell: Shell, change: Callable[..., None]) -> None:
    """max_concurrency is too low for the number of bots."""
    change(max_concurrency=1)
    shell.settings["poll_interval"] = "1s"
    shell.simulator.faults.add(faults.Delay(0.6), operation=QUERY)
    status, (finding,) = check_live(shell)

    assert 3 == status
    assert "but max_concurrency 1 allows 0.50 s" in finding["what"]


def test_discovered_bots(shell: Shell) -> None:
    """The command requests them like the daemon."""
    shell.tenant["discovery"] = {"exclude": "new.*"}
    result = shell.run("check", "--live", "--format=json")

    answer = json.loads(result.stdout)
    assert (
        [2] == [tenant["bots"] for tenant in answer["live"]] == [platform["bots"] for platform in answer["platforms"]]
    )
    assert 2 == shell.simulator.journal.counts[QUERY]


def test_failed_discovery(shell: Shell) -> None:
    """It is a problem, and the configured bots are checked."""
    shell.tenant["discovery"] = {}
    shell.simulator.faults.add(faults.HttpStatus(404), operation=BINDINGS)
    status, (finding,) = check_live(shell)

    assert (1, "discovery fails: HTTP status 404") == (status, finding["what"])
    assert 1 == shell.simulator.journal.counts[QUERY]


def test_another_date(shell: Shell) -> None:
    """--at selects it."""
    check_live(shell, "--at=2026-05-18T12:00")

    (asked,) = shell.simulator.journal.of(QUERY)
    assert asked.body["timestamp"] == int((NOW.replace(day=18, hour=0, minute=0, second=0)).timestamp() * 1000)


def test_secrets_that_everyone_can_read(shell: Shell, tmp_path: Path) -> None:
    """The advice is the command that fixes it."""
    secret = tmp_path / "secret"
    secret.write_text(str(shell.tenant["auth"].pop("app_secret")), encoding="utf-8")
    secret.chmod(0o644)
    shell.tenant["auth"]["app_secret_file"] = "secret"
    result = shell.run("check", "--format=json")

    assert 3 == result.exit_code
    assert f"chmod o-r {secret}" in [finding["advice"] for finding in json.loads(result.stdout)["findings"]]


def test_findings_as_text(shell: Shell) -> None:
    """Each has its bots and an advice."""
    shell.tenant["bots"] = BOTS
    shell.simulator.faults.add(faults.HttpStatus(404), operation=QUERY)
    result = shell.run("check", "--live")

    assert 1 == result.exit_code
    assert "problem: acme on main (账单助手, claims, new ${one}): HTTP status 404" in " ".join(result.stdout.split())
    assert "Check that the url is the platform's" in result.stdout
