"""No command prints a secret, even if the platform repeats it."""

import json

import pytest
from aiohttp import web
from commands.conftest import LOGIN, QUERY, TENANT, Shell

from exporter.simulator.faults import JSON, Respond
from exporter.simulator.journal import Request

CANARY = 'canary-"app-secret\\-ü-4f1d'
TOKEN = "canary-ready-token-9a7e"
PASSWORD = "canary-password-c0de"
COMMANDS = [
    ["check", "--live"],
    ["check", "--live", "--format=json"],
    ["query", "--explain"],
    ["query", "--explain", "--format=json"],
    ["discover"],
    ["discover", "--format=yaml"],
    ["discover", "--format=json"],
]


class EchoInRecords:
    """A platform that repeats the request in a record."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        told = {**asked.body, "headers": dict(request.headers), "recordTime": asked.body.get("timestamp")}
        told["callCount"] = json.dumps(dict(asked.body))
        told[str(asked.body.get("authToken"))] = 1
        return web.Response(text=json.dumps([told]), headers={"Content-Type": JSON})


class EchoInErrors:
    """A platform that repeats the request in an error."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        text = json.dumps({"errorCode": 10000002, "errorMsg": f"{dict(asked.body)} {dict(request.headers)}"[-150:]})
        return web.Response(text=text, headers={"Content-Type": JSON})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "auth",
    [{"app_secret": CANARY}, {"app_secret": CANARY, "header_user": "ipcc"}, {"token": TOKEN}],
    ids=["a secret", "a header", "a token"],
)
@pytest.mark.parametrize(
    "echo, operation", [(EchoInRecords, QUERY), (EchoInErrors, QUERY), (EchoInErrors, ""), (EchoInErrors, LOGIN)]
)
def test_no_secret_is_printed(
    shell: Shell, command: list[str], auth: dict[str, str], echo: type[EchoInErrors], operation: str
) -> None:
    """Neither stdout nor stderr contains it, even with the log level debug."""
    account = shell.simulator.accounts[TENANT.tenant_id]
    account.app_secret, account.ready_tokens = CANARY, {TOKEN}
    account.app_key = auth.get("header_user", TENANT.tenant_id)
    shell.tenant["auth"] = auth
    proxy = shell.simulator.url.replace("//", f"//user:{PASSWORD}@")
    shell.settings["platforms"][0] |= {"url": "http://aicc.example.com", "proxy_url": proxy}
    shell.simulator.faults.add(echo(), operation=operation)

    result = shell.run(*command, "--log.level=debug")

    told = {str(request.body.get("authToken")) for request in shell.simulator.journal.latest} - {"None"}
    told |= {request.headers["token"] for request in shell.simulator.journal.latest if "token" in request.headers}
    assert result.exit_code in (0, 1, 3), result.output
    assert shell.simulator.journal.latest, result.output
    for secret in {CANARY, json.dumps(CANARY)[1:-1], "canary", TOKEN, PASSWORD, *told}:
        assert secret not in result.output
