"""A past for a Prometheus: the samples and recorded series of simulated bots for past weeks."""

import math
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml

from exporter.judging import hours as judged
from exporter.judging.daykinds import Calendar
from exporter.judging.judge import judge
from exporter.judging.usual import Baseline, expect, learn
from exporter.judging.verdict import Verdict
from exporter.polling.calendar import find_local_date, list_hours
from exporter.serving.catalogue import JUDGEMENT, read_verdict
from exporter.simulator.characters import HOUR, SimTenant
from exporter.simulator.world import Counts, SimulatedWorld
from harness.dashboards import seconds

STEP = 900
"""Seconds between the samples of a past; --query.lookback-delta must be longer."""

_SETTLE_DELAY = 600
_HOLD = 7200
_HISTORY_DAYS = 28
_BOT_INFO = re.compile(r"^oifde_bot_info\{(.*)\} 1\.0$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_RECORDED = re.compile(r"\b[a-z_]+:[a-z0-9_:]+")


@dataclass(frozen=True)
class Past:
    """The series of a simulated world's bots, sampled from ``start`` to ``end`` (epoch seconds).

    Complete hours settle after ten minutes, and a day's counters stay for two hours after midnight. Each bot is judged by
    the weeks before. The series have the labels that a running exporter's page gives the bots.
    """

    world: SimulatedWorld
    page: str
    """Return the exporter's page in classic text."""
    target: Mapping[str, str]
    """The labels that Prometheus adds to scraped samples: ``job``, ``instance``."""
    start: int
    end: int

    def lines(self) -> Iterator[str]:
        """Yield the samples as OpenMetrics with timestamps."""
        target = "".join(f',{name}="{value}"' for name, value in self.target.items())
        for text in _BOT_INFO.findall(self.page):
            labels = dict(_LABEL.findall(text))
            tenant = next(tenant for tenant in self.world.tenants() if tenant.tenant_id == labels["tenant_id"])
            bot_past = _BotPast(self.world, tenant, labels["access_code"])
            bot = ",".join(f'{name}="{labels[name]}"' for name in ("tenant_id", "access_code", "bot")) + target
            for at in range(self.start, self.end, STEP):
                yield f"oifde_bot_info{{{text}{target}}} 1 {at}\n"
                yield f'oifde_up{{{bot},report="hour"}} 1 {at}\n'
                for series, value in self._list_values(tenant, labels["access_code"], at, bot_past):
                    name, brace, more = series.partition("{")
                    yield f"{name}{{{bot}{',' if brace else ''}{more.rstrip('}')}}} {value} {at}\n"
        yield "# EOF\n"

    def _list_values(
        self, tenant: SimTenant, access_code: str, at: int, bot_past: "_BotPast"
    ) -> Iterator[tuple[str, float]]:
        start = _midnight(tenant, at)
        complete = start + ((at - _SETTLE_DELAY - start) // HOUR - 1) * HOUR
        hour = self.world.truth(tenant.tenant_id, access_code, complete)
        yield "oifde_hour_start_timestamp_seconds", complete
        yield "oifde_live_hour_start_timestamp_seconds", start + (at - start) // HOUR * HOUR
        yield from _list_counts(hour, "oifde_hour_{}")
        counted = _midnight(tenant, at - _HOLD)
        end = min(at, _midnight(tenant, counted + 36 * HOUR))
        counts = (self.world.truth(tenant.tenant_id, access_code, start, at) for start in range(counted, end, HOUR))
        yield from _list_counts(Counts(*map(sum, zip(*counts, strict=True))), "oifde_{}_total")
        if verdict := bot_past.judge(at, complete):
            values = read_verdict(verdict)
            for family, series in JUDGEMENT:
                for further, place in series:
                    if (value := values[place]) is not None:
                        yield f"{family.name}{{{further.removeprefix(',')}}}" if further else family.name, value


@dataclass
class _BotPast:
    """Judges a bot at moments of its past, with the same functions as the exporter."""

    world: SimulatedWorld
    tenant: SimTenant
    access_code: str
    days: dict[date, judged.Hours] = field(default_factory=dict)
    baseline: Baseline | None = None

    def judge(self, at: int, complete: int) -> Verdict | None:
        """Return the verdict at a moment; ``complete`` is the start of the last complete hour (both in epoch seconds)."""
        today = find_local_date(at, self.tenant.timezone)
        baseline = self._learn(today)
        if baseline is None:
            return None
        signals = judge(baseline, self.days, self._hours(today, at), at, complete + HOUR)
        expected = expect(baseline, complete, self._counts(complete, at))
        return Verdict(_HISTORY_DAYS * days(1), expected, signals)

    def _learn(self, today: date) -> Baseline | None:
        if self.baseline is None or self.baseline.today != today:
            past = [today - timedelta(days=ago) for ago in range(_HISTORY_DAYS, 0, -1)]
            self.days = {day: self.days.get(day) or self._hours(day) for day in past}
            self.baseline = learn(self.days, Calendar(), self.tenant.timezone, today)
        return self.baseline

    def _hours(self, day: date, now: float = math.inf) -> judged.Hours:
        return judged.pack(
            self._counts(int(start), now) for start, _ in list_hours(day, self.tenant.timezone) if start <= now
        )

    def _counts(self, start: int, now: float) -> judged.Counts:
        counts = self.world.truth(self.tenant.tenant_id, self.access_code, start, now)
        return judged.Counts(
            counts.calls,
            counts.direct_transfer,
            counts.consulted_transfer,
            counts.contained,
            counts.interface_requests,
            counts.interface_successes,
        )


def _midnight(tenant: SimTenant, at: float) -> int:
    day = datetime.fromtimestamp(at, tenant.timezone).date()
    return int(datetime.combine(day, time(), tenant.timezone).timestamp())


def _list_counts(counts: Counts, name: str) -> Iterator[tuple[str, float]]:
    for metric in ("calls", "interactions", "interface_requests", "interface_successes"):
        yield name.format(metric), getattr(counts, metric)
    for outcome in ("immediate_exit", "direct_transfer", "consulted_transfer", "contained"):
        yield f'{name.format("call_outcomes")}{{outcome="{outcome}"}}', getattr(counts, outcome)


def write_blocks(promtool: Path, lines: Iterable[str], directory: Path) -> None:
    """Write OpenMetrics into a Prometheus's database directory; the Prometheus must not run."""
    directory.mkdir(parents=True, exist_ok=True)
    text = directory.with_suffix(".openmetrics")
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    # Blocks of weeks, since promtool reads the whole file once for each of them.
    options = ("create-blocks-from", "--max-block-duration=486h", "--quiet", "openmetrics")
    subprocess.run([promtool, "tsdb", *options, text, directory], check=True, capture_output=True, timeout=120)


def all_rules(rules: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Return the rules of some rule files."""
    for path in rules:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def rule_levels(rules: Sequence[Path]) -> Sequence[Sequence[Mapping[str, Any]]]:
    """Return the recording rules of some files in levels; each level uses only the levels before it."""
    recordings = [rule for rule in all_rules(rules) if "record" in rule]
    names = {rule["record"] for rule in recordings}
    levels: list[Sequence[Mapping[str, Any]]] = []
    left = recordings
    while left:
        waiting = {rule["record"] for rule in left}
        ready = [
            rule for rule in left if not (set(_RECORDED.findall(rule["expr"])) & names & waiting - {rule["record"]})
        ]
        if not ready:
            raise ValueError(f"rules that stand on each other: {sorted(waiting)}")
        levels.append(ready)
        left = [rule for rule in left if rule not in ready]
    return levels


def recorded(rule: Mapping[str, Any], matrix: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a recording rule's past, from its expression's answer for a range, as OpenMetrics lines."""
    for series in matrix:
        labels = {**series["metric"], **rule.get("labels", {})}
        labels.pop("__name__", None)
        text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        for at, value in series["values"]:
            yield f"{rule['record']}{{{text}}} {value} {at}\n"


def fired(rule: Mapping[str, Any], matrix: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield an alerting rule's past, from its expression's answer for a range.

    As ``ALERTS`` and as ``ALERTS_FOR_STATE``, without what ``keep_firing_for`` adds.
    """
    hold = seconds(rule.get("for", "0s"))
    labels = rule["labels"] | {"alertname": rule["alert"]}
    active = {"record": "ALERTS_FOR_STATE", "labels": labels}
    firing = {"record": "ALERTS", "labels": labels | {"alertstate": "firing"}}
    for series in matrix:
        begun, since, last = [], None, -STEP
        for at, _ in series["values"]:
            since = at if since is None or at - last > STEP else since
            last = at
            begun.append((at, since))
        if values := [(at, 1) for at, since in begun if at - since >= hold]:
            yield from recorded(firing, [{"metric": series["metric"], "values": values}])
        yield from recorded(active, [{"metric": series["metric"], "values": begun}])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def days(number: float) -> int:
    """Convert days to seconds."""
    return int(timedelta(days=number).total_seconds())
