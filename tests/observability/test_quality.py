"""The measurement of the alerts, part by part; all of it is run with `make alert-quality`."""

import random
from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from exporter.polling.calendar import day_before, local_date, midnight
from exporter.polling.windows import Rules as WindowRules
from exporter.polling.windows import State, count, fold
from exporter.simulator import OFFICE_HOURS, Counts, SimBot, SimTenant, SimulatedWorld, Trouble
from exporter.upstream.reports import HOUR, parse
from observability.quality import fleet, history, judge, limit
from observability.quality.judge import Episode
from observability.quality.measure import seconds
from observability.quality.server import Rules

STEP = 900
BEGIN = 1788134400  # 2026-08-31 in Shanghai, 08:00
ZONE = ZoneInfo("Asia/Shanghai")


def as_exported(world: SimulatedWorld, tenant: SimTenant, bot: SimBot, times: list[float]) -> Iterator[history.Sample]:
    """What the exporter's own windows make of the platform's reports, polled at these times."""
    rules = WindowRules(HOUR, ZONE, history.SETTLE_DELAY, history.EMPTY_HOUR_DELAY)
    state = State()
    for now in times:
        today = local_date(now, ZONE)
        for day in (day_before(today), today):
            rows = world.records(
                "queryCallStatisticsReport",
                "hour",
                tenant.tenant_id,
                bot.access_code,
                int(midnight(day, ZONE) * 1000),
                now,
            )
            parsed = parse(HOUR, rows, tenant_id=tenant.tenant_id, access_code=bot.access_code)
            state = fold(state, rules, day, parsed, now).state
        state = count(state, rules, now)
        yield history.Sample(
            now,
            _counts(state.hour.record.values if state.hour and state.hour.record else None),
            _counts(state.shown_totals),
        )


def _counts(values: tuple[float | None, ...] | None) -> Counts:
    names = [field.name for field in HOUR.fields]
    fields = {
        "calls": "callCount",
        "immediate_exit": "exitNoConsultCount",
        "direct_transfer": "callStaffNoConsultCount",
        "consulted_transfer": "callStaffConsultCount",
        "contained": "exitConsultingCount",
        "interactions": "interactCount",
        "interface_requests": "interfaceRequestCount",
        "interface_successes": "interfaceSuccessCount",
    }
    return Counts(**{mine: int((values[names.index(field)] if values else 0) or 0) for mine, field in fields.items()})


@pytest.mark.parametrize("profile", [None, OFFICE_HOURS], ids=["round the clock", "office hours"])
def test_the_history_is_what_the_exporter_shows(profile: tuple[float, ...] | None) -> None:
    """Late records, corrections, empty hours and midnights among it."""
    bot = SimBot("b", "bot", calls_per_hour=30) if profile is None else SimBot("b", "bot", 30, profile, weekend=0)
    tenant = SimTenant("t", (bot,), timezone=ZONE)
    world = SimulatedWorld(7, [tenant])
    times = [float(BEGIN + STEP * number) for number in range(6 * 96)]

    ours, exported = (list(source(world, tenant, bot, times)) for source in (history.samples, as_exported))

    # At the first moment an exporter has just started.
    different = [(mine, true) for mine, true in zip(ours[1:], exported[1:], strict=True) if mine.day != true.day]
    assert [] == different
    # A record that came only after a newer hour was shown is never shown, which a history of the truth cannot know.
    assert (
        len([1 for mine, true in zip(ours[1:], exported[1:], strict=True) if mine.hour != true.hour]) <= len(times) / 50
    )


def test_every_bot_has_incidents_of_its_own() -> None:
    """Of every kind, one a fortnight, after two quiet weeks; the same seed draws the same."""
    one, same, other = fleet.draw(5, 16), fleet.draw(5, 16), fleet.draw(6, 16)

    assert one.cases == same.cases != other.cases
    assert {2} == set(Counter(name for name, _ in one.bots).values())
    assert {3} == set(Counter(case.bot.access_code for case in one.cases).values())
    assert {kind.name for kind in fleet.KINDS} == {case.kind.name for case in one.cases}
    assert min(case.start for case in one.cases) >= fleet.BEGIN + 14 * 86400
    assert max(case.end for case in one.cases) <= fleet.BEGIN + 56 * 86400


