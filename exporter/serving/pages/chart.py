"""Charts as paths of SVG: numbers in, geometry out. Words and colours are the templates'."""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from exporter.judging.usual import Range
from exporter.upstream.reports import Value

_GAP: Final = 0.2
"""Of a bar's place, left free between it and the next."""


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


def bars(
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
    top = scale(
        max((value for value in (*whole, *other, *(end.high for end in ranges if end)) if value is not None), default=0)
    )
    step = width / max(len(whole), 1)

    def columns(values: Sequence[Value]) -> Iterator[str]:
        for place, value in enumerate(values):
            if value:
                x, tall = (place + _GAP / 2) * step, height * value / top
                yield f"M{x:.4g} {height:g}v{-tall:.4g}h{step * (1 - _GAP):.4g}v{tall:.4g}z"

    def steps(values: Sequence[Value]) -> Iterator[str]:
        drawing = False
        for place, value in enumerate(values):
            if value is not None:
                y = height * (1 - value / top)
                yield f"{'V' if drawing else f'M{place * step:.4g} '}{y:.4g}H{(place + 1) * step:.4g}"
            drawing = value is not None

    return Bars(
        width,
        height,
        "".join(columns(whole)),
        "".join(columns(part)),
        "".join(steps(other)),
        _band(ranges, width, height, top),
        _ticks(top, height),
    )


def lines(
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

    def points(of: Sequence[Value]) -> list[tuple[float, float] | None]:
        return [
            None if value is None else (round((place + 0.5) * step, 1), round(height * (1 - min(value, top) / top), 1))
            for place, value in enumerate(of)
        ]

    def path(through: Sequence[tuple[float, float] | None]) -> str:
        before = [None, *through]
        return "".join(
            f"{'L' if last else 'M'}{point[0]:g} {point[1]:g}"
            for last, point in zip(before, through, strict=False)
            if point
        )

    own = points(values)
    return Lines(
        width,
        height,
        path(own),
        [point for point in own if point],
        path(points(other)),
        _band(ranges, width, height, top),
        _ticks(top, height),
    )


def scale(most: float) -> float:
    """A round number that is no less: where an axis ends."""
    if most <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(most))
    return next(unit * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if unit * factor >= most)


def _band(ranges: Sequence[Range | None], width: float, height: float, top: float) -> str:
    """A rectangle per hour, from the low to the high end of its range."""
    step = width / max(len(ranges), 1)

    def y(value: float) -> float:
        return height * (1 - min(value, top) / top)

    return "".join(
        f"M{place * step:.4g} {y(ends.high):.4g}h{step:.4g}V{y(ends.low):.4g}h{-step:.4g}z"
        for place, ends in enumerate(ranges)
        if ends
    )


def _ticks(top: float, height: float) -> Sequence[Tick]:
    return [Tick(top * share, height * (1 - share)) for share in (0, 0.5, 1)]
