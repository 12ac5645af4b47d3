"""A world of one bot whose records a test writes down, hour by hour."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.simulator import SimBot, SimTenant
from exporter.simulator.world import Record
from exporter.upstream.reports import HOUR
from harness.records import make_row

from .rig import SHANGHAI, TENANT, bots_named


class Script:
    """Its days are those of ``zone``; ``calls`` has the calls of each hour that has a record, by its local start."""

    def __init__(self, zone: ZoneInfo = SHANGHAI, cut: ZoneInfo | None = None) -> None:
        """``cut`` is the zone in which the platform cuts its days, if that is another."""
        self.zone = zone
        self.calls: dict[str, int] = {}
        self.more: list[Record] = []
        """Records of any kind, in every report."""
        self._cut = cut or zone

    def write(self, *hours: str, calls: int = 10) -> None:
        """Gives hours (``2026-05-20T09``) a record each, or another one."""
        self.calls |= dict.fromkeys(hours, calls)

    def write_until(self, last: str, hours: int, calls: int = 10) -> None:
        """Gives so many hours up to and with ``last`` a record each."""
        end = datetime.fromisoformat(last)
        self.write(*((end - timedelta(hours=ago)).isoformat()[:13] for ago in range(hours)), calls=calls)

    def record(self, hour: str, calls: int, **fields: object) -> Record:
        """A record as the platform writes it."""
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
        """When an hour begins, in seconds since the epoch."""
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
