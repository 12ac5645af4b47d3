"""Compare what a bot does now with what is usual for it, over windows that end now."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate, takewhile
from operator import add, mul
from typing import Final, NamedTuple, TypeAlias

from exporter.judging.calls import compute_score
from exporter.judging.hours import Past, unpack_newest
from exporter.judging.shares import AUTONOMY, DIRECT, INTERFACES, to_angle
from exporter.judging.usual import Baseline, Column, Day
from exporter.polling.calendar import find_local_date, list_hours, list_hours_begun

SIGNALS: Final = (
    "autonomy_drop",
    "direct_transfers_rise",
    "interface_success_drop",
    "calls_drop",
    "calls_rise",
)

_WINDOWS: Final = (1, 2, 3, 4, 6, 8, 12, 24)
"""Lengths in hours. A window ends with the hour in progress."""
_FEWEST: Final = 20
"""The least number of calls (or requests) in a window by which a share, or a surge, is judged."""
_RECOVERED: Final = -4.0
"""A window's deviation is over if its last hours fit it less than the usual by this logarithm of the likelihood ratio."""
_HALF: Final = 0.5
"""The continuity correction: counts are whole numbers, and expected values are not."""
_DAY: Final = timedelta(days=1)


class Signal(NamedTuple):
    """The deviation from the usual in one respect, by the window with the highest score; score 0: no deviation."""

    score: float
    size_ratio: float
    window_seconds: int


Judgement: TypeAlias = dict[str, Signal]
"""All signals by name. A signal is missing if there is too little to judge it by."""


class Window(NamedTuple):
    """The expected and the actual value of a window: ratios for shares, numbers for calls.

    ``spread`` is the standard deviation of the expected value in the same unit, by chance, day and hour together.
    """

    seconds: int
    expected: float
    came: float
    spread: float
    score: float
    size_ratio: float
    over: bool
    """Whether the last hours of the window show that the deviation has ended."""


def judge(
    baseline: Baseline, past: Past, today: Sequence[int], now: float, known_until: float | None = None
) -> Judgement:
    """Judge what a bot does at ``now`` (epoch seconds).

    ``today`` has the counts of the local date's hours up to the one in progress, as ``flatten`` lists them, and ``past`` those
    of yesterday. ``known_until`` (epoch seconds, see ``reach``) is how far the tenant's reports reach: later calls do not
    count as missing.
    """
    comparisons = _compare(baseline, past, today, now, known_until)
    return {name: comparison.find_signal() for name, comparison in comparisons.items()}


def list_windows(
    baseline: Baseline, past: Past, today: Sequence[int], now: float, known_until: float | None = None
) -> Mapping[str, Sequence[Window]]:
    """Return the windows that ``judge`` chooses from, by signal."""
    comparisons = _compare(baseline, past, today, now, known_until)
    return {name: comparison.list_windows() for name, comparison in comparisons.items()}


def _compare(
    baseline: Baseline, past: Past, today: Sequence[int], now: float, known_until: float | None
) -> Mapping[str, "_Comparison"]:
    known = _look_back(baseline, past, today, now)
    until = now if known_until is None else min(now, known_until)
    comparisons = {
        "autonomy_drop": _Share(known, AUTONOMY, -1),
        "direct_transfers_rise": _Share(known, DIRECT, 1),
        "interface_success_drop": _Share(known, INTERFACES, -1),
        "calls_drop": _Calls(known, until, -1),
        "calls_rise": _Calls(known, now, 1),
    }
    return {name: comparison for name, comparison in comparisons.items() if comparison.windows}


class _Known(NamedTuple):
    """The last hours, newest first: the hour in progress, the others of today, those of yesterday."""

    times: Sequence[tuple[float, float]]
    """The start and the end of each hour, in epoch seconds."""
    begun: int
    """The number of hours that are today's."""
    calls: list[int]
    shares: Sequence[tuple[list[int], "_Wholes"]]
    """The part and the whole of each share."""
    today: Day
    yesterday: Day

    def line_up(self, today: Column, yesterday: Column) -> list[float]:
        """Return a value for each hour, from the values of the two dates."""
        return (yesterday + today[: self.begun])[: -len(self.times) - 1 : -1].tolist()


class _Wholes:
    """The calls (or requests) that shares are shares of. Its sums are those of the numbers and of their squares."""

    def __init__(self, hours: list[int]) -> None:
        self.hours = hours
        self.sums = _sum_up(hours)
        self.squares = _sum_up(map(mul, hours, hours))
        self.windows = [length for length in _WINDOWS if length <= len(hours) and self.sums[length] >= _FEWEST]


