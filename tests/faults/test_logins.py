"""Failing logins and expiring tokens: the requests to the platform, and the bots meanwhile."""
# ruff: noqa: ASYNC240 - nobody waits while a test writes a secret's file

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from exporter.simulator import SimTenant, Simulator
from exporter.simulator.faults import JSON, Fault, Respond
from exporter.simulator.journal import Request
from harness import faults

from .rig import CANARY, INTERVAL, LOGIN, QUERY, STALE_AFTER, TENANT, Page, Rig, bots_named

MINUTE = 60.0
HOUR = 3600.0
UP = {"b1": 1, "b2": 1, "b3": 1}
DOWN = {"b1": 0, "b2": 0, "b3": 0}


class OldTokensRefused:
    """Answers 900001 to some bots that send a token from before."""

    def __init__(self, simulator: Simulator, access_codes: set[str]) -> None:
        self._old = {str(request.body["authToken"]) for request in simulator.journal.of(QUERY)}
        self._access_codes = access_codes

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        if asked.access_code in self._access_codes and asked.body["authToken"] in self._old:
            return await faults.ErrorCode(900001, "expired")(request, asked, respond)
        return await respond()


class Answered:
    """Replaces fields of the login's correct answer; None removes a field."""

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        response = await respond()
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        answer = {**json.loads(response.body), **self._fields}
        left = {name: value for name, value in answer.items() if value is not None}
        return web.Response(text=json.dumps(left), headers={"Content-Type": JSON})


def blocked(page: Page) -> float | None:
    """Return the metric that says whether the tenant's login is blocked."""
    return page.value("oifde_auth_blocked", tenant_id=TENANT)


async def started(rig: Rig, poll_interval: str = "60s", **options: Any) -> Simulator:
    """Start a platform and an exporter without faults, and stop between two polls."""
    simulator = await rig.platform(**options)
    rig.settings["poll_interval"] = poll_interval
    await rig.start()
    await rig.after(45)
    rig.forget_events()
    return simulator


# Tokens that end before their time


@pytest.mark.parametrize("end", ["expire_tokens", "forget_tokens"], ids=["900001", "900002"])
async def test_a_token_ends_early(rig: Rig, end: str) -> None:
    """There is one login, the refused call is repeated, and no bot is down."""
    simulator = await started(rig)

    getattr(simulator.accounts, end)(TENANT)
    page = await rig.after(INTERVAL)

    assert UP == page.up
    assert {"auth": 1} == page.failures()
    assert 2 == simulator.journal.counts[LOGIN]
    assert 0 == blocked(page)
    assert [] == rig.events()


async def test_tokens_that_live_a_minute(rig: Rig) -> None:
    """The platform ends tokens every minute for half an hour; others are renewed in time."""
    simulator = await started(rig, token_lifetime=60.0)

    # The second poll asks twice, and a token may end between the two.
    early = await rig.after(2 * MINUTE)
    page = await rig.after(30 * MINUTE)

    assert UP == page.up
    assert early.failures() == page.failures()
    assert 25 <= simulator.journal.counts[LOGIN] <= 40
    assert [] == rig.events()


async def test_half_the_bots_are_refused_at_once(rig: Rig) -> None:
    """Fifty of a hundred bots are refused: there is one login, and all bots are up."""
    codes = [f"b{number:03d}" for number in range(100)]
    simulator = await started(rig, tenants=(SimTenant(TENANT, bots_named(*codes)),))

    simulator.faults.add(OldTokensRefused(simulator, set(codes[::2])), operation=QUERY)
    page = await rig.after(INTERVAL)

    assert dict.fromkeys(codes, 1) == page.up
    assert 2 == simulator.journal.counts[LOGIN]
    assert 1 <= page.failures()["auth"] <= 8  # those under way at the same time
    assert [] == rig.events()


@pytest.mark.parametrize(
    "fault",
    [faults.ErrorCode(900001, "expired"), faults.ErrorCode("900002", "check failed"), faults.HttpStatus(401)],
    ids=["900001", "900002", "HTTP 401"],
)
async def test_one_bot_is_always_refused(rig: Rig, fault: Fault) -> None:
    """Only that bot is down; the tenant's login does not count as blocked, and logins become rare."""
    simulator = await started(rig)

    rule = simulator.faults.add(fault, access_code="b1")
    page = await rig.after(HOUR)

    assert {"b1": 0, "b2": 1, "b3": 1} == page.up
    assert {"auth"} == page.failures().keys()
    assert 60 + 12 >= page.failures()["auth"] >= 60
    assert simulator.journal.counts[LOGIN] <= 12
    assert 0 == blocked(page)
    assert ["bot_failing"] == rig.names()

    simulator.faults.remove(rule)
    page = await rig.after(INTERVAL)
    assert UP == page.up
    assert ["bot_failing", "bot_recovered"] == rig.names()


