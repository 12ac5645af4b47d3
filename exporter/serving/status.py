"""What is known of every bot and tenant, for people (``/``) and for programs (``/api/v1/bots``).

Figures are those of ``/metrics``: what has been withdrawn there is not shown here either.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.serving.catalogue import LAYOUTS
from exporter.upstream.reports import Field, Kind, Value

Json: TypeAlias = dict[str, Any]

_STYLE: Final = resources.files("exporter.serving").joinpath("templates/status.css").read_text(encoding="utf-8")

STYLE_HASH: Final = f"sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"
"""What a Content-Security-Policy calls the page's one stylesheet, which is part of the page."""


class State(NamedTuple):
    """The store of one moment; unlike the store, it may be read in another thread."""

    now: float
    elapsed: float
    tenants: Sequence[tuple[TenantId, TenantStatus]]
    bots: Sequence[tuple[BotId, Mapping[str, Snapshot]]]


def take(store: Store, *, now: float, elapsed: float) -> State:
    """The state at the moment ``now`` (epoch seconds), which is ``elapsed`` on the clock that snapshots expire by."""
    bots = [(bot, dict(reports)) for bot, reports in store.bots.items()]
    return State(now, elapsed, list(store.tenants.items()), bots)


def gather(state: State) -> Json:
    """All that is shown, as plain data in the form of ``/api/v1/bots``; docs/http.md describes it.

    The bots come one by one: thousands of them at once would keep the garbage collector, and so everybody, busy.
    """
    return {
        "time": _moment(state.now),
        "tenants": [_tenant(tenant, status) for tenant, status in state.tenants],
        "bots": (_bot(bot, reports, state.elapsed) for bot, reports in state.bots),
    }


def to_json(state: State) -> bytes:
    """The answer of ``/api/v1/bots``."""
    data = gather(state)
    bots = ",".join(json.dumps(bot, allow_nan=False) for bot in data.pop("bots"))
    return f'{json.dumps(data, allow_nan=False)[:-1]}, "bots": [{bots}]}}\n'.encode()


class StatusPage:
    """The page at ``/``."""

    def __init__(self, *, base: str, telemetry_path: str) -> None:
        """``base`` is what links begin with: empty, or the URL by which the outside sees the page, with a slash."""
        environment = Environment(
            loader=PackageLoader("exporter.serving"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("status.html")
        self._links = {"metrics": f"{base}{telemetry_path.lstrip('/')}", "api": f"{base}api/v1/bots"}

    def to_html(self, state: State) -> bytes:
        """The page of a state."""
        page = self._template.render(gather(state), links=self._links, style=_STYLE)
        return page.encode("utf-8", "replace")


def _tenant(tenant: TenantId, status: TenantStatus) -> Json:
    return {
        "platform": tenant.platform,
        "tenant_id": tenant.tenant_id,
        "tenant": tenant.tenant,
        "login": {
            "state": "blocked" if status.blocked else "failing" if status.login_problem else "ok",
            "reason": status.login_problem,
            "retry_at": _moment(status.retry_at),
            "token_expiry": _moment(status.token_expiry),
        },
        "anomalies": {
            report: {reason: count for (of, reason), count in status.anomalies.items() if of == report}
            for report in dict.fromkeys(of for of, _ in status.anomalies)
        },
        "revisions": dict(status.revisions),
    }


def _bot(bot: BotId, reports: Mapping[str, Snapshot], elapsed: float) -> Json:
    zone = ZoneInfo(bot.timezone)
    return {
        "platform": bot.platform,
        "tenant_id": bot.tenant_id,
        "tenant": bot.tenant,
        "access_code": bot.access_code,
        "bot": bot.bot,
        "labels": dict(bot.labels),
        "timezone": bot.timezone,
        "reports": {name: _report(name, snapshot, zone, elapsed) for name, snapshot in reports.items()},
    }


def _report(name: str, snapshot: Snapshot, zone: ZoneInfo, elapsed: float) -> Json:
    failure = snapshot.failure
    return {
        "state": "waiting" if snapshot.last_attempt is None else "up" if snapshot.up else "down",
        "failure": failure
        and {"reason": failure.reason, "message": failure.message, "since": _moment(failure.since, zone)},
        "failures": snapshot.failures,
        "last_attempt": _moment(snapshot.last_attempt, zone),
        "last_success": _moment(snapshot.last_success, zone),
        "withdrawn": snapshot.last_success is not None and snapshot.expires <= elapsed,
        **_data(name, snapshot if snapshot.expires > elapsed else Snapshot(), zone),
    }


def _data(name: str, snapshot: Snapshot, zone: ZoneInfo) -> Json:
    layout = LAYOUTS[name]
    fields = layout.shown.report.fields
    windows: Json = {}
    for window in layout.shown.windows:
        reading = layout.read(window, snapshot)
        windows[window.name] = reading and {
            "start": _moment(reading.start, zone),
            "reported": reading.reported,
            "values": _figures(zip(fields, reading.values, strict=True)),
        }
    totals = snapshot.totals if layout.shown.counted else None
    summed = totals and [pair for pair in zip(fields, totals, strict=True) if pair[0].kind is Kind.COUNT]
    return {"windows": windows, "day_so_far": summed and _figures(summed)}


def _figures(figures_of: Iterable[tuple[Field, Value]]) -> Json:
    """By metric, and where a metric has labels, by their values."""
    figures: Json = {}
    for field, value in figures_of:
        if field.labels:
            figures.setdefault(field.metric, {})[", ".join(each for _, each in field.labels)] = value
        else:
            figures[field.metric] = value
    return figures


_UTC: Final = ZoneInfo("UTC")


def _moment(epoch: float | None, zone: ZoneInfo = _UTC) -> Json | None:
    """Epoch seconds, and the same to the second for people, with the offset of ``zone``."""
    if epoch is None:
        return None
    try:
        iso = datetime.fromtimestamp(epoch, zone).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # a token may be good for longer than the calendar has years
        iso = None
    return {"epoch": epoch, "iso": iso}
