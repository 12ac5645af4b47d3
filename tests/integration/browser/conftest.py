"""The pages in a real browser: one Chromium for a module's tests, and the real web server over made-up bots."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from prometheus_client import CollectorRegistry

from exporter import config
from exporter.logs import configure
from exporter.polling.snapshot import BotId, DiscoveryStatus, Failure, Hour, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.server import Server
from exporter.serving.web import create_app
from exporter.upstream.reports import REPORTS, Record
from exporter.upstream.standing import SessionState
from harness.programs import FindProgram
from harness.records import make_record, make_totals

NOW = 1773300100.0
"""2026-03-12 15:21:40 in Shanghai."""
HOUR = 3600.0
MIDNIGHT = NOW - 15 * HOUR - 1300.0

Open: TypeAlias = Callable[..., Page]

# A busy machine draws ten thousand bots more slowly than Playwright waits by default.
expect.set_options(timeout=60_000)


class StillClock:
    """No time passes."""

    def now(self) -> float:
        """The wall clock."""
        return NOW

    def elapsed(self) -> float:
        """Its own time."""
        return 0.0


def record(start: float, calls: int, autonomy: float | None) -> Record:
    """An hour with so many calls, of which the bot served this share."""
    served = round(calls * 0.9 * (autonomy or 0))
    return make_record(
        REPORTS["hour"],
        start,
        stored=start,
        callCount=calls,
        exitNoConsultCount=calls // 10,
        callStaffNoConsultCount=calls // 5,
        callStaffConsultCount=calls // 9,
        exitConsultingCount=served,
        interactCount=calls * 4,
        averageInteractPerCall=4.0,
        autonomyRate=autonomy,
        interfaceRequestCount=9,
        interfaceSuccessCount=8,
        interfaceSuccessRate=0.8889,
    )


def day(calls: int, autonomy: float, drop: float = 0.0) -> Snapshot:
    """A day's course, and the one before; the autonomy has dropped since then."""
    today = {MIDNIGHT + n * HOUR: record(MIDNIGHT + n * HOUR, calls * (n % 7), autonomy - drop) for n in range(16)}
    before = [MIDNIGHT + (n - 24) * HOUR for n in range(24)]
    last = MIDNIGHT + 14 * HOUR
    return Snapshot(
        hour=Hour(last, today[last]),
        live=today[MIDNIGHT + 15 * HOUR],
        totals=make_totals(
            REPORTS["hour"],
            callCount=calls * 45,
            exitNoConsultCount=4,
            callStaffNoConsultCount=9,
            callStaffConsultCount=5,
            exitConsultingCount=20,
            interactCount=calls * 180,
            interfaceRequestCount=9,
            interfaceSuccessCount=8,
        ),
        up=True,
        last_attempt=NOW - 12.0,
        last_success=NOW - 12.0,
        expires=1e9,
        records=today,
        yesterday={start: record(start, calls * 3, autonomy) for start in before},
    )


def some_bots() -> Store:
    """A few bots in every state there is."""
    store = Store()
    refused = "the login failed: the platform's error 200800002: app secret incorrect"
    bank, city = TenantId("main", "202104237142", "东方银行"), TenantId("main", "202401017788", "City services")
    found = DiscoveryStatus(up=True, bots=12, last_attempt=NOW - 90.0, last_success=NOW - 90.0)
    store.put_tenant(bank, TenantStatus(login=SessionState(token_expiry=NOW + 1800.0), discovery=found))
    store.put_tenant(
        city,
        TenantStatus(
            login=SessionState(blocked=True, reason=refused, code=200800002, retry_at=NOW + 2520.0), discovery=None
        ),
    )
    down = Failure("timeout", "no answer within 30 s, retries included", NOW - 700.0)
    for name, snapshot in {
        "账单助手": day(140, 0.63),
        "信用卡中心": day(60, 0.71, drop=0.25),
        "<script>alert('bot')</script>": day(20, 0.5),
        "Nightshift": day(10, 0.8)._replace(up=False, failures=3, failure=down),
        "Loans": day(10, 0.8)._replace(expires=-1.0),
        "Brand new": Snapshot(),
    }.items():
        labels = (("team", "retail"),) if name == "Loans" else ()
        bot = BotId("main", bank.tenant_id, f"code-{name}", name, bank.tenant, labels, "Asia/Shanghai")
        store.put(bot, "hour", snapshot)
    hotline = BotId("main", city.tenant_id, "979001245180837888", "Hotline", city.tenant, (), "Asia/Shanghai")
    failure = Failure("auth", f"nothing was sent: {refused}", NOW - 700.0)
    store.put(hotline, "hour", day(90, 0.7)._replace(up=False, expires=-1.0, failure=failure))
    return store


def ten_thousand_bots() -> Store:
    """Return a store with the largest supported number of bots."""
    store = Store()
    for number in range(10_000):
        tenant = TenantId("main", f"t{number % 200}", f"tenant {number % 200}")
        store.put_tenant(tenant, TenantStatus(login=SessionState(token_expiry=NOW + 1800.0)))
        bot = BotId("main", tenant.tenant_id, f"code-{number}", f"bot {number:05}", tenant.tenant)
        store.put(bot, "hour", _COMMON if number % 500 else _COMMON._replace(up=False, failure=_DOWN))
    return store


_COMMON = day(30, 0.7)
_DOWN = Failure("connect", "cannot connect: refused", NOW - 60.0)

SETTINGS = """
platforms:
  - url: https://aicc.example.com:28090
    tenants:
      - {tenant_id: "202104237142", auth: {app_secret: hidden}, bots: [{access_code: "1"}]}
"""


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """The web server over a store, in a thread of its own; gives its URL."""
    settings = config.load(SETTINGS, {})
    log = configure(level="info", format="logfmt", stream=io.StringIO())
    clock = StillClock()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result()

    app = create_app(
        store=store,
        exposition=Exposition(CollectorRegistry(), clock=clock),
        clock=clock,
        log=log,
        ready=lambda: True,
        configuration=lambda: settings,
        version="1.2.3",
    )
    server = Server(app, shutdown_timeout=1.0)
    run(server.start())
    run(server.listen("127.0.0.1", 0))
    try:
        yield f"http://127.0.0.1:{server.addresses[0][1]}"
    finally:
        run(server.close())
        run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def store() -> Store:
    """Return the page of `site`."""
    return some_bots()


@pytest.fixture(scope="module")
def site(store: Store) -> Iterator[str]:
    """The URL of a server with bots in every state."""
    with serving(store) as url:
        yield url


@pytest.fixture(scope="module")
def large_site() -> Iterator[str]:
    """The URL of a server with ten thousand bots."""
    with serving(ten_thousand_bots()) as url:
        yield url


@pytest.fixture(scope="module")
def browser(program: FindProgram) -> Iterator[Browser]:
    """Chromium without a window."""
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a URL in a context of its own; fails afterwards if the browser complained of anything."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(url: str, *, width: int = 1280, complains: Sequence[str] = (), **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **{"locale": "en-GB", **options})
        contexts.append(context)
        page = context.new_page()

        def hear(text: str) -> None:
            if not any(expected in text for expected in complains):
                complaints.append(text)

        page.on("console", lambda message: hear(message.text))
        page.on("pageerror", lambda error: hear(str(error)))
        page.on("dialog", lambda dialog: hear(f"dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [] == complaints
