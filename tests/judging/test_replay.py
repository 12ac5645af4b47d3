import pytest

from exporter.judging.judge import Judgement, Signal
from exporter.judging.replay import EVIDENCE, KEEP_FIRING, Judged, Page, inhibit, replay, replay_tenant

HOUR = 3600.0
NOW = 1_800_000_000.0


def _judgement(score: float, size: float = 0.3) -> Judgement:
    return {"direct_transfers_rise": Signal(score, size, 7200)}


def test_an_alert_needs_evidence_and_size() -> None:
    """A certain but small drop does not page, nor does a large but uncertain one."""
    found = [(NOW, _judgement(9, size=0.05)), (NOW + HOUR, _judgement(EVIDENCE - 0.1)), (NOW + 2 * HOUR, _judgement(9))]

    (page,) = replay(found)

    assert ("OifdeBotDirectTransfersSurge", NOW + 2 * HOUR, None, 9) == (page.alert, page.begin, page.end, page.score)


@pytest.mark.parametrize(("pause", "pages"), [(KEEP_FIRING - HOUR, 1), (KEEP_FIRING + HOUR, 2)])
def test_an_alert_that_comes_back_soon_is_the_same_page(pause: float, pages: int) -> None:
    """A score that falls for some hours in the middle of an incident sends no second page."""
    end = NOW + pause

    assert pages == len(replay([(NOW, _judgement(9)), (NOW + HOUR, _judgement(0)), (end, _judgement(8))]))


def test_a_page_ends_some_hours_after_its_last_evidence() -> None:
    """The end is that of the alert with keep_firing_for."""
    (page,) = replay([(NOW, _judgement(9)), (NOW + KEEP_FIRING + HOUR, _judgement(0))])

    assert NOW + KEEP_FIRING == page.end


def test_a_surge_that_is_gone_at_night_is_the_same_page_on_the_next_day() -> None:
    """A lasting surge pages once."""
    surge = {"calls_rise": Signal(9.0, 1.5, 7200)}

    assert 1 == len(replay([(NOW, surge), (NOW + 9 * HOUR, {}), (NOW + 18 * HOUR, surge)]))
    assert 2 == len(replay([(NOW, surge), (NOW + 9 * HOUR, {}), (NOW + 34 * HOUR, surge)]))


def _lose(bot: str, score: float, moment: float = NOW, expected: float = 10.0) -> Judged:
    return Judged(moment, bot, {"calls_drop": Signal(score, 0.9, 3600)}, expected)


@pytest.mark.parametrize(
    ("judged", "alerts"),
    [
        pytest.param([_lose("a", 9), _lose("b", 2), _lose("c", 0)], 1, id="most bots, one of them for certain"),
        pytest.param([_lose("a", 9), _lose("b", 0)], 0, id="half of the bots"),
        pytest.param([_lose("a", 2), _lose("b", 2)], 0, id="nothing certain"),
        pytest.param([_lose("a", 9)], 0, id="one bot is no tenant"),
        pytest.param([_lose("a", 9), _lose("b", 2), _lose("c", 0, expected=0.0), _lose("d", 0, expected=0.0)], 1,
                     id="bots that expect no calls do not count"),
        pytest.param([_lose("b", 2), _lose("a", 9, NOW + HOUR)], 1, id="the latest judgement of each bot counts"),
    ],
)  # fmt: skip
def test_an_alert_about_a_tenant(judged: list[Judged], alerts: int) -> None:
    """Most of its bots miss calls, and one has lost them for certain."""
    assert ["OifdeTenantCallsVanished"] * alerts == [page.alert for page in replay_tenant(judged)]


def _page(alert: str, begin: float, end: float | None) -> Page:
    return Page(alert, "", begin, end, 9, 0.9, 3600)


@pytest.mark.parametrize(
    ("inhibiting", "alert"),
    [
        ("OifdeTenantCallsVanished", "OifdeBotCallsVanished"),
        ("OifdeBotInterfaceFailing", "OifdeBotAutonomyDropped"),
        ("OifdeBotAutonomyDropped", "OifdeBotDirectTransfersSurge"),
    ],
)
def test_an_alert_that_another_one_explains_is_not_sent(inhibiting: str, alert: str) -> None:
    """It is sent if it begins before that one, or goes on after it."""
    source = _page(inhibiting, NOW, NOW + 3 * HOUR)
    explained = _page(alert, NOW, NOW + 3 * HOUR)
    longer, lasting, before = _page(alert, NOW, NOW + 4 * HOUR), _page(alert, NOW, None), _page(alert, NOW - HOUR, NOW)

    assert [longer, lasting, before] == inhibit([explained, longer, lasting, before], [source])


def test_an_alert_of_the_same_bot_inhibits() -> None:
    """Alerts that have nothing to do with each other are all sent."""
    alerts = (
        "OifdeBotInterfaceFailing",
        "OifdeBotAutonomyDropped",
        "OifdeBotDirectTransfersSurge",
        "OifdeBotCallsVanished",
    )

    sent = inhibit([_page(alert, NOW, None) for alert in alerts])

    assert ["OifdeBotInterfaceFailing", "OifdeBotCallsVanished"] == [page.alert for page in sent]
