"""The pages for people, over real sockets, for a client without JavaScript."""

import base64
import hashlib
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer

from exporter import config
from exporter.clock import Clock
from exporter.judging.judge import Signal
from exporter.judging.verdict import Verdict
from exporter.logs import configure
from exporter.polling.snapshot import (
    BotId,
    DiscoveryStatus,
    Failure,
    Hour,
    PlatformStatus,
    Snapshot,
    TenantId,
    TenantStatus,
)
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.pages import overview
from exporter.serving.web import WebOptions, create_app
from exporter.upstream.reports import CHATBOT, REPORTS, Record
from exporter.upstream.standing import SessionState
from harness.records import make_record, make_totals

from .conftest import START

DAY = 86400.0
HOUR = 3600.0
PAGES = ["/", "/configuration", "/help", "/bots/202104237142/943370855474270208"]
REFUSED = "the login failed: the platform's error 200800002: app secret incorrect"

SETTINGS = """
platforms:
  - url: https://aicc.example.com:28090
    proxy_url: http://canary-user:canary-password@proxy.example.com:3128
    tenants:
      - tenant_id: "1"
        name: acme
        auth: {app_secret: canary-secret, header_user: ipcc}
        bots: [{access_code: "10", labels: {team: care}}]
      - tenant_id: "2"
        auth: {token: canary-token}
        bots: [{access_code: "20"}, {access_code: "21"}]
      - tenant_id: "3"
        timezone: America/Sao_Paulo
        poll_interval: 90s
        auth: {app_secret_file: secret}
        bots: [{access_code: "30"}]
        discovery: {}
"""

Fetch: TypeAlias = Callable[..., Awaitable[str]]


WEB = {"telemetry_path", "route_prefix", "external_url"}


@pytest.fixture
def store(exposition: Exposition) -> Store:
    """The data of the pages."""
    return Store([exposition])


@pytest.fixture
def connect(store: Store, exposition: Exposition, clock: Clock, verdicts: dict[BotId, Verdict]) -> Callable[..., Any]:
    """Serves with options, and gives a client."""

    @asynccontextmanager
    async def serve(**options: Any) -> AsyncIterator[TestClient[Any, Any]]:
        log = configure(level="info", format="logfmt", stream=io.StringIO())
        web = WebOptions(**{name: options.pop(name) for name in WEB & options.keys()})
        app = create_app(
            web,
            store=store,
            exposition=exposition,
            clock=clock,
            log=log,
            ready=lambda: True,
            judgement=verdicts.get,
            **options,
        )
        async with TestClient(TestServer(app)) as client:
            yield client

    return serve


@pytest.fixture
async def fetch(connect: Callable[..., Any]) -> AsyncIterator[Fetch]:
    """Requests a page, and returns its HTML."""
    async with connect(version="1.2.3") as client:

        async def get(path: str = "/", language: str = "en", status: int = 200) -> str:
            async with client.get(path, headers={"Accept-Language": language}) as response:
                assert status == response.status
                text: str = await response.text()
                return text

        yield get


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    """A configuration with a secret in every place that can have one."""
    file = tmp_path / "config.yaml"
    file.write_text(SETTINGS, encoding="utf-8")
    file.with_name("secret").write_text("canary-in-a-file", encoding="utf-8")
    return config.load(file, {})


def rename(bot: BotId, name: str) -> BotId:
    """Another bot of the same tenant."""
    return replace(bot, bot=name, access_code=f"code-{name}")


def make_snapshot(
    snapshot: Snapshot, *, autonomy: float | None, before: float | None = None, calls: int = 10
) -> Snapshot:
    """A snapshot with this autonomy in its last complete hour, and ``before`` in the same hour of the day before."""

    def record(start: float, ratio: float | None) -> Record:
        return make_record(
            REPORTS["hour"],
            start,
            callCount=calls,
            callStaffNoConsultCount=calls // 2,
            exitConsultingCount=calls // 2,
            interactCount=20,
            averageInteractPerCall=2.0,
            autonomyRate=ratio,
            interfaceSuccessRate=None,
        )

    now = record(START, autonomy)
    return snapshot._replace(
        hour=Hour(START, now),
        records={START: now},
        yesterday={START - DAY: record(START - DAY, before)},
    )


