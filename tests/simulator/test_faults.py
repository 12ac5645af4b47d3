import asyncio
import json

import aiohttp
import pytest

from exporter.simulator import Faults, Request, Simulator
from harness import faults

from .conftest import BOT, OTHER_TENANT, STATISTICS, TENANT, Client


def _asked(operation: str = "query_call_statistics", *, at: float = 0.0, access_code: str = BOT) -> Request:
    return Request(at, operation, TENANT, access_code, {}, {})


def _strikes(rules: Faults, *requests: Request) -> list[bool]:
    return [bool(rules.striking(request)) for request in requests]


def test_no_rule_no_fault() -> None:
    """Without a rule there are no faults."""
    assert [] == Faults().striking(_asked())


def test_a_rule_strikes_what_fits() -> None:
    """A rule can limit a fault to an operation, a tenant, a bot, a time or any function of the time."""
    rules = Faults()
    rule = rules.add(
        faults.Close(),
        operation="query_call_statistics",
        tenant_id=TENANT,
        access_code=BOT,
        start=10,
        end=20,
        when=lambda now: now != 15,
    )
    assert [True] == _strikes(rules, _asked(at=10))
    misses = [_asked(at=at) for at in (9, 15, 20)] + [_asked("get_token", at=10), _asked(access_code="1", at=10)]
    assert not any(_strikes(rules, *misses))
    assert 1 == rule.hits
    rules.remove(rule)
    assert [False] == _strikes(rules, _asked(at=10))


def test_a_rule_for_the_first_requests() -> None:
    """A rule can limit a fault to the first requests, so that a retry succeeds."""
    rules = Faults()
    rules.add(faults.Close(), operation="query_call_statistics", first=2)
    asked = [_asked(), _asked("get_token"), _asked(), _asked()]
    assert [True, False, True, False] == _strikes(rules, *asked)
    rules.clear()
    assert [False] == _strikes(rules, _asked())


def test_chance_is_the_same_every_run() -> None:
    """A fault with a probability strikes that share of the requests, the same in every run."""
    asked = [_asked(at=second) for second in range(2000)]
    runs = []
    for seed in (1, 1, 2):
        rules = Faults(seed)
        rules.add(faults.Close(), probability=0.2)
        runs.append(_strikes(rules, *asked))
    assert runs[0] == runs[1] != runs[2]
    assert pytest.approx(0.2, abs=0.03) == sum(runs[0]) / len(asked)


async def _post(client: Client, question: dict[str, object]) -> tuple[int, bytes]:
    url = f"{client.simulator.url}/oifde/rest/api/{STATISTICS}"
    async with client.session.post(url, json=question, allow_redirects=False) as response:
        return response.status, await response.read()


async def _fails_with(client: Client, fault: faults.Fault, error: type[Exception]) -> None:
    """The client sees the fault as that error, and the next request succeeds."""
    question = await client.question()
    with client.simulator.faults.active(fault, operation="query_call_statistics"), pytest.raises(error):
        await _post(client, question)
    status, body = await _post(client, question)
    assert (200, True) == (status, bool(json.loads(body)))


async def _body(client: Client, fault: faults.Fault) -> bytes:
    question = await client.question()
    with client.simulator.faults.active(fault, operation="query_call_statistics"):
        status, body = await _post(client, question)
    assert 200 == status
    return body


async def test_http_status(client: Client) -> None:
    """The fault answers with any HTTP status, headers and body."""
    rule = client.simulator.faults.add(faults.HttpStatus(429, {"Retry-After": "7"}, b"slow down"))
    async with client.session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response:
        assert (429, "7", b"slow down") == (response.status, response.headers["Retry-After"], await response.read())
    assert 1 == rule.hits
    asked = client.simulator.journal.latest[-1]
    assert (429, ["HttpStatus"]) == (asked.status, asked.faults)


@pytest.mark.parametrize("code", [10000001, "200900002"])
async def test_error_code(client: Client, code: int | str) -> None:
    """The fault answers with any error code, as number or text, and the journal has it."""
    answer = json.loads(await _body(client, faults.ErrorCode(code, "internal error")))
    assert {"errorCode": code, "errorMsg": "internal error"} == answer
    assert int(code) == client.simulator.journal.latest[-1].code


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.EMPTY_BODY, b""),
        (faults.NULL_BODY, b"null"),
        (faults.INVALID_UTF8, b'[{"recordTime": 1628820000000, "tenantId": "\xff\xfe\xc0"}]'),
        (faults.deep_nesting(3), b"[[[]]]"),
        (faults.HugeBody(3_000_000), b"[" + b" " * 2_999_998 + b"]"),
        (faults.GzipBomb(3_000_000), b"[" + b" " * 2_999_998 + b"]"),
    ],
    ids=["empty", "null", "invalid-utf8", "nested", "huge", "gzip-bomb"],
)
async def test_fixed_bodies(client: Client, fault: faults.Fault, expected: bytes) -> None:
    """The bodies are as declared."""
    assert expected == await _body(client, fault)


