"""Calculate the evidence that a change leaves at best: of a CUSUM that knows the change, the usual and the variances (Page 1954).

Of all rules with a given rate of false alarms it has the least delay in the worst case (Lorden 1971, Moustakides 1986).
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from exporter.judging.replay import KEEP_FIRING
from exporter.polling.calendar import find_local_date, list_hours
from lab.quality.bots import Counted, Incident, Trace

HALF_HOUR: Final = 1800.0
SHARE_THRESHOLD: Final = math.log(100 * 720)
"""The evidence that a share reaches by chance once in 100 bot-months of hours (Wald 1945)."""
_LEAST: Final = 0.001
"""The share of the calls that still come when all are lost. It is not 0, so that the logarithm exists."""


def weigh_drop(trace: Trace, incident: Incident, until: float, *, interfaces: bool = False) -> float:
    """Return the highest log likelihood ratio of a drop of a share from its beginning until a moment, by half hours."""
    traffic, shares = trace.traffic, trace.shares
    day = find_local_date(incident.begin, traffic.zone)
    begin_day, sums, most = day, np.zeros(3), -math.inf
    days = {True: 0.0, False: 0.0}
    while (
        day <= find_local_date(until - 1, traffic.zone)
        and (halves := trace.halves[(day - traffic.first).days]) is not None
    ):
        for number, (start, stop) in enumerate(list_hours(day, traffic.zone)):
            hour = np.zeros(2)
            for half, moment in enumerate(((start + stop) / 2, stop)):
                if not incident.begin < moment <= until:
                    continue
                _, direct, consulted, contained, requests, successes = (int(value) for value in halves[number, half])
                usual = shares.interfaces if interfaces else shares.autonomy + (shares.night if number < 7 else 0.0)
                drop = incident.interfaces if interfaces else incident.autonomy
                whole = requests if interfaces else direct + consulted + contained
                part = successes if interfaces else contained
                change = _angle(usual) - _angle(usual - drop)
                hour += (part - whole * usual, whole)
                sums += (part - whole * usual, whole, 0.0)
                days[day == begin_day] += whole
                if not sums[1]:
                    continue
                variance = (
                    1 / sums[1]
                    + shares.by_hour * (sums[2] + hour[1] ** 2) / sums[1] ** 2
                    + shares.by_day * sum(calls**2 for calls in days.values()) / sums[1] ** 2
                )
                off = _angle(usual) - _angle(usual + sums[0] / sums[1])
                most = max(most, change * (off - change / 2) / variance)
            sums[2] += hour[1] ** 2
        day = day.fromordinal(day.toordinal() + 1)
    return most


def weigh_losses(trace: Trace, lost: float, longest: float) -> tuple[Counted, Counted]:
    """Return the end of each half hour (epoch seconds), and the log likelihood ratio that a share of the calls is lost.

    It is the highest of all windows of half hours that end then, up to the ``longest`` (seconds). The usual calls are
    known with hindsight. Days without them are left out.
    """
    traffic = trace.traffic
    ends: list[float] = []
    came: list[float] = []
    usual: list[float] = []
    for day, halves, means in zip(traffic.dates(), trace.halves, traffic.usual, strict=True):
        slots = list_hours(day, traffic.zone)
        ends += [moment for start, stop in slots for moment in ((start + stop) / 2, stop)]
        if halves is not None and means is not None and traffic.calendar.kind(day).ordinary:
            came += list(halves[:, :, 0].flat)
            usual += list(np.repeat(means, 2) / 2)
        else:
            came += [0.0] * 2 * len(slots)
            usual += [0.0] * 2 * len(slots)
    counted, expected = np.array(came), np.array(usual)
    sums = [np.concatenate(([0.0], np.cumsum(column))) for column in (counted, expected, 2 * expected**2)]
    most = np.full(len(ends), -math.inf)
    for length in range(1, int(longest / HALF_HOUR) + 1):
        calls, whole, squares = (column[length:] - column[:-length] for column in sums)
        mean = np.maximum(whole, 1e-9)
        relative = traffic.by_day + traffic.by_hour * squares / mean**2
        ratios = compare_likelihoods(calls, mean, relative, max(_LEAST, 1 - lost))
        most[length - 1 :] = np.maximum(most[length - 1 :], ratios)
    return np.array(ends), most


def compare_likelihoods(came: Any, usual: Any, relative: Any, times: float) -> Any:
    """Return the log likelihood ratio of counts: of ``times`` the usual mean, against that mean (negative binomial)."""
    shape = 1 / relative
    return came * math.log(times) - (came + shape) * np.log((shape + times * usual) / (shape + usual))


def count_alarms(ends: Counted, evidence: Counted, threshold: float) -> int:
    """Return how often evidence exceeds a threshold, with the time for which an alert keeps firing counted as one."""
    above = ends[evidence > threshold]
    return int(len(above) > 0) + int(np.sum(np.diff(above) > KEEP_FIRING))


def find_threshold(quiet: Sequence[tuple[Counted, Counted]], alarms: float) -> float:
    """Return the lowest threshold that quiet traffic exceeds at most so many times."""
    low, high = 0.0, max(float(evidence.max()) for _, evidence in quiet)
    while high - low > 0.001 * max(1.0, high):
        middle = (low + high) / 2
        many = sum(count_alarms(ends, evidence, middle) for ends, evidence in quiet) > alarms
        low, high = (middle, high) if many else (low, middle)
    return high


def _angle(share: float) -> float:
    return 2 * math.asin(math.sqrt(min(max(share, 0.001), 0.999)))
