"""``backtest``: the alerts that past days would have caused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.judging.replay import RULES, TENANT_RULE
from exporter.simulator import CALM, SimulatedWorld, Simulator
from exporter.simulator.characters import Incident, Trouble
from harness.clocks import StandingClock

from .conftest import NOW, QUERY, TENANT, Shell, configuration, serve_in_thread

DAY = 86_400.0
FLAGS = ("backtest", "--from=2026-05-17", "--to=2026-05-19")


@pytest.fixture(autouse=True)
def shorter(shell: Shell) -> None:
    """A history of two weeks is enough here."""
    shell.settings["history"] = {"days": 14}


def test_a_calm_bot(shell: Shell) -> None:
    """No alert, in three days that could be judged, and the request count that the help promises."""
    ended = shell.run(*FLAGS, "--format=json")

    assert 0 == ended.exit_code
    data = json.loads(ended.stdout)
    assert (1, 3, 3, []) == (data["bots"], data["days"], data["judged_bot_days"], data["alerts"])
    assert {*(rule.alert for rule in (*RULES, TENANT_RULE)), "all"} == {total["alert"] for total in data["totals"]}
    assert 14 + 3 == shell.simulator.journal.counts[QUERY]
    assert "1 bots, 3 days; 3 days of bots could be judged." in shell.run(*FLAGS).stdout


def test_an_incident(tmp_path: Path) -> None:
    """A bot without calls is one alert, with its begin, and its end hours after the calls came back."""
    begin = NOW.timestamp() - 2 * DAY
    bot = TENANT.bots[0]
    incident = Incident(begin, begin + 8 * 3600, Trouble.CALL_LOSS, 1.0)
    tenant = replace(TENANT, bots=(replace(bot, incidents=(incident,)), *TENANT.bots[1:]))
    with serve_in_thread(Simulator(SimulatedWorld(1, [tenant], CALM), clock=StandingClock(NOW))) as simulator:
        shell = Shell(simulator, StandingClock(NOW), tmp_path)
        shell.settings = configuration(simulator.url, tenant) | {"history": {"days": 14}}
        data = json.loads(shell.run(*FLAGS, "--format=json").stdout)
        table = shell.run(*FLAGS, width=200).stdout

    (alert,) = [alert for alert in data["alerts"] if alert["alert"] == "OifdeBotCallsVanished"]
    assert (bot.access_code, bot.name, "calls_drop") == (alert["access_code"], alert["bot"], alert["signal"])
    assert "2026-05-18T15" < alert["begin"] < "2026-05-18T22"
    assert "2026-05-19" in alert["end"]
    assert alert["score"] > 5
    assert alert["size_ratio"] == pytest.approx(1, abs=0.2)
    assert "OifdeBotCallsVanished" in table
    (total,) = [total for total in data["totals"] if total["alert"] == "OifdeBotCallsVanished"]
    assert (1, pytest.approx(100 / 3 * 365.25 / 12, abs=0.01)) == (total["alerts"], total["per_100_bot_months"])


def test_a_loss_of_most_bots(tmp_path: Path) -> None:
    """A tenant whose bots lose their calls together is one alert, which names no bot and replaces those about the bots."""
    begin = NOW.timestamp() - 2 * DAY
    incident = Incident(begin, begin + 8 * 3600, Trouble.CALL_LOSS, 0.95)
    bots = tuple(
        replace(TENANT.bots[0], access_code=code, name=code, incidents=(incident,)) for code in ("a", "b", "c")
    )
    tenant = replace(TENANT, bots=bots)
    with serve_in_thread(Simulator(SimulatedWorld(1, [tenant], CALM), clock=StandingClock(NOW))) as simulator:
        shell = Shell(simulator, StandingClock(NOW), tmp_path)
        shell.settings = configuration(simulator.url, tenant) | {"history": {"days": 14}}
        shell.settings["platforms"][0]["tenants"][0]["bots"] = [{"access_code": bot.access_code} for bot in bots]
        data = json.loads(shell.run(*FLAGS, "--format=json").stdout)
        table = shell.run(*FLAGS, width=200).stdout

    (alert,) = [alert for alert in data["alerts"] if alert["signal"] == "calls_drop"]
    assert ("OifdeTenantCallsVanished", tenant.tenant_id) == (alert["alert"], alert["tenant_id"])
    assert (None, None) == (alert["access_code"], alert["bot"])
    assert "2026-05-18T15" < alert["begin"] < "2026-05-18T22"
    assert "OifdeTenantCallsVanished" in table
    (total,) = [total for total in data["totals"] if total["alert"] == "OifdeTenantCallsVanished"]
    assert 1 == total["alerts"]


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--from=2026-05-20"], "--from is after --to, which is yesterday at most"),
        (["--from=2026-05-18", "--to=2026-05-17"], "--from is after --to"),
        (["--from=2026-05-18", "--bot=x"], "'x'"),
        ([], "Missing option '--from'"),
    ],
)
def test_wrong_flags(shell: Shell, flags: list[str], message: str) -> None:
    """Each is explained, and no report is requested."""
    ended = shell.run("backtest", *flags)

    assert (2, "") == (ended.exit_code, ended.stdout)
    assert message in ended.stderr
    assert 0 == shell.simulator.journal.counts[QUERY]


def test_without_history(shell: Shell) -> None:
    """Nothing is judged then."""
    shell.settings["history"] = {"days": 0}
    ended = shell.run(*FLAGS)

    assert 2 == ended.exit_code
    assert "history.days is 0" in ended.stderr


def test_a_failed_request(shell: Shell) -> None:
    """The error says what to do."""
    shell.tenant["auth"] = {"app_secret": "wrong"}
    ended = shell.run(*FLAGS)

    assert (1, "") == (ended.exit_code, ended.stdout)
    assert ended.stderr.startswith("oifde-exporter: ")


def test_a_new_bot(shell: Shell) -> None:
    """Days without a past cannot be judged, which the totals say."""
    shell.settings["platforms"][0]["tenants"][0]["bots"] = [{"access_code": TENANT.bots[2].access_code}]
    data = json.loads(shell.run(*FLAGS, "--format=json").stdout)

    assert (1, 3, 0, []) == (data["bots"], data["days"], data["judged_bot_days"], data["alerts"])
    assert {0.0} == {total["per_100_bot_months"] for total in data["totals"]}
