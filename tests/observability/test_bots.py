"""When the alerts on bots' figures fire, and when they do not: promtool evaluates the rules that ship.

Each scenario has many bots, each of them with one thing that happens to it; all of them are watched at the same time.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import yaml

RULES: Final = Path(__file__).parents[2] / "observability" / "rules"
DAY: Final = 24

Firing: TypeAlias = Mapping[float, Sequence[str]]


@dataclass(frozen=True)
class Traffic:
    """What happens in an hour."""

    calls: float = 100
    autonomy: float = 0.7
    direct: float = 0.1
    """The share of all judged calls."""
    requests: float = 80
    success: float = 0.98


@dataclass(frozen=True)
class Shown:
    """In which hours a process shows a bot, and under which name."""

    instance: str = "a"
    begin: float = 0
    end: float = 1000
    name: str = "Helper"


@dataclass(frozen=True)
class Bot:
    """A bot: what happens to it by the hour, who shows it, and the hours of which there is no sample."""

    code: str
    traffic: Callable[[float], Traffic] = lambda _: Traffic()
    shown: Sequence[Shown] = (Shown(),)
    missing: tuple[float, float] = (0, 0)
    only_figures_missing: bool = False
    tenant_id: str = "1"
    hour_calls: Callable[[float], float] | None = None
    """The calls of the last complete hour at a moment; default: those of the hour before."""

    def series(self, hours: float, step: float) -> dict[str, str]:
        """In promtool's notation; both in hours."""
        moments = [number * step for number in range(int(hours / step) + 1)]
        counters = self._counters(moments, step)
        hour_calls = self.hour_calls or (lambda moment: self.traffic(moment - 1.5).calls)
        found = {}
        for shown in self.shown:
            labels = {
                "tenant_id": self.tenant_id,
                "access_code": self.code,
                "bot": shown.name,
                "instance": shown.instance,
            }
            info = {**labels, "platform": "p", "tenant": "Acme"}
            found[_series("oifde_bot_info", info)] = self._values(
                [1.0] * len(moments), moments, shown, keep=self.only_figures_missing
            )
            found[_series("oifde_hour_calls", labels)] = self._values(
                [hour_calls(moment) for moment in moments], moments, shown
            )
            for (metric, outcome), values in counters.items():
                more = {"outcome": outcome} if outcome else {}
                found[_series(metric, labels | more)] = self._values(values, moments, shown)
        return found

    def _counters(self, moments: Sequence[float], step: float) -> Mapping[tuple[str, str], list[float]]:
        """The day's sums; at midnight yesterday's are still held, at the next sample a 0 is shown."""
        names = ("calls", "contained", "direct_transfer", "consulted_transfer", "requests", "successes")
        sums = dict.fromkeys(names, 0.0)
        columns: dict[str, list[float]] = {name: [] for name in names}
        for moment in moments:
            now = self.traffic(moment - step / 2)
            judged = now.calls * step * 0.9
            into = moment % DAY
            if into == step:
                sums = dict.fromkeys(names, 0.0)
            gained = (
                *(now.calls * step, judged * now.autonomy, judged * now.direct),
                *(judged * (1 - now.autonomy - now.direct), now.requests * step, now.requests * step * now.success),
            )
            for name, gain in zip(names, gained, strict=True):
                sums[name] += gain if moment else 0
                columns[name].append(0 if into == step else sums[name])
        outcomes = {("oifde_call_outcomes_total", name): columns[name] for name in names[1:4]}
        return outcomes | {
            ("oifde_calls_total", ""): columns["calls"],
            ("oifde_interface_requests_total", ""): columns["requests"],
            ("oifde_interface_successes_total", ""): columns["successes"],
        }

    def _values(self, values: Sequence[float], moments: Sequence[float], shown: Shown, *, keep: bool = False) -> str:
        words = []
        for moment, value in zip(moments, values, strict=True):
            if moment == shown.end:
                words.append("stale")
            elif not shown.begin <= moment < shown.end or (self.missing[0] <= moment < self.missing[1] and not keep):
                words.append("_")
            else:
                words.append(f"{value:g}" if value == int(value) else f"{value:.3f}")
        return " ".join(words)


