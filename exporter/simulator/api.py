"""The platform's API over HTTP, with the checks, the error codes and the oddities of the real one."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from exporter.clock import Clock
from exporter.simulator.accounts import NO_TOKEN, Accounts, ApiError
from exporter.simulator.characters import SimBot
from exporter.simulator.draws import chance, key
from exporter.simulator.faults import CLOSING, Faults, Respond, format_http_date, json_response
from exporter.simulator.journal import Journal, Request
from exporter.simulator.world import CALL_STATISTICS, CHATBOT, LAST_TIMESTAMP_MS, World

BAD_PARAMETER: Final = 10000002
MISSING_PARAMETER: Final = 10000003

Answer: TypeAlias = Callable[[Request], object]

_AS_TEXT: Final = 0.3
"""The share of error codes, and of totals, that come as text."""
_PAGE_SIZES: Final = frozenset({"5", "10", "20", "50", "100"})


def create_app(
    world: Callable[[], World],
    *,
    clock: Clock,
    accounts: Accounts,
    faults: Faults,
    journal: Journal,
    prefix: str = "",
    expire_time: bool = True,
) -> web.Application:
    """Create the platform as an application: ``POST {prefix}/oifde/rest/api/<name>``.

    ``world`` is called for each request, so that a test can replace the world. Without ``expire_time`` a login does not say how
    long its token lives.
    """
    api = _Api(world, clock, accounts, expire_time)
    # By path. The names are those in the exporter's metrics and in the journal.
    answers: dict[str, tuple[str, Answer]] = {
        "gettoken": ("get_token", api.get_token),
        CALL_STATISTICS: ("query_call_statistics", partial(api.statistics, CALL_STATISTICS)),
        CHATBOT: ("query_chatbot", partial(api.statistics, CHATBOT)),
        "querynavigationinfo": ("query_bindings", api.bindings),
        "servicemonitor": ("service_monitor", api.service_monitor),
    }

    async def serve(operation: str, answer: Answer, request: web.Request) -> web.StreamResponse:
        asked = _read(operation, request, await request.read(), accounts, clock)
        journal.opened(asked)
        try:
            as_text = chance(operation, journal.counts[operation]) < _AS_TEXT
            respond: Respond = partial(_respond, answer, asked, code_as_text=as_text)
            for fault in reversed(faults.striking(asked)):
                asked.faults.insert(0, type(fault).__name__)
                respond = partial(fault, request, asked, respond)
            response = await respond()
            if not response.prepared:
                response.headers.setdefault(hdrs.DATE, format_http_date(clock.now()))
            if request.transport and not request.transport.is_closing():
                asked.status = response.status
        except ConnectionError:  # the client closed the connection: not an error of the platform
            return web.Response()
        else:
            return response
        finally:
            journal.closed(asked)

    async def close(app: web.Application) -> None:
        app[CLOSING].set()

    app = web.Application()
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(close)
    for name, (operation, answer) in answers.items():
        app.router.add_post(f"{prefix}/oifde/rest/api/{name}", partial(serve, operation, answer))
    return app


def _read(operation: str, request: web.Request, content: bytes, accounts: Accounts, clock: Clock) -> Request:
    """Return the request for the journal; its body is empty unless it is a JSON object with the right content type."""
    try:
        body = json.loads(content) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {}
    account = accounts.by_key(str(body.get("appKey"))) if operation == "get_token" else None
    tenant_id = account.tenant_id if account else str(body.get("tenantId", ""))
    return Request(clock.now(), operation, tenant_id, str(body.get("accessCode", "")), body, request.headers)


async def _respond(answer: Answer, asked: Request, *, code_as_text: bool) -> web.StreamResponse:
    try:
        return json_response(answer(asked))
    except ApiError as denied:
        asked.code = denied.code
        code = str(denied.code) if code_as_text else denied.code
        return json_response({"errorCode": code, "errorMsg": str(denied)})


@dataclass(frozen=True, slots=True)
class _Api:
    """Answers each API call. All methods raise ApiError for the platform's error codes."""

    world: Callable[[], World]
    clock: Clock
    accounts: Accounts
    expire_time: bool

    def get_token(self, asked: Request) -> object:
        token = self.accounts.login(_read_text(asked, "appKey"), _read_text(asked, "appSecret"))
        answer: dict[str, object] = {"errorCode": 0, "errorMsg": "", "authToken": token}
        if self.expire_time:
            answer["expireTime"] = int(self.accounts.token_lifetime)
        return answer

    def statistics(self, report: str, asked: Request) -> object:
        self._authenticate(asked)
        period = _read_choice(asked, "type", "hour", "day")
        access_code, timestamp = _read_text(asked, "accessCode"), _read_timestamp(asked)
        return self.world().records(report, period, asked.tenant_id, access_code, timestamp, self.clock.now())

    def bindings(self, asked: Request) -> object:
        self._authenticate(asked)
        page, size = _read_text(asked, "pageNum"), int(_read_choice(asked, "pageSize", *_PAGE_SIZES))
        if not page.isdecimal() or int(page) < 1:
            raise ApiError(BAD_PARAMETER, "pageNum is not a page number")
        source = _read_choice(asked, "source", "IVR", "OIFDE") if "source" in asked.body else "IVR"
        bots = [bot for bot in self.world().bots(asked.tenant_id) if bot.source == source]
        first = (int(page) - 1) * size
        as_text = chance(asked.tenant_id, source, page, int(self.clock.now())) < _AS_TEXT
        return {
            "total": str(len(bots)) if as_text else len(bots),
            "accessInfoList": [_describe_bot(asked.tenant_id, bot) for bot in bots[first : first + size]],
        }

    def service_monitor(self, asked: Request) -> object:
        return {"jvm": {"fullgc": "0", "deadlock": "0"}}

    def _authenticate(self, asked: Request) -> None:
        tenant_id = _read_text(asked, "tenantId")
        if (token := asked.headers.get("token")) is not None:
            self.accounts.check(tenant_id, token, user=asked.headers.get("userName", ""))
        elif "authToken" in asked.body:
            self.accounts.check(tenant_id, _read_text(asked, "authToken"))
        else:
            raise ApiError(NO_TOKEN, "no token")


def _describe_bot(tenant_id: str, bot: SimBot) -> dict[str, object]:
    return {
        "accessId": str(key(tenant_id, bot.access_code)),
        "tenantId": tenant_id,
        "accessCode": bot.access_code,
        "domainId": "0",
        "dialogType": bot.dialog_type,
        "flowCode": f"flow-{bot.access_code[-6:]}",
        "flowName": bot.name,
        "description": "",
        "source": bot.source,
        "chatBotName": bot.name,
        "usingRecordService": False,
    }


def _read_text(asked: Request, name: str) -> str:
    value = asked.body.get(name)
    if value is None or value == "":
        raise ApiError(MISSING_PARAMETER, f"{name} is missing")
    if not isinstance(value, str):
        raise ApiError(BAD_PARAMETER, f"{name} is not text")
    return value


def _read_choice(asked: Request, name: str, *allowed: str) -> str:
    value = _read_text(asked, name)
    if value not in allowed:
        raise ApiError(BAD_PARAMETER, f"{name} must be one of {' '.join(sorted(allowed))}")
    return value


def _read_timestamp(asked: Request) -> int:
    value = asked.body.get("timestamp")
    if value is None:
        raise ApiError(MISSING_PARAMETER, "timestamp is missing")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LAST_TIMESTAMP_MS:
        raise ApiError(BAD_PARAMETER, "timestamp is not in epoch milliseconds")
    return value