async def test_a_gzip_bomb_is_small_on_the_wire(client: Client) -> None:
    """A gzip bomb is much smaller on the wire than decompressed."""
    client.simulator.faults.add(faults.GzipBomb(3_000_000))
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response,
    ):
        assert "gzip" == response.headers["Content-Encoding"]
        assert len(await response.read()) < 30_000


async def test_truncated(client: Client) -> None:
    """The JSON is cut in half, with or without a hint for the client."""
    whole = await _body(client, faults.Delay(0))
    half = await _body(client, faults.Truncated())
    assert whole[: len(whole) // 2] == half
    await _fails_with(client, faults.Truncated(announced=True), aiohttp.ClientPayloadError)


async def test_wrapped(client: Client) -> None:
    """The array is inside an object."""
    assert await client.hours() == json.loads(await _body(client, faults.Wrapped("records")))["records"]


async def test_duplicate_keys(client: Client) -> None:
    """Every key comes twice, with the correct value last."""
    body = await _body(client, faults.DuplicateKeys())
    records = await client.hours()
    assert records == json.loads(body)
    assert 2 * len(records) == body.count(b'"callCount"')


async def test_content_type(client: Client) -> None:
    """Correct JSON has another content type."""
    client.simulator.faults.add(faults.ContentType("text/html"))
    async with client.session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response:
        assert "text/html" == response.headers["Content-Type"]
        assert json.loads(await response.read())


async def test_redirect(client: Client) -> None:
    """The answer redirects to a place that must not receive a token."""
    client.simulator.faults.add(faults.Redirect("http://elsewhere.example/", 302))
    url = f"{client.simulator.url}/oifde/rest/api/gettoken"
    async with client.session.post(url, json={}, allow_redirects=False) as response:
        assert (302, "http://elsewhere.example/") == (response.status, response.headers["Location"])


async def test_clock_skew(client: Client) -> None:
    """The Date header is ahead of the clock (2021-08-13 03:00 UTC)."""
    client.simulator.faults.add(faults.ClockSkew(90))
    async with client.session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response:
        assert "Fri, 13 Aug 2021 03:01:30 GMT" == response.headers["Date"]


async def test_mutated_records(client: Client) -> None:
    """Records can be changed, multiplied, and mixed with those of others and of other days."""
    genuine = await client.hours()
    reverse = faults.Mutated(lambda records: [{"callCount": record["callCount"]} for record in reversed(records)])
    assert [{"callCount": record["callCount"]} for record in reversed(genuine)] == json.loads(
        await _body(client, reverse)
    )
    many = json.loads(await _body(client, faults.many_records()))
    assert genuine == many[: len(genuine)]
    assert 10_000 == len({record["recordTime"] for record in many})
    foreign = json.loads(await _body(client, faults.foreign_records(tenantId=OTHER_TENANT)))
    assert [TENANT] * len(genuine) + [OTHER_TENANT] * len(genuine) == [record["tenantId"] for record in foreign]
    shifted = json.loads(await _body(client, faults.shifted_records(-86_400_000)))
    assert genuine == shifted[: len(genuine)]
    assert [86_400_000] * len(genuine) == [
        record["recordTime"] - other["recordTime"]
        for record, other in zip(genuine, shifted[len(genuine) :], strict=True)
    ]


async def test_mutation_leaves_errors_alone(client: Client) -> None:
    """An error object stays unchanged."""
    client.simulator.faults.add(faults.many_records())
    assert 900001 == await client.code(STATISTICS, {"tenantId": TENANT})
    assert [] == await client.post(STATISTICS, await client.question(accessCode="nobody"))


async def test_reset(client: Client) -> None:
    """The connection is reset; the next request succeeds."""
    await _fails_with(client, faults.Reset(), aiohttp.ClientOSError)


async def test_reset_is_an_rst(client: Client) -> None:
    """The client receives a real RST, not an end of the stream."""
    client.simulator.faults.add(faults.Reset())
    reader, writer = await asyncio.open_connection("127.0.0.1", client.simulator.port)
    writer.write(b"POST /oifde/rest/api/gettoken HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_close(client: Client) -> None:
    """The connection closes without an answer, and the journal has no status."""
    await _fails_with(client, faults.Close(), aiohttp.ServerDisconnectedError)
    assert [None, 200] == [asked.status for asked in client.simulator.journal.of("query_call_statistics")]


async def test_delay_and_fault_together(client: Client) -> None:
    """Faults combine: a delay, then an error."""
    client.simulator.faults.add(faults.Delay(0.01))
    client.simulator.faults.add(faults.ErrorCode(10000001))
    assert 10000001 == await client.code(STATISTICS, {})
    assert ["Delay", "ErrorCode"] == client.simulator.journal.latest[-1].faults


async def test_a_hang_ends_with_a_closed_connection(client: Client) -> None:
    """A hang ends with a closed connection, wherever in the answer it began."""
    for where, error in (
        ("before", aiohttp.ServerDisconnectedError),
        ("headers", aiohttp.ClientError),
        ("body", aiohttp.ClientPayloadError),
    ):
        await _fails_with(client, faults.Hang(where, at_most=0.01), error)


async def _raw(simulator: Simulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(
        b"POST /oifde/rest/api/gettoken HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    return reader, writer


@pytest.mark.parametrize(
    ("where", "begun"), [("headers", b"HTTP/1.1 200 OK\r\nContent-Type: applica"), ("body", b'\r\n\r\n{"errorCode":')]
)
async def test_a_hang_begins_where_configured(client: Client, where: str, begun: bytes) -> None:
    """The client receives half of the headers or of the body."""
    client.simulator.faults.add(faults.Hang(where))
    reader, writer = await _raw(client.simulator)
    async with asyncio.timeout(5):
        await reader.readuntil(begun)
    writer.close()


@pytest.mark.parametrize(
    "fault", [faults.Hang(), faults.Hang("headers"), faults.Hang("body"), faults.Drip(), faults.Delay(300)]
)
async def test_a_hang_ends_when_the_client_goes_away(client: Client, fault: faults.Fault) -> None:
    """A client that closes the connection leaves nothing behind."""
    journal = client.simulator.journal
    client.simulator.faults.add(fault)
    _, writer = await _raw(client.simulator)
    async with asyncio.timeout(5):
        await journal.reached(1, "get_token")
        writer.close()
        await journal.idle()
    assert journal.latest[-1].done


@pytest.mark.parametrize("fault", [faults.Hang(), faults.Hang("headers"), faults.Hang("body"), faults.Drip()])
async def test_a_hang_ends_when_the_simulator_does(simulator: Simulator, fault: faults.Fault) -> None:
    """The connection closes when the simulator stops."""
    simulator.faults.add(fault)
    reader, writer = await _raw(simulator)
    async with asyncio.timeout(5):
        await simulator.journal.reached(1, "get_token")
        await simulator.__aexit__(None, None, None)
        await reader.read()
    writer.close()


async def test_drip(client: Client) -> None:
    """The correct answer comes byte by byte."""
    whole = await _body(client, faults.Delay(0))
    assert whole == await _body(client, faults.Drip(interval=0))


async def test_a_huge_body_ends_with_its_reader(client: Client) -> None:
    """When the client stops to read an endless body, the simulator stops to send it."""
    client.simulator.faults.add(faults.HugeBody(1 << 40))
    async with asyncio.timeout(5):
        async with client.session.post(f"{client.simulator.url}/oifde/rest/api/gettoken", json={}) as response:
            await response.content.readexactly(100_000)
            response.close()
        await client.simulator.journal.idle()


async def test_faults_around_a_stream_fail(client: Client) -> None:
    """A test fails if it puts a fault around one that streams its answer."""
    client.simulator.faults.add(faults.Wrapped())
    client.simulator.faults.add(faults.HugeBody(10))
    with pytest.raises(aiohttp.ClientError):
        await client.post("gettoken", {})


async def test_changed(client: Client) -> None:
    """Any answer can be changed, except the platform's errors."""
    client.simulator.faults.add(
        faults.Changed(lambda asked, answer: {**answer, "said": asked.body["pageNum"]}), operation="query_bindings"
    )
    question = {"tenantId": TENANT, "authToken": await client.log_in(), "pageNum": "3", "pageSize": "5"}
    answer = await client.post_for_object("querynavigationinfo", question)
    assert ("22", "3") == (str(answer["total"]), answer["said"])
    refused = await client.post_for_object("querynavigationinfo", {**question, "pageSize": "7"})
    assert {"errorCode", "errorMsg"} == set(refused)
