"""A simulated world with moods that come and go, and a record of its answers."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from exporter.simulator import CALM, Habits, SimBot, SimTenant, SimulatedWorld
from lab.soak.ledger import BotKey

Rows: TypeAlias = list[dict[str, object]]
Mood: TypeAlias = Callable[[Rows], Rows]

BOTS_PER_TENANT: Final = 20
_DAY_MS: Final = 86_400_000

_ZONES: Final = (
    *("Africa/Johannesburg", "Asia/Shanghai", "Asia/Beirut", "Asia/Kathmandu", "America/Sao_Paulo"),
    *("Africa/Maputo", "Asia/Kolkata", "UTC", "America/New_York", "Asia/Tokyo"),
)
"""At 22:00 UTC on 28 March 2026 a day begins in three of these zones, in one without its hour from 0 to 1."""

HABITS: Final = Habits(
    lag=(1.0, 15.0), late=0.1, latest=150.0, restated=0.2, restated_after=(20.0, 200.0), history=CALM.history
)
"""All unfriendly habits, but in minutes: an hour comes up to 150 s late, and may be corrected soon after."""


def tenants(bots: int, seed: int) -> Sequence[SimTenant]:
    """Return this many bots, busy and quiet, some closed at night, of tenants in many time zones."""
    rng = random.Random(seed)
    made = []
    for first in range(0, bots, BOTS_PER_TENANT):
        number = first // BOTS_PER_TENANT
        of_tenant = tuple(
            SimBot(
                f"9433708554742{index:05d}",
                rng.choice(["账单助手", "Claims", 'a "bot"', "back\\slash", "Farmácia"]) + f" {index}",
                calls_per_hour=rng.choice([0.3, 3, 30, 300, 3000]),
                profile=rng.choice([(1.0,) * 24, (1.0,) * 12 + (0.0,) * 12, (0.0, 1.0) * 12]),
            )
            for index in range(first, min(bots, first + BOTS_PER_TENANT))
        )
        made.append(SimTenant(f"20210423{number:04d}", of_tenant, timezone=ZoneInfo(_ZONES[number % len(_ZONES)])))
    return made


@dataclass(frozen=True, slots=True)
class Statement:
    """An answer for a bot and a local date, with its time (epoch seconds); by hour or by day."""

    period: str
    bot: BotKey
    day: date
    rows: Rows
    at: float


heard: ContextVar[list[Statement] | None] = ContextVar("heard", default=None)
"""Receives the answers of the present request, if set."""


@dataclass(slots=True)
class MoodyWorld:
    """A world whose bots can have moods. Its answers go to `heard`."""

    world: SimulatedWorld
    mood_of: Callable[[BotKey], Mood | None]
    zones: Mapping[str, ZoneInfo] = field(init=False)

    def __post_init__(self) -> None:
        self.zones = {tenant.tenant_id: tenant.timezone for tenant in self.world.tenants()}

    def tenants(self) -> Sequence[SimTenant]:
        return self.world.tenants()

    def bots(self, tenant_id: str) -> Sequence[SimBot]:
        return self.world.bots(tenant_id)

    def records(
        self, report: str, period: str, tenant_id: str, access_code: str, timestamp_ms: int, now: float
    ) -> list[dict[str, object]]:
        rows = self.world.records(report, period, tenant_id, access_code, timestamp_ms, now)
        bot = (tenant_id, access_code)
        if mood := self.mood_of(bot):
            rows = mood(rows)
        if (statements := heard.get()) is not None:
            day = datetime.fromtimestamp(timestamp_ms / 1000, self.zones[tenant_id]).date()
            statements.append(Statement(period, bot, day, rows, now))
        return rows


def _newest_missing(rows: Rows) -> Rows:
    newest = max((_time(row) for row in rows), default=0)
    return [row for row in rows if _time(row) != newest]


def _spoilt(rows: Rows) -> Rows:
    bad = {"callCount": "n/a", "interactCount": None, "callStaffConsultCount": -3, "autonomyRate": "NaN"}
    return [{**row, **bad} for row in rows]


def _as_text(rows: Rows) -> Rows:
    return [{name: str(value) if name.endswith("Count") else value for name, value in row.items()} for row in rows]


def _others_too(rows: Rows) -> Rows:
    return rows + [{**row, "tenantId": "another"} for row in rows] + [{**row, "accessCode": "another"} for row in rows]


def _yesterday_too(rows: Rows) -> Rows:
    return rows + [{**row, "recordTime": _time(row) - _DAY_MS} for row in rows]


def _many(rows: Rows) -> Rows:
    if not rows:
        return rows
    oldest = min(rows, key=_time)
    before = _time(oldest) - _DAY_MS
    return rows + [{**oldest, "recordTime": before - hour * 3_600_000} for hour in range(400)]


def _twice(rows: Rows) -> Rows:
    return [{**row, "callCount": max(0, _count(row) - 1), "dbRecordTime": None} for row in rows] + rows


def _fewer(rows: Rows) -> Rows:
    return [{**row, "callCount": _count(row) // 2} for row in rows]


def _more_fields(rows: Rows) -> Rows:
    return [{**row, "satisfaction": 5} for row in rows]


MOODS: Final[Mapping[str, Mood]] = MappingProxyType(
    {
        "empty report": lambda _rows: [],
        "newest record missing": _newest_missing,
        "fields spoilt": _spoilt,
        "numbers as text": _as_text,
        "records of others": _others_too,
        "records of yesterday": _yesterday_too,
        "400 records more": _many,
        "records twice": _twice,
        "fewer calls than before": _fewer,
        "unknown fields": _more_fields,
    }
)
"""The ways in which records can be unusual."""


def _time(row: Mapping[str, object]) -> int:
    return int(str(row["recordTime"]))


def _count(row: Mapping[str, object]) -> int:
    return int(str(row["callCount"]))