@pytest.mark.parametrize(
    "fault",
    [faults.ErrorCode(900001, "expired"), faults.ErrorCode("900002", "check failed"), faults.HttpStatus(401)],
    ids=["900001", "900002", "HTTP 401"],
)
async def test_every_token_is_refused(rig: Rig, fault: Fault) -> None:
    """Each new token is refused: logins become rare, and the log has one line."""
    simulator = await started(rig)

    rule = simulator.faults.add(fault, operation=QUERY)
    page = await rig.after(INTERVAL)
    assert DOWN == page.up
    page = await rig.after(HOUR)
    assert DOWN == page.up
    assert {} == page.data("b1")
    assert 1 == blocked(page)
    assert simulator.journal.counts[LOGIN] <= 12
    assert len(simulator.journal.of(QUERY)) <= 3 * 62 + 12 + 6
    assert ["bot_failing", "login_blocked"] == rig.names()  # the first one refused might have been the only one

    simulator.faults.remove(rule)
    page = await rig.after(INTERVAL)
    assert UP == page.up
    assert 0 == blocked(page)
    assert {"bot_failing", "login_blocked", "bot_recovered", "login_recovered"} == set(rig.names())
    assert 4 == len(rig.names())


# Logins that are refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with the secret that only its owner can read."""
    file = tmp_path / "secret"
    file.write_text(CANARY)
    file.chmod(0o600)
    return file


async def test_a_wrong_secret(rig: Rig, file: Path) -> None:
    """There is one login, then none, even if the file is emptied or deleted. A new text is tried at once."""
    simulator = await rig.platform()
    rig.settings["platforms"][0]["tenants"][0]["auth"] = {"app_secret_file": str(file)}
    await rig.start()
    before = await rig.after(45)
    rig.forget_events()

    simulator.accounts[TENANT].app_secret = "changed on the platform"
    simulator.accounts.expire_tokens(TENANT)
    page = await rig.after(INTERVAL)
    assert DOWN == page.up
    assert before.data("b1") == page.data("b1")
    assert {"auth": 1} == page.failures(LOGIN)
    assert {"200800002": 1} == page.by("code", "oifde_upstream_api_errors_total", operation=LOGIN)
    assert 1 == blocked(page)
    failure = (await rig.bots())["b2"]["failure"]
    assert "auth" == failure["reason"]
    assert "until the app_secret is changed" in failure["message"]

    rig.hurry()
    for change in (lambda: file.write_text(""), file.unlink, lambda: file.write_text(f"{CANARY}\n")):
        page = await rig.after(2 * HOUR)
        assert {"auth": 1} == page.failures(LOGIN)
        assert DOWN == page.up
        assert {} == page.data("b1")
        change()
    await rig.after(HOUR)
    assert 2 == simulator.journal.counts[LOGIN]
    assert not simulator.accounts.locked(TENANT)
    assert ["login_blocked"] == rig.names()

    file.write_text("changed on the platform")
    page = await rig.after(INTERVAL)
    assert UP == page.up
    assert 3 == simulator.journal.counts[LOGIN]
    assert 0 == blocked(page)
    assert ["login_blocked", "login_recovered"] == rig.names()


async def test_an_operator_reloads_after_a_wrong_secret(rig: Rig) -> None:
    """Each reload allows one more login at once, since the platform may have been corrected."""
    simulator = await started(rig)
    simulator.accounts[TENANT].app_secret = "changed on the platform"
    simulator.accounts.expire_tokens(TENANT)
    await rig.after(INTERVAL)
    assert 2 == simulator.journal.counts[LOGIN]

    assert 200 == await rig.reload()
    page = await rig.after(INTERVAL)
    assert DOWN == page.up
    assert 3 == simulator.journal.counts[LOGIN]

    simulator.accounts[TENANT].app_secret = CANARY
    assert 200 == await rig.reload()
    page = await rig.after(INTERVAL)
    assert UP == page.up
    assert 4 == simulator.journal.counts[LOGIN]
    assert not simulator.accounts.locked(TENANT)


async def test_an_unknown_key(rig: Rig) -> None:
    """There is one login, then none until something changes, as with a wrong secret."""
    simulator = await rig.platform()
    rig.settings["platforms"][0]["tenants"][0]["auth"]["app_key"] = "nobody"

    await rig.start()
    page = await rig.after(3 * HOUR)

    assert DOWN == page.up
    assert 1 == simulator.journal.counts[LOGIN]
    assert {"200800001": 1} == page.by("code", "oifde_upstream_api_errors_total")
    assert 1 == blocked(page)
    assert 1 == len(rig.events("login_blocked"))