def read_words(html: str) -> str:
    """The visible text of a page, in one line."""
    text = re.sub(r"<(style|script)>.*?</\1>|<title>.*?</title>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", text)).split())


def list_names(html: str) -> list[str]:
    """The names in the list of bots, in order."""
    return [unescape(name) for name in re.findall(r'<a href="[^"]*bots/[^"]*">([^<]*)</a>', html)]


async def test_a_refused_login_leads_to_the_place_of_the_secret(fetch: Fetch, store: Store, tenant: TenantId) -> None:
    """The help page names the menus of the platform, and explains its error codes."""
    store.put_tenant(tenant, TenantStatus())
    assert "help#settings" not in await fetch()

    store.put_tenant(tenant, TenantStatus(login=SessionState(blocked=True, reason=REFUSED, code=200800002)))

    assert 'href="help#settings"' in await fetch()
    for language, words in {"en": "200800002 the key is wrong", "zh": "200800002 密钥错误"}.items():
        text = read_words(await fetch("/help", language=language))
        assert words in text
        assert "API口令设置 > 第三方口令" in text


@pytest.mark.parametrize(
    "healthy, problem, english, chinese",
    [
        (True, None, "Health check: OK", "健康检查：正常"),
        (False, "fullgc is 3", "The platform is not healthy: fullgc is 3", "平台自检异常：fullgc is 3"),
        (None, "HTTP status 404", "The health check does not work: HTTP status 404", "健康检查不可用：HTTP status 404"),
    ],
)
async def test_a_platforms_health(
    fetch: Fetch,
    store: Store,
    bot: BotId,
    snapshot: Snapshot,
    tenant: TenantId,
    healthy: bool | None,
    problem: str | None,
    english: str,
    chinese: str,
) -> None:
    """It is beside the state of the platform's polls, which may fail because of a refused login."""
    store.put_tenant(tenant, TenantStatus(login=SessionState(blocked=True, reason=REFUSED)))
    store.put(bot, "hour", snapshot._replace(up=False, failure=Failure("auth", REFUSED, START)))
    assert "ealth" not in read_words(await fetch())

    store.put_platform("main", PlatformStatus(healthy, problem, START))

    assert english in read_words(await fetch())
    assert chinese in read_words(await fetch(language="zh"))


async def test_the_worst_come_first(
    fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, tenant: TenantId
) -> None:
    """Problems are at the top of the page."""
    locked = replace(bot, tenant_id="locked", tenant="locked", bot="blocked", access_code="b")
    store.put_tenant(tenant, TenantStatus())
    store.put_tenant(
        TenantId("main", "locked", "locked"), TenantStatus(login=SessionState(blocked=True, reason=REFUSED))
    )
    down = snapshot._replace(up=False, failure=Failure("timeout", "no answer within 10 s", START))
    for name, shown in {
        "fine": make_snapshot(snapshot, autonomy=0.9, before=0.9),
        "unjudged": make_snapshot(snapshot, autonomy=None),
        "low": make_snapshot(snapshot, autonomy=0.2, before=0.2),
        "fell, few callers": make_snapshot(snapshot, autonomy=0.1, before=0.9, calls=2),
        "fell, many callers": make_snapshot(snapshot, autonomy=0.6, before=0.9, calls=200),
        "new": Snapshot(),
        "stale": snapshot._replace(expires=0.0),
        "down": down,
        "down for long": down._replace(expires=0.0),
    }.items():
        store.put(rename(bot, name), "hour", shown)
    store.put(locked, "hour", down)

    expected = ["blocked", "down for long", "down", "stale", "new"]
    expected += ["fell, many callers", "fell, few callers", "low", "fine", "unjudged"]
    assert expected == list_names(await fetch())


