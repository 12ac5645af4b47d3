"""The checker of the soak: it accepts a correct page, and finds the errors of a wrong one."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lab.soak import invariants as must
from lab.soak import page
from lab.soak.invariants import Checker, Expectation
from lab.soak.ledger import COUNTS, FIELDS, Delays, Ledger, local_date
from lab.soak.log import LogReader

BOT = ("t1", "b1")
ZONE = ZoneInfo("Asia/Shanghai")
DELAYS = Delays(settle=15.0, empty=60.0, stale_after=30.0)
LABELS = 'tenant_id="t1",access_code="b1",bot="billing"'

Row = dict[str, object]
Hours = Mapping[str, int]
"""Calls by the local start of the hour, in ISO 8601."""


def moment(text: str) -> float:
    """Return a local time (ISO 8601) as epoch seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


NOW = moment("2026-03-28T10:30:00")
MORNING = {"2026-03-28T08:00": 7, "2026-03-28T09:00": 40, "2026-03-28T10:00": 12}


def row(start: str, calls: int) -> Row:
    """Return a record: no interface requests, and all callers but one served by the bot alone."""
    return {
        "recordTime": int(moment(start) * 1000),
        "tenantId": "t1",
        "accessCode": "b1",
        "callCount": calls,
        "exitNoConsultCount": 1,
        "callStaffNoConsultCount": 0,
        "callStaffConsultCount": 0,
        "exitConsultingCount": calls - 1,
        "interactCount": 3 * calls,
        "interfaceRequestCount": 0,
        "interfaceSuccessCount": 0,
        "averageInteractPerCall": "3.00",
        "autonomyRate": "1.0000",
        "interfaceSuccessRate": "-1.0000",
        "dbRecordTime": None,
    }


def _lines(prefix: str, suffix: str, values: Mapping[str, float]) -> list[str]:
    lines = []
    for name, value in values.items():
        metric, _, outcome = name.partition("/")
        labels = f'{LABELS},outcome="{outcome}"' if outcome else LABELS
        lines.append(f"oifde_{prefix}{metric}{suffix}{{{labels}}} {value!r}")
    return lines


def _list_values(start: str, calls: int) -> dict[str, float]:
    record = row(start, calls)
    values = {metric: float(str(record[name])) for name, metric in FIELDS.items() if record[name] != "-1.0000"}
    return values | {"start_timestamp_seconds": moment(start)}


def text(
    *, success: float | None, hours: Hours = MORNING, hour: str = "2026-03-28T09:00", up: int = 1, failures: int = 0
) -> str:
    """Return the page after a poll at ``success`` that had ``hours``; ``hour`` is the last complete one."""
    lines = [
        f'oifde_bot_info{{{LABELS},platform="main"}} 1.0',
        f'oifde_up{{{LABELS},report="hour"}} {up}.0',
        f'oifde_up{{{LABELS},report="day"}} 1.0',
        f'oifde_poll_failures_total{{{LABELS},report="hour"}} {failures}.0',
        'oifde_upstream_requests_total{operation="query_call_statistics",platform="main"} 9.0',
    ]
    if success is not None:
        lines.append(f'oifde_last_success_timestamp_seconds{{{LABELS},report="hour"}} {success!r}')
        newest = max(hours)
        day = {
            metric: float(sum(_list_values(start, calls)[metric] for start, calls in hours.items()))
            for metric in COUNTS
        }
        lines += _lines("hour_", "", _list_values(hour, hours[hour]) | {"reported": 1.0})
        lines += _lines("live_hour_", "", _list_values(newest, hours[newest]))
        lines += _lines("", "_total", day)
    return "\n".join(["# HELP oifde_up 1 if", *lines, ""])


class Soak:
    """A checker and its ledger, controlled by a test."""

    def __init__(self) -> None:
        self.ledger = Ledger({"t1": ZONE}, DELAYS)
        self.clear: float | None = None
        self.failing: float | None = None
        self.checker = Checker(
            self.ledger,
            DELAYS,
            {BOT: Expectation(1.0, 1.0)},
            clear_since=lambda _: self.clear,
            failing_since=lambda _: self.failing,
        )

    def said(self, at: float, hours: Hours = MORNING) -> None:
        """Record an answer with these hours of today."""
        self.ledger.note(BOT, local_date(at, ZONE), [row(start, calls) for start, calls in hours.items()], at)

    def shown(self, at: float, content: str) -> None:
        """Check a page."""
        self.checker.observe(page.read(content), {BOT}, at, at + 0.1)

    @property
    def violated(self) -> set[str]:
        """Return the violations."""
        return set(self.checker.violations)