async def test_a_locked_account(rig: Rig) -> None:
    """There is no login for half an hour, then for ever longer times: seven in a day."""
    simulator = await started(rig, poll_interval="5m")

    rule = simulator.faults.add(faults.ErrorCode(200800003, "account locked"), operation=LOGIN)
    simulator.accounts.forget_tokens(TENANT)
    rig.hurry()
    page = await rig.after(24 * HOUR)

    assert DOWN == page.up
    assert 1 == blocked(page)
    assert {"auth": 7} == page.failures(LOGIN)
    times = [request.at for request in simulator.journal.of(LOGIN)[1:]]
    gaps = [(later - earlier) / HOUR for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([0.5, 1, 2, 4, 8, 8], abs=0.05)
    assert ["login_blocked"] == rig.names()

    simulator.faults.remove(rule)
    assert 200 == await rig.reload()
    page = await rig.after(5 * MINUTE)
    assert UP == page.up
    assert 0 == blocked(page)


@pytest.mark.parametrize(
    ("fault", "reason", "most"),
    [
        (faults.HttpStatus(400), "http", 12),
        (faults.HttpStatus(403), "http", 12),
        (faults.ErrorCode(10000002, "bad parameter"), "api", 12),
        (Answered(authToken=None), "invalid", 12),
        (Answered(authToken=""), "invalid", 12),
        (Answered(authToken=7), "invalid", 12),
        (Answered(authToken="two\r\nlines"), "invalid", 12),
        (faults.Body(b"[]"), "invalid", 12),
        (faults.Body(b"<html>"), "invalid", 12),
        (faults.HttpStatus(404), "http", 70),
        (faults.ErrorCode("10000001", "internal error"), "api", 70),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_other_refusals_of_a_login(rig: Rig, fault: Fault, reason: str, most: int) -> None:
    """Logins become rare if the answer may mean a wrong secret; otherwise there is one with each poll. All recover."""
    simulator = await started(rig, poll_interval="3m")

    rule = simulator.faults.add(fault, operation=LOGIN)
    simulator.accounts.forget_tokens(TENANT)
    page = await rig.after(HOUR)

    assert DOWN == page.up
    assert {reason} == page.failures(LOGIN).keys()
    assert simulator.journal.counts[LOGIN] <= most
    assert 1 == len(rig.events("login_failed", "login_blocked"))

    simulator.faults.remove(rule)
    page = await rig.after(HOUR + 3 * MINUTE)
    assert UP == page.up
    assert 0 == blocked(page)
    assert 1 == len(rig.events("login_recovered"))


# Logins that do not end


async def test_a_login_hangs_from_the_start(rig: Rig) -> None:
    """Every poll ends within three request timeouts. There is one login at a time, and all bots recover within an interval."""
    simulator = await rig.platform()
    rule = simulator.faults.add(faults.Hang(), operation=LOGIN)
    await rig.start()
    page = await rig.page()

    assert DOWN == page.up
    assert asyncio.get_running_loop().time() <= 31
    assert {"timeout"} == page.failures(LOGIN).keys()
    page = await rig.after(10 * MINUTE)
    assert DOWN == page.up
    assert 1 == simulator.journal.most_at_once[LOGIN]
    assert 0 == simulator.journal.counts[QUERY]
    assert 0 == blocked(page)
    assert ["login_failed", "platform_unreachable"] == rig.names(level="warn")

    simulator.faults.remove(rule)
    page = await rig.after(INTERVAL + 20)
    assert UP == page.up


async def test_a_login_hangs_for_longer_than_a_poll_may_take(rig: Rig) -> None:
    """With a short interval, a poll does not wait for the login's timeout: each interval has its own result."""
    simulator = await rig.platform()
    rig.settings["poll_interval"] = "5s"
    rule = simulator.faults.add(faults.Hang(), operation=LOGIN)
    await rig.start()
    assert asyncio.get_running_loop().time() <= 6
    page = await rig.after(MINUTE)
    assert DOWN == page.up
    assert 6 <= (page.value("oifde_poll_failures_total", access_code="b1") or 0) <= 13
    assert [] == rig.events("bot_failing")

    simulator.faults.remove(rule)
    page = await rig.after(20)
    assert UP == page.up


async def test_a_renewal_hangs(rig: Rig) -> None:
    """The old token is used until it expires, and no bot is down."""
    simulator = await started(rig)
    rule = simulator.faults.add(faults.Hang(), operation=LOGIN)

    page = await rig.after(59 * MINUTE - 50)
    assert UP == page.up
    assert {} == page.failures()
    simulator.faults.remove(rule)
    page = await rig.after(5 * MINUTE)
    assert UP == page.up
    assert {} == page.failures()
    assert 1 < simulator.journal.counts[LOGIN]


# How long a token lives


@pytest.mark.parametrize(
    ("expire_time", "lives", "logins"),
    [
        pytest.param(None, 3600, 2, id="missing"),
        pytest.param(0, 3600, 2, id="zero"),
        pytest.param(-1, 3600, 2, id="negative"),
        pytest.param("soon", 3600, 2, id="words"),
        pytest.param([], 3600, 2, id="an array"),
        pytest.param("7200", 7200, 1, id="text"),
        pytest.param(1e300, 86400, 1, id="absurd"),
        pytest.param(10**400, 3600, 2, id="too long for a float"),
        pytest.param(float("inf"), 86400, 1, id="infinite"),
        pytest.param(float("nan"), 3600, 2, id="not a number"),
    ],
)
async def test_expire_time(rig: Rig, expire_time: object, lives: float, logins: int) -> None:
    """An invalid value counts as an hour, a very long one as a day; no bot is down."""
    simulator = await rig.platform()
    simulator.faults.add(Answered(expireTime=expire_time), operation=LOGIN)
    simulator.accounts.token_lifetime = 10 * HOUR
    rig.settings["poll_interval"] = "3m"
    page = await rig.start()

    expiry = page.value("oifde_token_expiry_timestamp_seconds", tenant_id=TENANT)
    assert expiry is not None
    assert lives == pytest.approx(expiry - rig.clock.now(), abs=5)
    page = await rig.after(HOUR + 3 * MINUTE)
    assert UP == page.up
    assert {} == page.failures()
    assert logins == simulator.journal.counts[LOGIN]


async def test_a_token_of_a_second(rig: Rig) -> None:
    """Even a very short life does not cause a login for every call."""
    codes = [f"b{number:03d}" for number in range(50)]
    simulator = await rig.platform((SimTenant(TENANT, bots_named(*codes)),))
    simulator.faults.add(Answered(expireTime=1), operation=LOGIN)
    await rig.start()
    page = await rig.after(3 * MINUTE)

    assert dict.fromkeys(codes, 1) == page.up
    assert simulator.journal.counts[LOGIN] <= 3 * MINUTE / 10 + 2


# Ready tokens


@pytest.mark.parametrize("header_user", [None, "ipcc"], ids=["in the body", "in a header"])
async def test_a_ready_token_is_refused(rig: Rig, file: Path, header_user: str | None) -> None:
    """After two refusals it is tried after a minute, then ever more rarely; a changed token is tried at once."""
    simulator = await rig.platform()
    simulator.accounts[TENANT].ready_tokens = {CANARY}
    auth: dict[str, str] = {"token_file": str(file)}
    rig.settings["platforms"][0]["tenants"][0]["auth"] = auth | ({"header_user": header_user} if header_user else {})
    page = await rig.start()
    assert UP == page.up
    assert 0 == simulator.journal.counts[LOGIN]
    assert None is page.value("oifde_token_expiry_timestamp_seconds", tenant_id=TENANT)
    rig.forget_events()
    await rig.after(45)

    simulator.accounts[TENANT].ready_tokens = {"another"}
    before = simulator.journal.counts[QUERY]
    page = await rig.after(HOUR)
    assert DOWN == page.up
    assert {} == page.data("b1")
    assert 1 == blocked(page)
    assert simulator.journal.counts[QUERY] - before <= 2 + 6  # after 1, 3, 7, 15, 31 minutes...
    assert 1 == len(rig.events("login_blocked"))

    file.write_text("")
    await rig.after(INTERVAL)
    file.write_text("another\n")
    page = await rig.after(INTERVAL)
    assert UP == page.up
    assert 0 == blocked(page)
    assert 1 == len(rig.events("login_recovered"))


async def test_values_stay_until_they_are_stale_whatever_the_login(rig: Rig) -> None:
    """After a refused login, values stay until they are stale."""
    simulator = await started(rig)
    simulator.accounts[TENANT].app_secret = "changed"
    simulator.accounts.expire_tokens(TENANT)
    before = (await rig.page()).data("b1")

    page = await rig.after(STALE_AFTER - INTERVAL)
    assert before == page.data("b1")
    page = await rig.after(INTERVAL)
    assert {} == page.data("b1")
