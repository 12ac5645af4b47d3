"""The schedule of polls."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.polling.schedule import Phases, find_next_slot


@pytest.mark.parametrize("number", [1, 2, 3, 5, 10, 100, 1000])
def test_bots_are_spread_evenly(number: int) -> None:
    """For any number of bots, no gap between two polls is much longer than in an even spread."""
    phases = Phases()
    taken = sorted(phases.take() for _ in range(number))

    gaps = [after - before for before, after in pairwise([*taken, taken[0] + 1])]

    assert 1 / number * 2 >= max(gaps)


@given(
    after=st.floats(0, 1e7),
    interval=st.floats(1, 86400),
    phase=st.floats(0, 1, exclude_max=True),
)
def test_the_next_slot_is_within_the_interval(after: float, interval: float, phase: float) -> None:
    """Each bot has a slot in each interval, however late its last poll was."""
    slot = find_next_slot(after, interval, phase)

    assert after < slot <= after + interval * (1 + 1e-9)
    assert (slot - phase * interval) / interval == pytest.approx(round((slot - phase * interval) / interval), abs=1e-6)


def test_a_late_poll_moves_no_later_one() -> None:
    """The slots after a late poll are the same as after a punctual one."""
    assert find_next_slot(100.0, 60, 0.25) == find_next_slot(130.0, 60, 0.25) == 135.0
