"""The judgement of seven unlike bots, compared with values that are recorded: no change of a formula goes unnoticed."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.judging.daykinds import Calendar
from exporter.judging.hours import Counts, pack
from exporter.judging.judge import judge, list_windows
from exporter.judging.usual import expect, learn

_TODAY = date(2026, 4, 1)
"""A Wednesday after the clocks of Europe went forward."""
_KNOWN = 35


@dataclass(frozen=True)
class Bot:
    """A bot whose calls and shares follow from a seed."""

    calls: float
    opens: int = 0
    closes: int = 24
    weekend: float = 1.0
    zone: str = "Asia/Shanghai"
    stray: float = 0.1
    """The standard deviation of a day's calls relative to their mean; an hour's are half of it."""
    level: Callable[[int], float] = lambda _: 1.0
    """A factor of the calls, by the days before today."""
    autonomy: Callable[[int], float] = lambda _: 0.7


_BOTS = {
    "office": Bot(120, opens=8, closes=20, weekend=0.2),
    "night and day": Bot(900, zone="Europe/Berlin", stray=0.2),
    "few calls": Bot(3, opens=6, closes=23),
    "grows": Bot(60, stray=0.05, level=lambda before: 1.5 - before / 70),
    "released": Bot(80, autonomy=lambda before: 0.7 if before > 12 else 0.55),
    "market day": Bot(90, opens=7, closes=22, level=lambda before: 2.8 if before % 7 == 0 else 1.0),
    "new hours": Bot(150, opens=9, closes=18, level=lambda before: 1.0 if before > 9 else 0.4, weekend=0.0),
}


def _hours(bot: Bot, rng: random.Random, day: date, *, calls: float = 1.0, autonomy: float = 0.0) -> Iterator[Counts]:
    before = (_TODAY - day).days
    whole = bot.level(before) * (bot.weekend if day.weekday() >= 5 else 1.0) * rng.gauss(1, bot.stray)
    for hour in range(24):
        open_ = bot.opens <= hour < bot.closes
        # A quarter of the calls at night and most of them before noon.
        shape = 0.25 + max(0.0, 1 - abs(hour - 11) / 9) if open_ else 0.0
        mean = max(0.0, calls * whole * bot.calls * shape * rng.gauss(1, bot.stray / 2))
        came = max(0, round(rng.gauss(mean, mean**0.5)))
        contained = sum(rng.random() < bot.autonomy(before) + autonomy for _ in range(came))
        direct = (came - contained) // 3
        requests = 2 * came
        yield Counts(came, direct, came - contained - direct, contained, requests, requests - requests // 40)


def _digits(value: object) -> object:
    """Round to six digits: libraries of other platforms may give others after that."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _digits(inner) for key, inner in value.items()}
    return [_digits(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", _BOTS)
def test_the_judgement_is_the_recorded_one(name: str, check_golden: Callable[[Path, bytes], None]) -> None:
    """Scores, windows and what is usual, on a common day, in three incidents and on a day off."""
    bot, rng = _BOTS[name], random.Random(name)
    zone = ZoneInfo(bot.zone)
    past = {day: pack(_hours(bot, rng, day)) for day in (_TODAY - timedelta(before) for before in range(_KNOWN, 0, -1))}
    found: dict[str, object] = {}
    for title, calendar, changed, at in (
        ("common", Calendar(), {}, 14.5),
        ("calls lost", Calendar(), {"calls": 0.3}, 13.0),
        ("calls doubled", Calendar(), {"calls": 2.5}, 12.75),
        ("autonomy lost", Calendar(), {"autonomy": -0.3}, 15.25),
        ("day off", Calendar(special_days=[_TODAY]), {"calls": 0.4}, 16.0),
    ):
        baseline = learn(past, calendar, zone, _TODAY)
        assert baseline is not None
        today = list(_hours(bot, rng, _TODAY, **changed))[: int(at) + 1]
        today[-1] = Counts(*(int(at % 1 * value) for value in today[-1]))  # the hour in progress
        now = datetime.combine(_TODAY, datetime.min.time(), zone).timestamp() + at * 3600
        signals = judge(baseline, past, pack(today), now)
        windows = list_windows(baseline, past, pack(today), now)
        found[title] = {
            "usual": expect(baseline, now, today[-1]),
            "straying": baseline.straying,
            "signals": {of: (*signal, windows[of]) for of, signal in signals.items()},
        }
    content = json.dumps(_digits(found), indent=1, sort_keys=True) + "\n"
    check_golden(Path(__file__).parent / "testdata" / f"{name.replace(' ', '-')}.json", content.encode())
