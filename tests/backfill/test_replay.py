"""History against the live path: the same functions, one fed as time went by, the other with what is known at last."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporter.backfill.replay import Span, Tally, count_hours, find_first_record, list_days, replay
from exporter.polling.calendar import find_day_before, find_local_date, find_midnight
from exporter.polling.windows import Rules, State, count, fold, wants_day_before
from exporter.simulator import UNFRIENDLY, Habits, SimBot, SimTenant, SimulatedWorld
from exporter.simulator.characters import opening
from exporter.simulator.world import CALL_STATISTICS
from exporter.upstream.reports import HOUR, Parsed, parse

STEP = 240
SHANGHAI = ZoneInfo("Asia/Shanghai")


def rules(zone: ZoneInfo = SHANGHAI) -> Rules:
    """The default delays."""
    return Rules(HOUR, zone, settle_delay=600, empty_hour_delay=7200)


def report(hours: Mapping[int, int], of: date, zone: ZoneInfo = SHANGHAI) -> Parsed:
    """A report with so many calls in these hours of a date."""
    rows = [
        {"recordTime": int((find_midnight(of, zone) + 3600 * hour) * 1000), "callCount": calls}
        for hour, calls in hours.items()
    ]
    return parse(HOUR, rows, tenant_id="t1", access_code="b1")


def moment(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """A local time in epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def shown(
    reports: Mapping[date, Parsed], begin: str, end: str, *, gap: tuple[str, str] | None = None
) -> Mapping[str, tuple[str | None, object]]:
    """By the local time of day: the hour shown and the calls counted."""
    span = Span(moment(begin), moment(end))
    whole = Span(*map(moment, gap)) if gap else Span(span.begin - 10 * 86400, span.end + 10 * 86400)
    known = find_first_record(reports, rules())
    return {
        f"{datetime.fromtimestamp(at, SHANGHAI):%H:%M}": (
            f"{datetime.fromtimestamp(snapshot.hour.start, SHANGHAI):%H}" if snapshot.hour else None,
            snapshot.totals[0] if snapshot.totals else None,
        )
        for at, snapshot in replay(reports, rules(), span, gap=whole, step=STEP, known_since=known)
    }


D19, D20, D21 = date(2026, 5, 19), date(2026, 5, 20), date(2026, 5, 21)
BUSY = {D19: report(dict.fromkeys(range(24), 30), D19), D20: report(dict.fromkeys(range(24), 60), D20)}


def test_an_hour_is_shown_from_when_it_settled() -> None:
    """Ten minutes after its end, and the one before until then; the counter grows during the hour."""
    past = shown(BUSY, "2026-05-20T10:00", "2026-05-20T11:20")

    assert ("08", 600) == past["10:00"]
    assert ("08", 608) == past["10:08"]
    assert ("09", 612) == past["10:12"]
    assert ("09", 660) == past["11:00"]
    assert ("10", 672) == past["11:12"]


def test_midnight_is_held_and_a_0_is_shown() -> None:
    """Yesterday's whole day until its last hour has settled, then a 0, then the new day."""
    past = shown(BUSY, "2026-05-19T23:56", "2026-05-20T01:20")

    assert [("23:56", 718), ("00:00", 720), ("00:04", 720), ("00:08", 720), ("00:12", 0), ("00:16", 16)] == [
        (at, counted) for at, (_, counted) in list(past.items())[:6]
    ]
    assert ("22", "23", "00") == (past["00:08"][0], past["00:12"][0], past["01:12"][0])


def test_a_day_that_ends_without_calls_is_held_for_two_hours() -> None:
    """As live, a record that may only be late shows as an empty hour."""
    reports = {D19: report({20: 5}, D19), D20: report({9: 1}, D20)}

    past = shown(reports, "2026-05-19T22:00", "2026-05-20T02:20")

    assert [5, 5, 0, 0] == [past[at][1] for at in ("00:12", "01:56", "02:00", "02:04")]
    assert ["20", "20", "21", "22", "23"] == [past[at][0] for at in ("22:00", "23:56", "00:00", "01:00", "02:00")]


def test_nothing_is_shown_before_the_first_record() -> None:
    """The platform may have forgotten what was before, or there was no bot."""
    reports = {D19: report({}, D19), D20: report({9: 1}, D20)}

    past = shown(reports, "2026-05-20T00:00", "2026-05-20T10:20")
    known = find_first_record(reports, rules())

    assert (None, None) == past["08:56"]
    assert (None, 0) == past["09:00"]
    assert ("09", 1) == past["10:12"]
    span = Span(moment("2026-05-20T00:00"), moment("2026-05-20T12:00"))
    assert Tally(recorded=1, empty=2, unknown=9) == count_hours(reports, rules(), span, known)
    assert [] == list(replay({D20: report({}, D20)}, rules(), span, gap=span, step=STEP, known_since=None))


