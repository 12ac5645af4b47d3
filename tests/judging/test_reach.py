"""How far a tenant's reports reach."""

import pytest

from exporter.judging.reach import Reach

HOUR = 3600.0
NOW = 1_800_000_000.0


def test_a_report_that_is_late_for_all_bots_reaches_no_further() -> None:
    """Without calls of the other bots only settled hours are known."""
    reach = Reach()
    reach.add("a", NOW, 100, 0)
    reach.add("b", NOW, 100, 0)

    assert NOW == reach.known_until("a", NOW, NOW + HOUR / 2)


def test_other_bots_calls_tell_how_far_the_reports_reach() -> None:
    """Where the others have their calls up to now, a bot without calls has lost its own."""
    reach = Reach()
    reach.add("a", NOW, 100, 0)
    reach.add("b", NOW, 100, 10)
    reach.add("b", NOW, 100, 50)

    assert NOW + HOUR / 2 == reach.known_until("a", NOW, NOW + HOUR / 2)
    assert NOW == reach.known_until("b", NOW, NOW + HOUR / 2)


@pytest.mark.parametrize(("came", "until"), [(9, NOW), (10, NOW + HOUR / 4)])
def test_half_of_the_expected_calls_are_enough(came: int, until: float) -> None:
    """With fewer the report counts as late; with half of them it reaches as far as the calls that came."""
    reach = Reach()
    reach.add("b", NOW, 40, came)
    reach.add("a", NOW, 40, 0)

    assert until == reach.known_until("a", NOW, NOW + HOUR / 2)


@pytest.mark.parametrize(("expected", "until"), [(19.9, NOW), (20, NOW + HOUR)])
def test_few_expected_calls_tell_nothing(expected: float, until: float) -> None:
    """The other bots must expect twenty calls."""
    reach = Reach()
    reach.add("a", NOW, 100, 0)
    reach.add("b", NOW, expected, 20)

    assert until == reach.known_until("a", NOW, NOW + HOUR)


def test_only_the_calls_expected_so_far_count() -> None:
    """At the beginning of an hour most of its calls are still to come."""
    reach = Reach()
    reach.add("a", NOW, 100, 0)
    reach.add("b", NOW, 30, 30)

    assert NOW == reach.known_until("a", NOW, NOW + HOUR / 2)
    assert NOW + HOUR == reach.known_until("a", NOW, NOW + HOUR)


def test_the_newest_count_of_a_bot_replaces_the_one_before() -> None:
    """Calls of two polls are not added up."""
    reach = Reach()
    for came in (10, 60):
        reach.add("b", NOW, 100, came)

    assert NOW + 0.6 * HOUR == reach.known_until("a", NOW, NOW + HOUR)


def test_an_hour_ends_however_many_calls_came() -> None:
    """More calls than expected do not reach into the next hour."""
    reach = Reach()
    reach.add("b", NOW, 100, 250)

    assert NOW + HOUR == reach.known_until("a", NOW, NOW + 2 * HOUR)


def test_an_hour_that_is_late_for_all_bots_stays_unknown_when_the_next_hour_has_begun() -> None:
    """The next hour's calls do not show that the late hour had none."""
    reach = Reach()
    for bot in ("a", "b"):
        reach.add(bot, NOW, 100, 0)
        reach.add(bot, NOW + HOUR, 100, 40)

    assert NOW == reach.known_until("a", NOW, NOW + 1.5 * HOUR)
    assert NOW + 1.4 * HOUR == reach.known_until("a", NOW + HOUR, NOW + 1.5 * HOUR)
