"""The metrics page, read quickly: a soak reads thousands of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.soak.ledger import BotKey

_SAMPLE: Final = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_DAY: Final = frozenset({"calls", "call_outcomes", "interactions", "interface_requests", "interface_successes"})
_HEALTH: Final = ("oifde_up", "oifde_last_success_timestamp_seconds", "oifde_poll_failures_total")


class UnreadablePageError(Exception):
    """A line is no sample, or a series is there twice."""


@dataclass(slots=True)
class Shown:
    """What a page shows of a bot; figures by the metric's name without its prefix, with its outcome after a slash."""

    up: float | None = None
    last_success: float | None = None
    failures: float | None = None
    hour: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)
    day: dict[str, float] = field(default_factory=dict)
    last_day: dict[str, float] = field(default_factory=dict)
    by_day_up: float | None = None
    """``up`` of the report by day; all else of the kind is of that by hour."""

    @property
    def has_data(self) -> bool:
        """Whether any of the data series of its report by hour is there."""
        return bool(self.hour or self.live or self.day)


@dataclass(frozen=True, slots=True)
class Page:
    """A page."""

    bots: Mapping[BotKey, Shown]
    others: Mapping[str, float]
    """The series that are not a bot's, by name and labels."""


def read(text: str) -> Page:
    """Take a page in the classic format apart. Raises UnreadablePageError."""
    bots: dict[BotKey, Shown] = {}
    others: dict[str, float] = {}
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    if len(set(series)) != len(series):
        raise UnreadablePageError("a series is there twice")
    for line in lines:
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise UnreadablePageError(line)
        name, value = match["name"], float(match["value"])
        labels = dict(_LABEL.findall(match["labels"] or ""))
        if "access_code" not in labels:
            others[line.rpartition(" ")[0]] = value
            continue
        bot = bots.setdefault((labels["tenant_id"], labels["access_code"]), Shown())
        _put(bot, name, labels.get("outcome"), labels.get("report"), value)
    return Page(bots, others)


def _put(bot: Shown, name: str, outcome: str | None, report: str | None, value: float) -> None:
    further = f"/{outcome}" if outcome else ""
    metric = name.removeprefix("oifde_")
    counted = metric.removesuffix("_total")
    if report == "day" and name in _HEALTH:
        bot.by_day_up = value if name == "oifde_up" else bot.by_day_up
    elif name == "oifde_up":
        bot.up = value
    elif name == "oifde_last_success_timestamp_seconds":
        bot.last_success = value
    elif name == "oifde_poll_failures_total":
        bot.failures = value
    elif metric.startswith("hour_"):
        bot.hour[metric.removeprefix("hour_") + further] = value
    elif metric.startswith("live_hour_"):
        bot.live[metric.removeprefix("live_hour_") + further] = value
    elif metric.startswith("day_"):
        bot.last_day[metric.removeprefix("day_") + further] = value
    elif counted in _DAY and counted != metric:
        bot.day[counted + further] = value
    elif name != "oifde_bot_info":
        raise UnreadablePageError(f"{name} is no series of a bot that is known here")
