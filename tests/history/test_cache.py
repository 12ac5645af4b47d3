"""The cache of the history: restarts, damaged files, and several processes."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from array import array
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from exporter.history.cache import FILE, Cache
from exporter.history.pasts import FetchedDay

from .conftest import OWNER, RULES, MakeRig, capturing_log

DAY = date(2026, 5, 19)
OLDEST = date(2026, 5, 1)


def known(day: date = DAY, calls: int = 5) -> FetchedDay:
    """A day with as many calls in each hour."""
    return FetchedDay(day, 1000.0, array("H", [calls, 0, 0, 0, 0, 0] * 24))


async def written(folder: Path, *days: FetchedDay) -> None:
    """Write days of a bot, like a process that ends normally."""
    cache = Cache(folder, capturing_log()[1])
    for day in days:
        cache.put(OWNER, "b1", day, OLDEST)
    await cache.close()


async def test_a_restart_requests_only_what_is_missing(make_rig: MakeRig, tmp_path: Path) -> None:
    """After a day without the exporter, this is yesterday, and once more the day before."""
    first = make_rig(path=tmp_path)
    await first.run(60)
    second = make_rig(start="2026-05-21T12:00", path=tmp_path)
    await second.run(60)
    assert ["05-20", "05-19"] == [day for _, day in second.platform.days]
    assert [f"05-{day}" for day in range(14, 21)] == second.known()
    assert [("main", "t1", "b1")] * 2 == second.changes


async def test_days_of_another_platform_tenant_or_zone_are_not_taken(tmp_path: Path) -> None:
    """The past belongs to one bot of one tenant of one platform, in one time zone."""
    await written(tmp_path, known())
    cache = Cache(tmp_path, capturing_log()[1])
    assert {"b1": [known()]} == await cache.load(OWNER, RULES, OLDEST)
    for other in (OWNER._replace(url="https://other"), OWNER._replace(tenant_id="t2"), OWNER._replace(zone="UTC")):
        assert {} == await cache.load(other, RULES, OLDEST)


async def test_old_days_are_deleted(tmp_path: Path) -> None:
    """The size of the file is limited."""
    await written(tmp_path, known(date(2026, 4, 1)), known())
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        assert [(1,)] == database.execute("SELECT count(*) FROM days").fetchall()


async def test_an_unusable_day_is_remembered(tmp_path: Path) -> None:
    """A restart does not request a day again whose records are unusable."""
    await written(tmp_path, FetchedDay(DAY, 1000.0, None))
    assert {"b1": [FetchedDay(DAY, 1000.0, None)]} == await Cache(tmp_path, capturing_log()[1]).load(
        OWNER, RULES, OLDEST
    )


def garbage(file: Path) -> None:
    """Replace the file with something that is not a database."""
    file.write_bytes(b"not a database " * 1000)


def cut(file: Path) -> None:
    """Remove the end of the file."""
    file.write_bytes(file.read_bytes()[:5000])


def overwritten(file: Path) -> None:
    """Overwrite the pages after the first."""
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)


def other_version(file: Path) -> None:
    """Set the version of a newer exporter."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")


