"""A world of one bot whose records a test writes hour by hour."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.simulator import SimBot, SimTenant
from exporter.simulator.world import Record
from exporter.upstream.reports import HOUR
from harness.records import make_row

from .rig import SHANGHAI, TENANT, bots_named


class Script:
    """The days are local days of ``zone``; ``calls`` maps each hour with a record, by its local start, to its calls."""

    def __init__(self, zone: ZoneInfo = SHANGHAI, cut: ZoneInfo | None = None) -> None:
        """``cut`` is the time zone in which the platform's days begin, if it differs from ``zone``."""
        self.zone = zone
        self.calls: dict[str, int] = {}
        self.more: list[Record] = []
        """Additional records of any kind, in every report."""
        self._cut = cut or zone

    def write(self, *hours: str, calls: int = 10) -> None:
        """Write or replace a record for each of these hours (``2026-05-20T09``)."""
        self.calls |= dict.fromkeys(hours, calls)

    def write_until(self, last: str, hours: int, calls: int = 10) -> None:
        """Write a record for each of the ``hours`` hours up to and including ``last``."""
        end = datetime.fromisoformat(last)
        self.write(*((end - timedelta(hours=ago)).isoformat()[:13] for ago in range(hours)), calls=calls)

    def record(self, hour: str, calls: int, **fields: object) -> Record:
        """Return a record as the platform writes it."""
        record = make_row(
            HOUR,
            self.start(hour),
            callCount=calls,
            exitConsultingCount=calls,
            interactCount=2 * calls,
            autonomyRate="1.0000" if calls else "-1.0000",
            averageInteractPerCall="2.00",
            interfaceSuccessRate="-1.0000",
        )
        return record | {"tenantId": TENANT, "accessCode": "b1", "type": "hour", "dbRecordTime": None} | fields

    def start(self, hour: str) -> float:
        """Return the start of an hour in epoch seconds."""
        return datetime.fromisoformat(f"{hour}:00").replace(tzinfo=self.zone).timestamp()

    def tenants(self) -> Sequence[SimTenant]:
        return (SimTenant(TENANT, bots_named("b1"), timezone=self.zone),)

    def bots(self, tenant_id: str) -> Sequence[SimBot]:
        return self.tenants()[0].bots

    def records(
        self, report: str, period: str, tenant_id: str, access_code: str, timestamp_ms: int, now: float
    ) -> list[Record]:
        day = datetime.fromtimestamp(timestamp_ms / 1000, self._cut).date()
        return self.more + [
            self.record(hour, calls)
            for hour, calls in self.calls.items()
            if datetime.fromtimestamp(self.start(hour), self._cut).date() == day
        ]
