from lab.quality.measure import GOALS, Case, Quiet, count_pages, find


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
