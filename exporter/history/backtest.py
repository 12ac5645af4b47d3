"""Replay the past of a tenant's bots hour by hour, and find the alerts that it would have caused."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Hours, Past, flatten, unpack
from exporter.judging.judge import judge
from exporter.judging.replay import Judged, Page, inhibit, replay, replay_tenant
from exporter.judging.usual import Baseline, learn, pool
from exporter.polling.calendar import list_hours
from exporter.polling.windows import Rules

_DAY = timedelta(days=1)


def judge_days(
    pasts: Mapping[str, Past], rules: Rules, calendar: Calendar, first: date, last: date, history: int
) -> Iterator[Mapping[str, Sequence[Judged]]]:
    """Yield the judgements of each local date from ``first`` to ``last``, by bot.

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
            bot: list(_judge_day(bot, baseline, past, pasts[bot][day], rules, day))
            for bot, past in before.items()
            if day in pasts[bot] and alone[bot] and (baseline := learn(past, calendar, rules.zone, day, tenant))
        }
        day += _DAY


def find_alerts(
    days: Sequence[Mapping[str, Sequence[Judged]]], bots: Sequence[str]
) -> tuple[Sequence[Page], Mapping[str, Sequence[Page]]]:
    """Return the alerts about the tenant, and those about each bot, from the days of ``judge_days``."""
    judged = {bot: [hour for day in days for hour in day.get(bot, ())] for bot in bots}
    together = sorted((hour for hours in judged.values() for hour in hours), key=lambda hour: hour.moment)
    of_tenant = replay_tenant(together)
    return of_tenant, {
        bot: inhibit(replay((hour.moment, hour.judgement) for hour in hours), of_tenant)
        for bot, hours in judged.items()
    }


def _judge_day(bot: str, baseline: Baseline, past: Past, today: Hours, rules: Rules, day: date) -> Iterator[Judged]:
    counts = list(unpack(today))
    moment = float("-inf")
    for number, ((_, end), expected) in enumerate(
        zip(list_hours(day, rules.zone), baseline.day(day).calls, strict=True)
    ):
        so_far = flatten(counts[: number + 1])
        delay = rules.settle_delay if counts[number].calls else rules.empty_hour_delay
        moment = max(moment, end + delay)
        yield Judged(moment, bot, judge(baseline, past, so_far, end - 1), expected)
