"""The table, the YAML and the JSON of ``discover``."""

import json
from dataclasses import replace

import pytest
import yaml
from commands.conftest import BINDINGS, TENANT, Shell
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.commands.discover import _quote
from exporter.config import load
from exporter.simulator import SimBot, SimTenant, SimulatedWorld
from harness import faults

CODES = [bot.access_code for bot in TENANT.bots]


def test_a_table_of_all_bots(shell: Shell) -> None:
    """The table has the bots of both sources and their states."""
    result = shell.run("discover")

    assert (0, "") == (result.exit_code, result.stderr)
    lines = [line.split() for line in result.stdout.splitlines() if line.startswith("9")]
    assert {
        CODES[0]: ["账单助手", "OIFDE", "voice", "navigation", "configured"],
        CODES[1]: ["claims", "IVR", "voice", "navigation", "not", "polled"],
        CODES[2]: ["new", "${one}", "OIFDE", "voice", "navigation", "not", "polled"],
    } == {line[0]: line[1:] for line in lines}
    assert "3 bound, 2 not polled." in result.stdout


def test_the_yaml_loads(shell: Shell) -> None:
    """The YAML fits below a tenant's other keys, with any name."""
    del shell.tenant["bots"]
    shell.tenant["discovery"] = {"exclude": ".*"}
    pasted = shell.run("discover", "--format=yaml").stdout
    text = (
        "platforms:\n"
        "  - url: https://aicc.example.com\n"
        "    tenants:\n"
        '      - tenant_id: "1"\n'
        "        auth: {app_secret: open sesame}\n" + pasted
    )

    bots = load(text, {}).platforms[0].tenants[0].bots

    assert [(bot.access_code, bot.name) for bot in TENANT.bots] == [(bot.access_code, bot.name) for bot in bots]


def test_yaml_keeps_configured_bots(shell: Shell) -> None:
    """The output replaces the bots of a tenant, so it keeps their names and labels."""
    configured = {"access_code": CODES[0], "name": "billing", "labels": {"team": "care"}}
    shell.tenant["bots"] = [configured, {"access_code": CODES[1]}]
    bots = yaml.safe_load(shell.run("discover", "--format=yaml").stdout)["bots"]

    assert [configured, {"access_code": CODES[1]}, {"access_code": CODES[2], "name": "new $${one}"}] == bots


def test_yaml_names_discovered_bots_in_comments(shell: Shell) -> None:
    """The exporter polls them without a list."""
    shell.tenant["discovery"] = {}
    text = shell.run("discover", "--format=yaml").stdout

    assert CODES[:1] == [bot["access_code"] for bot in yaml.safe_load(text)["bots"]]
    assert f'# discovered: "{CODES[1]}" "claims"' in text


def test_yaml_of_several_tenants(shell: Shell) -> None:
    """Each tenant is a document."""
    tenants = [TENANT, SimTenant("2", (SimBot("7", "seven"),))]
    shell.simulator.world = SimulatedWorld(1, tenants)
    accounts = shell.simulator.accounts
    accounts._accounts["2"] = replace(accounts[TENANT.tenant_id], tenant_id="2", app_key="2")
    accounts._expiries["2"] = {}
    secret = shell.tenant["auth"]
    shell.settings["platforms"][0]["tenants"].append(
        {"tenant_id": "2", "auth": secret, "discovery": {"exclude": "s.*"}}
    )

    first, second = yaml.safe_load_all(shell.run("discover", "--format=yaml").stdout)
    only = shell.run("discover", "--tenant=2", "--format=json")

    assert [3, 1] == [len(first["bots"]), len(second["bots"])]
    assert ["2"] == [tenant["tenant_id"] for tenant in json.loads(only.stdout)["tenants"]]


@example("\uffff\ufeff\x85\u2028\U000e0001$${A}")
@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip))
def test_any_name_survives(name: str) -> None:
    """A name stays the same from the platform through YAML and ${NAME} to the label."""
    text = (
        'platforms: [{url: "https://h", tenants: [{tenant_id: "1", auth: {app_secret: s},'
        f' bots: [{{access_code: "7", name: {_quote(name)}}}]}}]}}]'
    )

    assert name == load(text, {}).platforms[0].tenants[0].bots[0].name


def test_states(shell: Shell) -> None:
    """The daemon polls a bot that is configured or that discovery selects."""
    shell.tenant["discovery"] = {"include": "claims"}
    (tenant,) = json.loads(shell.run("discover", "--format=json").stdout)["tenants"]

    assert {CODES[0]: "configured", CODES[1]: "discovered", CODES[2]: "not polled"} == {
        bot["access_code"]: bot["state"] for bot in tenant["bots"]
    }


def test_a_configured_bot_that_is_not_bound(shell: Shell) -> None:
    """Its access code may be wrong."""
    shell.tenant["bots"].append({"access_code": "943370855474270209"})

    assert "943370855474270209 is configured, but not bound. Check the access code." in " ".join(
        shell.run("discover").stdout.split()
    )


@pytest.mark.parametrize("form", ["table", "yaml", "json"])
def test_one_tenant_that_fails(shell: Shell, form: str) -> None:
    """The error is on stderr, the exit status is 1, and the other tenants are listed."""
    gone = {"tenant_id": "3", "auth": {"app_secret": "x"}, "bots": [{"access_code": "1"}]}
    shell.settings["platforms"][0]["tenants"].insert(0, gone)

    result = shell.run("discover", f"--format={form}")

    assert 1 == result.exit_code
    assert "3 on main: the login failed" in result.stderr
    assert "Check that app_key (default: the tenant_id) is the tenant id" in result.stderr
    assert "claims" in result.stdout


def test_a_failed_listing(shell: Shell) -> None:
    """The command prints no YAML."""
    shell.simulator.faults.add(faults.HttpStatus(404), operation=BINDINGS)
    result = shell.run("discover", "--format=yaml")

    assert (1, "") == (result.exit_code, result.stdout)


def test_an_incomplete_listing(shell: Shell) -> None:
    """The command shows the bots that are listed, and says that others may be missing; query and check use them as well."""
    shell.tenant["bots"] = []
    shell.tenant["discovery"] = {}
    shell.simulator.faults.add(faults.Changed(lambda _, answer: answer | {"total": 9}), operation=BINDINGS)
    listed, checked, asked = shell.run("discover"), shell.run("check", "--live"), shell.run("query", "--bot=claims")

    says = "the listing is incomplete: 1 of 9 bots of the source IVR, 2 of 9 bots of the source OIFDE"
    assert (1, 1, 0) == (listed.exit_code, checked.exit_code, asked.exit_code)
    assert all(code in listed.stdout for code in CODES)
    assert f"main: {says}. The exporter polls the bots that are listed" in listed.stderr
    assert f"problem: acme on main: discovery fails: {says}" in " ".join(checked.stdout.split())
    assert ["acme", "main", "3", "3", "0", "1"] in [line.split() for line in checked.stdout.splitlines()]
