"""The state of every bot and tenant as JSON: ``/api/v1/bots``. The package ``pages`` is for people.

The values are those of ``/metrics``. Values that are removed there are not shown here either.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from exporter.judging.usual import Range
from exporter.judging.verdict import Verdict
from exporter.polling.calendar import find_local_time
from exporter.polling.snapshot import BotId, DiscoveryStatus, PlatformStatus, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.serving.catalogue import JUDGED_REPORT, LAYOUTS
from exporter.upstream.reports import Field, Kind, Value

Json: TypeAlias = dict[str, Any]


class State(NamedTuple):
    """A copy of the store at one moment. Unlike the store, it may be read in another thread."""

    now: float
    elapsed: float
    platforms: Mapping[str, PlatformStatus]
    """With a health check only."""
    tenants: Sequence[tuple[TenantId, TenantStatus]]
    bots: Sequence[tuple[BotId, Mapping[str, Snapshot]]]
    verdicts: Mapping[BotId, Verdict]
    """Of the bots that can be judged."""


def take(store: Store, judgement: Callable[[BotId], Verdict | None], *, now: float, elapsed: float) -> State:
    """Copy the state at ``now`` (epoch seconds), which is ``elapsed`` on the clock that snapshots expire by."""
    bots = [(bot, dict(reports)) for bot, reports in store.bots.items()]
    verdicts = {bot: verdict for bot, _ in bots if (verdict := judgement(bot))}
    return State(now, elapsed, dict(store.platforms), list(store.tenants.items()), bots, verdicts)


class Selection(NamedTuple):
    """The bots of a response: those that match ``words``, from ``offset``, at most ``limit`` (None: all)."""

    words: Sequence[str] = ()
    """Casefolded."""
    offset: int = 0
    limit: int | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Selection":
        """Read the parameters ``q``, ``offset`` and ``limit`` of a URL. Raises ValueError for an invalid number."""
        offset, limit = (_read_number(name, parameters.get(name)) for name in ("offset", "limit"))
        return cls(parameters.get("q", "").casefold().split(), offset or 0, limit)


def matches(bot: BotId, words: Sequence[str]) -> bool:
    """Return whether all casefolded words occur in a bot's or its tenant's name or id, its platform or its labels."""
    labels = (value for _, value in bot.labels)
    text = "\n".join((bot.bot, bot.access_code, bot.tenant, bot.tenant_id, bot.platform, *labels)).casefold()
    return all(word in text for word in words)


def to_json(state: State, selection: Selection) -> bytes:
    """Return the response of ``/api/v1/bots``; docs/http.md describes it.

    Bots are converted one by one. The objects of thousands of bots at once would keep the garbage collector busy, and with
    it all other threads.
    """
    found = [pair for pair in state.bots if not selection.words or matches(pair[0], selection.words)]
    end = None if selection.limit is None else selection.offset + selection.limit
    head = {
        "time": _convert_moment(state.now),
        "total": len(found),
        "platforms": [_convert_platform(name, status) for name, status in state.platforms.items()],
        "tenants": [_convert_tenant(tenant, status) for tenant, status in state.tenants],
    }
    chosen = found[selection.offset : end]
    bots = ",".join(json.dumps(_convert_bot(bot, reports, state), allow_nan=False) for bot, reports in chosen)
    return f'{json.dumps(head, allow_nan=False)[:-1]}, "bots": [{bots}]}}\n'.encode()


def _convert_platform(name: str, status: PlatformStatus) -> Json:
    return {
        "platform": name,
        "health": {
            "state": "unknown" if status.healthy is None else "ok" if status.healthy else "failing",
            "problem": status.problem,
            "checked": _convert_moment(status.checked),
        },
    }


def _convert_tenant(tenant: TenantId, status: TenantStatus) -> Json:
    return {
        "platform": tenant.platform,
        "tenant_id": tenant.tenant_id,
        "tenant": tenant.tenant,
        "login": {
            "state": "blocked" if status.login.blocked else "failing" if status.login.reason else "ok",
            "reason": status.login.reason,
            "retry_at": _convert_moment(status.login.retry_at),
            "token_expiry": _convert_moment(status.login.token_expiry),
        },
        "discovery": status.discovery and _convert_discovery(status.discovery),
        "anomalies": {
            report: {reason: count for (of, reason), count in status.anomalies.items() if of == report}
            for report in dict.fromkeys(of for of, _ in status.anomalies)
        },
        "revisions": dict(status.revisions),
    }


def _convert_discovery(status: DiscoveryStatus) -> Json:
    return {
        "state": "waiting" if status.last_attempt is None else "up" if status.up else "down",
        "bots": status.bots,
        "problem": status.problem,
        "last_attempt": _convert_moment(status.last_attempt),
        "last_success": _convert_moment(status.last_success),
    }


def _convert_bot(bot: BotId, reports: Mapping[str, Snapshot], state: State) -> Json:
    zone = ZoneInfo(bot.timezone)
    judged = JUDGED_REPORT in reports and reports[JUDGED_REPORT].expires > state.elapsed
    verdict = state.verdicts.get(bot) if judged else None
    return {
        "platform": bot.platform,
        "tenant_id": bot.tenant_id,
        "tenant": bot.tenant,
        "access_code": bot.access_code,
        "bot": bot.bot,
        "labels": dict(bot.labels),
        "timezone": bot.timezone,
        "reports": {name: _convert_report(name, snapshot, zone, state.elapsed) for name, snapshot in reports.items()},
        "judgement": verdict and _convert_verdict(verdict),
    }


def _convert_verdict(verdict: Verdict) -> Json:
    expected = verdict.expected
    return {
        "history_seconds": verdict.history_seconds,
        "expected": expected
        and {
            "calls": _convert_range(expected.calls),
            "autonomy_ratio": _convert_range(expected.autonomy),
            "interface_success_ratio": _convert_range(expected.interface_success),
        },
        "signals": {name: signal._asdict() for name, signal in verdict.signals.items()},
    }


def _convert_range(ends: Range | None) -> Json | None:
    return ends and ends._asdict()


def _convert_report(name: str, snapshot: Snapshot, zone: ZoneInfo, elapsed: float) -> Json:
    failure = snapshot.failure
    return {
        "state": "waiting" if snapshot.last_attempt is None else "up" if snapshot.up else "down",
        "failure": failure
        and {"reason": failure.reason, "message": failure.message, "since": _convert_moment(failure.since, zone)},
        "failures": snapshot.failures,
        "last_attempt": _convert_moment(snapshot.last_attempt, zone),
        "last_success": _convert_moment(snapshot.last_success, zone),
        "removed": snapshot.last_success is not None and snapshot.expires <= elapsed,
        **_convert_data(name, snapshot if snapshot.expires > elapsed else Snapshot(), zone),
    }


def _convert_data(name: str, snapshot: Snapshot, zone: ZoneInfo) -> Json:
    layout = LAYOUTS[name]
    fields = layout.shown.report.fields
    windows: Json = {}
    for window in layout.shown.windows:
        reading = layout.read(window, snapshot)
        windows[window.name] = reading and {
            "start": _convert_moment(reading.start, zone),
            "reported": reading.reported,
            "values": _convert_values(zip(fields, reading.values, strict=True)),
        }
    totals = snapshot.totals if layout.shown.counted else None
    summed = totals and [pair for pair in zip(fields, totals, strict=True) if pair[0].kind is Kind.COUNT]
    return {"windows": windows, "day_so_far": summed and _convert_values(summed)}


def _convert_values(pairs: Iterable[tuple[Field, Value]]) -> Json:
    """Return values by metric, and by the values of its labels if it has any."""
    values: Json = {}
    for field, value in pairs:
        if field.labels:
            values.setdefault(field.metric, {})[", ".join(label for _, label in field.labels)] = value
        else:
            values[field.metric] = value
    return values


_WHOLE_NUMBER: Final = re.compile("[0-9]{1,9}")


def _read_number(name: str, text: str | None) -> int | None:
    if text is not None and not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError(f"{name} is not a whole number")
    return None if text is None else int(text)


_UTC: Final = ZoneInfo("UTC")


def _convert_moment(epoch: float | None, zone: ZoneInfo = _UTC) -> Json | None:
    """Return epoch seconds, and the same in ISO 8601 to the second, with the offset of ``zone``."""
    if epoch is None:
        return None
    local = find_local_time(epoch, zone)
    return {"epoch": epoch, "iso": local and local.isoformat(timespec="seconds").replace("+00:00", "Z")}
