import asyncio
import json
import re
import ssl
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest
from upstream.conftest import FakeClock

from exporter.simulator import CALM, Account, SimBot, SimTenant, SimulatedWorld, Simulator
from exporter.simulator.world import LAST_TIMESTAMP_MS
from harness import faults

from .conftest import BOT, OTHER_TENANT, STATISTICS, TENANT, Client

NO_TOKEN = 900001
BAD_TOKEN = 900002
BAD_PARAMETER = 10000002
MISSING_PARAMETER = 10000003
UNKNOWN_KEY = 200800001
WRONG_SECRET = 200800002
LOCKED = 200800003

WORLD = SimulatedWorld(1, [SimTenant(TENANT, (SimBot(BOT, "billing"),))], CALM)


async def _wrong_login(client: Client, tenant_id: str = TENANT) -> int:
    return await client.code("gettoken", {"appKey": tenant_id, "appSecret": "guess"})


async def test_a_login_gives_a_token_and_its_lifetime(client: Client) -> None:
    """Gettoken answers as documented."""
    answer = await client.post_for_object(
        "gettoken", {"appKey": TENANT, "appSecret": client.simulator.accounts[TENANT].app_secret}
    )
    assert {"errorCode", "errorMsg", "authToken", "expireTime"} == set(answer)
    assert (0, "", 3600) == (answer["errorCode"], answer["errorMsg"], answer["expireTime"])


async def test_the_lifetime_may_be_left_out(clock: FakeClock) -> None:
    """A test can have a platform that does not say how long a token lives."""
    async with Simulator(WORLD, clock=clock, expire_time=False) as simulator, aiohttp.ClientSession() as session:
        client = Client(session, simulator)
        body = {"appKey": TENANT, "appSecret": simulator.accounts[TENANT].app_secret}
        assert "expireTime" not in await client.post_for_object("gettoken", body)


async def test_the_hourly_report(client: Client, clock: FakeClock) -> None:
    """A valid request returns the world's records of the bot, with the vendor's fields and types."""
    records = await client.hours()
    world = client.simulator.world
    assert world.records(STATISTICS, "hour", TENANT, BOT, int(clock.now() * 1000), clock.now()) == records
    documented = json.loads((Path(__file__).parent / "documented.json").read_text())[0]
    assert list(documented) == list(records[0])
    assert {key: type(value) for key, value in documented.items()} == {
        key: type(value) for key, value in records[0].items()
    }


async def test_all_reports_of_a_bot(client: Client) -> None:
    """Both reports of a bot exist by hour and by day."""
    for name in (STATISTICS, "queryChatbotReport"):
        for period, number in (("hour", 11), ("day", 30)):
            records = await client.post(name, await client.question(type=period))
            assert isinstance(records, list)
            assert number == len(records)
            assert {period} == {record["type"] for record in records}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tenantId": None}, MISSING_PARAMETER),
        ({"tenantId": 202104237142}, BAD_PARAMETER),
        ({"tenantId": OTHER_TENANT}, BAD_TOKEN),
        ({"tenantId": "nobody"}, BAD_TOKEN),
        ({"authToken": "made-up"}, BAD_TOKEN),
        ({"type": None}, MISSING_PARAMETER),
        ({"type": "week"}, BAD_PARAMETER),
        ({"accessCode": ""}, MISSING_PARAMETER),
        ({"accessCode": 943370855474270208}, BAD_PARAMETER),
        ({"accessCode": "nobody"}, 0),
        ({"timestamp": None}, MISSING_PARAMETER),
        ({"timestamp": "1628784000000"}, BAD_PARAMETER),
        ({"timestamp": 1628784000000.5}, BAD_PARAMETER),
        ({"timestamp": True}, BAD_PARAMETER),
        ({"timestamp": -1}, BAD_PARAMETER),
        ({"timestamp": 10**18}, BAD_PARAMETER),
        ({"timestamp": LAST_TIMESTAMP_MS}, 0),
        ({"timestamp": 0}, 0),
    ],
)
async def test_invalid_requests(client: Client, change: dict[str, object], code: int) -> None:
    """An invalid request gets the platform's error code for it, and never an HTTP error."""
    assert code == await client.code(STATISTICS, await client.question(**change))


async def test_a_question_without_a_token(client: Client) -> None:
    """A request without authToken gets 900001."""
    question = await client.question()
    del question["authToken"]
    assert NO_TOKEN == await client.code(STATISTICS, question)


@pytest.mark.parametrize("body", [[], "text", None])
async def test_bodies_that_are_not_objects(client: Client, body: object) -> None:
    """JSON that is not an object lacks every parameter."""
    assert MISSING_PARAMETER == await client.code(STATISTICS, body)