def _series(metric: str, labels: Mapping[str, str]) -> str:
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels.items())}}}"


def between(begin: float, end: float, trouble: Traffic, usual: Traffic | None = None) -> Callable[[float], Traffic]:
    """Trouble for some hours, and else as usual."""
    return lambda hour: trouble if begin <= hour < end else usual or Traffic()


def needed(alerts: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """The groups that ship, of which only the rules that these alerts stand on: evaluating all takes long."""
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("thresholds.yaml", "bots.yaml")]
    groups = [group for file in files for group in file["groups"]]
    wanted = set(alerts)
    for group in reversed(groups):
        for rule in reversed(group["rules"]):
            if rule.get("record", rule.get("alert")) in wanted:
                wanted |= set(re.findall(r"[a-z]+:[a-z0-9_:]+", json.dumps(rule)))
    return [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("record", rule.get("alert")) in wanted]}
        for group in groups
    ]


def evaluate(
    promtool: Path,
    directory: Path,
    bots: Sequence[Bot],
    hours: float,
    checks: Sequence[Mapping[str, Any]],
    *,
    step: float = 0.5,
    overrides: Sequence[Mapping[str, Any]] = (),
    said: Mapping[str, str] | None = None,
) -> None:
    """Has promtool evaluate the rules every ``step`` (in hours), with some more thresholds, and make some checks.

    ``said`` are the annotations of the one alert of the one check.
    """
    series = {name: values for bot in bots for name, values in bot.series(hours, step).items()}
    first, *rest = needed({check["alert"] for check in checks})
    groups = [{**first, "rules": [*first["rules"], *overrides]}, *rest]
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}, allow_unicode=True))
    minutes = f"{step * 60:.0f}m"
    test: dict[str, Any] = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": minutes,
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": minutes,
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [check["test"] for check in checks],
            }
        ],
    }
    if said is not None:
        (check,) = checks
        labels = {"tenant_id": "1", "platform": "p", "tenant": "Acme", "bot": "Helper", "severity": "critical"}
        expected = {"exp_labels": {**labels, "access_code": bots[0].code}, "exp_annotations": dict(said)}
        at = check["test"]["eval_time"]
        test["tests"][0]["alert_rule_test"] = [{"alertname": check["alert"], "eval_time": at, "exp_alerts": [expected]}]
    path = directory / "test.yaml"
    path.write_text(yaml.safe_dump(test, allow_unicode=True))
    ended = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, timeout=170, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr


def fires(alert: str, hour: float, *codes: str, name: str = "Helper") -> Mapping[str, Any]:
    """A check that an alert fires for some bots at an hour, once each, and for no others."""
    severity = "warning" if alert in WARNINGS else "critical"
    labels = {"alertname": alert, "alertstate": "firing", "severity": severity, "tenant_id": "1", "platform": "p"}
    test = {
        "expr": f'ALERTS{{alertname="{alert}", alertstate="firing"}}',
        "eval_time": f"{hour * 60:.0f}m",
        "exp_samples": [
            {"labels": _series("ALERTS", {**labels, "tenant": "Acme", "bot": name, "access_code": code}), "value": 1}
            for code in codes
        ],
    }
    return {"alert": alert, "test": test}


WARNINGS: Final = {"OifdeBotAutonomyBelowFloor", "OifdeBotCallsSurge", "OifdeBotDirectTransfersSurge"}


# On the fourth day, from 6 to 18, a quarter of the callers is no longer served; two days before are known.
DROP = between(78, 90, Traffic(autonomy=0.45))
MOVED = (Shown("a", end=81), Shown("b", begin=81))
BOTH = (Shown("a"), Shown("b"))
DROPPED = "OifdeBotAutonomyDropped"


