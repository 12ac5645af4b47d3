"""The platform's answers for each bot, with which the metrics page is compared.

It is worked out from the platform's answers anew, in a way of its own; nothing of the exporter's is used.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

HOUR: Final = 3600.0

FIELDS: Final = {
    "callCount": "calls",
    "exitNoConsultCount": "call_outcomes/immediate_exit",
    "callStaffNoConsultCount": "call_outcomes/direct_transfer",
    "callStaffConsultCount": "call_outcomes/consulted_transfer",
    "exitConsultingCount": "call_outcomes/contained",
    "interactCount": "interactions",
    "interfaceRequestCount": "interface_requests",
    "interfaceSuccessCount": "interface_successes",
    "averageInteractPerCall": "interactions_per_call",
    "autonomyRate": "autonomy_ratio",
    "interfaceSuccessRate": "interface_success_ratio",
}
"""The platform's fields and their metrics: the name without its prefix, a slash, and its outcome."""

COUNTS: Final = tuple(list(FIELDS.values())[:8])
"""The fields that a day's counters add up."""

BotKey: TypeAlias = tuple[str, str]
"""tenant_id and access_code."""

Figures: TypeAlias = tuple[float | None, ...]
"""The values of one hour in the order of `FIELDS`; None for a value that the page must not have."""

Sums: TypeAlias = tuple[float | None, ...]
"""The sums of a day in the order of `COUNTS`."""


class Settled(NamedTuple):
    """The newest settled hour: its start (epoch seconds) and its values; None for an hour without calls."""

    start: float
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Delays:
    """The configured delays, in seconds."""

    settle: float
    empty: float
    stale_after: float


@dataclass(frozen=True, slots=True)
class Testimony:
    """An answer of the platform for one bot and one local date."""

    at: float
    """Its time, in epoch seconds."""
    day: date
    hours: Mapping[float, Figures]
    """Its values, by the start of the hour."""
    known: Mapping[float, Figures]
    """The same, with the hours of earlier answers that this one lacks: a record stays once it was seen."""
    infers: bool
    """Whether an hour without a record had no calls: not if the answer has records of other dates."""

    @property
    def sums(self) -> Sums:
        """Return the sums of the day so far."""
        columns = list(zip(*self.known.values(), strict=True))[: len(COUNTS)] or [()] * len(COUNTS)
        return tuple(_sum(column) for column in columns)

    def settled(self, now: float, zone: ZoneInfo, delays: Delays) -> set[Settled]:
        """Return the newest settled hour at ``now``, with and without the hours of earlier answers."""
        found = set()
        for hours in (self.hours, self.known):
            settled = [
                start
                for start in hours_of(self.day, zone)
                if (start in hours and start + HOUR + delays.settle <= now)
                or (start not in hours and self.infers and start + HOUR + delays.empty <= now)
            ]
            if settled:
                found.add(Settled(settled[-1], hours.get(settled[-1])))
        return found


class _Book:
    """The answers for one bot."""

    def __init__(self) -> None:
        self.latest: deque[Testimony] = deque()
        self.known: dict[date, dict[float, Figures]] = defaultdict(dict)
        self.figures: dict[float, set[Figures]] = defaultdict(set)
        self.settled: set[Settled] = set()
        self.sums: dict[date, list[set[float | None]]] = defaultdict(lambda: [set() for _ in COUNTS])
        self.days: dict[date, set[Figures]] = defaultdict(set)