@pytest.mark.parametrize(
    ("content", "content_type"), [(b"{", "application/json"), (b"{}", "text/plain"), (b"\xff", "application/json")]
)
async def test_bodies_that_are_not_json(client: Client, content: bytes, content_type: str) -> None:
    """A body that is not JSON, or has another content type, lacks every parameter."""
    url = f"{client.simulator.url}/oifde/rest/api/gettoken"
    async with client.session.post(url, data=content, headers={"Content-Type": content_type}) as response:
        assert 200 == response.status
        assert MISSING_PARAMETER == int((await response.json())["errorCode"])


async def test_only_post_and_only_known_names(client: Client) -> None:
    """Only POST to the documented paths is accepted."""
    async with client.session.get(f"{client.simulator.url}/oifde/rest/api/{STATISTICS}") as response:
        assert 405 == response.status
    async with client.session.post(f"{client.simulator.url}/oifde/rest/api/other") as response:
        assert 404 == response.status


async def test_tokens_expire(client: Client, clock: FakeClock) -> None:
    """A token is valid for its lifetime by the clock; then it leads to 900001."""
    question = await client.question()
    clock.advance(3599)
    assert 0 == await client.code(STATISTICS, question)
    clock.advance(1)
    assert NO_TOKEN == await client.code(STATISTICS, question)


async def test_tokens_can_be_ended_or_lost(client: Client) -> None:
    """A test can end a tenant's tokens as the platform may: 900001, or 900002 if it lost them."""
    question = await client.question()
    client.simulator.accounts.expire_tokens(TENANT)
    assert NO_TOKEN == await client.code(STATISTICS, question)
    client.simulator.accounts.forget_tokens(TENANT)
    assert BAD_TOKEN == await client.code(STATISTICS, question)


async def test_tokens_live_side_by_side_or_not(client: Client) -> None:
    """A test decides whether a login ends the former token."""
    first, second = await client.log_in(), await client.log_in()
    assert first != second
    assert 0 == await client.code(STATISTICS, await client.question(authToken=first))
    client.simulator.accounts.single_token = True
    await client.log_in()
    for token in (first, second):
        assert BAD_TOKEN == await client.code(STATISTICS, await client.question(authToken=token))


async def test_wrong_secrets_lock_the_account(client: Client, clock: FakeClock) -> None:
    """Five wrong secrets lock the account for half an hour, also for the right secret; other tenants are not affected."""
    assert [WRONG_SECRET] * 5 == [await _wrong_login(client) for _ in range(5)]
    right = {"appKey": TENANT, "appSecret": client.simulator.accounts[TENANT].app_secret}
    assert LOCKED == await client.code("gettoken", right)
    assert client.simulator.accounts.locked(TENANT)
    assert await client.log_in(OTHER_TENANT)
    clock.advance(1800)
    assert 0 == await client.code("gettoken", right)


async def test_a_correct_login_resets_the_wrong_ones(client: Client) -> None:
    """Only wrong secrets in a row count; an administrator can unlock the account."""
    accounts = client.simulator.accounts
    accounts.tries = 2
    await _wrong_login(client)
    await client.log_in()
    await _wrong_login(client)
    assert not accounts.locked(TENANT)
    await _wrong_login(client)
    assert accounts.locked(TENANT)
    accounts.unlock(TENANT)
    assert await client.log_in()


async def test_logins_that_are_refused(client: Client) -> None:
    """An unknown key and missing parameters have their own codes."""
    assert UNKNOWN_KEY == await _wrong_login(client, "nobody")
    assert MISSING_PARAMETER == await client.code("gettoken", {"appKey": TENANT})


async def test_the_secret_can_be_changed(client: Client) -> None:
    """A changed secret applies to the next login; tokens stay valid."""
    question = await client.question()
    client.simulator.accounts[TENANT].app_secret = "new"
    assert 0 == await client.code("gettoken", {"appKey": TENANT, "appSecret": "new"})
    assert WRONG_SECRET == await _wrong_login(client)
    assert 0 == await client.code(STATISTICS, question)


async def test_custom_accounts(clock: FakeClock) -> None:
    """An account can have its own app key, and a token that needs no login."""
    account = Account(TENANT, "s3cret", app_key="key", ready_tokens={"ready"})
    async with (
        Simulator(WORLD, clock=clock, accounts=[account]) as simulator,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, simulator)
        assert 0 == await client.code("gettoken", {"appKey": "key", "appSecret": "s3cret"})
        assert UNKNOWN_KEY == await client.code("gettoken", {"appKey": TENANT, "appSecret": "s3cret"})
        clock.advance(10**9)
        assert 0 == await client.code(STATISTICS, await client.question(authToken="ready"))


async def test_header_mode(client: Client) -> None:
    """Internal systems send userName and token as headers, and no authToken."""
    question = await client.question()
    token = str(question.pop("authToken"))
    assert 0 == await client.code(STATISTICS, question, {"userName": "ipcc", "token": token})
    assert BAD_TOKEN == await client.code(STATISTICS, question, {"userName": "other", "token": token})
    assert BAD_TOKEN == await client.code(STATISTICS, question, {"token": token})
    assert NO_TOKEN == await client.code(STATISTICS, question, {"userName": "ipcc", "token": ""})