def test_a_drop_of_autonomy_is_found_and_seen_to_end(promtool: Path, tmp_path: Path) -> None:
    """Whatever happens to the processes meanwhile; small figures and gaps alone are no alert."""
    few = Traffic(calls=3)
    bots = [
        Bot("dropped", DROP),
        Bot("steady"),
        Bot("three calls a night", between(76, 79, replace(few, autonomy=0), few)),
        Bot("two replicas", DROP, BOTH),
        Bot("replaced pod", DROP, MOVED),
        Bot("replaced pod, steady", shown=MOVED),
        Bot("restarted", DROP, missing=(79, 80)),
        Bot("restarted, steady", missing=(79, 80)),
        Bot("removed", DROP, [Shown(end=86)]),
        Bot("down for long", missing=(79, 88), only_figures_missing=True),
        Bot("over midnight", between(70, 82, Traffic(autonomy=0.45))),
        Bot("new, and bad from the start", lambda _: Traffic(autonomy=0.4), [Shown(begin=77)]),
    ]
    during = ["dropped", "two replicas", "replaced pod", "restarted"]
    evaluate(
        promtool,
        tmp_path,
        bots,
        98,
        [
            fires(DROPPED, 70),
            fires(DROPPED, 75, "over midnight"),
            fires(DROPPED, 78, "over midnight"),
            fires(DROPPED, 85.5, *during, "removed"),
            fires(DROPPED, 87, *during),
            fires(DROPPED, 90, *during),
            fires(DROPPED, 97),
            *(
                fires(alert, 90)
                for alert in ("OifdeBotInterfaceFailing", "OifdeBotCallsVanished", "OifdeBotCallsSurge")
            ),
        ],
    )


def test_a_renamed_bot_stays_the_same_bot(promtool: Path, tmp_path: Path) -> None:
    """With its history, under its new name."""
    renamed = (Shown("a", end=86), Shown("a", begin=86, name="New name"))

    evaluate(
        promtool,
        tmp_path,
        [Bot("renamed", DROP, renamed), Bot("renamed, steady", shown=renamed)],
        98,
        [fires(DROPPED, 85, "renamed"), fires(DROPPED, 88, "renamed", name="New name"), fires(DROPPED, 97)],
    )


def test_other_shares_are_watched_alike(promtool: Path, tmp_path: Path) -> None:
    """Direct transfers, interfaces and the floor of autonomy: each alert for the bot it is about, then resolved."""
    bots = [
        Bot("steady"),
        Bot("direct", between(78, 90, Traffic(direct=0.28))),
        Bot("direct, two replicas", between(78, 90, Traffic(direct=0.28)), BOTH),
        Bot("interfaces", between(78, 90, Traffic(success=0.7))),
        Bot("interfaces, replaced pod", between(78, 90, Traffic(success=0.7)), MOVED),
        Bot("interfaces, removed", between(78, 90, Traffic(success=0.7)), [Shown(end=84)]),
        Bot("one request fails", between(78, 79, Traffic(requests=2, success=0.5), Traffic(requests=2))),
        Bot("never any good", lambda _: Traffic(autonomy=0.15), BOTH),
        Bot("never any good, but hardly called", lambda _: Traffic(calls=0.5, autonomy=0.15)),
        Bot("restarted", missing=(79, 80)),
        Bot("no interfaces", lambda _: Traffic(requests=0)),
    ]
    direct, interfaces, floor = "OifdeBotDirectTransfersSurge", "OifdeBotInterfaceFailing", "OifdeBotAutonomyBelowFloor"
    evaluate(
        promtool,
        tmp_path,
        bots,
        98,
        [
            *(fires(alert, 77) for alert in (direct, interfaces, DROPPED)),
            fires(direct, 85, "direct", "direct, two replicas"),
            fires(interfaces, 83, "interfaces", "interfaces, replaced pod", "interfaces, removed"),
            fires(interfaces, 85.5, "interfaces", "interfaces, replaced pod"),
            *(fires(floor, hour, "never any good") for hour in (20, 40, 72.5, 97)),
            *(fires(alert, 97) for alert in (direct, interfaces, DROPPED)),
        ],
    )