def test_a_page_begins_when_the_alert_has_held_and_ends_when_it_has_not() -> None:
    """As Prometheus does with `for` and `keep_firing_for`."""
    held = [0.0, 60.0, 120.0, 180.0, 420.0, 1200.0, 1260.0]

    assert [("b", 120.0, 720.0)] == [
        (page.access_code, page.start, page.end) for page in judge.episodes("A", {"b": held}, 60, hold=120, keep=300)
    ]
    assert [(0.0, 180.0), (420.0, 420.0), (1200.0, 1260.0)] == [
        (page.start, page.end) for page in judge.episodes("A", {"b": held}, 60, hold=0, keep=0)
    ]


def test_a_page_is_right_during_an_incident_of_its_kind_alone() -> None:
    """What is left of it in the windows a day later is neither found nor false; anything else is false."""
    bot = SimBot("b", "bot")
    kind = next(kind for kind in fleet.KINDS if kind.trouble is Trouble.AUTONOMY)
    case = fleet.Case(bot, kind, start=1e6, end=1e6 + 36 * 3600)
    drop, surge = "OifdeBotAutonomyDropped", "OifdeBotCallsSurge"
    pages = [
        Episode("b", drop, 0.9e6, 0.91e6),
        Episode("b", drop, 1e6 + 3600, 1e6 + 7200),
        Episode("b", surge, 1e6 + 3600, 1e6 + 7200),
        Episode("b", drop, case.end + 3600, case.end + 7200),
        Episode("other", drop, 1e6 + 3600, 1e6 + 7200),
        Episode("b", drop, 10.0, 20.0),
    ]

    verdict = judge.judge([case], pages, since=1000.0)

    assert {case: 3600.0} == verdict.delays
    assert [pages[1], pages[3]] == list(verdict.true)
    assert {pages[0], pages[2], pages[4]} == set(verdict.false)


def test_the_limit_has_the_false_alarms_it_says() -> None:
    """The CUSUM's threshold by formula, against calls drawn one by one."""
    usual, worse, calls_between = 0.65, 0.45, 400.0
    information = limit.angle(usual) - limit.angle(worse)
    reach = limit.threshold(information**2, calls_between)
    rng = random.Random(1)

    runs = [_run(rng, usual, worse, reach) for _ in range(400)]

    assert calls_between == pytest.approx(fmean(runs), rel=0.25)


def _run(rng: random.Random, usual: float, worse: float, reach: float) -> int:
    """After how many calls with nothing wrong the CUSUM gives an alarm."""
    total, calls = 0.0, 0
    while total < reach:
        calls += 1
        total = max(0.0, total + limit.gain(rng.random() < usual, 1, usual, worse))
    return calls


def test_rules_are_evaluated_after_those_they_need() -> None:
    """And those that no alert needs not at all."""
    rules = Rules(
        [
            {"record": "bot:c:x", "expr": "bot:b:x offset 1w + bot:a:x"},
            {"record": "bot:a:x", "expr": "up"},
            {"record": "bot:b:x", "expr": "bot:a:x"},
            {"record": "bot:unused:x", "expr": "up"},
        ],
        [{"alert": "A", "expr": "bot:c:x > 1"}],
    )

    assert [["bot:a:x"], ["bot:b:x"], ["bot:c:x"]] == [[rule["record"] for rule in level] for level in rules.levels()]


def test_durations_are_read_as_prometheus_reads_them() -> None:
    """Also those of several parts."""
    assert [0, 30, 600, 5400, 86400] == [seconds(text) for text in ("0s", "30s", "10m", "1h30m", "1d")]