def test_there_are_no_counters_where_they_could_seem_to_fall() -> None:
    """Not in the hour in which the gap begins, and not after the last hour that is surely over when it ends."""
    past = shown(BUSY, "2026-05-20T10:20", "2026-05-20T18:20", gap=("2026-05-20T10:20", "2026-05-20T18:20"))

    assert ["11:00", "16:00"] == [
        [at for at, (_, counted) in past.items() if counted is not None][end] for end in (0, -1)
    ]
    assert all(hour for hour, _ in past.values())


def test_parts_give_what_the_whole_gives() -> None:
    """A day that turns between two parts shows its 0 in the second one."""
    begin, turn, end = "2026-05-19T20:00", "2026-05-20T00:11", "2026-05-20T06:00"
    gap = ("2026-05-19T12:00", "2026-05-20T18:00")

    whole = shown(BUSY, begin, end, gap=gap)

    assert whole == {**shown(BUSY, begin, turn, gap=gap), **shown(BUSY, turn, end, gap=gap)}


WHOLE_HOURS = replace(UNFRIENDLY, in_progress=False, lag=(120.0, 540.0), late=0.0)


@pytest.mark.parametrize(
    ("zone", "begin", "habits"),
    [
        ("Asia/Kolkata", date(2026, 5, 19), UNFRIENDLY),
        ("Europe/Berlin", date(2024, 10, 26), UNFRIENDLY),  # has a day of 25 hours
        ("America/New_York", date(2024, 3, 9), WHOLE_HOURS),  # of 23
    ],
)
def test_whatever_is_missing_the_joined_counters_count_every_call_once(zone: str, begin: date, habits: Habits) -> None:
    """Gaps short and long, many at midnight: increase() over live and replayed values together equals the true count."""
    # Corrections downwards are what counters cannot follow, live or not.
    platform = Platform(ZoneInfo(zone), replace(habits, restated=0.0), begin)
    live = platform.live()
    assert platform.truth == increase(live)
    rng = random.Random(zone)
    for _ in range(25):
        gap = platform.gap(rng)
        joined = [*(sample for sample in live if sample[0] < gap.begin), *platform.replay(gap)]
        joined += (sample for sample in live if sample[0] >= gap.end)
        assert platform.truth == increase(joined), gap


class Platform:
    """A platform with a bot that nobody calls at 5 o'clock, from a date's 5 o'clock to that three days later."""

    def __init__(self, zone: ZoneInfo, habits: Habits, begin: date) -> None:
        bot = SimBot("b1", "busy", calls_per_hour=40, profile=opening(8, 2))
        self._world = SimulatedWorld(3, [SimTenant("t1", (bot,), timezone=zone)], habits)
        self._rules = rules(zone)
        self._dates = [begin + timedelta(days=day) for day in range(-1, 5)]
        first, last = (
            datetime.combine(day, datetime.min.time(), zone) + timedelta(hours=5) for day in self._dates[1:5:3]
        )
        self._span = Span(int(first.timestamp()), int(last.timestamp()))
        hours = range(*self._span, 3600)
        self.truth = sum(self._world.truth("t1", "b1", hour).calls for hour in hours)

    def live(self) -> Sequence[tuple[int, float]]:
        """The calls counted by an exporter that polls every two minutes."""
        state, past = State(), []
        for now in range(*self._span, 120):
            today = find_local_date(now, self._rules.zone)
            state = fold(state, self._rules, today, self._report(today, now), now).state
            if wants_day_before(state, self._rules, now):
                state = fold(
                    state, self._rules, find_day_before(today), self._report(find_day_before(today), now), now
                ).state
            state = count(state, self._rules, now)
            assert state.shown_totals is not None
            past.append((now, state.shown_totals[0] or 0))
        return past

    def gap(self, rng: random.Random) -> Span:
        """Any time between, half of them with an end near midnight."""
        length = rng.choice([600, 3600, 10_000, 40_000, 110_000])
        turn = int(find_midnight(rng.choice(self._dates[2:4]), self._rules.zone)) + rng.randrange(-5000, 10_000)
        begin = rng.choice([turn, turn - length, rng.randrange(self._span.begin + 3600, self._span.end - 12_000)])
        return Span(begin, begin + length).within(Span(self._span.begin + 600, self._span.end - 600))

    def replay(self, gap: Span) -> Sequence[tuple[int, float]]:
        """The calls counted in a gap, as known days later."""
        later = self._span.end + 86_400
        reports = {of: self._report(of, later) for of in list_days(gap, self._rules, STEP)}
        known = find_midnight(self._dates[0], self._rules.zone)
        past = replay(reports, self._rules, gap, gap=gap, step=STEP, known_since=known)
        return [(at, snapshot.totals[0] or 0) for at, snapshot in past if snapshot.totals]

    def _report(self, of: date, now: float) -> Parsed:
        timestamp = int(find_midnight(of, self._rules.zone) * 1000)
        rows = self._world.records(CALL_STATISTICS, "hour", "t1", "b1", timestamp, now)
        return parse(HOUR, rows, tenant_id="t1", access_code="b1")


def increase(series: Iterable[tuple[int, float]]) -> float:
    """Compute the increase as Prometheus does, without extrapolation: a value that fell restarted from 0."""
    return sum(after - before if after >= before else after for (_, before), (_, after) in pairwise(series))