MONDAY: Final = 11 * DAY  # the epoch was a Thursday


def office(hour: float) -> Traffic:
    """Open from 8 to 18, Monday to Friday."""
    day, into = divmod(hour, DAY)
    return Traffic(calls=60 if 8 <= into < 18 and day % 7 not in {2, 3} else 0)


def silent(begin: float, end: float, usual: Callable[[float], Traffic]) -> Callable[[float], Traffic]:
    """No calls for some hours."""
    return lambda hour: Traffic(calls=0, requests=0) if begin <= hour < end else usual(hour)


def inferred(traffic: Callable[[float], Traffic], begin: float, end: float) -> Callable[[float], float]:
    """The calls of the last complete hour where those without a record are known to be empty only two hours later."""

    def hour_calls(moment: float) -> float:
        if begin + 1 <= moment < begin + 3:
            return traffic(begin - 1).calls
        return traffic(moment - 1.5).calls if moment < begin or moment >= end + 1 else 0.0

    return hour_calls


def test_calls_that_vanish_are_missed(promtool: Path, tmp_path: Path) -> None:
    """Against the same hours of two weeks; a holiday, a late report, a small bot or a gap is no alert."""
    ten = MONDAY + 10

    def steady(_: float) -> Traffic:
        return Traffic(calls=60)

    gone, closed = silent(ten, ten + 8, steady), silent(MONDAY, MONDAY + DAY, office)
    stopped = silent(ten + 1, MONDAY + DAY, office)
    bots = [
        Bot("vanished", gone, hour_calls=inferred(gone, ten, ten + 8)),
        Bot("two replicas", gone, BOTH, hour_calls=inferred(gone, ten, ten + 8)),
        Bot("replaced pod", gone, [Shown("a", end=ten + 4), Shown("b", begin=ten + 4)]),
        Bot("removed", gone, [Shown(end=ten + 6)], hour_calls=inferred(gone, ten, ten + 8)),
        Bot("office, on a holiday", closed, hour_calls=lambda moment: closed(moment - 1.5).calls),
        Bot("office, stopped in the morning", stopped, hour_calls=inferred(stopped, ten + 1, MONDAY + DAY)),
        Bot("late report", hour_calls=lambda moment: 40 if ten <= moment < ten + 3 else 60),
        Bot("one call an hour", silent(ten, ten + 8, lambda _: Traffic(calls=1))),
        Bot("restarted", steady, missing=(ten, ten + 1)),
    ]
    firing = ["vanished", "two replicas", "replaced pod", "office, stopped in the morning"]
    vanished = "OifdeBotCallsVanished"
    evaluate(
        promtool,
        tmp_path,
        bots,
        MONDAY + DAY + 4,
        [
            fires(vanished, MONDAY + 9),
            fires(vanished, ten + 5, *firing, "removed"),
            fires(vanished, ten + 7, *firing),
            fires(vanished, MONDAY + DAY + 4),
        ],
        step=1,
    )


def test_a_surge_of_calls_is_found(promtool: Path, tmp_path: Path) -> None:
    """Once a week is known twice, and unless the bot has had as many calls at some hour of the week."""
    later = MONDAY + 7 * DAY
    ten = later + 10
    surge = between(ten, ten + 6, Traffic(calls=220), Traffic(calls=60))
    bots = [
        Bot("surge", surge),
        Bot("two replicas", surge, BOTH),
        Bot("replaced pod", surge, [Shown("a", end=ten + 2), Shown("b", begin=ten + 2)]),
        Bot("removed", surge, [Shown(end=ten + 5)]),
        Bot("restarted", lambda _: Traffic(calls=60), missing=(ten, ten + 1)),
        Bot("office, open on a Saturday", lambda hour: office(hour + (2 * DAY if hour > later else 0))),
        Bot("new", surge, [Shown(begin=later - 3 * DAY)]),
    ]
    surged = "OifdeBotCallsSurge"
    evaluate(
        promtool,
        tmp_path,
        bots,
        later + DAY,
        [
            fires(surged, later + 9),
            fires(surged, ten + 4, "surge", "two replicas", "replaced pod", "removed"),
            fires(surged, ten + 6, "surge", "two replicas", "replaced pod"),
            fires(surged, later + 23),
        ],
        step=1,
    )


