"""Watches a bot as the exporter would: learns once a day, judges every half hour."""

from collections.abc import Iterator
from datetime import date, timedelta

from exporter.judging.hours import Past
from exporter.judging.judge import Judgement, judge
from exporter.judging.usual import Baseline, learn
from exporter.polling.calendar import find_local_date, list_hours
from lab.quality.bots import Trace

HISTORY = 35


def learn_days(trace: Trace, begin: float, end: float) -> Iterator[tuple[date, Past, Baseline]]:
    """Yield the known dates between two moments, each with its past and what is learned from it."""
    traffic = trace.traffic
    day = find_local_date(begin, traffic.zone)
    while day <= find_local_date(end - 1, traffic.zone):
        past = trace.past(day, HISTORY)
        baseline = learn(past, traffic.calendar, traffic.zone, day)
        if baseline is not None and trace.halves[(day - traffic.first).days] is not None:
            yield day, past, baseline
        day += timedelta(days=1)


def watch(trace: Trace, begin: float, end: float) -> Iterator[tuple[float, Judgement, float]]:
    """Yield each half hour between two moments, the judgement at its end, and the usual calls of its hour."""
    for day, past, baseline in learn_days(trace, begin, end):
        for number, (start, stop) in enumerate(list_hours(day, trace.traffic.zone)):
            for half, moment in enumerate(((start + stop) / 2, stop)):
                if begin < moment <= end:
                    # Just before the hour ends, so that it is still the one in progress.
                    judgement = judge(baseline, past, trace.so_far(day, number, half), moment - 1)
                    yield moment, judgement, baseline.day(day).calls[number]
