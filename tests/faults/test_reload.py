"""Reloads while polls, logins and scrapes are under way."""

import asyncio
import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, Secret, load
from exporter.polling.poller import Poller
from exporter.simulator import SimTenant
from exporter.upstream.client import PlatformClient
from exporter.upstream.session import TenantSession
from harness import faults

from .rig import INTERVAL, LOGIN, QUERY, TENANT, Rig, bots_named

UP = {"b1": 1, "b2": 1, "b3": 1}
OTHER = SimTenant("202206018301", bots_named("c1", "c2"))


def config(settings: Mapping[str, Any], *, bots: int = 3, name: str = "b1-name", timeout: str = "10s") -> Config:
    """Return the rig's configuration with this many bots, another name for the first, or another request timeout."""
    settings = deepcopy(dict(settings))
    platform = settings["platforms"][0]
    platform["request_timeout"] = timeout
    for tenant in platform["tenants"]:
        tenant["bots"] = tenant["bots"][:bots]
    platform["tenants"][0]["bots"][0]["name"] = name
    return load(yaml.safe_dump(settings), {})


def left_behind() -> Counter[str]:
    """Count what a reload could leave behind, by kind."""
    gc.collect()
    kinds = (Poller, PlatformClient, TenantSession)
    objects = Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, kinds))
    tasks = {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}
    return objects + Counter(tasks) + Counter({"files and sockets": len(list(Path("/proc/self/fd").iterdir()))})


async def test_a_thousand_reloads_under_load(rig: Rig) -> None:
    """Each reload happens during polls, logins and scrapes; no task, socket or thread is left over."""
    simulator = await rig.platform((SimTenant(TENANT, bots_named("b1", "b2", "b3")), OTHER))
    rig.settings["poll_interval"] = "1s"
    configs = [
        config(rig.settings),
        config(rig.settings, bots=1),
        config(rig.settings, name="another"),
        config(rig.settings, timeout="3s"),
        replace(config(rig.settings), platforms=(replace(config(rig.settings).platforms[0], name="renamed"),)),
    ]
    turns = cycle(configs)
    rig.load = lambda: next(turns)
    await rig.start(level="warn")
    rig.hurry()

    async def reload(times: int) -> Counter[str]:
        simulator.faults.add(faults.Delay(0.3), operation=QUERY)
        simulator.faults.add(faults.Delay(0.1), operation=LOGIN)
        simulator.faults.add(faults.HttpStatus(503), probability=0.05)
        for number in range(times):
            assert 200 == await rig.reload()
            await asyncio.sleep(0.07 * (number % 3))
            if number % 10 == 0:
                await rig.page()
        rig.load = lambda: configs[0]
        assert 200 == await rig.reload()
        page = await rig.after(10)
        assert page.up.keys() == {"b1", "b2", "b3", "c1", "c2"}
        rig.load = lambda: next(turns)
        # The same every time: no request under way, no connection kept for the next one, every thread at hand.
        simulator.faults.clear()
        with simulator.faults.active(faults.Close()):
            await asyncio.sleep(20)
            await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(100)))
            return left_behind()

    before = await reload(50)
    after = await reload(1000)
    assert before == after


async def test_many_reloads_at_once(rig: Rig) -> None:
    """Requests during a reload share one further reload, which reads the latest configuration; the shutdown waits for none."""
    await rig.platform()
    await rig.start()
    await rig.after(INTERVAL)
    reading, go = threading.Event(), threading.Event()
    read: list[str] = []
    wanted = "first"

    def load() -> Config:
        read.append(wanted)
        reading.set()
        assert go.wait(60)
        return config(rig.settings, name=wanted)

    rig.load = load
    first = asyncio.create_task(rig.app.reload())
    await asyncio.to_thread(reading.wait, 60)
    storm = [asyncio.create_task(rig.app.reload()) for _ in range(200)]
    await asyncio.sleep(0)
    wanted = "last"
    go.set()
    await asyncio.gather(first, *storm)
    assert ["first", "last"] == read

    reading.clear()
    go.clear()
    under_way = asyncio.create_task(rig.app.reload())
    await asyncio.to_thread(reading.wait, 60)
    late = [asyncio.create_task(rig.app.reload()) for _ in range(200)]
    stopping = asyncio.create_task(rig.stop())
    await asyncio.wait(late)
    go.set()
    await asyncio.gather(stopping, under_way)
    assert all(task.cancelled() for task in late)
    assert ["first", "last", "last"] == read