async def test_error_codes_as_number_and_text(client: Client) -> None:
    """An error code is sometimes a number, sometimes text."""
    answers = [await client.post_for_object(STATISTICS, {"tenantId": TENANT}) for _ in range(30)]
    assert {NO_TOKEN, str(NO_TOKEN)} == {answer["errorCode"] for answer in answers}


async def test_bindings_by_page_and_source(client: Client) -> None:
    """Requests for every page of both sources find all bots."""
    ask = {"tenantId": TENANT, "authToken": await client.log_in(), "pageSize": "10"}
    found = []
    for source, pages in (("IVR", [10, 10, 2, 0]), ("OIFDE", [1, 0])):
        for number, size in enumerate(pages, 1):
            answer = await client.post_for_object(
                "querynavigationinfo", {**ask, "source": source, "pageNum": str(number)}
            )
            assert str(sum(pages)) == str(answer["total"])
            listed = answer["accessInfoList"]
            assert isinstance(listed, list)
            assert size == len(listed)
            found += [bot["accessCode"] for bot in listed]
    assert sorted(bot.access_code for bot in client.simulator.world.bots(TENANT)) == sorted(found)


async def test_bindings_default_source(client: Client) -> None:
    """Without a source, the listing is that of IVR."""
    ask = {"tenantId": TENANT, "authToken": await client.log_in(), "pageNum": "1", "pageSize": "100"}
    answer = await client.post_for_object("querynavigationinfo", ask)
    assert "22" == str(answer["total"])
    for change in ({"pageNum": 1}, {"pageNum": "0"}, {"pageNum": "x"}, {"pageSize": "7"}, {"source": "all"}):
        assert BAD_PARAMETER == await client.code("querynavigationinfo", ask | change)


async def test_the_journal_has_every_request(client: Client, clock: FakeClock) -> None:
    """The journal has time, bot and outcome of each request."""
    await client.hours()
    await client.code(STATISTICS, {"tenantId": TENANT})
    await _wrong_login(client)
    journal = client.simulator.journal
    good, refused = journal.of("query_call_statistics")
    assert (clock.now(), TENANT, BOT, 200, None) == (good.at, good.tenant_id, good.access_code, good.status, good.code)
    assert ("hour", True) == (good.body["type"], good.done)
    assert (200, NO_TOKEN) == (refused.status, refused.code)
    assert [good] == journal.of("query_call_statistics", access_code=BOT)
    assert {"get_token": 2, "query_call_statistics": 2} == journal.counts
    assert {NO_TOKEN: 1, WRONG_SECRET: 1} == journal.codes
    assert TENANT == journal.of("get_token")[-1].tenant_id


async def test_the_journal_counts_what_is_under_way(client: Client) -> None:
    """A test can wait for requests, and count concurrent requests."""
    question = await client.question()
    simulator = client.simulator
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        with simulator.faults.active(faults.Hang()):
            tasks = [group.create_task(client.post(STATISTICS, question)) for _ in range(3)]
            await simulator.journal.reached(3, "query_call_statistics")
            assert 3 == simulator.journal.under_way["query_call_statistics"]
        for task in tasks:
            task.cancel()
    async with asyncio.timeout(5):
        await simulator.journal.idle()
    assert 3 == simulator.journal.most_at_once["query_call_statistics"] == simulator.journal.most_at_once[""]
    assert 1 == simulator.journal.most_at_once["get_token"]
    assert [None] * 3 == [request.status for request in simulator.journal.of("query_call_statistics")]


async def test_the_world_can_be_replaced(client: Client) -> None:
    """A bot that is removed while the simulator runs disappears from the platform."""
    assert await client.hours()
    client.simulator.world = SimulatedWorld(1, [], CALM)
    assert [] == await client.hours()


async def test_the_date_is_the_clocks(client: Client, clock: FakeClock) -> None:
    """The Date header has the simulator's time, so that a test can measure clock skew."""
    async with client.session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response:
        assert clock.now() == parsedate_to_datetime(response.headers["Date"]).timestamp()
        assert "application/json;charset=UTF-8" == response.headers["Content-Type"]


async def test_below_a_path_and_over_tls(clock: FakeClock) -> None:
    """The platform can have a path prefix and a self-signed certificate."""
    certificate = Path(__file__).parents[1] / "config" / "testdata" / "client.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    async with (
        Simulator(WORLD, clock=clock, prefix="/aicc", ssl_context=context) as simulator,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
    ):
        assert re.fullmatch(r"https://127\.0\.0\.1:[0-9]+/aicc", simulator.url)
        assert await Client(session, simulator).hours()


async def test_a_taken_port(simulator: Simulator, clock: FakeClock) -> None:
    """A port in use raises OSError and leaves nothing behind; the port is not known before the start."""
    second = Simulator(WORLD, clock=clock, port=simulator.port)
    with pytest.raises(OSError, match="address already in use"):
        await second.__aenter__()
    with pytest.raises(RuntimeError, match="not running"):
        _ = second.url
