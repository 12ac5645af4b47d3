"""The traffic of the simulated platform and its reports, as pure functions of time.

A world has no state. The same seed, tenants and moment give the same records in every process and in any order of
requests, for any date in the past or the future. The arithmetic of the records is the vendor's, "queryCallStatisticsReport" and
"queryChatbotReport".
"""

import math
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from exporter.simulator.characters import HOUR, UNFRIENDLY, WEEK, Habits, SimBot, SimTenant, Trouble
from exporter.simulator.draws import arrived, binomial, chance, key, poisson

CALL_STATISTICS: Final = "queryCallStatisticsReport"
CHATBOT: Final = "queryChatbotReport"

Record: TypeAlias = dict[str, object]

LAST_TIMESTAMP_MS: Final = 253_370_764_800_000  # the year 9999
"""The largest timestamp that the simulator accepts."""

_YEAR_2026: Final = 1767225600
_DAYS_OF_DAY_REPORT: Final = 30
_SHOWN_OF_RESTATED: Final = 0.9  # the share of its calls a restated hour shows at first, if it shows too few


class World(Protocol):
    """The data of a platform. ``now`` is in epoch seconds, ``timestamp_ms`` in epoch milliseconds."""

    def tenants(self) -> Sequence[SimTenant]:
        """Return all tenants of the platform."""

    def bots(self, tenant_id: str) -> Sequence[SimBot]:
        """Return the bots bound to a tenant; none if there is no such tenant."""

    def records(
        self, report: str, period: str, tenant_id: str, access_code: str, timestamp_ms: int, now: float
    ) -> list[Record]:
        """Return the records of the report ``report`` at ``now``; none if there is no such bot.

        ``period`` is ``hour`` (the hours of the local date that ``timestamp_ms`` lies on) or ``day`` (the 30 days up to it).
        """


class Counts(NamedTuple):
    """The calls of a span of time. Calls without any interaction have no outcome."""

    calls: int = 0
    immediate_exit: int = 0
    direct_transfer: int = 0
    consulted_transfer: int = 0
    contained: int = 0
    interactions: int = 0
    interface_requests: int = 0
    interface_successes: int = 0


class _Hour(NamedTuple):
    """The random draws for one hour of one bot; times are seconds after its end."""

    silent: int
    immediate_exit: int
    direct_transfer: int
    consulted_transfer: int
    contained: int
    more_staff_no_consult: int  # interactions beyond the least number of the outcome
    more_staff_consult: int
    more_exit_consulting: int
    requests: int
    successes: int
    phase: float  # 0 to 1, for details without a draw of their own
    lag: float
    late: float  # 0: not late
    restated: float  # 0: correct from the start
    surplus: int  # excess calls in the first record of a restated hour; 0: some calls are missing

    def until(self, fraction: float) -> Counts:
        """Return the calls that arrived in the first ``fraction`` (0 to 1) of the hour."""
        phase = self.phase
        silent = arrived(self.silent, fraction, phase)
        immediate_exit = arrived(self.immediate_exit, fraction, phase + 0.17)
        direct_transfer = arrived(self.direct_transfer, fraction, phase + 0.35)
        consulted_transfer = arrived(self.consulted_transfer, fraction, phase + 0.53)
        contained = arrived(self.contained, fraction, phase + 0.71)
        interacting = immediate_exit + direct_transfer + consulted_transfer + contained
        requests = _scale(
            self.requests,
            interacting,
            self.immediate_exit + self.direct_transfer + self.consulted_transfer + self.contained,
        )
        return Counts(
            silent + interacting,
            immediate_exit,
            direct_transfer,
            consulted_transfer,
            contained,
            immediate_exit
            + (2 * direct_transfer + _scale(self.more_staff_no_consult, direct_transfer, self.direct_transfer))
            + (4 * consulted_transfer + _scale(self.more_staff_consult, consulted_transfer, self.consulted_transfer))
            + (2 * contained + _scale(self.more_exit_consulting, contained, self.contained)),
            requests,
            _scale(self.successes, requests, self.requests),
        )


