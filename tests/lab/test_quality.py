from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from lab.quality import lasting
from lab.quality.limit import count_alarms, find_threshold
from lab.quality.measure import GOALS, Calm, Case, Quiet, count_pages, find
from lab.quality.pages import find_days
from lab.quality.traffic import SOURCES, SPAN


def test_a_measurement_is_the_same_on_every_run() -> None:
    """A seed decides all of it."""
    case = Case(GOALS[0], 1, "busy", None)

    assert find(case) == find(case)


def test_an_incident_is_found_no_sooner_than_it_begins() -> None:
    """A drop of 20 points of a busy bot is found, after it has begun."""
    found = find(Case(GOALS[0], 2, "busy", None))

    assert found is not None
    assert found.delay is not None
    assert 0 < found.delay < 36 * 3600


def test_a_quiet_month_has_no_page() -> None:
    """Calm shares of a busy bot send none."""
    assert 0 == sum(count_pages(Quiet(3, "calm", "busy", None)).values())


def test_the_limit_finds_lost_calls_that_quiet_traffic_does_not_have() -> None:
    """A total loss leaves more evidence than any hour of a month without incidents."""
    (goal,) = (goal for goal in GOALS if goal.title == "all calls are lost")
    found = find(Case(goal, 1, "busy", None))
    _, quiet = Calm(goal, 1, "busy", None).weigh()

    assert found is not None
    assert found.evidence > quiet.max()


def test_a_threshold_lets_as_many_alarms_through_as_allowed() -> None:
    """It is the lowest one that does."""
    quiet = [(np.arange(5) * 1e6, np.array([1.0, 5.0, 3.0, 2.0, 4.0]))]
    threshold = find_threshold(quiet, 2)

    assert 2 == count_alarms(*quiet[0], threshold)
    assert 3 == count_alarms(*quiet[0], threshold - 0.1)


def test_days_without_records_send_no_page() -> None:
    """They are unknown, not empty."""
    (change,) = (change for change in lasting.CHANGES if change.unknown)

    assert (0, 0.0) == lasting.count_pages(lasting.Changed(change, 1, "busy"))


def test_the_days_of_false_pages_are_listed(tmp_path: Path) -> None:
    """A day without traffic is listed by its local date."""
    source = SOURCES[0]
    first = datetime(2026, 3, 9, tzinfo=source.zone)
    empty = SPAN - 10
    rows = [
        f"{(first + timedelta(day)).replace(hour=hour).isoformat()},{0 if day == empty else 5000}\n"
        for day in range(SPAN)
        for hour in range(24)
    ]
    (tmp_path / f"{source.file}.csv").write_text("start,calls\n" + "".join(rows), encoding="utf-8")

    days = find_days(Quiet(1, "calm", source.file, tmp_path))

    assert [(f"{first + timedelta(empty):%Y-%m-%d %A}", "OifdeBotCallsVanished")] == days
