import pytest

from exporter.judging.judge import Judgement, Signal
from exporter.judging.replay import EVIDENCE, KEEP_FIRING, replay

HOUR = 3600.0
NOW = 1_800_000_000.0


def _judgement(score: float, size: float = 0.3) -> Judgement:
    return {"autonomy_drop": Signal(score, size, 7200)}


def test_an_alert_needs_evidence_and_size() -> None:
    """A certain but small drop does not page, nor does a large but uncertain one."""
    found = [(NOW, _judgement(9, size=0.05)), (NOW + HOUR, _judgement(EVIDENCE - 0.1)), (NOW + 2 * HOUR, _judgement(9))]

    (page,) = replay(found)

    assert ("OifdeBotAutonomyDropped", NOW + 2 * HOUR, None, 9) == (page.alert, page.begin, page.end, page.score)


@pytest.mark.parametrize(("pause", "pages"), [(KEEP_FIRING - HOUR, 1), (KEEP_FIRING + HOUR, 2)])
def test_an_alert_that_comes_back_soon_is_the_same_page(pause: float, pages: int) -> None:
    """A score that falls for some hours in the middle of an incident sends no second page."""
    end = NOW + pause

    assert pages == len(replay([(NOW, _judgement(9)), (NOW + HOUR, _judgement(0)), (end, _judgement(8))]))


def test_a_page_ends_some_hours_after_its_last_evidence() -> None:
    """The end is that of the alert with keep_firing_for."""
    (page,) = replay([(NOW, _judgement(9)), (NOW + KEEP_FIRING + HOUR, _judgement(0))])

    assert NOW + KEEP_FIRING == page.end