async def test_during_a_poll(rig: Rig) -> None:
    """A poll continues if nothing changes for it; the poll of a changed bot restarts, that of a removed bot is cancelled."""
    simulator = await rig.platform()
    await rig.start()
    await rig.after(INTERVAL + 45)
    simulator.faults.add(faults.Delay(5.0), operation=QUERY)
    slow = asyncio.create_task(simulator.journal.reached(simulator.journal.counts[QUERY] + 1, QUERY))
    await slow  # b1's
    before = await rig.page()

    assert 200 == await rig.reload()
    page = await rig.after(6)
    assert 200 == simulator.journal.of(QUERY, access_code="b1")[-1].status
    assert before.value("oifde_last_success_timestamp_seconds", access_code="b1") != page.value(
        "oifde_last_success_timestamp_seconds", access_code="b1"
    )

    count = len(simulator.journal.of(QUERY, access_code="b1"))
    await simulator.journal.reached(simulator.journal.counts[QUERY] + 3, QUERY)
    assert count + 1 == len(simulator.journal.of(QUERY, access_code="b1"))
    rig.settings["platforms"][0]["tenants"][0]["bots"][0]["name"] = "renamed"
    assert 200 == await rig.reload()
    page = await rig.page()
    assert {"renamed": 1} == page.by("bot", "oifde_bot_info", access_code="b1")
    assert page.data("b1").keys() == {
        (name, frozenset({**dict(labels), "bot": "renamed"}.items())) for name, labels in before.data("b1")
    }
    await asyncio.sleep(6)
    cancelled, anew = simulator.journal.of(QUERY, access_code="b1")[-2:]
    assert (None, 200) == (cancelled.status, anew.status)

    await simulator.journal.reached(simulator.journal.counts[QUERY] + 3, QUERY)
    del rig.settings["platforms"][0]["tenants"][0]["bots"][0]
    assert 200 == await rig.reload()
    page = await rig.page()
    assert {"b2": 1, "b3": 1} == page.up
    assert {} == page.data("b1")
    count = len(simulator.journal.of(QUERY, access_code="b1"))
    page = await rig.after(2 * INTERVAL)
    assert count == len(simulator.journal.of(QUERY, access_code="b1"))
    assert {"timeout": 2} == page.failures()  # the two requests that were given up


@pytest.mark.parametrize(
    ("change", "logins"),
    [
        (lambda _: None, 1),
        (lambda platform: platform.update(request_timeout="20s"), 2),
        (lambda platform: platform["tenants"][0].update(poll_interval="30s"), 1),
        (lambda platform: platform["tenants"][0]["auth"].update(app_key=TENANT), 1),
        (lambda platform: platform["tenants"][0]["bots"].pop(), 1),
    ],
    ids=["nothing", "the platform", "the interval", "the same login", "the bots"],
)
async def test_during_a_login(rig: Rig, change: Callable[[Any], None], logins: int) -> None:
    """Polls wait for the login under way; only a change to the platform or its secret causes another. No bot goes down."""
    simulator = await rig.platform()
    rule = simulator.faults.add(faults.Delay(5.0), operation=LOGIN)
    starting = asyncio.create_task(rig.start())
    await simulator.journal.reached(1, LOGIN)

    change(rig.settings["platforms"][0])
    assert 200 == await rig.reload()
    simulator.faults.remove(rule)
    await starting
    page = await rig.after(10)

    assert {1} == set(page.up.values())
    assert logins == simulator.journal.counts[LOGIN]
    assert {} == page.failures() == page.failures(LOGIN)
    assert [] == rig.names(level="warn")


async def test_during_a_scrape(rig: Rig) -> None:
    """A scrape that began before the reload gets the whole page from before it."""
    codes = [f"b{number:03d}" for number in range(200)]
    await rig.platform((SimTenant(TENANT, bots_named(*codes)),))
    rig.settings["platforms"][0]["requests_per_second"] = 1000
    await rig.start(level="info")

    async with rig.reading("/metrics") as reader:
        first = await reader.read(1000)
        del rig.settings["platforms"][0]["tenants"][0]["bots"][1:]
        assert 200 == await rig.reload()
        assert {codes[0]: 1} == (await rig.page()).up
        page = rig.parsed(first + await reader.read())

    assert dict.fromkeys(codes, 1) == page.up
    assert len({len(page.data(code)) for code in codes[:3] + codes[-3:]}) == 1