def _look_back(baseline: Baseline, past: Past, today: Sequence[int], now: float) -> _Known:
    date = find_local_date(now, baseline.zone)
    before = date - _DAY
    begun = list_hours_begun(date, baseline.zone, now)
    earlier = list_hours(before, baseline.zone) if before in past else ()
    calls, direct, consulted, contained, requests, successes = unpack_newest(
        ((past.get(before, ()), len(earlier)), (today, len(begun))), _WINDOWS[-1]
    )
    went_on = _Wholes(list(map(add, map(add, direct, consulted), contained)))
    return _Known(
        (*earlier, *begun)[: -_WINDOWS[-1] - 1 : -1],
        len(begun),
        calls,
        ((contained, went_on), (direct, went_on), (list(map(min, successes, requests)), _Wholes(requests))),
        baseline.day(date),
        baseline.day(before),
    )


class _Comparison(ABC):
    """The actual and the usual, in windows that are named by their length in hours."""

    windows: Sequence[int]
    """The windows with enough calls to judge by."""

    def find_signal(self) -> Signal:
        """Return the signal of the window with the highest score whose deviation is not over."""
        scores = {length: score for length in self.windows if (score := self._score(length)) > 0}
        for length in sorted(scores, key=scores.__getitem__, reverse=True):
            if not self._is_over(length):
                return Signal(scores[length], self._measure_size(length), length * 3600)
        return Signal(0.0, 0.0, self.windows[0] * 3600)

    def list_windows(self) -> Sequence[Window]:
        """Return all windows."""
        return [self._describe(length) for length in self.windows]

    def _describe(self, length: int) -> Window:
        score = self._score(length)
        over = score > 0 and self._is_over(length)
        return Window(length * 3600, *self._find_expected_came_spread(length), score, self._measure_size(length), over)

    @abstractmethod
    def _score(self, length: int) -> float:
        """Return the deviation of a window in the direction of the signal, in standard deviations; 0 in the other one."""

    @abstractmethod
    def _measure_size(self, length: int) -> float:
        """Return the size of the difference: in points of a ratio, or as a share of the usual calls."""

    @abstractmethod
    def _is_over(self, length: int) -> bool:
        """Return whether the hours of a shorter window show that the deviation has ended."""

    @abstractmethod
    def _find_expected_came_spread(self, length: int) -> tuple[float, float, float]:
        """Return these fields of a ``Window``."""


class _Share(_Comparison):
    """A share: its part, its whole, the usual part and the variance of that, each summed up."""

    def __init__(self, known: _Known, share: int, sign: int) -> None:
        """``sign`` is 1 to look for a rise, -1 for a drop."""
        today, yesterday = known.today, known.yesterday
        self._sign, self._begun = sign, known.begun
        self._by_day = today.share_day[share], yesterday.share_day[share]
        self._by_hour = today.share_hour[share]
        parts, wholes = known.shares[share]
        usual = known.line_up(today.shares[share], yesterday.shares[share])
        variances = known.line_up(today.variances[share], yesterday.variances[share])
        self._parts = _sum_up(parts)
        self._wholes, self._squares = wholes.sums, wholes.squares
        self._usual = _sum_up(map(mul, wholes.hours, usual))
        self._variances = _sum_up(map(mul, wholes.hours, variances))
        self.windows = wholes.windows

    def _score(self, length: int) -> float:
        if self._sign * (self._parts[length] - self._usual[length]) <= _HALF:
            return 0.0
        return self._differ(length, _HALF) / self._find_spread(length)

    def _measure_size(self, length: int) -> float:
        return max(0.0, self._sign * (self._parts[length] - self._usual[length]) / self._wholes[length])

    def _is_over(self, length: int) -> bool:
        off = self._differ(length, _HALF)
        return any(
            off * (self._differ(shorter) - off / 2) / self._find_noise(shorter) < _RECOVERED
            for shorter in self.windows
            if shorter < length
        )

    def _find_expected_came_spread(self, length: int) -> tuple[float, float, float]:
        whole = self._wholes[length]
        ratio = self._usual[length] / whole
        return ratio, self._parts[length] / whole, self._find_spread(length) * math.sqrt(ratio * (1 - ratio))

    def _differ(self, length: int, correction: float = 0.0) -> float:
        """Return the difference from the usual, as an angle."""
        part, whole = self._parts[length] - self._sign * correction, self._wholes[length]
        return self._sign * (to_angle(part, whole) - to_angle(self._usual[length], whole))

    def _find_noise(self, length: int) -> float:
        """Return the variance by chance and by hours."""
        whole = self._wholes[length]
        return 1 / whole + self._by_hour * self._squares[length] / whole**2

    def _find_spread(self, length: int) -> float:
        whole = self._wholes[length]
        of_today = self._wholes[min(length, self._begun)]
        today, yesterday = self._by_day
        by_day = (today * of_today**2 + yesterday * (whole - of_today) ** 2) / whole**2
        return math.sqrt(self._find_noise(length) + by_day + self._variances[length] / whole)