class _Line(NamedTuple):
    """A bot with its tenant."""

    key: int
    tenant_id: str
    timezone: ZoneInfo
    bot: SimBot


class SimulatedWorld:
    """Draws the traffic of tenants' bots from their characters, and publishes it with ``habits``."""

    def __init__(self, seed: int, tenants: Sequence[SimTenant], habits: Habits = UNFRIENDLY) -> None:
        self._seed = seed
        self._habits = habits
        self._tenants = {tenant.tenant_id: tenant for tenant in tenants}
        self._lines = {
            (tenant.tenant_id, bot.access_code): _Line(
                key(seed, tenant.tenant_id, bot.access_code), tenant.tenant_id, tenant.timezone, bot
            )
            for tenant in tenants
            for bot in tenant.bots
        }
        # A cache for a day of every bot and the hours around it.
        size = 4096 + 30 * len(self._lines)
        self._hour: Callable[[tuple[str, str], int], _Hour] = lru_cache(size)(self._draw_hour)
        self._settled_day: Callable[[tuple[str, str], int], Counts] = lru_cache(size)(self._add_up_settled_day)
        self._settles = max(habits.lag[1], habits.latest, habits.restated_after[1])

    def tenants(self) -> Sequence[SimTenant]:
        return tuple(self._tenants.values())

    def bots(self, tenant_id: str) -> Sequence[SimBot]:
        tenant = self._tenants.get(tenant_id)
        return tenant.bots if tenant else ()

    def records(
        self, report: str, period: str, tenant_id: str, access_code: str, timestamp_ms: int, now: float
    ) -> list[Record]:
        name = (tenant_id, access_code)
        line = self._lines.get(name)
        if line is None:
            return []
        ordinal = _read_date(line.timezone, timestamp_ms).toordinal()
        records = (
            self._list_hours(report, name, ordinal, now)
            if period == "hour"
            else self._list_days(report, name, ordinal, now)
        )
        if self._habits.shuffled:
            random.Random(line.key + int(now // 60)).shuffle(records)
        return records

    def truth(self, tenant_id: str, access_code: str, hour: int, now: float = math.inf) -> Counts:
        """Return the true counts until ``now`` of the hour that begins at ``hour`` (both in epoch seconds).

        Raises KeyError if there is no such bot.
        """
        name = (tenant_id, access_code)
        if name not in self._lines:
            raise KeyError(name)
        return self._hour(name, hour).until((now - hour) / HOUR)

    def published(self, tenant_id: str, access_code: str, hour: int, now: float) -> Counts:
        """Return the counts that the record of the hour at ``hour`` has at ``now`` (both in epoch seconds).

        All counts are 0 while there is none. Raises KeyError if there is no such bot.
        """
        name = (tenant_id, access_code)
        if name not in self._lines:
            raise KeyError(name)
        return self._publish(self._hour(name, hour), hour, now)

    def _list_hours(self, report: str, name: tuple[str, str], ordinal: int, now: float) -> list[Record]:
        line, habits = self._lines[name], self._habits
        first, end = _find_midnight(line.timezone, ordinal), _find_midnight(line.timezone, ordinal + 1)
        records = []
        for start in range(first, math.ceil(min(end, now)), HOUR):
            if start < now - habits.history:
                continue
            hour = self._hour(name, start)
            counts = self._publish(hour, start, now)
            if counts.calls or (not habits.empty_left_out and now >= start + HOUR + (hour.late or hour.lag)):
                records.append(
                    self._record(report, "hour", line, start, counts, hour.phase, _find_stored(hour, start, now))
                )
        return records

    def _list_days(self, report: str, name: tuple[str, str], ordinal: int, now: float) -> list[Record]:
        line = self._lines[name]
        records = []
        for day in range(ordinal - _DAYS_OF_DAY_REPORT + 1, ordinal + 1):
            start, end = _find_midnight(line.timezone, day), _find_midnight(line.timezone, day + 1)
            if start >= now or start < now - self._habits.history:
                continue
            settled = now >= end + self._settles
            counts = self._settled_day(name, day) if settled else self._add_up_day(name, day, now)
            if counts.calls or not self._habits.empty_left_out:
                stored = min(now, end + self._settles)
                records.append(self._record(report, "day", line, start, counts, chance(line.key, day), stored))
        return records

    def _add_up_settled_day(self, name: tuple[str, str], ordinal: int) -> Counts:
        return self._add_up_day(name, ordinal, math.inf)

    def _add_up_day(self, name: tuple[str, str], ordinal: int, now: float) -> Counts:
        timezone = self._lines[name].timezone
        end = min(now, _find_midnight(timezone, ordinal + 1))
        hours = range(_find_midnight(timezone, ordinal), math.ceil(end), HOUR)
        published = [self._publish(self._hour(name, start), start, now) for start in hours]
        return Counts(*map(sum, zip(*published, strict=True)))

    def _publish(self, hour: _Hour, start: int, now: float) -> Counts:
        """Return the counts that the record of an hour has at ``now``; no calls if there is no record yet."""
        after = now - (start + HOUR)  # seconds since the hour ended
        if hour.late or not self._habits.in_progress:
            fraction = 1.0 if after >= (hour.late or hour.lag) else 0.0
        else:
            fraction = (after - hour.lag) / HOUR + 1
        if not hour.restated or after >= hour.restated:
            return hour.until(fraction)
        if not hour.surplus:
            return hour.until(min(fraction, _SHOWN_OF_RESTATED))
        counts = hour.until(fraction)
        if not counts.calls:
            return counts
        return counts._replace(
            calls=counts.calls + hour.surplus,
            immediate_exit=counts.immediate_exit + hour.surplus,
            interactions=counts.interactions + hour.surplus,
        )

    def _draw_hour(self, name: tuple[str, str], start: int) -> _Hour:
        line, habits = self._lines[name], self._habits
        bot = line.bot
        rng = random.Random(line.key ^ (start * 0x9E3779B97F4A7C15))
        trouble = dict.fromkeys(Trouble, 0.0)
        for incident in bot.incidents:
            trouble[incident.trouble] += incident.size * incident.strength(start)

        local = datetime.fromtimestamp(start, line.timezone)
        expected = _expect_calls(bot, local, start)
        expected *= max(0.0, 1 - trouble[Trouble.CALL_LOSS]) * (1 + trouble[Trouble.SURGE])
        calls = poisson(rng, expected * max(0.0, rng.gauss(1, bot.variation)))
        silent = binomial(rng, calls, bot.silent)
        immediate_exit = binomial(rng, calls - silent, bot.leaving)
        consulting = calls - silent - immediate_exit
        autonomy = bot.autonomy + bot.autonomy_by_hour[local.hour] - trouble[Trouble.AUTONOMY]
        if bot.autonomy_variation:
            autonomy += rng.gauss(0, bot.autonomy_variation)
        contained = binomial(rng, consulting, min(1.0, max(0.0, autonomy)))
        direct_transfer = binomial(rng, consulting - contained, min(1.0, bot.direct + trouble[Trouble.DIRECT]))
        consulted_transfer = consulting - contained - direct_transfer
        requests = poisson(rng, (calls - silent) * bot.interface_requests) if calls > silent else 0
        successes = binomial(rng, requests, max(0.0, bot.interface_success - trouble[Trouble.INTERFACES]))
        more = (
            binomial(rng, direct_transfer, 0.5),
            poisson(rng, 2.5 * consulted_transfer),
            poisson(rng, 2 * contained),
        )
        phase = rng.random()
        # Habits are drawn last, so that they do not change the draws above.
        lag = rng.uniform(*habits.lag)
        late = self._draw_delay(line.tenant_id, start)
        restated = rng.uniform(*habits.restated_after) if rng.random() < habits.restated else 0.0
        surplus = rng.choice((0, 1 + calls // 20))
        return _Hour(
            silent,
            immediate_exit,
            direct_transfer,
            consulted_transfer,
            contained,
            *more,
            requests,
            successes,
            phase,
            lag,
            late,
            restated,
            surplus,
        )

    def _draw_delay(self, tenant_id: str, start: int) -> float:
        """Return how long after its end an hour's records appear; 0 if they are not late. All bots of a tenant wait together."""
        rng = random.Random(key(self._seed, tenant_id, start))
        return rng.uniform(self._habits.lag[1], self._habits.latest) if rng.random() < self._habits.late else 0.0

    def _record(
        self, report: str, period: str, line: _Line, start: int, counts: Counts, phase: float, stored: float
    ) -> Record:
        record: Record = {
            "recordTime": start * 1000,
            "tenantId": line.tenant_id,
            "accessCode": line.bot.access_code,
        }
        none = "-1.000" if phase < self._habits.short_minus_one else "-1.0000"
        if report == CHATBOT:
            replies = counts.interactions
            unknown = int(replies * (0.04 + 0.04 * phase))
            feedback = int(counts.calls * 0.1 + phase)
            positive = int(feedback * 0.8)
            record |= {
                "type": period,
                "consultCount": replies,
                "responseSuccessCount": replies - unknown,
                "unknowCount": unknown,
                "responseRate": _write_ratio(replies - unknown, replies, none),
                "feedbackCount": feedback,
                "positiveFeedbackCount": positive,
                "positiveFeedbackRate": _write_ratio(positive, feedback, none),
            }
            return record
        judged = counts.direct_transfer + counts.consulted_transfer + counts.contained
        record |= {
            "callCount": counts.calls,
            "exitNoConsultCount": counts.immediate_exit,
            "callStaffNoConsultCount": counts.direct_transfer,
            "callStaffConsultCount": counts.consulted_transfer,
            "exitConsultingCount": counts.contained,
            "interactCount": counts.interactions,
            "autonomyRate": _write_ratio(counts.contained, judged, none),
            "averageInteractPerCall": f"{counts.interactions / (counts.calls or 1):.2f}",
            "dbRecordTime": self._write_stored(line, phase, stored),
            "type": period,
            "interfaceRequestCount": counts.interface_requests,
            "interfaceSuccessCount": counts.interface_successes,
            "interfaceSuccessRate": _write_ratio(counts.interface_successes, counts.interface_requests, none),
        }
        return record

    def _write_stored(self, line: _Line, phase: float, stored: float) -> int | str | None:
        style = phase * 7 % 1
        if style < self._habits.db_time_null:
            return None
        if style < self._habits.db_time_null + self._habits.db_time_text:
            return datetime.fromtimestamp(stored, line.timezone).strftime("%Y-%m-%d %H:%M:%S")
        return int(stored) * 1000


def _expect_calls(bot: SimBot, local: datetime, start: int) -> float:
    if (local.month, local.day) in bot.holidays:
        return 0.0
    growth = max(0.1, 1 + bot.growth_per_week * (start - _YEAR_2026) / WEEK)
    return bot.calls_per_hour * bot.profile[local.hour] * growth * (bot.weekend if local.weekday() >= 5 else 1.0)


def _find_stored(hour: _Hour, start: int, now: float) -> float:
    """Return when the record of an hour was last written: every minute until it is complete, and once to correct it."""
    end = start + HOUR
    if hour.restated and now >= end + hour.restated:
        return end + hour.restated
    return min(now // 60 * 60, end + (hour.late or hour.lag))


def _scale(total: int, done: int, of: int) -> int:
    return total * done // of if of else 0


def _write_ratio(part: int, whole: int, none: str) -> str:
    return f"{part / whole:.4f}" if whole else none


def _read_date(timezone: ZoneInfo, timestamp_ms: int) -> date:
    return datetime.fromtimestamp(timestamp_ms / 1000, timezone).date()


@lru_cache(4096)
def _find_midnight(timezone: ZoneInfo, ordinal: int) -> int:
    """Return the first epoch second of the local date with that ordinal, even if clocks change at midnight."""
    return int(datetime.combine(date.fromordinal(ordinal), time(), timezone).timestamp())
