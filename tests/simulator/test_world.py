import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, pstdev
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import (
    CALM,
    OFFICE_HOURS,
    UNFRIENDLY,
    Counts,
    Habits,
    Incident,
    SimBot,
    SimTenant,
    SimulatedWorld,
    Trouble,
    opening,
)

HOUR = 3600
DAY = 24 * HOUR
NOON = int(datetime(2026, 7, 22, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())  # a Wednesday
COUNTS = {
    "callCount": "calls",
    "exitNoConsultCount": "immediate_exit",
    "callStaffNoConsultCount": "direct_transfer",
    "callStaffConsultCount": "consulted_transfer",
    "exitConsultingCount": "contained",
    "interactCount": "interactions",
    "interfaceRequestCount": "interface_requests",
    "interfaceSuccessCount": "interface_successes",
}
ALWAYS = (1.0,) * 24

moments = st.integers(min_value=0, max_value=4_000_000_000)
seeds = st.integers(min_value=0, max_value=2**32)
zones = st.sampled_from(["Asia/Shanghai", "Asia/Kolkata", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Apia"])
rates = st.floats(min_value=0, max_value=500)


def _world(bot: SimBot, habits: Habits = CALM, *, seed: int = 1, zone: str = "Asia/Shanghai") -> SimulatedWorld:
    return SimulatedWorld(seed, [SimTenant("t", (bot,), timezone=ZoneInfo(zone))], habits)


def _bot(**character: object) -> SimBot:
    return replace(SimBot("b", "bot"), **character)  # type: ignore[arg-type]


def _records(
    world: SimulatedWorld, now: float, *, period: str = "hour", day: float | None = None
) -> list[dict[str, object]]:
    timestamp = int((now if day is None else day) * 1000)
    return world.records("queryCallStatisticsReport", period, "t", "b", timestamp, now)


def _number(record: Mapping[str, object], field: str) -> int:
    value = record[field]
    assert isinstance(value, int)
    return value


def _counts(record: Mapping[str, object]) -> Counts:
    return Counts(**{name: _number(record, field) for field, name in COUNTS.items()})


def _by_hour(world: SimulatedWorld, now: float, *, day: float | None = None) -> dict[int, Counts]:
    """Return the hourly report by the hour's start in epoch seconds."""
    return {_number(record, "recordTime") // 1000: _counts(record) for record in _records(world, now, day=day)}


def _truth(world: SimulatedWorld, days: int = 28, *, first: int = NOON) -> Iterator[tuple[datetime, Counts]]:
    """Yield every hour of this many days with its local time."""
    for start in range(first, first + days * DAY, HOUR):
        yield datetime.fromtimestamp(start, ZoneInfo("Asia/Shanghai")), world.truth("t", "b", start)


@settings(max_examples=30)  # each makes a month's hours
@given(seeds, moments, zones, rates)
def test_records_obey_the_documented_arithmetic(seed: int, now: int, zone: str, rate: float) -> None:
    """The vendor's arithmetic holds between a bot's values, also with every unfriendly habit."""
    world = _world(_bot(calls_per_hour=rate, profile=ALWAYS), UNFRIENDLY, seed=seed, zone=zone)
    for period in ("hour", "day"):
        for record in _records(world, now, period=period):
            counts = _counts(record)
            outcomes = counts.immediate_exit + counts.direct_transfer + counts.consulted_transfer + counts.contained
            assert counts.calls >= outcomes >= 0
            least = counts.immediate_exit + 2 * (counts.direct_transfer + counts.contained)
            assert counts.interactions >= least + 4 * counts.consulted_transfer
            assert counts.interface_requests >= counts.interface_successes >= 0
            judged = counts.direct_transfer + counts.consulted_transfer + counts.contained
            if judged:
                assert f"{counts.contained / judged:.4f}" == record["autonomyRate"]
            else:
                assert record["autonomyRate"] in ("-1.0000", "-1.000")
            if counts.interface_requests:
                success = counts.interface_successes / counts.interface_requests
                assert f"{success:.4f}" == record["interfaceSuccessRate"]
            else:
                assert record["interfaceSuccessRate"] in ("-1.0000", "-1.000")
            assert f"{counts.interactions / counts.calls:.2f}" == record["averageInteractPerCall"]


@given(seeds, moments, zones, rates, st.lists(st.integers(0, 2 * DAY), min_size=2, max_size=5))
def test_a_calm_hour_only_grows(seed: int, now: int, zone: str, rate: float, passed: list[int]) -> None:
    """In a calm world no value of an hour decreases."""
    world = _world(_bot(calls_per_hour=rate, profile=ALWAYS), seed=seed, zone=zone)
    reports = [_by_hour(world, now + seconds, day=now) for seconds in sorted(passed)]
    for former, latter in pairwise(reports):
        for start, counts in former.items():
            assert all(map(int.__le__, counts, latter[start]))


@given(seeds, moments, zones)
def test_the_same_in_any_order_of_asking(seed: int, now: int, zone: str) -> None:
    """Two runs of a demo or a test show the same values."""
    moments_asked = [now + offset for offset in (0, 1800, 5 * HOUR, 3 * DAY)]
    straight, shuffled = (_world(_bot(), UNFRIENDLY, seed=seed, zone=zone) for _ in range(2))
    expected = {moment: _records(straight, moment) for moment in moments_asked}
    for moment in random.Random(seed).sample(moments_asked, len(moments_asked)):
        assert expected[moment] == _records(shuffled, moment)


@given(seeds, moments)
def test_calm_records_are_the_truth(seed: int, now: int) -> None:
    """A test can compare what it sees with the true counts, to the second."""
    world = _world(_bot(profile=ALWAYS), seed=seed)
    for start, counts in _by_hour(world, now).items():
        assert world.truth("t", "b", start, now) == counts


def test_habits_do_not_change_the_truth() -> None:
    """Late and wrong records become correct: an unfriendly world has the same calls as a calm one."""
    bot = _bot(calls_per_hour=200)
    in_the_end = NOON + 3 * DAY
    unfriendly = _world(bot, replace(UNFRIENDLY, late=0.5, restated=0.5))
    assert _by_hour(_world(bot), in_the_end, day=NOON) == _by_hour(unfriendly, in_the_end, day=NOON)


@given(st.integers(0, HOUR), st.integers(0, 600))
def test_a_record_shows_the_calls_up_to_its_lag(into: int, lag: int) -> None:
    """An hour appears, and becomes complete, only after the platform's delay."""
    world = _world(_bot(calls_per_hour=300, profile=ALWAYS), replace(CALM, lag=(lag, lag)))
    for now in (NOON + into, NOON + HOUR + into):
        seen = _by_hour(world, now).get(NOON, Counts())
        assert world.truth("t", "b", NOON, now - lag) == seen


def test_late_hours_are_missing_then_whole() -> None:
    """A late hour has no record until its delay is over, at most 70 minutes after its end; then it is complete."""
    world = _world(_bot(calls_per_hour=100, profile=ALWAYS), replace(CALM, late=1.0))
    seen = [_by_hour(world, NOON + HOUR + minute * 60).get(NOON, Counts()) for minute in range(72)]
    assert {Counts(), world.truth("t", "b", NOON)} == set(seen)
    assert sorted(seen) == seen
    assert Counts() == seen[0]
    assert world.truth("t", "b", NOON) == seen[70]


def test_late_hours_are_late_for_all_bots_of_a_tenant() -> None:
    """The platform adds up a tenant's calls together: an hour without a record of one bot alone is an hour without calls."""
    bots = tuple(_bot(access_code=code, calls_per_hour=100, profile=ALWAYS) for code in ("b", "c"))
    tenants = [SimTenant(tenant, bots) for tenant in ("t", "u")]
    world = SimulatedWorld(1, tenants, replace(CALM, late=0.5))

    missing = {
        (tenant.tenant_id, bot.access_code): [
            not world.published(tenant.tenant_id, bot.access_code, start, start + HOUR).calls
            for start in range(NOON, NOON + DAY, HOUR)
        ]
        for tenant in tenants
        for bot in bots
    }

    assert missing["t", "b"] == missing["t", "c"]
    assert missing["t", "b"] != missing["u", "b"]
    assert {True, False} == set(missing["t", "b"])


def test_without_progress_hours_appear_when_over() -> None:
    """A test can have a platform that publishes an hour only after its end."""
    world = _world(_bot(profile=ALWAYS), replace(CALM, in_progress=False))
    assert NOON not in _by_hour(world, NOON + HOUR - 1)
    assert world.truth("t", "b", NOON) == _by_hour(world, NOON + HOUR)[NOON]


def test_restated_hours_are_first_wrong_then_right() -> None:
    """Some hours' records are corrected later, upwards or downwards, with a new time of storage."""
    world = _world(
        _bot(calls_per_hour=100, profile=ALWAYS), replace(CALM, restated=1.0, restated_after=(3600.0, 3600.0))
    )
    directions = Counter[bool]()
    for start in range(NOON, NOON + DAY, HOUR):
        former, latter = (_by_hour(world, start + HOUR + after, day=start)[start] for after in (3599, 3600))
        assert world.truth("t", "b", start) == latter
        assert former.calls != latter.calls
        directions[former.calls > latter.calls] += 1
    assert {True, False} == set(directions)


@given(seeds, st.integers(0, 3 * HOUR))
def test_wrong_records_are_of_real_hours(seed: int, into: int) -> None:
    """Even a wrong first record does not show an hour before its first call, or without calls."""
    habits = replace(CALM, restated=1.0, restated_after=(7200.0, 7200.0), lag=(300.0, 300.0), late=0.3)
    world = _world(_bot(calls_per_hour=5, profile=opening(12, 14)), habits, seed=seed)
    now = NOON + into
    for start in _by_hour(world, now):
        assert world.truth("t", "b", start, now - 300).calls


def test_empty_hours_are_left_out_or_zero() -> None:
    """A closed hour has no record, or a record of zeros if the platform has that habit."""
    bot = _bot(profile=opening(12, 13))
    assert {NOON} == set(_by_hour(_world(bot), NOON + 3 * HOUR))
    zeros = _by_hour(_world(bot, replace(CALM, empty_left_out=False)), NOON + 3 * HOUR)
    assert Counts() == zeros[NOON + HOUR]
    assert 15 == len(zeros)


def test_order_and_stamps_are_unfriendly() -> None:
    """The order of rows changes; the time of storage is null, a number or text."""
    world = _world(_bot(calls_per_hour=100, profile=ALWAYS), UNFRIENDLY)
    now = NOON + 11 * HOUR
    orders = {tuple(_by_hour(world, now + minute * 60, day=NOON)) for minute in range(5)}
    assert 5 == len(orders)
    records = [record for day in range(20) for record in _records(world, now + day * DAY)]
    assert {int, str, type(None)} == {type(record["dbRecordTime"]) for record in records}


def test_both_spellings_of_nothing_to_judge() -> None:
    """Without interface requests the ratio is "-1.0000" or "-1.000"."""
    world = _world(_bot(profile=ALWAYS, interface_requests=0.0), UNFRIENDLY)
    assert {"-1.0000", "-1.000"} == {record["interfaceSuccessRate"] for record in _records(world, NOON + 11 * HOUR)}


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Asia/Shanghai", (2026, 7, 22), 24),
        ("Asia/Kolkata", (2026, 7, 22), 24),
        ("America/Sao_Paulo", (2018, 11, 4), 23),  # midnight itself was left out
        ("America/Sao_Paulo", (2018, 2, 17), 25),
        ("Europe/Berlin", (2024, 3, 31), 23),
        ("Europe/Berlin", (2024, 10, 27), 25),
    ],
)
def test_a_day_is_the_tenants_day(zone: str, date: tuple[int, int, int], hours: int) -> None:
    """The report of a date has that date's hours in the tenant's zone, 23 to 25 of them."""
    world = _world(_bot(calls_per_hour=100, profile=ALWAYS), zone=zone)
    noon = datetime(*date, 12, tzinfo=ZoneInfo(zone)).timestamp()
    starts = sorted(_by_hour(world, noon + 2 * DAY, day=noon))
    assert hours == len(starts)
    assert {datetime(*date, tzinfo=UTC).date()} == {
        datetime.fromtimestamp(start, ZoneInfo(zone)).date() for start in starts
    }
    assert {HOUR} == {after - before for before, after in pairwise(starts)}


def test_the_day_report_adds_up_the_hours() -> None:
    """The report by day has the last 30 days, including today so far."""
    world = _world(_bot(calls_per_hour=50))
    records = _records(world, NOON, period="day")
    assert 30 == len(records)
    for record, ago in zip(reversed(records), range(30), strict=False):
        hours = _by_hour(world, NOON, day=NOON - ago * DAY)
        assert (NOON - 12 * HOUR - ago * DAY) * 1000 == record["recordTime"]
        assert sum(counts.calls for counts in hours.values()) == record["callCount"]
        assert sum(counts.interactions for counts in hours.values()) == record["interactCount"]
        assert "day" == record["type"]


def test_nothing_from_the_future_or_forgotten() -> None:
    """Tomorrow has no records, nor do days beyond the platform's history."""
    world = _world(_bot(profile=ALWAYS), replace(CALM, history=10.0 * DAY))
    assert [] == _records(world, NOON, day=NOON + DAY)
    assert [] == _records(world, NOON, day=NOON - 12 * DAY)
    assert _records(world, NOON, day=NOON - 9 * DAY)


def test_unknown_bots_have_no_records() -> None:
    """An unknown bot or tenant has no records; a request for its true counts raises KeyError."""
    world = _world(_bot())
    assert [] == world.records("queryCallStatisticsReport", "hour", "t", "nobody", NOON * 1000, NOON)
    assert () == world.bots("nobody")
    with pytest.raises(KeyError):
        world.truth("t", "nobody", NOON)


def test_character_shows_in_the_traffic() -> None:
    """A bot with office hours has no calls at night, on weekends and on holidays, and grows as configured."""
    bot = _bot(calls_per_hour=100, profile=OFFICE_HOURS, weekend=0.2, holidays=frozenset({(8, 4)}))
    calls = {local: counts.calls for local, counts in _truth(_world(bot))}
    assert 0 == sum(number for local, number in calls.items() if not 7 <= local.hour < 19)
    assert 0 == sum(number for local, number in calls.items() if (local.month, local.day) == (8, 4))
    weekend, workdays = (
        fmean(number for local, number in calls.items() if (local.weekday() >= 5) is is_weekend and local.day != 4)
        for is_weekend in (True, False)
    )
    assert pytest.approx(0.2, rel=0.15) == weekend / workdays
    growing = _world(_bot(calls_per_hour=100, growth_per_week=0.05))
    weeks = [sum(counts.calls for _, counts in _truth(growing, 7, first=NOON + week * 7 * DAY)) for week in (0, 20)]
    assert pytest.approx((1 + 0.05 * 49) / (1 + 0.05 * 29), rel=0.05) == weeks[1] / weeks[0]


def test_rates_follow_the_character() -> None:
    """A bot's records show its configured autonomy and interface success."""
    world = _world(_bot(calls_per_hour=200, autonomy=0.6, interface_success=0.9, interface_requests=1.5))
    whole = Counts(*map(sum, zip(*(counts for _, counts in _truth(world)), strict=True)))
    judged = whole.contained + whole.consulted_transfer + whole.direct_transfer
    assert pytest.approx(0.6, abs=0.01) == whole.contained / judged
    assert pytest.approx(0.9, abs=0.01) == whole.interface_successes / whole.interface_requests
    assert pytest.approx(1.5, rel=0.03) == whole.interface_requests / (whole.calls * 0.98)


def _during(trouble: Trouble, size: float) -> tuple[Counts, Counts]:
    """Return a usual hour, and the same hour with an incident."""
    incident = Incident(NOON, NOON + 2 * HOUR, trouble, size)
    usual, struck = (
        _world(_bot(calls_per_hour=2000, profile=ALWAYS, interface_requests=1.0, incidents=incidents))
        for incidents in ((), (incident,))
    )
    assert usual.truth("t", "b", NOON - HOUR) == struck.truth("t", "b", NOON - HOUR)
    assert usual.truth("t", "b", NOON + 2 * HOUR) == struck.truth("t", "b", NOON + 2 * HOUR)
    return usual.truth("t", "b", NOON), struck.truth("t", "b", NOON)


def test_autonomy_drop() -> None:
    """The incident reduces the share of calls that the bot serves alone, only in its hours."""
    usual, struck = _during(Trouble.AUTONOMY, 0.3)
    assert pytest.approx(-0.3 * 0.9, abs=0.05) == struck.contained / struck.calls - usual.contained / usual.calls


def test_interface_trouble() -> None:
    """The incident makes outside interfaces fail."""
    _, struck = _during(Trouble.INTERFACES, 0.5)
    assert pytest.approx(0.48, abs=0.05) == struck.interface_successes / struck.interface_requests


def test_call_loss() -> None:
    """The incident reduces the calls."""
    usual, struck = _during(Trouble.CALL_LOSS, 0.75)
    assert pytest.approx(0.25, rel=0.2) == struck.calls / usual.calls


def test_direct_transfers() -> None:
    """The incident sends callers to an agent at once; the bot serves as many alone as before."""
    usual, struck = _during(Trouble.DIRECT, 0.4)
    assert usual.contained == struck.contained
    assert pytest.approx(0.8, abs=0.1) == struck.direct_transfer / (struck.direct_transfer + struck.consulted_transfer)


def test_hours_differ_in_autonomy() -> None:
    """Autonomy can be lower at night, and can vary between hours, without an incident."""
    nights = (-0.2,) * 7 + (0.0,) * 17
    bot = _bot(calls_per_hour=2000, profile=ALWAYS, weekend=1.0, autonomy_by_hour=nights, autonomy_variation=0.05)
    day: list[float] = []
    night: list[float] = []
    for local, counts in _truth(_world(bot)):
        judged = counts.direct_transfer + counts.consulted_transfer + counts.contained
        (night if local.hour < 7 else day).append(counts.contained / judged)

    assert pytest.approx(0.65, abs=0.01) == fmean(day)
    assert pytest.approx(0.45, abs=0.01) == fmean(night)
    assert pytest.approx(0.05, abs=0.01) == pstdev(day)


def test_surge() -> None:
    """The incident brings additional calls."""
    usual, struck = _during(Trouble.SURGE, 2.0)
    assert pytest.approx(3, rel=0.2) == struck.calls / usual.calls


@pytest.mark.parametrize(
    ("ramp", "every", "expected"),
    [
        (0, None, [0, 1, 1, 0, 0, 0]),
        (HOUR, None, [0, 0.5, 0.5, 0, 0, 0]),
        (HOUR / 2, None, [0, 0.75, 0.75, 0, 0, 0]),
        (9 * HOUR, None, [0, 0.5, 0.5, 0, 0, 0]),  # no ramp is longer than half the incident
        (0, 3 * HOUR, [0, 1, 1, 0, 1, 1]),
    ],
)
def test_strength_of_an_incident(ramp: float, every: float | None, expected: list[float]) -> None:
    """The incident grows and fades over its ramp, and repeats with its period."""
    incident = Incident(NOON, NOON + 2 * HOUR, Trouble.SURGE, 1, ramp=ramp, every=every)
    assert expected == [incident.strength(NOON + hour * HOUR) for hour in range(-1, 5)]


def test_strength_across_the_period() -> None:
    """An hour with the end of a periodic incident and its next start has some of both."""
    incident = Incident(NOON, NOON + HOUR, Trouble.SURGE, 1, every=1.5 * HOUR)
    assert pytest.approx(0.5) == incident.strength(NOON + HOUR / 2)
    assert pytest.approx(0.5) == incident.strength(NOON + HOUR)
    assert pytest.approx(0.5) == incident.strength(NOON + HOUR - 15 * HOUR)


@given(seeds, moments)
def test_chatbot_report_arithmetic(seed: int, now: int) -> None:
    """The replies of the chatbot report are the sum of successful and unknown replies."""
    world = _world(_bot(), UNFRIENDLY, seed=seed)
    for record in world.records("queryChatbotReport", "hour", "t", "b", now * 1000, now):
        replies, unknown = _number(record, "consultCount"), _number(record, "unknowCount")
        helped = _number(record, "responseSuccessCount")
        feedback, positive = _number(record, "feedbackCount"), _number(record, "positiveFeedbackCount")
        assert replies == helped + unknown
        assert feedback >= positive >= 0
        rate = record["positiveFeedbackRate"]
        assert rate == f"{positive / feedback:.4f}" if feedback else rate in ("-1.0000", "-1.000")


def test_truth_of_the_future() -> None:
    """A future hour has no calls yet, and its final counts are known."""
    world = _world(_bot(calls_per_hour=100, profile=ALWAYS))
    assert Counts() == world.truth("t", "b", NOON, NOON)
    assert world.truth("t", "b", NOON, math.inf) == world.truth("t", "b", NOON, NOON + HOUR)