@pytest.fixture
def soak() -> Soak:
    """Return a checker in the middle of a morning, with a correct page after a poll."""
    soak = Soak()
    soak.said(NOW)
    soak.shown(NOW + 0.5, text(success=NOW + 0.1))
    assert set() == soak.violated
    return soak


def test_a_true_page_is_not_objected_to(soak: Soak) -> None:
    """There are no violations: without changes, with changes, when the bot fails, and when its values are removed."""
    soak.shown(NOW + 1.0, text(success=NOW + 0.1))
    more = {**MORNING, "2026-03-28T10:00": 13}
    soak.said(NOW + 1.2, more)
    soak.shown(NOW + 1.5, text(success=NOW + 1.3, hours=more))
    soak.shown(NOW + 2.5, text(success=NOW + 1.3, hours=more, up=0, failures=1))
    for second in range(4, 40):
        alone = text(success=None, up=0, failures=second)
        gone = f'{alone}oifde_last_success_timestamp_seconds{{{LABELS},report="hour"}} {NOW + 1.3!r}\n'
        there = text(success=NOW + 1.3, hours=more, up=0, failures=second)
        soak.shown(NOW + second, there if second < 31 else gone)

    assert set() == soak.violated
    assert soak.checker.checks[must.LIVE] > 30


@pytest.mark.parametrize(
    ("old", "new", "invariant"),
    [
        ("live_hour_calls{LABELS} 12.0", "live_hour_calls{LABELS} 11.0", must.LIVE),
        ("live_hour_interactions_per_call{LABELS} 3.0", "live_hour_interactions_per_call{LABELS} 3.01", must.LIVE),
        ("oifde_live_hour_calls", "oifde_live_hour_interface_success_ratio", must.LIVE),
        ("oifde_hour_calls{LABELS} 40.0", "oifde_hour_calls{LABELS} 12.0", must.HOURLY),
        ("oifde_hour_reported{LABELS} 1.0", "oifde_hour_reported{LABELS} 0.0", must.HOURLY),
        ("oifde_calls_total{LABELS} 59.0", "oifde_calls_total{LABELS} 60.0", must.COUNTED),
        ("oifde_interactions_total{LABELS} 177.0", "oifde_interactions_total{LABELS} 178.0", must.COUNTED),
        ('oifde_up{LABELS,report="hour"} 1.0', 'oifde_up{LABELS,report="hour"} 0.0', must.AGREE),
        ('platform="main"} 9.0', 'platform="main"} 8.0', must.MONOTONIC),
        ('access_code="b1"', 'access_code="b2"', must.EXIST),
    ],
)
def test_a_false_value_is_found(soak: Soak, old: str, new: str, invariant: str) -> None:
    """If one value of one series is wrong, only that is a violation."""
    soak.said(NOW + 1.0)
    good = text(success=NOW + 1.1)
    old, new = old.replace("LABELS", LABELS), new.replace("LABELS", LABELS)
    assert old in good

    soak.shown(NOW + 1.5, good.replace(old, new))

    assert {invariant} == soak.violated


def test_an_old_hour_is_found(soak: Soak) -> None:
    """A newer hour has settled, and the platform has its record."""
    soak.said(NOW + 1.0)
    soak.shown(NOW + 1.5, text(success=NOW + 1.1, hour="2026-03-28T08:00"))

    assert {must.HOURLY, must.NEVER_BACK} == soak.violated


def test_an_hour_in_progress_is_not_complete(soak: Soak) -> None:
    """The last complete hour must be over."""
    soak.said(NOW + 1.0)
    soak.shown(NOW + 1.5, text(success=NOW + 1.1, hour="2026-03-28T10:00"))

    assert must.HOURLY in soak.violated


