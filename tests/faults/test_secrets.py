"""Secrets go through all failures at the log level debug; the rig looks for them wherever a user can look."""

import base64
import gc
import json
import socket
import traceback
from pathlib import Path

import bcrypt
import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer

from exporter.polling import windows
from exporter.simulator.faults import JSON, Fault, Respond
from exporter.simulator.journal import Request
from exporter.upstream.errors import UpstreamError
from harness import faults

from .cases import CASES
from .rig import CANARY, INTERVAL, LOGIN, TENANT, Rig, secrets_told

TOKEN = "canary-ready-token-9a7e"
PASSWORD = "canary-password-c0de"


class Echo:
    """Repeats all that it receives in its error message."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        told = f"{json.dumps(dict(asked.body))} {dict(request.headers)}"
        text = json.dumps({"errorCode": 10000002, "errorMsg": told[-150:]})
        return web.Response(text=text, headers={"Content-Type": JSON})


class EchoInHtml:
    """Repeats the request in HTML and in the HTTP reason, as a reverse proxy may."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        told = f"{json.dumps(dict(asked.body))} {dict(request.headers)}"
        return web.Response(status=502, reason=f"no {asked.body.get('authToken')}", text=f"<pre>{told}</pre>")


class EchoInRecords:
    """Repeats all that it receives in records and in the names of their fields."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        told = [
            *map(str, asked.body.values()),
            *request.headers.values(),
            f"{dict(asked.body)} {dict(request.headers)}",
        ]
        record = {"recordTime": asked.body.get("timestamp"), "autonomyRate": told[-1]}
        rows = [
            told[-1],
            *({**record, "accessCode": secret} for secret in told),
            *({"recordTime": secret} for secret in told),
        ]
        rows += [{**record, "callCount": secret} for secret in told] + [{**record, secret: 1} for secret in told]
        return web.json_response(rows)


@pytest.mark.parametrize(
    "auth",
    [
        {"app_secret": CANARY},
        {"app_secret": CANARY, "header_user": "ipcc"},
        {"token": TOKEN},
        {"token": TOKEN, "header_user": "ipcc"},
    ],
    ids=["a secret", "a secret, header", "a token", "a token, header"],
)
async def test_through_every_fault(rig: Rig, auth: dict[str, str]) -> None:
    """The faults of answers and logins, and a platform that repeats what it receives."""
    rig.secrets |= set(auth.values()) - {"ipcc"}
    simulator = await rig.platform()
    simulator.accounts[TENANT].ready_tokens = {TOKEN}
    simulator.accounts[TENANT].app_key = auth.get("header_user", TENANT)
    rig.settings["poll_interval"] = "1s"
    rig.settings["platforms"][0]["request_timeout"] = "1s"
    rig.settings["platforms"][0]["tenants"][0]["auth"] = auth
    await rig.start()
    echoes: list[Fault] = [Echo(), EchoInHtml(), EchoInRecords(), faults.Redirect("http://127.0.0.1:1/?token=")]
    for fault in [*(case.fault for case in CASES), *echoes]:
        with simulator.faults.active(fault):
            simulator.accounts.forget_tokens(TENANT)
            await rig.after(2)
            await rig.look_everywhere()
            await rig.reload()
    assert set(auth.values()) - {"ipcc"} <= secrets_told(simulator)


async def test_in_no_repr(rig: Rig) -> None:
    """This covers every object in the program, as a debugger or a crash report would show it."""
    simulator = await rig.platform()
    rig.settings["platforms"][0]["proxy_url"] = f"http://user:{PASSWORD}@127.0.0.1:1"
    await rig.start()
    del rig.settings["platforms"][0]["proxy_url"]
    assert 200 == await rig.reload()
    await rig.after(10)
    secrets = secrets_told(simulator) | {PASSWORD}
    assert 3 == len(secrets)

    modules = ((str(type(item).__module__), item) for item in gc.get_objects())
    ours = [item for name, item in modules if name.startswith("exporter.") and ".simulator" not in name]
    assert 100 < len(ours)
    for item in ours:
        shown = f"{item!r} {item!s}"
        assert not any(secret in shown for secret in secrets), type(item)


async def test_in_no_traceback(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log shows where the program failed; other bots are polled."""
    await rig.platform()
    genuine = windows.fold

    def fold(*args: object) -> object:
        raise RuntimeError("a fault of ours")

    await rig.start()
    await rig.after(45)
    monkeypatch.setattr(windows, "fold", fold)
    page = await rig.after(INTERVAL)
    assert {"b1": 0, "b2": 0, "b3": 0} == page.up
    assert "internal" == (await rig.bots())["b1"]["failure"]["reason"]
    crashes = rig.events("poll_crashed")
    assert 3 == len(crashes)
    assert "a fault of ours" in crashes[0]["exception"]
    monkeypatch.setattr(windows, "fold", genuine)
    page = await rig.after(INTERVAL)
    assert {"b1": 1, "b2": 1, "b3": 1} == page.up


