"""Charts as SVG paths, from numbers. Words and colours are in the templates."""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from exporter.judging.usual import Range
from exporter.upstream.reports import Value

_GAP: Final = 0.2
"""The share of a bar's place that is left free."""


class Tick(NamedTuple):
    """A line across a chart, and the value it marks."""

    value: float
    y: float


class Bars(NamedTuple):
    """Bars with a part of each, a stepped line to compare them with, and a band."""

    width: float
    height: float
    whole: str
    part: str
    other: str
    band: str
    ticks: Sequence[Tick]


class Lines(NamedTuple):
    """Two lines, the points of the first, and a band."""

    width: float
    height: float
    line: str
    points: Sequence[tuple[float, float]]
    other: str
    band: str
    ticks: Sequence[Tick]


def draw_bars(
    whole: Sequence[Value],
    part: Sequence[Value],
    other: Sequence[Value],
    ranges: Sequence[Range | None] = (),
    *,
    width: float,
    height: float,
) -> Bars:
    """Draw bars of ``whole`` with ``part`` at their bottom, ``other`` as a line, and ``ranges`` as a band.

    None leaves its place empty.
    """
    top = round_up(
        max((value for value in (*whole, *other, *(end.high for end in ranges if end)) if value is not None), default=0)
    )
    step = width / max(len(whole), 1)

    def draw_columns(values: Sequence[Value]) -> Iterator[str]:
        for place, value in enumerate(values):
            if value:
                x, tall = (place + _GAP / 2) * step, height * value / top
                yield f"M{x:.4g} {height:g}v{-tall:.4g}h{step * (1 - _GAP):.4g}v{tall:.4g}z"

    def draw_steps(values: Sequence[Value]) -> Iterator[str]:
        drawing = False
        for place, value in enumerate(values):
            if value is not None:
                y = height * (1 - value / top)
                yield f"{'V' if drawing else f'M{place * step:.4g} '}{y:.4g}H{(place + 1) * step:.4g}"
            drawing = value is not None

    return Bars(
        width,
        height,
        "".join(draw_columns(whole)),
        "".join(draw_columns(part)),
        "".join(draw_steps(other)),
        _draw_band(ranges, width, height, top),
        _place_ticks(top, height),
    )


def draw_lines(
    values: Sequence[Value],
    other: Sequence[Value],
    ranges: Sequence[Range | None] = (),
    *,
    width: float,
    height: float,
    top: float,
) -> Lines:
    """Draw a line through ``values``, one through ``other``, and a band, from 0 to ``top``; None interrupts them."""
    step = width / max(len(values), 1)

    def place_points(of: Sequence[Value]) -> list[tuple[float, float] | None]:
        return [
            None if value is None else (round((place + 0.5) * step, 1), round(height * (1 - min(value, top) / top), 1))
            for place, value in enumerate(of)
        ]

    def join_points(through: Sequence[tuple[float, float] | None]) -> str:
        before = [None, *through]
        return "".join(
            f"{'L' if last else 'M'}{point[0]:g} {point[1]:g}"
            for last, point in zip(before, through, strict=False)
            if point
        )

    own = place_points(values)
    return Lines(
        width,
        height,
        join_points(own),
        [point for point in own if point],
        join_points(place_points(other)),
        _draw_band(ranges, width, height, top),
        _place_ticks(top, height),
    )


def round_up(most: float) -> float:
    """Return a round number that is at least ``most``, for the end of an axis."""
    if most <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(most))
    return next(unit * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if unit * factor >= most)


def _draw_band(ranges: Sequence[Range | None], width: float, height: float, top: float) -> str:
    """Draw a rectangle per hour, from the low to the high end of its range."""
    step = width / max(len(ranges), 1)

    def scale(value: float) -> float:
        return height * (1 - min(value, top) / top)

    return "".join(
        f"M{place * step:.4g} {scale(ends.high):.4g}h{step:.4g}V{scale(ends.low):.4g}h{-step:.4g}z"
        for place, ends in enumerate(ranges)
        if ends
    )


def _place_ticks(top: float, height: float) -> Sequence[Tick]:
    return [Tick(top * share, height * (1 - share)) for share in (0, 0.5, 1)]
