"""Robust estimates: a few unusual days do not move them."""

from statistics import NormalDist

import pytest

from exporter.judging.robust import find_middle_mean, find_spread


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([4.0, 1.0, 1.0], 2.0),
        ([0.0, 1.0, 3.0, 1000.0], 2.0),
        ([-1000.0, 1.0, 2.0, 3.0, 1000.0], 2.0),
        ([-1000.0, -1000.0, 1.0, 3.0, 1000.0, 1000.0], 2.0),
        ([*[-1000.0] * 2, 1.0, 1.0, 2.0, 2.0, 4.0, 2.0, *[1000.0] * 2], 2.0),
    ],
)
def test_the_extreme_fifths_do_not_count(values: list[float], mean: float) -> None:
    """A fifth is rounded up; of three values each counts."""
    assert mean == pytest.approx(find_middle_mean(values))
    assert mean == pytest.approx(find_middle_mean(values[::-1]))


def test_a_tenth_of_wild_values_changes_the_spread_little() -> None:
    """It estimates the standard deviation of normal values."""
    values = [NormalDist(0, 3).inv_cdf((place + 0.5) / 1000) for place in range(1000)]

    assert pytest.approx(3, rel=0.01) == find_spread(values)
    assert find_spread([*values[:-50], *[1e9] * 50]) < 4