def test_a_live_hour_that_goes_back_is_found(soak: Soak) -> None:
    """This holds even if the platform went back."""
    earlier = dict(list(MORNING.items())[:2])
    soak.said(NOW + 1.0, earlier)
    soak.shown(NOW + 1.5, text(success=NOW + 1.1, hours=earlier))

    assert must.NEVER_BACK in soak.violated


def test_counters_that_go_down_are_found(soak: Soak) -> None:
    """After a correction downwards, the counter must keep its value."""
    fewer = {**MORNING, "2026-03-28T10:00": 11}
    soak.said(NOW + 1.0, fewer)
    soak.shown(NOW + 1.5, text(success=NOW + 1.1, hours=fewer))

    assert {must.NEVER_DOWN} == soak.violated


def test_held_counters_are_true(soak: Soak) -> None:
    """The platform had these values before."""
    fewer = {**MORNING, "2026-03-28T10:00": 11}
    soak.said(NOW + 1.0, fewer)
    shown = text(success=NOW + 1.1, hours=fewer).splitlines()
    held = [line for line in text(success=NOW).splitlines() if "_total" in line]
    soak.shown(NOW + 1.5, "\n".join([line for line in shown if "_total" not in line] + held))

    assert set() == soak.violated


def test_a_success_without_an_answer_is_found(soak: Soak) -> None:
    """The exporter reports a success without an answer of the platform."""
    soak.shown(NOW + 21.0, text(success=NOW + 20.0))

    assert must.ANSWERED in soak.violated


@pytest.mark.parametrize(
    ("at", "content", "invariant"),
    [
        (NOW + 32.0, text(success=NOW + 0.1, up=0, failures=1), must.WITHDRAWN),
        (NOW + 5.0, text(success=None, up=0, failures=1), must.AGREE),
        (NOW + 25.0, text(success=NOW + 0.1), must.POLLED),
    ],
)
def test_what_is_served_too_long_is_found(soak: Soak, at: float, content: str, invariant: str) -> None:
    """Values that are too old, a lost time of success, or a poller that stopped."""
    soak.shown(at, content)

    assert {invariant} == soak.violated


def test_a_bot_withdrawn_too_early_is_found(soak: Soak) -> None:
    """One failed poll changes no data."""
    alone = text(success=None, up=0, failures=1)
    soak.shown(NOW + 1.0, f'{alone}oifde_last_success_timestamp_seconds{{{LABELS},report="hour"}} {NOW + 0.1!r}\n')

    assert {must.WITHDRAWN} == soak.violated


def test_data_that_change_without_a_success_are_found(soak: Soak) -> None:
    """A failed poll has no new hour."""
    soak.said(NOW + 1.0, {**MORNING, "2026-03-28T10:00": 13})
    shown = text(success=NOW + 0.1, hours={**MORNING, "2026-03-28T10:00": 13}, up=0, failures=1)
    soak.shown(NOW + 1.5, shown)

    assert must.UNCHANGED in soak.violated


def test_a_bot_that_does_not_recover_is_found(soak: Soak) -> None:
    """All requests have succeeded for long enough."""
    soak.clear = NOW + 1.0
    soak.shown(NOW + 20.0, text(success=NOW + 0.1, up=0, failures=15))

    assert {must.RECOVERED} == soak.violated


def test_a_bot_that_is_up_against_all_odds_is_found(soak: Soak) -> None:
    """None of its requests can have succeeded."""
    soak.failing = NOW + 0.2
    soak.said(NOW + 20.0)
    soak.shown(NOW + 21.0, text(success=NOW + 20.1))

    assert {must.FAILED} == soak.violated


NIGHT = {"2026-03-28T22:00": 7, "2026-03-28T23:00": 40}
MIDNIGHT = moment("2026-03-29T00:00:00")
ZERO = dict.fromkeys(COUNTS, 0.0)


def _at_night(success: float, day: Mapping[str, float], newest: tuple[str, int]) -> str:
    shown = text(success=success, hours=NIGHT, hour="2026-03-28T23:00").splitlines()
    kept = [
        line for line in shown if "_live_hour_" not in line and "s_total" not in line.replace("_failures_total", "")
    ]
    live = _lines("live_hour_", "", _list_values(*newest))
    return "\n".join(kept + live + _lines("", "_total", day))


