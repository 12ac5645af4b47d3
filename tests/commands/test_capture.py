"""``--capture`` writes what the platform answered, and nothing that is private."""

import base64
import html
import json
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from aiohttp import web
from commands.conftest import NOW, QUERY, TENANT, Shell, serve_in_thread

from exporter.commands.pseudonyms import Pseudonyms
from exporter.simulator import CALM, SimulatedWorld, Simulator
from exporter.simulator.faults import JSON, Respond
from exporter.simulator.journal import Request
from harness.clocks import StandingClock

CERTIFICATES = Path(__file__).parents[1] / "upstream" / "testdata"
CANARY = 'canary-"app-secret\\-ü-4f1d'
PASSWORD = "canary-password-c0de"
TOKEN = "canaryreadytoken9a7e"
NAMES = ["账单助手", "canary & sons"]


def repeat(asked: Request, request: web.Request) -> str:
    """Return all that a request holds, in JSON."""
    return json.dumps({**asked.body, **dict(request.headers), "names": NAMES}, ensure_ascii=False)


async def in_records(request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
    """Repeat the request in fields, keys, numbers and texts of a record."""
    record = {
        "recordTime": asked.body.get("timestamp"),
        "callCount": repeat(asked, request),
        "caller": 13800138000,
        "phone": "13800138000",
        "botName": NAMES[0],
        "tenant_no": int(TENANT.tenant_id),
        "deep": {"any": [dict(asked.body), dict(request.headers)]},
        **{str(value): 1 for value in asked.body.values()},
    }
    return web.Response(text=json.dumps([record], ensure_ascii=False), headers={"Content-Type": JSON})


async def in_an_error(request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
    """Repeat the request in the message of an error."""
    text = json.dumps({"errorCode": 10000002, "errorMsg": repeat(asked, request)})
    return web.Response(text=text, headers={"Content-Type": JSON})


async def in_broken_json(request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
    """Break off an answer in the middle of a text."""
    text = json.dumps([{"a": dict(asked.body)}, {"b": dict(request.headers)}])[:-9]
    return web.Response(text=text, headers={"Content-Type": JSON})


async def in_a_page(request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
    """Repeat the request in a page, its headers, a cookie and a redirect."""
    values = [str(value) for value in (*asked.body.values(), *request.headers.values())]
    page = f"<html>{' '.join(values)} 10.20.30.40 13800138000 {' '.join(NAMES)}</html>"
    response = web.Response(status=302, body=page.encode("gb18030"), content_type="text/html")
    told = quote(repeat(asked, request))
    response.headers.update({"X-Told": told, "Location": f"https://10.20.30.40/login?told={told}"})
    response.set_cookie("session", told)
    return response


@pytest.mark.parametrize("command", [["query"], ["query", "--explain"], ["check", "--live"]], ids=" ".join)
@pytest.mark.parametrize(
    "auth",
    [{"app_secret": CANARY}, {"app_secret": CANARY, "header_user": "canary-user"}, {"token": TOKEN}],
    ids=["a secret", "a header", "a token"],
)
@pytest.mark.parametrize("echo", [in_records, in_an_error, in_broken_json, in_a_page])
@pytest.mark.parametrize("operation", [QUERY, ""], ids=["the report", "the login"])
def test_a_capture_has_nothing_private(
    shell: Shell, command: list[str], auth: dict[str, str], echo: Any, operation: str
) -> None:
    """Neither secrets nor tokens, ids, names and addresses are in the file, in any form."""
    account = shell.simulator.accounts[TENANT.tenant_id]
    account.app_secret, account.ready_tokens = CANARY, {TOKEN}
    account.app_key = auth.get("header_user", TENANT.tenant_id)
    shell.tenant.update(auth=auth, name=NAMES[1])
    shell.settings["history"] = {"days": 0}
    proxy = shell.simulator.url.replace("//", f"//canary:{PASSWORD}@")
    shell.settings["platforms"][0] |= {"url": "http://canary.example.com", "proxy_url": proxy}
    shell.simulator.faults.add(echo, operation=operation)

    result = shell.run(*command, "--capture=sent.yaml")

    assert result.exit_code in (0, 1, 3), result.output
    assert "wrote sent.yaml" in result.stderr, result.output
    written = (shell.directory / "sent.yaml").read_text(encoding="utf-8")
    read = str(yaml.safe_load(written))
    issued = {str(request.body.get("authToken")) for request in shell.simulator.journal.latest} - {"None"}
    issued |= {request.headers["token"] for request in shell.simulator.journal.latest if "token" in request.headers}
    private = {CANARY, PASSWORD, "canary", *issued, *NAMES, TENANT.tenant_id, TENANT.bots[0].access_code}
    private |= {"13800138000", "10.20.30.40", "127.0.0.1"}
    for text in private | {json.dumps(CANARY)[1:-1], json.dumps(NAMES[0])[1:-1]}:
        for form in (text, quote(text), base64.b64encode(text.encode()).decode()):
            assert form not in written
            assert form not in read


def test_a_capture_has_what_was_asked_and_answered(shell: Shell, tmp_path: Path) -> None:
    """Every request is there with its answer; counts, rates and times are real."""
    shell.settings["history"] = {"days": 0}
    result = shell.run("query", "--capture=sent.yaml", "--explain")
    capture = yaml.safe_load((tmp_path / "sent.yaml").read_text(encoding="utf-8"))
    login, query = capture["exchanges"]
    sent, records = json.loads(query["request"]["body"]), json.loads(query["answer"]["body"])
    asked = shell.simulator.journal.latest[-1].body

    assert 0 == result.exit_code
    assert "wrote sent.yaml" in result.stderr
    assert ["query", "--explain"] == capture["command"]
    assert ["gettoken", "queryCallStatisticsReport"] == [login["call"], query["call"]]
    assert json.loads(login["answer"]["body"])["authToken"] == sent["authToken"]
    assert (asked["type"], asked["timestamp"]) == (sent["type"], sent["timestamp"])
    assert {sent["accessCode"]} == {record["accessCode"] for record in records}
    assert {sent["tenantId"]} == {record["tenantId"] for record in records}
    assert all(record["callCount"] > 0 and record["autonomyRate"].startswith("0.") for record in records)
    assert 200 == query["answer"]["status"]
    assert "Content-Type: application/json;charset=UTF-8" in query["answer"]["headers"]
    assert {"headers", "end"} <= query["seconds"].keys()
    assert 0o600 == (tmp_path / "sent.yaml").stat().st_mode & 0o777


def test_a_capture_of_a_failure_has_its_reason(shell: Shell, change: Callable[..., None], tmp_path: Path) -> None:
    """A request without an answer says why."""
    change(url="http://127.0.0.1:1")
    shell.run("query", "--capture=sent.yaml")
    capture = yaml.safe_load((tmp_path / "sent.yaml").read_text(encoding="utf-8"))

    assert {"cannot connect: Connection refused"} == {exchange["failure"] for exchange in capture["exchanges"]}


def test_a_file_is_not_overwritten(shell: Shell, tmp_path: Path) -> None:
    """A configuration in the place of a capture stays as it is, and nothing is sent."""
    result = shell.run("query", "--capture=config.yaml")

    assert 1 == result.exit_code
    assert "config.yaml exists; choose another name for --capture" in result.stderr
    assert not shell.simulator.journal.latest


def test_check_captures_only_live(shell: Shell) -> None:
    """Without --live, nothing is sent."""
    result = shell.run("check", "--capture=sent.yaml")

    assert 2 == result.exit_code
    assert "--live" in result.stderr


@pytest.mark.parametrize(
    "field, text",
    [
        ("callCount", "1,234"),
        ("autonomyRate", "98.5%"),
        ("autonomyRate", "-1.0000"),
        ("autonomyRate", "--"),
        ("type", "hour"),
        ("source", "OIFDE"),
        ("errorCode", "200800002"),
        ("recordTime", "1628820000000"),
        ("statTime", "2021-08-13 02:00:00"),
        ("statTime", "20210813020000"),
        ("errorMsg", "the key is wrong"),
    ],
)
def test_what_a_reader_needs_is_kept(field: str, text: str) -> None:
    """Counts, rates, times, codes and messages are needed to understand the platform."""
    assert text == Pseudonyms().replace_value(field, text)


@pytest.mark.parametrize(
    "field, text",
    [
        ("tenantId", "12"),
        ("accessCode", "0755"),
        ("userName", "Zhang Wei"),
        ("number", "13800138000"),
        ("city", "Shenzhen"),
        ("authToken", "3f9c"),
        ("appSecret", "123456"),
        ("account", "13800138000"),
        ("updateUser", "13800138000"),
        ("consumerNo", "6222021234567890"),
        ("vdn", "202207011234"),
    ],
)
def test_what_may_identify_a_customer_is_replaced(field: str, text: str) -> None:
    """The same text always has the same pseudonym."""
    names = Pseudonyms()

    assert names.replace_value(field, text) == names.replace_value(field, text) != text


@pytest.mark.parametrize(
    "kind, private", [("tenant", "202104237142"), ("name", "客服"), ("name", "nova"), ("host", "gw01")]
)
@pytest.mark.parametrize("message", ["租户{}不存在", "没有{}", "no_{}_here", "({}) has no bot"])
def test_what_is_known_is_found_in_messages(kind: str, private: str, message: str) -> None:
    """Chinese has no blanks between words, and two characters are a name."""
    names = Pseudonyms()
    names.learn(kind, private)
    names.compile()
    written = names.replace_body(json.dumps({"errorMsg": message.format(private)}, ensure_ascii=False))

    assert private not in written


@pytest.mark.parametrize("secret", ["s3 cr/et&+'1", 'a"b\\c%d', "密码&1", "1234"])
def test_a_secret_is_found_in_every_form(secret: str) -> None:
    """Pages and redirects quote secrets as HTML and URLs do, and put them between other characters."""
    names = Pseudonyms()
    names.learn("secret", secret)
    names.compile()
    lower = re.sub("%..", lambda found: found[0].lower(), quote(secret, safe=""))
    apostrophe = html.escape(secret).replace("&#x27;", "&#39;")

    for form in (
        secret,
        html.escape(secret),
        apostrophe,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        lower,
        json.dumps(secret)[1:-1],
        html.escape(json.dumps(secret)[1:-1]),
        quote(json.dumps(secret)[1:-1], safe=""),
    ):
        assert f"<p>a{names.replace_value('secret', secret)}b" == names.replace_body(f"<p>a{form}b")


@pytest.mark.parametrize(
    "private",
    [
        "10.20.30.40",
        "13800138000",
        "202309017777",
        "400-820-8820",
        "zhang.san@bank.cn",
        "gw01.corp.bank.cn",
        "GW01.BANK.LOCAL",
        "2001:db8::8a2e:370:7334",
        "2001:db8:0:0:0:8a2e:370:7334",
    ],
)
@pytest.mark.parametrize("message", ["客户端IP{}不在白名单", "请联系{}。", "Contact {}.", "<a href='http://{}:80/'>"])
def test_addresses_and_numbers_in_messages_are_replaced(private: str, message: str) -> None:
    """A message may name whom to call, or a machine, that nothing else has named before."""
    assert private not in Pseudonyms().replace_sentence(message.format(private))


@pytest.mark.parametrize(
    "message",
    [
        "pwd=x9",
        "<appSecret>x9</appSecret>",
        "token: x9!",
        "/login?authToken=x9&a=b",
        "http://x9/login",
        '"password":"x9"',
    ],
)
def test_labelled_secrets_in_messages_are_replaced(message: str) -> None:
    """A gateway may invent a token, or name a host of the intranet."""
    assert "x9" not in Pseudonyms().replace_sentence(message)


@pytest.mark.parametrize(
    "message",
    [
        "java.lang.NullPointerException at 10:20:30",
        "2021-08-13 02:00:00: nginx/1.20.1 cannot open login.html",
        "token: expired; secret: wrong. See /index.jsp",
        "queryCallStatisticsReport of 20210813 is not found, code 200800",
    ],
)
def test_messages_stay_readable(message: str) -> None:
    """Errors, versions, times and paths lead to the cause."""
    assert message == Pseudonyms().replace_sentence(message)


def test_a_failure_names_no_host(tmp_path: Path) -> None:
    """OpenSSL quotes the host name that a certificate lacks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    clock = StandingClock(NOW)
    with serve_in_thread(Simulator(SimulatedWorld(1, [TENANT], CALM), clock=clock, ssl_context=context)) as simulator:
        shell = Shell(simulator, clock, tmp_path)
        tls_config = {"ca_file": str(CERTIFICATES / "ca.pem"), "server_name": "canary.internal"}
        shell.settings["platforms"][0]["tls_config"] = tls_config
        result = shell.run("query", "--capture=sent.yaml")
    written = (tmp_path / "sent.yaml").read_text(encoding="utf-8")

    assert "canary.internal" in result.stderr
    assert "Hostname mismatch" in written
    assert "canary" not in written


def test_json_keeps_its_form() -> None:
    """Numbers stay numbers with as many digits, blanks around identifiers stay, and each object begins a line."""
    body = '[{"tenantId":202104237142,"accessCode":" 943370855474270208 ","n":1.50}, {"n":NaN}]'

    assert (
        '[{"tenantId":100000000001,"accessCode":" 200000000000000001 ","n":1.50},\n{"n":NaN}]'
        == Pseudonyms().replace_body(body)
    )


def test_a_capture_has_the_encryption(tmp_path: Path) -> None:
    """The version and the cipher of TLS tell old servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    clock = StandingClock(NOW)
    with serve_in_thread(Simulator(SimulatedWorld(1, [TENANT], CALM), clock=clock, ssl_context=context)) as simulator:
        shell = Shell(simulator, clock, tmp_path)
        shell.settings["platforms"][0]["tls_config"] = {"insecure_skip_verify": True}
        result = shell.run("query", "--capture=sent.yaml")
    capture = yaml.safe_load((tmp_path / "sent.yaml").read_text(encoding="utf-8"))

    assert 0 == result.exit_code, result.output
    assert all(exchange["tls"].startswith("TLSv1.2 ECDHE-") for exchange in capture["exchanges"])
    assert "connect" in capture["exchanges"][0]["seconds"]


def test_a_capture_of_discovered_bots_names_those_that_were_requested(shell: Shell, tmp_path: Path) -> None:
    """A replay requests the same bots, although their names are replaced."""
    shell.tenant.update(bots=[], discovery={"exclude": "claims"})
    shell.run("check", "--live", "--capture=sent.yaml")
    capture = yaml.safe_load((tmp_path / "sent.yaml").read_text(encoding="utf-8"))
    requested = {json.loads(exchange["request"]["body"]).get("accessCode") for exchange in capture["exchanges"]}
    discovery = capture["configuration"]["platforms"][0]["tenants"][0]["discovery"]

    assert requested - {None} == set(discovery["include"].split("|"))
    assert 2 == len(requested - {None})
