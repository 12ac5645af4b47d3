"""Save the past in a file for the next start. The exporter also runs without this file."""

import asyncio
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.history.pasts import FetchedDay
from exporter.judging.hours import Counts, Hours
from exporter.polling.calendar import list_hours
from exporter.polling.windows import Rules

FILE: Final = "history.sqlite"
FLUSH_AFTER: Final = 2.0
"""Seconds between the first new day and the transaction that writes it with all later ones."""

_VERSION: Final = 1
_BUSY: Final = 5.0
"""Seconds to wait for another process that writes to the file."""
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS bots (
    id INTEGER PRIMARY KEY, url TEXT, tenant_id TEXT, access_code TEXT, zone TEXT,
    UNIQUE (url, tenant_id, access_code, zone)
);
CREATE TABLE IF NOT EXISTS days (bot INTEGER, date INTEGER, asked REAL, hours BLOB, PRIMARY KEY (bot, date)) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""

_Result = TypeVar("_Result")


class Owner(NamedTuple):
    """A tenant. ``url`` is the platform's, without user and password."""

    url: str
    tenant_id: str
    zone: str


class Cache:
    """Days in an SQLite file. Each use opens the file, so it can be replaced at any time and shared with other processes.

    If the process is killed during a write, SQLite's rollback journal restores what was there before.
    """

    def __init__(self, folder: Path, log: FilteringBoundLogger) -> None:
        self._file = folder / FILE
        self._log = log.bind(file=str(self._file))
        self._pending: dict[tuple[Owner, str], dict[date, FetchedDay]] = defaultdict(dict)
        self._task: asyncio.Task[None] | None = None
        self._using = asyncio.Lock()
        self._oldest: date | None = None
        self._pruned: date | None = None
        self._warned = False

    async def load(self, owner: Owner, rules: Rules, oldest: date) -> Mapping[str, Sequence[FetchedDay]]:
        """Return the days of a tenant's bots from ``oldest`` on, by access code."""
        async with self._using:
            return await asyncio.to_thread(self._load, owner, rules, oldest)

    def put(self, owner: Owner, access_code: str, day: FetchedDay, oldest: date) -> None:
        """Write a day soon, and delete those before ``oldest``."""
        self._pending[owner, access_code][day.date] = day
        self._oldest = oldest
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_soon())

    async def close(self) -> None:
        """Write the days that are not written yet."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    async def _flush_soon(self) -> None:
        await asyncio.sleep(FLUSH_AFTER)
        # Once it has begun, a write is not cancelled: the thread would go on.
        await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        async with self._using:
            pending, self._pending = self._pending, defaultdict(dict)
            if pending and not await asyncio.to_thread(self._write, pending):
                for key, days in pending.items():
                    self._pending[key] = {**days, **self._pending[key]}  # for the next write

    def _load(self, owner: Owner, rules: Rules, oldest: date) -> Mapping[str, Sequence[FetchedDay]]:
        def read(database: sqlite3.Connection) -> Mapping[str, Sequence[FetchedDay]]:
            found: dict[str, list[FetchedDay]] = defaultdict(list)
            rows = database.execute(
                "SELECT access_code, date, asked, hours FROM days JOIN bots ON bot = id"
                " WHERE url = ? AND tenant_id = ? AND zone = ? AND date >= ?",
                (*owner, oldest.toordinal()),
            )
            for access_code, ordinal, asked, content in rows:
                day = date.fromordinal(ordinal)
                found[access_code].append(FetchedDay(day, float(asked), _unpack(content, rules, day)))
            return found

        return self._use(read) or {}

    def _write(self, pending: Mapping[tuple[Owner, str], Mapping[date, FetchedDay]]) -> bool:
        def write(database: sqlite3.Connection) -> bool:
            with database:
                for (owner, access_code), days in pending.items():
                    bot = (owner.url, owner.tenant_id, access_code, owner.zone)
                    database.execute(
                        "INSERT OR IGNORE INTO bots (url, tenant_id, access_code, zone) VALUES (?, ?, ?, ?)", bot
                    )
                    database.executemany(
                        "INSERT OR REPLACE INTO days SELECT id, ?, ?, ? FROM bots"
                        " WHERE url = ? AND tenant_id = ? AND access_code = ? AND zone = ?",
                        [(day.date.toordinal(), day.asked, _pack(day.hours), *bot) for day in days.values()],
                    )
                if self._oldest is not None and self._oldest != self._pruned:
                    database.execute("DELETE FROM days WHERE date < ?", (self._oldest.toordinal(),))
                    self._pruned = self._oldest
            return True

        return self._use(write) or False

    def _use(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        """Run ``work`` on the file, or on a new one if this one is damaged. Return None if there is no usable file."""
        try:
            try:
                result = self._try(work)
            except sqlite3.OperationalError:  # it cannot be read or written now; nothing is wrong with its content
                raise
            except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
                for suffix in ("", "-journal"):
                    self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
                self._log.warning("history_cache_rebuilt", error=str(error))
                result = self._try(work)
        except (sqlite3.Error, OSError) as error:
            if not self._warned:
                self._warned = True
                self._log.warning("history_cache_unusable", error=str(error))
            return None
        self._warned = False
        return result

    def _try(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=_BUSY)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in {0, _VERSION}:
                raise sqlite3.DatabaseError(f"its version is {version}, and this exporter writes {_VERSION}")
            if version == 0:
                database.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            return work(database)


def _pack(hours: "Hours | None") -> bytes | None:
    return None if hours is None else hours.typecode.encode() + hours.tobytes()


def _unpack(content: bytes | None, rules: Rules, day: date) -> "Hours | None":
    """Read the hours of a date. Raises ValueError or TypeError if they are damaged."""
    if content is None:
        return None
    hours = array(chr(content[0]), content[1:])
    if len(hours) != len(list_hours(day, rules.zone)) * len(Counts._fields):
        raise ValueError(f"{day} has {len(hours)} values")
    return hours