@pytest.mark.parametrize("status", [407, 502])
async def test_of_a_proxy(rig: Rig, status: int) -> None:
    """Its password appears nowhere, whether the proxy refuses or is missing."""
    rig.secrets |= {PASSWORD, base64.b64encode(f"user:{PASSWORD}".encode()).decode()}

    async def refuse(request: web.Request) -> web.Response:
        told = f"{request.url} {dict(request.headers)}"
        return web.Response(status=status, text=told, headers={"Proxy-Authenticate": f'Basic realm="{PASSWORD}"'})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    await rig.platform()
    platform = rig.settings["platforms"][0]
    async with TestServer(app) as proxy:
        platform["proxy_url"] = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        page = await rig.start()
        assert {"http": 1} == {reason: min(1, count) for reason, count in page.failures(LOGIN).items()}
        platform["url"] = "https://platform.test"  # through a tunnel
        assert 200 == await rig.reload()
        page = await rig.after(INTERVAL)
        assert {"http", "connect"} == page.failures(LOGIN).keys()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        platform["proxy_url"] = f"http://user:{PASSWORD}@127.0.0.1:{unused.getsockname()[1]}"
        assert 200 == await rig.reload()
        await rig.after(INTERVAL)
    assert "cannot connect to the proxy" in (await rig.bots())["b1"]["failure"]["message"]


def as_user(name: str, password: str) -> dict[str, str]:
    """Return the headers for basic auth."""
    return {"Authorization": encode_basic_auth(name, password)}


async def test_of_users_of_the_pages(rig: Rig, tmp_path: Path) -> None:
    """The password opens every page and appears on none; another password opens none."""
    rig.secrets |= {PASSWORD, base64.b64encode(f"reader:{PASSWORD}".encode()).decode()}
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    rig.secrets.add(hashed)
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users:\n  reader: {hashed}\n")
    simulator = await rig.platform()
    rig.reader = as_user("reader", PASSWORD)
    await rig.start(web_config_file=file)
    simulator.faults.add(faults.HttpStatus(500))
    await rig.after(2 * INTERVAL)
    await rig.look_everywhere()
    file.write_text(f"basic_auth_users:\n  reader: {hashed}\n  other: {PASSWORD}\n")  # forgotten to hash
    await rig.look_everywhere()

    for stranger in ({}, as_user("reader", "guess"), as_user("nobody", PASSWORD)):
        rig.reader = stranger
        status, text = await rig.fetch("/metrics")
        assert (401, True) == (status, "oifde" not in text)
    rig.reader = as_user("reader", PASSWORD)


async def test_in_no_error(rig: Rig) -> None:
    """Neither the text of an exception nor its context contains a secret."""
    simulator = await rig.platform()
    raised: list[UpstreamError] = []
    await rig.start()
    for case in CASES[::3]:
        with simulator.faults.active(case.fault):
            simulator.accounts.forget_tokens(TENANT)
            await rig.after(INTERVAL)
        raised += [item for item in gc.get_objects() if isinstance(item, UpstreamError)]
    secrets = secrets_told(simulator)
    for error in raised:
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert not any(secret in shown for secret in secrets)