class Ledger:
    """The platform's answers. They are kept for some time, and their results for ever."""

    def __init__(self, zones: Mapping[str, ZoneInfo], delays: Delays, *, keep: float = 120.0) -> None:
        """``zones`` by tenant; ``keep`` in seconds."""
        self._zones = zones
        self._delays = delays
        self._keep = keep
        self._books: dict[BotKey, _Book] = defaultdict(_Book)
        self._interned: dict[Figures, Figures] = {}

    def zone(self, bot: BotKey) -> ZoneInfo:
        """Return the time zone of the bot's hours and days."""
        return self._zones[bot[0]]

    def note(self, bot: BotKey, day: date, rows: Sequence[Mapping[str, object]], at: float) -> None:
        """Record an answer for the local date ``day``, given at ``at`` (epoch seconds)."""
        book, zone = self._books[bot], self.zone(bot)
        hours, others = read(bot, day, rows, zone)
        hours = {start: self._interned.setdefault(figures, figures) for start, figures in hours.items()}
        book.known[day].update(hours)
        testimony = Testimony(at, day, hours, dict(book.known[day]), infers=not others)
        book.latest.append(testimony)
        while book.latest[0].at < at - self._keep:
            book.latest.popleft()
        for start, figures in hours.items():
            book.figures[start].add(figures)
        book.settled |= testimony.settled(at, zone, self._delays)
        for seen, value in zip(book.sums[day], testimony.sums, strict=True):
            seen.add(value)

    def note_days(self, bot: BotKey, rows: Sequence[Mapping[str, object]]) -> None:
        """Record an answer of the report by day."""
        book, zone = self._books[bot], self.zone(bot)
        for row in rows:
            if (row["tenantId"], row["accessCode"]) == bot:
                day = local_date(float(str(row["recordTime"])) / 1000, zone)
                book.days[day].add(tuple(_figure(row[name]) for name in FIELDS))

    def forget(self, bot: BotKey) -> None:
        """Forget a bot, as the exporter has."""
        self._books.pop(bot, None)

    def between(self, bot: BotKey, first: float, last: float) -> Sequence[Testimony]:
        """Return the answers between two moments, oldest first."""
        return [testimony for testimony in self._books[bot].latest if first <= testimony.at <= last]

    def ever_figures(self, bot: BotKey, start: float) -> set[Figures]:
        """Return all values that an hour ever had."""
        return self._books[bot].figures[start]

    def ever_settled(self, bot: BotKey) -> set[Settled]:
        """Return all hours that were ever the newest settled hour."""
        return self._books[bot].settled

    def ever_sums(self, bot: BotKey, day: date) -> Sequence[set[float | None]]:
        """Return all sums that a local date ever had, in the order of `COUNTS`."""
        return self._books[bot].sums[day]

    def ever_days(self, bot: BotKey, day: date) -> set[Figures]:
        """Return all values that the report by day ever had for a local date."""
        return self._books[bot].days[day]


def read(
    bot: BotKey, day: date, rows: Sequence[Mapping[str, object]], zone: ZoneInfo
) -> tuple[dict[float, Figures], bool]:
    """Return the hours of ``day`` in an answer, and whether it has records of other dates of the bot."""
    hours: dict[float, tuple[float, Figures]] = {}
    others = False
    for row in rows:
        if (row["tenantId"], row["accessCode"]) != bot:
            continue
        start = float(str(row["recordTime"])) / 1000
        if datetime.fromtimestamp(start, zone).date() != day:
            others = True
            continue
        stored = row.get("dbRecordTime")
        # The soak's own duplicates have no such time: any other record is the later one.
        rank = float("-inf") if stored is None else 0.0
        figures = tuple(_figure(row[name]) for name in FIELDS)
        former = hours.get(start)
        if former is None or (rank, figures[0] or 0.0) > (former[0], former[1][0] or 0.0):
            hours[start] = rank, figures
    return {start: figures for start, (_, figures) in hours.items()}, others


def hours_of(day: date, zone: ZoneInfo) -> Iterator[float]:
    """Yield the starts of a local date's hours; the zones here change by whole hours."""
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    while start < end:
        yield start
        start += HOUR


def midnight(day: date, zone: ZoneInfo) -> float:
    """Return the start of a local date in epoch seconds."""
    return datetime.combine(day, time(), zone).timestamp()


def local_date(moment: float, zone: ZoneInfo) -> date:
    """Return the date in ``zone`` at a moment."""
    return datetime.fromtimestamp(moment, zone).date()


def _figure(raw: object) -> float | None:
    try:
        value = float(str(raw))
    except ValueError:
        return None
    return value if value >= 0 else None  # not a NaN either


def _sum(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return None if values and not there else float(sum(there))
