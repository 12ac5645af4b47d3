"""Replay the past of a tenant's bots hour by hour, and find the alerts that it would have caused."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Counts, Hours, Past, pack, rows
from exporter.judging.judge import Judgement, judge
from exporter.judging.replay import Page, replay
from exporter.judging.usual import Baseline, learn, pool
from exporter.polling.calendar import hours
from exporter.polling.windows import Rules

_DAY = timedelta(days=1)


def replay_tenant(
    pasts: Mapping[str, Past], rules: Rules, calendar: Calendar, first: date, last: date, history: int
) -> Iterator[Mapping[str, Sequence[tuple[float, Judgement]]]]:
    """Yield the judgements of each local date from ``first`` to ``last``, by bot, with their moments in epoch seconds.

    Args:
        pasts: All known days of each bot, also of those before ``first``.
        rules: The tenant's time zone and delays.
        calendar: The tenant's calendar.
        first: The first date to judge.
        last: The last date to judge.
        history: The number of days before each date that its judgement is based on.
    """
    day = first
    while day <= last:
        before = {
            bot: {of: known[of] for of in known if day - history * _DAY <= of < day} for bot, known in pasts.items()
        }
        alone = {bot: learn(past, calendar, rules.zone, day) for bot, past in before.items()}
        tenant = pool(baseline.straying for baseline in alone.values() if baseline)
        yield {
            bot: list(_judge_day(baseline, past, pasts[bot][day], rules, day))
            for bot, past in before.items()
            if day in pasts[bot] and alone[bot] and (baseline := learn(past, calendar, rules.zone, day, tenant))
        }
        day += _DAY


def find_alerts(
    days: Sequence[Mapping[str, Sequence[tuple[float, Judgement]]]], bot: str
) -> tuple[Sequence[Page], int]:
    """Return the alerts about a bot, from the days of ``replay_tenant``, and the number of days that could be judged."""
    judged = [day[bot] for day in days if bot in day]
    return replay(judgement for day in judged for judgement in day), len(judged)


def _judge_day(
    baseline: Baseline, past: Past, today: Hours, rules: Rules, day: date
) -> Iterator[tuple[float, Judgement]]:
    counts = list(rows(today))
    moment = float("-inf")
    for number, (_, end) in enumerate(hours(day, rules.zone)):
        so_far = pack([*counts[: number + 1], *[Counts()] * (len(counts) - number - 1)])
        delay = rules.settle_delay if counts[number].calls else rules.empty_hour_delay
        moment = max(moment, end + delay)
        yield moment, judge(baseline, past, so_far, end - 1)