def test_thresholds_differ_by_tenant_and_bot(promtool: Path, tmp_path: Path) -> None:
    """A bot's own counts, else its tenant's, else everybody's."""

    def floor(value: float, **labels: str) -> Mapping[str, Any]:
        return {"record": "oifde:alert_threshold:autonomy_floor", "expr": f"vector({value})", "labels": labels}

    bots = [
        Bot("as the tenant", lambda _: Traffic(autonomy=0.4)),
        Bot("its own", lambda _: Traffic(autonomy=0.4)),
        Bot("another tenant's", lambda _: Traffic(autonomy=0.4), tenant_id="2"),
    ]
    overrides = [floor(0.6, tenant_id="1"), floor(0.1, tenant_id="1", access_code="its own")]

    evaluate(
        promtool, tmp_path, bots, 30, [fires("OifdeBotAutonomyBelowFloor", 30, "as the tenant")], overrides=overrides
    )


def test_what_is_said_of_a_drop(promtool: Path, tmp_path: Path) -> None:
    """The figures of the hour, of six hours and of what is usual, and where to read on."""
    said = {
        "summary": "Helper serves fewer callers by itself than usual.",
        "description": (
            "Helper (Acme, tenant 1) served 45% of its callers by itself in the last hour and 45% in the last six; usual at"
            " this time of the week is 70%. Of all callers 25% more than usual end up with agents, which cannot be chance."
        ),
        "runbook_url": "docs/runbooks/OifdeBotAutonomyDropped.md",
    }
    evaluate(promtool, tmp_path, [Bot("dropped", DROP)], 90, [fires(DROPPED, 90, "dropped")], said=said)


def test_the_files_are_in_step_with_the_code() -> None:
    """What Prometheus reads is what was reviewed, and the chart has the same."""
    root = RULES.parents[1]
    command = [sys.executable, "-m", "observability", "--check"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)

    assert (0, "") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.name)
def test_promtool_has_nothing_to_say(promtool: Path, path: Path) -> None:
    """Every rule is valid, none is there twice."""
    ended = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", path], capture_output=True, text=True, timeout=60, check=False
    )

    assert (0, True) == (ended.returncode, "SUCCESS" in ended.stdout), ended.stdout + ended.stderr


def test_the_page_names_every_alert_and_threshold() -> None:
    """With the value that ships."""
    page = (RULES.parents[1] / "docs" / "alerts.md").read_text(encoding="utf-8")
    rules = [
        rule
        for name in ("thresholds.yaml", "bots.yaml")
        for group in yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    alerts = {rule["alert"]: rule["labels"]["severity"] for rule in rules if "alert" in rule}
    per_bot = {
        rule["record"].rpartition(":")[2] for rule in rules if "bot:oifde_alert_threshold:" in rule.get("record", "")
    }
    values = {
        rule["record"].rpartition(":")[2]: rule["expr"].removeprefix("vector(").removesuffix(")")
        for rule in rules
        if rule.get("record", "").startswith("oifde:alert_threshold:") and rule["record"].rpartition(":")[2] in per_bot
    }

    assert alerts == dict(re.findall(r"^\| `(Oifde\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert values == dict(re.findall(r"^\| `(\w+)` \| ([0-9.]+) \|", page, re.MULTILINE))