class _Calls(_Comparison):
    """The number of calls: the actual calls, the usual ones and the variance of those by hours, each summed up."""

    def __init__(self, known: _Known, until: float, sign: int) -> None:
        """``sign`` is 1 to look for a surge, -1 for a loss; hours after ``until`` do not count."""
        today, yesterday = known.today, known.yesterday
        later = sum(1 for _ in takewhile(lambda hour: hour[0] >= until, known.times))
        self._sign, self._begun = sign, max(0, known.begun - later)
        self._today, self._yesterday = today, yesterday
        columns = (today.surge_calls, yesterday.surge_calls) if sign > 0 else (today.low_calls, yesterday.low_calls)
        usual = known.line_up(*columns)[later:]
        for start, end in known.times[later : later + 1]:
            usual[0] *= min(1.0, (until - start) / (end - start))
        self._by_hour = known.line_up(today.calls_hour, yesterday.calls_hour)[later:]
        self._came = _sum_up(known.calls[later:])
        self._usual = _sum_up(usual)
        self._variances = _sum_up(map(mul, map(mul, usual, usual), self._by_hour))
        self.windows = [length for length in _WINDOWS if length < len(self._usual) and self._usual[length] > 0]

    def _score(self, length: int) -> float:
        came, usual = self._came[length], self._usual[length]
        if self._sign * (came - usual) <= _HALF or (self._sign > 0 and came < _FEWEST):
            return 0.0
        return (
            compute_score(came, usual, self._find_variance(length), self._sign) / self._today.restless[self._sign > 0]
        )

    def _measure_size(self, length: int) -> float:
        usual = self._usual[length]
        return max(0.0, self._sign * (self._came[length] - usual) / max(usual, 1.0))

    def _is_over(self, length: int) -> bool:
        times = max(0.02, 1 + self._sign * self._measure_size(length))
        return any(
            _compare_likelihoods(self._came[shorter], self._usual[shorter], self._find_noise(shorter), times)
            < _RECOVERED
            for shorter in self.windows
            if shorter < length
        )

    def _find_expected_came_spread(self, length: int) -> tuple[float, float, float]:
        usual = self._usual[length]
        return usual, self._came[length], math.sqrt(usual + self._find_variance(length) * usual**2)

    def _find_noise(self, length: int) -> float:
        """Return the variance by hours and by the chance in the usual calls, relative to the calls."""
        usual = self._usual[length]
        return self._variances[length] / usual**2 + 1 / (self._find_first_day(length).known_days * usual)

    def _find_variance(self, length: int) -> float:
        """Return the variance of the usual calls, relative to the calls."""
        usual = self._usual[length]
        of_today = self._usual[min(length, self._begun)]
        squares = self._today.calls_day * of_today**2 + self._yesterday.calls_day * (usual - of_today) ** 2
        first = self._find_first_day(length)
        learned = 1.5 * (first.calls_day + self._by_hour[length - 1]) / first.known_days
        return self._find_noise(length) + squares / usual**2 + learned

    def _find_first_day(self, length: int) -> Day:
        """Return the day on which a window begins."""
        return self._today if length <= self._begun else self._yesterday


def _sum_up(hours: Iterable[float]) -> Sequence[float]:
    """Return the sums over no hour, the newest hour, the two newest hours, and so on."""
    return list(accumulate(hours, initial=0))


def _compare_likelihoods(came: float, expected: float, relative: float, times: float) -> float:
    """Return the log likelihood ratio of a count: with ``times`` the expected mean, against the expected mean."""
    shape = 1 / relative
    return came * math.log(times) - (came + shape) * math.log((shape + times * expected) / (shape + expected))
