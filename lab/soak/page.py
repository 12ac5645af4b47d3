"""A fast parser of the metrics page: a soak reads thousands of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.soak.ledger import BotKey

_SAMPLE: Final = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_DAY: Final = frozenset({"calls", "call_outcomes", "interactions", "interface_requests", "interface_successes"})
_HEALTH: Final = ("oifde_up", "oifde_last_success_timestamp_seconds", "oifde_poll_failures_total")
_IGNORED: Final = frozenset({"oifde_bot_info", "oifde_history_seconds"})
_JUDGED: Final = ("hour_expected_", "anomaly_")


class UnreadablePageError(Exception):
    """A line is not a sample, or a series comes twice."""


@dataclass(slots=True)
class Shown:
    """The series of a bot; values by the metric's name without its prefix, with its outcome after a slash."""

    up: float | None = None
    last_success: float | None = None
    failures: float | None = None
    hour: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)
    day: dict[str, float] = field(default_factory=dict)
    last_day: dict[str, float] = field(default_factory=dict)
    by_day_up: float | None = None
    """``up`` of the report by day; the other fields are of the report by hour."""

    @property
    def has_data(self) -> bool:
        """Return whether any value of its report by hour is present."""
        return bool(self.hour or self.live or self.day)


@dataclass(frozen=True, slots=True)
class Page:
    """A metrics page."""

    bots: Mapping[BotKey, Shown]
    others: Mapping[str, float]
    """The series without a bot, by name and labels."""


def read(text: str) -> Page:
    """Parse a page in the classic format; raise UnreadablePageError."""
    bots: dict[BotKey, Shown] = {}
    others: dict[str, float] = {}
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    if len(set(series)) != len(series):
        raise UnreadablePageError("a series comes twice")
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
    elif name in _IGNORED or metric.startswith(_JUDGED):
        pass
    elif metric.startswith("hour_"):
        bot.hour[metric.removeprefix("hour_") + further] = value
    elif metric.startswith("live_hour_"):
        bot.live[metric.removeprefix("live_hour_") + further] = value
    elif metric.startswith("day_"):
        bot.last_day[metric.removeprefix("day_") + further] = value
    elif counted in _DAY and counted != metric:
        bot.day[counted + further] = value
    else:
        raise UnreadablePageError(f"{name} is not a known series of a bot")
