"""How far what a bot does now is from what is usual for it: windows that end now, each with its spread and its score."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from exporter.judging.calls import score
from exporter.judging.hours import Counts, Hours, Past, rows
from exporter.judging.shares import AUTONOMY, DIRECT, INTERFACES, angle, part_and_whole
from exporter.judging.usual import Baseline, Day, Usual
from exporter.polling.calendar import hours, local_date

SIGNALS: Final = (
    "autonomy_drop",
    "direct_transfers_rise",
    "interface_success_drop",
    "calls_drop",
    "calls_rise",
)

_WINDOWS: Final = (1, 2, 3, 4, 6, 8, 12, 24)
"""In hours up to now, the one in progress included."""
_FEWEST: Final = 20
"""Calls (or requests) below which no share, and no surge, is judged."""
_RECOVERED: Final = -4.0
"""How much likelier the usual has to be than the window's deviation, as a logarithm, for it to be over."""
_DAY: Final = timedelta(days=1)


class Window(NamedTuple):
    """What was expected in a window and what came: ratios for shares, calls for calls.

    ``spread`` is the standard deviation of what is expected in the same unit, chance, day and hour together.
    """

    seconds: int
    expected: float
    came: float
    spread: float
    score: float
    size_ratio: float
    over: bool
    """Whether the end of the window shows that it has ended."""


class Signal(NamedTuple):
    """How far one thing is from what is usual, by the most telling window (score 0: by none), and all the windows."""

    score: float
    size_ratio: float
    window_seconds: int
    windows: Sequence[Window]


@dataclass(frozen=True, slots=True)
class Judgement:
    """All signals by name; a signal is missing where nothing can be said."""

    signals: dict[str, Signal]


class _Slot(NamedTuple):
    """An hour that is judged, the newest first."""

    start: float
    end: float
    counts: Counts
    usual: Usual
    day: Day
    today: bool


def judge(baseline: Baseline, past: Past, today: Hours, now: float, known_until: float | None = None) -> Judgement:
    """Judges what a bot does at ``now``, in epoch seconds.

    ``today`` holds the hours of the local date up to the one in progress; yesterday's are those in ``past``.
    ``known_until`` is how far the tenant's reports reach (``reach``): calls later than that are not missed.
    """
    slots = list(_slots(baseline, past, today, now))
    signals = {
        "autonomy_drop": _share(slots, AUTONOMY, -1),
        "direct_transfers_rise": _share(slots, DIRECT, 1),
        "interface_success_drop": _share(slots, INTERFACES, -1),
        "calls_drop": _calls(slots, now if known_until is None else min(now, known_until), -1),
        "calls_rise": _calls(slots, now, 1),
    }
    return Judgement({name: signal for name, signal in signals.items() if signal is not None})


def _slots(baseline: Baseline, past: Past, today: Hours, now: float) -> Iterator[_Slot]:
    zone = baseline.zone
    date = local_date(now, zone)
    left = _WINDOWS[-1]
    for day, counts in ((date, today), (date - _DAY, past.get(date - _DAY))):
        if counts is None:
            return
        known = list(rows(counts))
        usual = baseline.day(day)
        for number, (start, end) in reversed(list(enumerate(hours(day, zone)))):
            if start > now or not left:
                continue
            left -= 1
            yield _Slot(
                start, end, known[number] if number < len(known) else Counts(), usual.hours[number], usual, day == date
            )


def _signal(windows: Sequence[Window]) -> Signal:
    best = max((window for window in windows if not window.over), key=lambda window: window.score, default=None)
    if best is None or best.score <= 0:
        return Signal(0.0, 0.0, windows[0].seconds if windows else 0, windows)
    return Signal(best.score, best.size_ratio, best.seconds, windows)


def _share(slots: Sequence[_Slot], share: int, sign: int) -> Signal | None:
    """``sign`` is the direction that matters: 1 for a rise, -1 for a drop."""
    windows: list[Window] = []
    ends: list[tuple[float, float]] = []
    part = whole = squares = 0
    expected = variance = 0.0
    days = [0, 0]
    for number, slot in enumerate(slots, 1):
        k, n = part_and_whole(share, slot.counts)
        if n:
            part, whole, squares = part + k, whole + n, squares + n * n
            expected += n * slot.usual.shares[share]
            variance += n * slot.usual.variances[share]
            days[slot.today] += n
        if number not in _WINDOWS or whole < _FEWEST:
            continue
        within = 1 / whole + slot.day.share_hour[share] * squares / whole**2
        day = (slots[0].day.share_day[share] * days[1] ** 2 + slot.day.share_day[share] * days[0] ** 2) / whole**2
        spread = math.sqrt(within + day + variance / whole)
        usual = angle(expected, whole)
        # Half a count, as what comes in whole numbers is compared with what does not.
        off = max(0.0, sign * (angle(min(max(part - 0.5 * sign, 0.0), whole), whole) - usual))
        ratio = expected / whole
        windows.append(
            Window(
                number * 3600,
                ratio,
                part / whole,
                spread * math.sqrt(ratio * (1 - ratio)),
                off / spread,
                max(0.0, sign * (part / whole - ratio)),
                any(off * (end - off / 2) / chance < _RECOVERED for end, chance in ends),
            )
        )
        ends.append((sign * (angle(part, whole) - usual), within))
    return _signal(windows) if windows else None


def _calls(slots: Sequence[_Slot], until: float, sign: int) -> Signal | None:
    windows: list[Window] = []
    ends: list[tuple[float, float, float]] = []
    came = 0
    expected = squares = 0.0
    days = [0.0, 0.0]
    number = 0
    for slot in slots:
        passed = min(1.0, (until - slot.start) / (slot.end - slot.start))
        if passed <= 0:
            continue
        number += 1
        known = slot.day.known_days
        usual = passed * (
            max(slot.usual.high_calls + 0.5 / known, slot.day.peak_calls / 2) if sign > 0 else slot.usual.low_calls
        )
        came += slot.counts.calls
        expected += usual
        squares += usual * usual * slot.usual.calls_variance
        days[slot.today] += usual
        if number not in _WINDOWS or expected <= 0:
            continue
        within = squares / expected**2 + 1 / (known * expected)
        day = (slots[0].day.calls_day * days[1] ** 2 + slot.day.calls_day * days[0] ** 2) / expected**2
        relative = within + day + 1.5 * (slot.day.calls_day + slot.usual.calls_variance) / known
        points = 0.0 if sign > 0 and came < _FEWEST else score(came, expected, relative, sign)
        points /= slot.day.restless[sign > 0]
        size = max(0.0, sign * (came - expected) / max(expected, 1.0))
        times = max(0.02, 1 + sign * size)
        windows.append(
            Window(
                number * 3600,
                expected,
                came,
                math.sqrt(expected + relative * expected**2),
                points,
                size,
                points > 0 and any(_likelier(*end, times) < _RECOVERED for end in ends),
            )
        )
        ends.append((came, expected, within))
    return _signal(windows) if windows else None


def _likelier(came: float, expected: float, relative: float, times: float) -> float:
    """The logarithm of how much likelier a count is where the mean is ``times`` what is expected."""
    shape = 1 / relative
    return came * math.log(times) - (came + shape) * math.log((shape + times * expected) / (shape + expected))