async def test_the_highest_score_comes_first(
    fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, verdicts: dict[BotId, Verdict], verdict: Verdict
) -> None:
    """Of the bots without errors, the one that differs most from its past is at the top."""
    for name, score in {"a": 0.0, "b": 7.25, "c": 5.5}.items():
        store.put(rename(bot, name), "hour", make_snapshot(snapshot, autonomy=0.5, before=0.9))
        verdicts[rename(bot, name)] = replace(verdict, signals={"calls_drop": Signal(score, 0.85, 7200)})
    store.put(rename(bot, "unknown"), "hour", make_snapshot(snapshot, autonomy=0.1))

    html = await fetch()
    assert ["b", "c"] == list_names(html)[:2]
    page = read_words(html)
    assert "Drop in calls: 85% in 2 h · score 7.2" in page
    assert 2 == page.count("Drop in calls")
    assert "50.0% usual 71% 65% to 77%" in page
    assert "10 usual 212 150 to 280" in page


async def test_a_judged_bots_own_page(
    fetch: Fetch,
    store: Store,
    bot: BotId,
    snapshot: Snapshot,
    verdicts: dict[BotId, Verdict],
    verdict: Verdict,
    wait: Callable[[float], None],
) -> None:
    """The usual range is next to each value and in the charts, and every signal has its score."""
    store.put(bot, "hour", make_snapshot(snapshot, autonomy=0.48, before=0.75, calls=212))
    path = f"/bots/{bot.tenant_id}/{bot.access_code}"
    assert 'class="band"' not in await fetch(path)
    verdicts[bot] = verdict
    html = await fetch(path)
    page = read_words(html)

    assert "35 days of the past are known." in page
    assert "Drop in autonomy 5.6 23 points 3 h" in page
    assert "Rise in calls 0.0 – –" in page
    assert "212 usual 212 150 to 280" in page
    assert "48.0% usual 71% 65% to 77%" in page
    assert 2 == html.count('<path class="band"')
    wait(300.0)
    assert "usual" not in read_words(await fetch(path)).replace("usual range", "")


@pytest.mark.parametrize(
    "query, expected",
    [
        ("sort=bot", ["a", "B", "c"]),
        ("sort=bot&dir=desc", ["c", "B", "a"]),
        ("sort=autonomy", ["c", "a", "B"]),
        ("sort=autonomy&dir=desc", ["a", "c", "B"]),
        ("sort=change", ["a", "c", "B"]),
        ("sort=calls", ["a", "c", "B"]),
        ("sort=calls&dir=asc", ["c", "a", "B"]),
        ("sort=today", ["a", "B", "c"]),
        ("sort=nonsense&dir=&page=x", ["a", "c", "B"]),
    ],
)
async def test_any_other_order(
    fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, query: str, expected: list[str]
) -> None:
    """A click on a column's head sorts by it; bots without a value are at the end in both directions."""
    totals = (9, *(0,) * 10)
    store.put(
        rename(bot, "a"), "hour", make_snapshot(snapshot._replace(totals=totals), autonomy=0.5, before=0.9, calls=30)
    )
    store.put(rename(bot, "B"), "hour", snapshot._replace(hour=None, totals=(8, *(0,) * 10)))
    store.put(
        rename(bot, "c"), "hour", make_snapshot(snapshot._replace(totals=None), autonomy=0.4, before=0.4, calls=20)
    )

    html = await fetch(f"/?{query}")
    assert expected == list_names(html)
    column = query.partition("sort=")[2].partition("&")[0]
    order = "descending" if "desc" in query or query in ("sort=calls", "sort=today") else "ascending"
    assert [(order, column)] * (column != "nonsense") == re.findall(r'aria-sort="(\w+)"><a id="by-(\w+)"', html)


