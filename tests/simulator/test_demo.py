from collections import Counter
from pathlib import Path

import aiohttp
import pytest
import yaml
from upstream.conftest import FakeClock

from exporter.config import Bot, Tenant, load
from exporter.polling.roster import choose_bots
from exporter.simulator import Request, Trouble
from exporter.simulator.demo import TENANTS, TOKEN_LIFETIME, make_demo_config, make_demo_simulator
from exporter.simulator.faults import ErrorCode

from .conftest import STATISTICS, Client

HOUR = 3600


def test_the_configuration_is_one_users_could_write(tmp_path: Path) -> None:
    """The demo's configuration is valid, and names or discovers the bots of the demo's world."""
    path = tmp_path / "config.yaml"
    path.write_text(make_demo_config(12345), encoding="utf-8")
    (platform,) = load(path, {}).platforms
    assert "http://127.0.0.1:12345" == platform.url
    polled = {one.tenant_id: [(bot.access_code, bot.name) for bot in _polled(one)] for one in platform.tenants}
    assert {
        tenant.tenant_id: [(bot.access_code, bot.name) for bot in tenant.bots if not bot.name.startswith("测试")]
        for tenant in TENANTS
    } == polled
    assert 1 == sum(not tenant.bots for tenant in platform.tenants)
    assert {tenant.timezone for tenant in TENANTS} == {tenant.timezone for tenant in platform.tenants}
    assert "账单助手" in make_demo_config(0)


def _polled(tenant: Tenant) -> tuple[Bot, ...]:
    """Return the access codes that are polled for a tenant after discovery."""
    (bots,) = (candidate.bots for candidate in TENANTS if candidate.tenant_id == tenant.tenant_id)
    names = {bot.access_code: bot.name for bot in bots}
    return choose_bots(tenant.bots, names, tenant.discovery)


@pytest.mark.parametrize("hours_later", range(6))
def test_there_is_an_incident_whenever_it_is_started(hours_later: int) -> None:
    """In the last hours one bot's autonomy has dropped and another's has not, at any time of day."""
    now = 1_785_000_000 // HOUR * HOUR + hours_later * HOUR
    (incident,) = (
        incident
        for tenant in TENANTS
        for bot in tenant.bots
        for incident in bot.incidents
        if incident.trouble is Trouble.AUTONOMY
    )
    strengths = [incident.strength(hour) for hour in range(now - 6 * HOUR, now, HOUR)]
    assert max(strengths) > 0.8
    assert 0 == min(strengths)


async def test_each_tenant_of_the_configuration_gets_in(clock: FakeClock) -> None:
    """The simulator accepts the configuration: secrets, header mode, and bots with calls."""
    async with make_demo_simulator(clock) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.clear()
        client = Client(session, simulator)
        modes = Counter[bool]()
        for tenant in yaml.safe_load(make_demo_config(simulator.port))["platforms"][0]["tenants"]:
            user = tenant["auth"].get("header_user")
            token = await client.log_in(tenant["tenant_id"], user or tenant["tenant_id"])
            modes[user is not None] += 1
            for bot in tenant.get("bots", [{"access_code": "979001245180837888"}]):
                question = await client.question(
                    tenantId=tenant["tenant_id"], accessCode=bot["access_code"], authToken=token, type="day"
                )
                headers = {}
                if user:
                    headers = {"userName": user, "token": str(question.pop("authToken"))}
                records = await client.post(STATISTICS, question, headers)
                assert isinstance(records, list)
                assert 15 < len(records) <= 30
        assert {True, False} == set(modes)


async def test_tokens_expire_within_the_demo(clock: FakeClock) -> None:
    """A token is valid for only a few minutes, so the demo shows logins."""
    async with make_demo_simulator(clock) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.clear()
        client = Client(session, simulator)
        question = await client.question()
        clock.advance(TOKEN_LIFETIME)
        assert 900001 == await client.code(STATISTICS, question)


async def test_one_bot_fails_for_minutes_of_each_hour(clock: FakeClock) -> None:
    """The demo shows a bot whose polls sometimes fail and recover."""
    struck = make_demo_simulator(clock).faults.striking
    hour = 1_785_000_000 // HOUR * HOUR
    asked = [
        Request(hour + minute * 60, "query_call_statistics", "202303159920", "968815203377160320", {}, {})
        for minute in range(60)
    ]
    failing = [any(isinstance(fault, ErrorCode) for fault in struck(request)) for request in asked]
    assert [20 <= minute < 24 for minute in range(60)] == failing