async def test_an_invalid_configuration_changes_nothing(rig: Rig) -> None:
    """The answer is 500 with the reason, the gauge is 0, and polling continues, also after two mistakes and several tries."""
    simulator = await rig.platform()
    await rig.start()
    before = await rig.after(45)
    good = deepcopy(rig.settings)
    rig.forget_events()

    rig.settings["platforms"][0]["tenants"][0]["bots"].pop()
    rig.settings["platforms"][0]["max_concurrency"] = 0
    rig.settings["nonsense"] = 1
    for _ in range(3):
        status, text = await rig.fetch("/-/reload", "POST")
        assert 500 == status
        assert "max_concurrency" in text
        assert "nonsense" in text
    page = await rig.page()
    assert 0 == page.value("oifde_exporter_config_last_reload_successful")
    assert before.data("b3") == page.data("b3") != {}
    page = await rig.after(2 * INTERVAL)
    assert UP == page.up
    assert 1 == simulator.journal.counts[LOGIN]
    assert ["config_invalid", "config_invalid", "reload_failed"] * 3 == rig.names()

    rig.settings = good
    assert 200 == await rig.reload()
    assert 1 == (await rig.page()).value("oifde_exporter_config_last_reload_successful")
    assert 1 == simulator.journal.counts[LOGIN]


@pytest.mark.parametrize("part", ["a platform", "a tenant"])
async def test_a_configuration_fails_halfway(rig: Rig, part: str) -> None:
    """If a part of a valid configuration cannot be set up, nothing changes: nothing new runs, nothing old has ended."""
    simulator = await rig.platform()
    await rig.start()
    before = await rig.after(INTERVAL + 45)
    good = load(yaml.safe_dump(rig.settings), {})
    (platform,) = good.platforms
    (tenant,) = platform.tenants
    impossible = {
        "a platform": replace(platform, name="second", url=None),  # type: ignore[arg-type]
        "a tenant": replace(
            platform, name="second", tenants=(replace(tenant, auth=replace(tenant.auth, app_secret=None)),)
        ),
    }[part]
    kept = left_behind()

    first = replace(platform, request_timeout=3.0, tenants=(replace(tenant, bots=tenant.bots[:1]),))
    rig.load = lambda: replace(good, platforms=(first, impossible))
    assert 500 == await rig.reload()
    page = await rig.page()
    assert UP == page.up
    assert before.data("b3") == page.data("b3") != {}
    assert {} == page.by("access_code", "oifde_bot_info", platform="second")
    assert None is page.value("oifde_upstream_requests_total", platform="second", operation=QUERY)
    assert 0 == page.value("oifde_exporter_config_last_reload_successful")
    assert kept["PlatformClient"] == left_behind()["PlatformClient"]
    polls = simulator.journal.counts[QUERY]
    page = await rig.after(2 * INTERVAL)
    assert UP == page.up
    assert polls + 6 == simulator.journal.counts[QUERY]
    assert 1 == simulator.journal.counts[LOGIN]

    rig.load = lambda: replace(good, platforms=(first,))
    assert 200 == await rig.reload()
    assert {"b1": 1} == (await rig.after(INTERVAL)).up


async def test_a_reload_while_the_platform_is_unreachable(rig: Rig) -> None:
    """The platform stays known as unreachable: a reload without changes sends no request."""
    await rig.platform()
    await rig.start()
    await rig.no_platform()
    page = await rig.after(5 * INTERVAL)
    assert {"b1": 0, "b2": 0, "b3": 0} == page.up
    sent = page.value("oifde_upstream_requests_total", operation=QUERY)

    for _ in range(100):
        assert 200 == await rig.reload()
    page = await rig.page()
    assert sent == page.value("oifde_upstream_requests_total", operation=QUERY)
    assert 1 == len(rig.events("platform_unreachable"))


async def test_another_secret_is_used(rig: Rig) -> None:
    """A secret that is changed in the configuration is used by the next poll's login."""
    simulator = await rig.platform()
    await rig.start()
    await rig.after(45)
    simulator.accounts[TENANT].app_secret = "another-canary-77"
    simulator.accounts.forget_tokens(TENANT)
    good = load(yaml.safe_dump(rig.settings), {})
    (platform,) = good.platforms
    (tenant,) = platform.tenants
    changed = replace(tenant, auth=replace(tenant.auth, app_secret=Secret(text="another-canary-77")))
    rig.load = lambda: replace(good, platforms=(replace(platform, tenants=(changed,)),))

    assert 200 == await rig.reload()
    page = await rig.after(5)
    assert UP == page.up
    assert {} == page.failures(LOGIN)