async def test_search_states_and_pages(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """A search finds one of thousands of bots; the others are on further pages."""
    for number in range(250):
        numbered = replace(
            bot, bot=f"bot {number:03}", access_code=f"code{number}", labels=(("team", f"t{number % 7}"),)
        )
        store.put(numbered, "hour", snapshot._replace(up=number != 77))
    first, last = await fetch("/?sort=bot"), await fetch("/?sort=bot&page=3")

    assert ("bot 000", "bot 099", 100) == (list_names(first)[0], list_names(first)[-1], len(list_names(first)))
    assert ("bot 200", "bot 249", 50) == (list_names(last)[0], list_names(last)[-1], len(list_names(last)))
    assert "Page 3 of 3" in read_words(await fetch("/?page=400000"))
    assert ["bot 123"] == list_names(await fetch("/?q=CODE123"))
    assert ["bot 003", "bot 010"] == list_names(await fetch("/?q=bot+t3&sort=bot"))[:2]
    assert "No bot matches." in read_words(await fetch("/?q=%3Cnobody%3E"))
    found = await fetch("/?q=acme&state=ok")
    assert "249 bots found" in read_words(found)
    assert "page=2" in found


async def test_state_with_its_reason(
    fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, tenant: TenantId, wait: Callable[[float], None]
) -> None:
    """The page says which bot fails, since when and why, and what happens next."""
    now = START + 4500.0
    store.put_tenant(
        tenant, TenantStatus(login=SessionState(blocked=True, reason=REFUSED, code=200800002, retry_at=now + 42 * 60))
    )
    failure = Failure("timeout", "no answer within 10 s", now - 600.0)
    store.put(bot, "hour", snapshot._replace(up=False, failure=failure))
    page = read_words(await fetch())
    assert "Login refused : the app secret is wrong; next try in 42 min" in page
    assert f"{REFUSED}" in page
    assert "no answer in time, for 10 min no answer within 10 s" in page
    assert "100.0%" in page

    store.put_tenant(tenant, TenantStatus(login=SessionState(blocked=True, reason=REFUSED)))
    wait(300.0)
    page = read_words(await fetch())
    assert "no further try until the secret changes or the configuration is reloaded" in page
    assert "Values removed; last success 6 min ago" in page
    assert "100.0%" not in page


async def test_a_field_that_the_platform_does_not_send(
    fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, tenant: TenantId
) -> None:
    """The overview and the bot's page say why metrics are absent although every poll succeeds."""
    store.put(bot, "hour", snapshot)
    hint = "Calls by hour: the platform's records lack a documented field"
    for count, shown in ((0, False), (1, True)):
        store.put_tenant(tenant, TenantStatus({("hour", "missing_field"): count}))
        for path in ("/", f"/bots/{bot.tenant_id}/{bot.access_code}"):
            assert shown == (hint in read_words(await fetch(path)))


async def test_late_records(
    connect: Callable[..., Any],
    settings: config.Config,
    store: Store,
    bot: BotId,
    snapshot: Snapshot,
    wait: Callable[[float], None],
) -> None:
    """A bot whose platform answers, but has had no new hour for long, is not OK."""
    async with connect(configuration=lambda: settings) as client:
        store.put(bot, "hour", snapshot._replace(expires=DAY))
        assert "1 OK" in read_words(await (await client.get("/")).text())
        wait(4 * HOUR)
        page = read_words(await (await client.get("/")).text())
    assert "1 Out of date" in page
    assert "The platform's records are late." in page


async def test_records_are_not_late_with_a_long_poll_interval(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, wait: Callable[[float], None]
) -> None:
    """With a poll interval of an hour, the newest hour may be an hour older."""
    seldom = config.load(SETTINGS.replace("90s", "1h").replace("app_secret_file", "app_secret"), {})
    store.put(bot, "hour", snapshot._replace(expires=DAY))
    async with connect(configuration=lambda: seldom) as client:
        wait(3.5 * HOUR)
        assert "1 OK" in read_words(await (await client.get("/")).text())
        wait(HOUR)
        assert "1 Out of date" in read_words(await (await client.get("/")).text())


async def test_a_platform_whose_polls_all_fail(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """The failure of a whole platform is at the top, once."""
    failure = Failure("connect", "cannot connect: refused", START)
    store.put(bot, "hour", snapshot._replace(up=False, failure=failure))
    page = read_words(await fetch())
    assert "All polls of 1 platform fail" in page
    assert "all polls fail : no connection cannot connect: refused 0 of 1" in page


async def test_discovery(fetch: Fetch, store: Store, tenant: TenantId) -> None:
    """The state of discovery is next to the login, with the error if it fails."""
    found = DiscoveryStatus(up=True, bots=12, last_attempt=START + 4440.0, last_success=START + 4440.0)
    store.put_tenant(tenant, TenantStatus(discovery=found))
    assert "12 bots found, 60 s ago" in read_words(await fetch())
    store.put_tenant(tenant, TenantStatus(discovery=replace(found, up=False, problem="the page makes no sense")))
    page = read_words(await fetch())
    assert "1 tenant with problems" in page
    assert "Discovery failed the page makes no sense" in page


async def test_hours_of_several_zones(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """With bots in several time zones, each hour has its UTC offset; with one time zone, no hour has it."""
    store.put(bot, "hour", snapshot)
    assert "10:00 UTC" not in read_words(await fetch())
    store.put(replace(rename(bot, "Pune"), timezone="Asia/Kolkata"), "hour", snapshot)
    page = read_words(await fetch())
    assert "10:00 UTC+08:00" in page
    assert "07:00 UTC+05:30" in page or "07:30 UTC+05:30" in page


async def test_many_tenants(fetch: Fetch, store: Store) -> None:
    """The page lists the worst of a thousand tenants first, and all of them on request."""
    for number in range(1000):
        status = TenantStatus(
            login=SessionState(blocked=number == 700, reason="refused" if number in (500, 700) else None)
        )
        store.put_tenant(TenantId("main", str(number), f"tenant {number}"), status)
    html = await fetch()
    shown = re.findall(r">(tenant \d+)</a>", html)
    assert ["tenant 700", "tenant 500"] == shown[:2]
    assert overview.TENANTS_SHOWN == len(shown)
    assert "All 1,000 tenants (2 with problems)" in read_words(html)
    assert 1000 == (await fetch("/?tenants=all")).count(">tenant ")


async def test_a_bots_own_page(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """The page has a bot's day by hour, next to yesterday, and the meaning of each value."""
    store.put(bot, "hour", make_snapshot(snapshot, autonomy=0.5, before=0.75, calls=1234))
    html = await fetch(f"/bots/{bot.tenant_id}/{bot.access_code}")
    page = read_words(html)

    assert "Bots › acme billing" in page
    assert "2021-08-13 11:15:00 UTC+08:00" in page
    assert "10:00 1,234 yesterday 1,234" in page
    assert "50.0% yesterday 75.0%" in page
    assert "11:00 in progress – yesterday –" in page
    assert "Calls that reached the bot oifde_hour_calls · oifde_live_hour_calls · oifde_calls_total" in page
    assert 'oifde_call_outcomes_total{outcome="contained"}' in page
    assert 'data-label="Last complete hour 10:00"><div>1,234<' in html  # what a phone has in place of the heads
    assert 2 == html.count('<svg role="img"')
    assert 24 == html.count('<th scope="row">0') + html.count('<th scope="row">1') + html.count('<th scope="row">2')


async def test_an_hour_that_only_one_day_has(fetch: Fetch, store: Store, bot: BotId, clock: Any) -> None:
    """When the clocks change, the table neither loses an hour nor counts one twice."""
    berlin = replace(bot, timezone="Europe/Berlin")
    clock.passed = 1635674400.0 - clock.now()  # 2021-10-31 11:00, after a day of 25 hours has begun
    store.put(berlin, "hour", Snapshot(up=True, last_attempt=0.0, last_success=0.0, expires=1e12))
    hours = re.findall(r'<th scope="row">(\d\d:00)', await fetch(f"/bots/{bot.tenant_id}/{bot.access_code}"))
    assert 25 == len(hours)
    assert ["01:00", "02:00", "02:00", "03:00"] == hours[1:5]


async def test_before_the_first_poll(fetch: Fetch, store: Store, bot: BotId) -> None:
    """Right after the start, the page says that the bot is waiting for its first poll."""
    page = read_words(await fetch())
    assert "No bot is configured or discovered." in page
    assert "platforms answer" not in page
    store.put(bot, "hour", Snapshot())
    page = read_words(await fetch())
    assert "1 Waiting" in page
    assert "1 platform not polled yet" in page
    assert "0 platforms answer" not in page
    assert "The first poll has not ended yet." in read_words(await fetch(f"/bots/{bot.tenant_id}/{bot.access_code}"))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b', "a/b?c#d%2F", "客服\ud83e", "{{ 7 * 7 }}", "a b"])
async def test_names_hold_anything(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot, name: str) -> None:
    """A bot can have any name; it is displayed unchanged, and the link to its page works."""
    odd = replace(bot, bot=name, access_code=name, tenant=name, labels=(("team", name),))
    failure = Failure("api", name, START)
    store.put(odd, "hour", snapshot._replace(up=False, failure=failure))
    store.put_tenant(TenantId("main", bot.tenant_id, name), TenantStatus(login=SessionState(reason=name)))
    shown = name.encode("utf-8", "replace").decode()
    html = await fetch()
    assert [shown] == list_names(html)
    assert 1 == html.count("<script>")
    (path,) = re.findall(r'<a href="(bots/[^"]*)">', html)
    if name.isprintable() and "\ud83e" not in name:
        assert f"bots/{bot.tenant_id}/{quote(name, safe='')}" == path
        own = await fetch(f"/{path}")
        assert shown in read_words(own)
        assert "<script>" not in own
        assert 'href="../../help"' in own


async def test_an_unknown_bot(fetch: Fetch) -> None:
    """An old bookmark gets an explanation, and a link to all bots."""
    html = await fetch("/bots/202104237142/none", status=404)
    assert "No such bot" in read_words(html)
    assert 'href="../../"' in html


@pytest.mark.parametrize(
    "path, language, expected",
    [
        ("/", "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("/", "zh-TW", "zh-Hans"),
        ("/", "de,en;q=0.5,zh;q=0.4", "en"),
        ("/", "en;q=0.4, zh;q=0.5", "zh-Hans"),
        ("/", "en;q=0, *", "zh-Hans"),
        ("/", "zh;q=0", "en"),
        ("/", "nonsense;q=x", "en"),
        ("/?lang=zh", "en", "zh-Hans"),
        ("/?lang=en", "zh", "en"),
        ("/?lang=tlh", "zh", "zh-Hans"),
    ],
)
async def test_the_readers_language(connect: Callable[..., Any], path: str, language: str, expected: str) -> None:
    """The browser's settings decide about the language."""
    async with connect() as client, client.get(path, headers={"Accept-Language": language}) as response:
        assert expected == response.headers["Content-Language"]
        assert "Accept-Language" == response.headers["Vary"]
        html = await response.text()
    assert f'<html lang="{expected}">' in html
    assert ("平台与租户" in html) == (expected == "zh-Hans")


async def test_a_chosen_language_stays(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """A chosen language stays on the following pages and in a search."""
    store.put(bot, "hour", snapshot)
    html = await fetch("/?lang=zh&q=billing")
    links = [link for link in re.findall(r'href="([^"]*)"', html) if link not in ("#main", "metrics", "api/v1/bots")]
    assert [] == [link for link in links if "lang=" not in link]
    assert '<input type="hidden" name="lang" value="zh">' in html
    assert "q=billing&amp;lang=en" in html
    assert 'href="../../?lang=zh"' in await fetch(f"/bots/{bot.tenant_id}/{bot.access_code}?lang=zh")
    for path in ("/help", "/configuration"):
        assert 'href="./?lang=zh"' in await fetch(f"{path}?lang=zh")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_other_servers(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, path: str
) -> None:
    """The page works without internet, and its policy allows only its own style and script."""
    store.put(bot, "hour", snapshot)
    async with connect() as client, client.get(path) as response:
        html = await response.text()
        policy = response.headers["Content-Security-Policy"]
    for word in ("<link", "<img", "http://", "https://", "@import", "url(", " style=", " onclick=", "javascript:"):
        assert word not in html
    for tag in ("style", "script"):
        for text in re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "options, root",
    [
        ({}, ""),
        ({"route_prefix": "/oifde"}, ""),
        ({"external_url": "https://example.com/oifde"}, "https://example.com/oifde/"),
        ({"external_url": "/oifde/"}, "/oifde/"),
    ],
)
async def test_links_behind_a_proxy(
    connect: Callable[..., Any], store: Store, bot: BotId, snapshot: Snapshot, options: dict[str, str], root: str
) -> None:
    """Every link of the overview and of a bot's page leads to an existing page."""
    store.put(bot, "hour", snapshot)
    prefix = "/oifde" if options else ""
    own = f"bots/{bot.tenant_id}/{bot.access_code}"
    async with connect(**options) as client:
        overview = await (await client.get(f"{prefix}/")).text()
        page = await (await client.get(f"{prefix}/{own}")).text()
    for path in ("metrics", "api/v1/bots", "configuration", "help", own):
        assert f'href="{root}{path}"' in overview
    for path in ("metrics", "api/v1/bots", "configuration", "help"):
        assert f'href="{root or "../../"}{path}"' in page
    assert f'href="{root or "./"}"' in overview
    assert f'href="{root or "../../"}"' in page


async def test_the_configuration_without_secrets(
    connect: Callable[..., Any], settings: config.Config, tmp_path: Path
) -> None:
    """The configuration page shows everything but secrets."""
    async with connect(configuration=lambda: settings) as client:
        html = await (await client.get("/configuration")).text()
    text = unescape(html.split("<code>")[1].split("</code>")[0])

    assert "canary" not in html
    for line in (
        "poll_interval: 1m",
        "settle_delay: 10m",
        "empty_hour_delay: 2h",
        "url: https://aicc.example.com:28090",
        "proxy_url: http://<secret>@proxy.example.com:3128",
        "requests_per_second: 20",
        "insecure_skip_verify: false",
        "app_secret: <secret>",
        "token: <secret>",
        f"app_secret_file: {tmp_path / 'secret'}",
        "timezone: America/Sao_Paulo",
        "poll_interval: 90s",
        "bots: 2",
        "enabled: true",
    ):
        assert line in text

    # Apart from the bots, which are counted, the text is a valid configuration.
    pasted = re.sub(r"bots: (\d+)", r'bots: [{access_code: "\1"}]', text)
    assert settings.stale_after == config.load(pasted, {}).stale_after


async def test_no_configuration_yet(fetch: Fetch) -> None:
    """A page requested during the start is not an error."""
    assert "No configuration is in use yet." in read_words(await fetch("/configuration"))


async def test_the_pages_show_the_version(fetch: Fetch) -> None:
    """A user can copy it to a bug report."""
    assert "oifde-exporter 1.2.3" in read_words(await fetch("/help"))


async def test_further_reports(fetch: Fetch, store: Store, bot: BotId, snapshot: Snapshot) -> None:
    """Each report has its section; if only one report fails, the list names it."""
    day = make_record(REPORTS["day"], START - 10 * HOUR - DAY, callCount=4321)
    replies = make_record(
        CHATBOT,
        START,
        consultCount=55,
        responseSuccessCount=50,
        unknowCount=5,
        responseRate=0.9091,
        feedbackCount=4,
        positiveFeedbackCount=3,
        positiveFeedbackRate=0.75,
    )
    failure = Failure("http", "HTTP status 503", START)
    store.put(bot, "hour", snapshot)
    store.put(bot, "day", snapshot._replace(hour=None, live=None, totals=None, day=day))
    store.put(
        bot,
        "chatbot",
        snapshot._replace(
            hour=Hour(START, replies),
            live=replies,
            totals=make_totals(
                CHATBOT,
                consultCount=55,
                responseSuccessCount=50,
                unknowCount=5,
                feedbackCount=4,
                positiveFeedbackCount=3,
            ),
            up=False,
            failure=failure,
        ),
    )
    overview = read_words(await fetch())
    assert "Replies by hour: HTTP error, for 75 min HTTP status 503" in overview
    assert "1 platform OK" in overview
    page = read_words(await fetch(f"/bots/{bot.tenant_id}/{bot.access_code}"))
    assert "Last complete day yesterday Meaning Calls 4,321" in page
    assert "Reply success ratio 90.9% 90.9% –" in page
    assert "oifde_chatbot_hour_replies · oifde_chatbot_live_hour_replies · oifde_replies_total" in page