def odd_day(file: Path) -> None:
    """Shorten a day."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE days SET hours = ?", (b"H\x01\x00",))


@pytest.mark.parametrize(
    "damage", [garbage, cut, overwritten, other_version, odd_day], ids=lambda damage: damage.__name__
)
async def test_a_file_that_cannot_be_read_is_replaced(make_rig: MakeRig, tmp_path: Path, damage: object) -> None:
    """The log says so once, all days are requested again, and the next restart finds them."""
    await make_rig(path=tmp_path).run(60)
    assert callable(damage)
    damage(tmp_path / FILE)
    second = make_rig(path=tmp_path)
    await second.run(60)
    assert 7 == len(second.known()) == len(second.platform.asked)
    assert ["history_cache_rebuilt", "history_complete"] == second.events
    third = make_rig(path=tmp_path)
    await third.run(60)
    assert 7 == len(third.known())
    assert ([], []) == (third.platform.asked, third.events)


async def test_a_folder_that_cannot_be_used(make_rig: MakeRig, tmp_path: Path) -> None:
    """If the folder cannot be created, the past is kept in memory, and the log says so once."""
    (tmp_path / "file").write_text("")
    rig = make_rig(path=tmp_path / "file" / "history")
    await rig.run(60)
    assert 7 == len(rig.known())
    assert ["history_cache_unusable", "history_complete"] == rig.events


async def test_a_read_only_disk(make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days that the file has are not requested again; new ones are kept in memory, and the log says so once."""
    await make_rig(path=tmp_path).run(60)
    content = (tmp_path / FILE).read_bytes()
    connect = sqlite3.connect

    def read_only(file: Path, **options: object) -> sqlite3.Connection:
        return connect(f"file:{file}?mode=ro", uri=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    rig = make_rig(start="2026-05-21T12:00", path=tmp_path)
    await rig.run(60)
    assert ["05-20", "05-19"] == [day for _, day in rig.platform.days]
    assert 7 == len(rig.known())
    assert ["history_complete", "history_cache_unusable"] == rig.events
    assert content == (tmp_path / FILE).read_bytes()


async def test_a_disk_that_is_full(make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The past is kept in memory, the log says so once, and the days are written when there is room again."""
    rig = make_rig(path=tmp_path)
    connect = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        database = connect(*arguments, **options)  # type: ignore[call-overload]
        database.execute("PRAGMA max_page_count = 3")
        return database  # type: ignore[no-any-return]

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", small)
        await rig.run(60)
    assert 7 == len(rig.known())
    assert ["history_cache_unusable", "history_complete"] == rig.events
    await rig.caches[tmp_path].close()
    second = make_rig(path=tmp_path)
    await second.run(60)
    assert [] == second.platform.asked


async def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """Each can load what both have written."""
    log = capturing_log()[1]
    one, two = Cache(tmp_path, log), Cache(tmp_path, log)
    one.put(OWNER, "b1", known(), OLDEST)
    two.put(OWNER, "b2", known(calls=6), OLDEST)
    await asyncio.gather(one.close(), two.close())
    assert {"b1": [known()], "b2": [known(calls=6)]} == await one.load(OWNER, RULES, OLDEST)


async def test_a_file_that_another_process_has_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter continues without it, and writes later."""
    monkeypatch.setattr("exporter.history.cache._BUSY", 0.0)
    await written(tmp_path, known())
    captured, log = capturing_log()
    cache = Cache(tmp_path, log)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert {} == await cache.load(OWNER, RULES, OLDEST)
        cache.put(OWNER, "b2", known(), OLDEST)
        await cache.close()
    assert ["history_cache_unusable"] == [call.kwargs["event"] for call in captured.calls]
    await cache.close()
    assert {"b1", "b2"} == (await cache.load(OWNER, RULES, OLDEST)).keys()


_ENDLESS_WRITER = """
import sqlite3, sys

database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
for number in range(2, 20_000):
    database.execute("INSERT INTO days VALUES (?, 739755, 0.0, zeroblob(2000))", (number,))
    if number == 10_000:
        print("in the middle", flush=True)
        sys.stdin.read()
"""


def kill_in_the_middle(file: Path) -> None:
    """Kill another process while it writes to the file."""
    with subprocess.Popen(
        [sys.executable, "-c", _ENDLESS_WRITER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        assert b"in the middle\n" == writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)


async def test_a_process_that_is_killed_while_it_writes(make_rig: MakeRig, tmp_path: Path) -> None:
    """The next process finds what was there before the write."""
    await make_rig(path=tmp_path).run(60)
    await asyncio.to_thread(kill_in_the_middle, tmp_path / FILE)
    assert (tmp_path / f"{FILE}-journal").exists()
    second = make_rig(path=tmp_path)
    await second.run(60)
    assert ([], []) == (second.platform.asked, second.events)
    assert 7 == len(second.known())
