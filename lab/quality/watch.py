"""Watches a bot as the exporter would: learns once a day, judges every half hour."""

from collections.abc import Iterator
from datetime import date, timedelta

from exporter.judging.judge import Judgement, judge
from exporter.judging.usual import Straying, learn
from exporter.polling.calendar import hours, local_date
from lab.quality.bots import Trace

HISTORY = 35


def watch(
    trace: Trace, begin: float, end: float, tenant: Straying | None = None, history: int = HISTORY
) -> Iterator[tuple[float, Judgement, float]]:
    """Yield each half hour between two moments, the judgement at its end, and the usual calls of its hour."""
    traffic = trace.traffic
    day = local_date(begin, traffic.zone)
    while day <= local_date(end - 1, traffic.zone):
        yield from _watch_day(trace, day, begin, end, tenant, history)
        day += timedelta(days=1)


def _watch_day(
    trace: Trace, day: date, begin: float, end: float, tenant: Straying | None, history: int
) -> Iterator[tuple[float, Judgement, float]]:
    traffic = trace.traffic
    if trace.halves[(day - traffic.first).days] is None:
        return
    past = trace.past(day, history)
    baseline = learn(past, traffic.calendar, traffic.zone, day, tenant)
    if baseline is None:
        return
    for number, (start, stop) in enumerate(hours(day, traffic.zone)):
        for half, moment in enumerate(((start + stop) / 2, stop)):
            if begin < moment <= end:
                # Just before the hour ends, so that it is still the one in progress.
                judgement = judge(baseline, past, trace.so_far(day, number, half), moment - 1)
                yield moment, judgement, baseline.day(day).calls[number]