@pytest.mark.parametrize(
    ("zero_from", "zero_to", "invariants"),
    [
        (20, 142, set()),
        (60, 182, set()),
        (5, 127, {must.NEVER_DOWN}),
        (20, 60, {must.NEVER_DOWN}),
        (20, 20, {must.NEVER_DOWN}),
        (180, 302, set()),
        (210, 332, {must.COUNTED}),
        (20, 180, {must.COUNTED}),
    ],
)
def test_a_new_day_begins_as_it_should(zero_from: int, zero_to: int, invariants: set[str]) -> None:
    """Yesterday's counters stay until its hours have settled, at most two minutes beyond empty_hour_delay; then comes a 0."""
    soak = Soak()
    yesterday = {metric: sum(_list_values(start, calls)[metric] for start, calls in NIGHT.items()) for metric in COUNTS}
    rows = [row(start, calls) for start, calls in NIGHT.items()]
    for second in range(-4, 240, 2):
        at = MIDNIGHT + second
        calls = 3 + max(0, second) // 10
        soak.ledger.note(BOT, local_date(MIDNIGHT - 1, ZONE), rows, at - 0.9)
        if second > 0:
            soak.said(at - 0.8, {"2026-03-29T00:00": calls})
        today = _list_values("2026-03-29T00:00", calls)
        day = yesterday if second < zero_from else ZERO if second < zero_to else {name: today[name] for name in COUNTS}
        newest = ("2026-03-29T00:00", calls) if second > 0 else ("2026-03-28T23:00", 40)
        shown = _at_night(at - 0.7, day, newest)
        if second < 16:  # 23:00 has not settled
            shown = shown.replace(
                "\n".join(_lines("hour_", "", _list_values("2026-03-28T23:00", 40))),
                "\n".join(_lines("hour_", "", _list_values("2026-03-28T22:00", 7))),
            )
        soak.shown(at, shown)

    assert invariants == soak.violated


@pytest.mark.parametrize(
    "begins, calls, invariants",
    [
        ("2026-03-27T00:00", 40, set()),
        ("2026-03-27T00:00", 41, {must.LAST_DAY}),
        ("2026-03-28T00:00", 40, {must.LAST_DAY}),
        ("2026-03-25T00:00", 30, {must.NEVER_BACK}),
    ],
)
def test_the_last_day_is_as_told(soak: Soak, begins: str, calls: int, invariants: set[str]) -> None:
    """The last day is over, has the platform's values, and never goes back."""
    soak.ledger.note_days(BOT, [row("2026-03-25T00:00", 30), row("2026-03-26T00:00", 7), row("2026-03-27T00:00", 40)])
    for second, day in enumerate([("2026-03-26T00:00", 7), (begins, calls)]):
        last_day = _lines("day_", "", _list_values(*day))
        soak.shown(NOW + 1 + second, text(success=NOW + 0.1) + "\n".join(last_day))

    assert invariants == soak.violated


def test_a_page_that_is_none_is_found() -> None:
    """A line that is not a sample, a duplicate series, and an unknown series."""
    for bad in ("oifde_up 1 2 3 x", "oifde_up 1.0\noifde_up 1.0", f"oifde_hour{{{LABELS}}} 1.0"):
        with pytest.raises(page.UnreadablePageError):
            page.read(bad)


def test_the_log_is_watched(tmp_path: Path) -> None:
    """Errors, tracebacks, secrets and lines that are not events; a rejected configuration is none of these."""
    path = tmp_path / "log"
    reader = LogReader(path, ["hunter2"])
    good = [
        '{"msg": "config_invalid", "level": "error"}',
        '{"msg": "reload_failed", "level": "error"}',
        '{"msg": "bot_failing", "level": "warn"}',
    ]
    bad = [
        '{"msg": "reload_failed", "level": "error", "exception": "..."}',
        '{"msg": "poll_crashed", "level": "error"}',
        '{"msg": "x", "level": "info", "y": "hunter2"}',
        "Traceback",
    ]
    path.write_text("\n".join([*good, *bad, '{"msg": "half']), encoding="utf-8")

    assert bad == reader.read().alarming
    assert 1 == reader.events["bot_failing"]
