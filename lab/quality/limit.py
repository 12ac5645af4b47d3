"""Calculate how soon a change can be found at all: by a CUSUM that knows the change, the usual and the variances (Page 1954).

Of all rules with a given rate of false alarms it has the least delay in the worst case (Lorden 1971, Moustakides 1986).
"""

import math
from typing import Final

import numpy as np

from exporter.polling.calendar import hours, local_date
from lab.quality.bots import Incident, Trace

BETWEEN: Final = math.log(100 * 720)
"""The threshold of the sum for one false alarm in 100 bot-months of hours (Wald 1945)."""


def delay(trace: Trace, incident: Incident, *, interfaces: bool = False) -> float | None:
    """Return the seconds until a drop of a share is found, checked each half hour; None if the incident ends before."""
    traffic, shares = trace.traffic, trace.shares
    day = local_date(incident.begin, traffic.zone)
    begin_day, sums = day, np.zeros(3)
    days = {True: 0.0, False: 0.0}
    while day <= local_date(incident.end - 1, traffic.zone):
        halves = trace.halves[(day - traffic.first).days]
        if halves is None:
            return None
        for number, (start, stop) in enumerate(hours(day, traffic.zone)):
            hour = np.zeros(2)
            for half, moment in enumerate(((start + stop) / 2, stop)):
                if not incident.begin < moment <= incident.end:
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
                if change * (off - change / 2) / variance >= BETWEEN:
                    return moment - incident.begin
            sums[2] += hour[1] ** 2
        day = day.fromordinal(day.toordinal() + 1)
    return None


def _angle(share: float) -> float:
    return 2 * math.asin(math.sqrt(min(max(share, 0.001), 0.999)))
