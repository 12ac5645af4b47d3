"""One request for one past day of one bot."""

from collections.abc import Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Final, Protocol

from exporter.judging.hours import Counts, Hours, pack
from exporter.polling.calendar import find_midnight, list_hours
from exporter.polling.windows import Rules, place_in_day
from exporter.upstream.reports import HOUR, Parsed, Record, parse

_FIELDS: Final = [field.name for field in HOUR.fields]
_read: Final = itemgetter(
    *(
        _FIELDS.index(name)
        for name in (
            "callCount",
            "callStaffNoConsultCount",
            "callStaffConsultCount",
            "exitConsultingCount",
            "interfaceRequestCount",
            "interfaceSuccessCount",
        )
    )
)
"""Reads the values of ``Counts`` from those of an hour's record."""
_NO_CALLS: Final = Counts()


class Session(Protocol):
    """Sends a tenant's calls to its platform."""

    async def query(
        self, operation: str, path: str, body: Mapping[str, object], *, expect: type, low_priority: bool
    ) -> object:
        """Make one authenticated call; raise UpstreamError if it fails."""

    def redact(self, text: str) -> str:
        """Remove secrets from a text of the platform."""


async def fetch_report(
    session: Session, rules: Rules, tenant_id: str, access_code: str, day: date, *, low_priority: bool = False
) -> Parsed:
    """Fetch the report of a local date. Raises UpstreamError."""
    report = rules.report
    body = report.request(tenant_id, access_code, find_midnight(day, rules.zone))
    rows = await session.query(report.operation, report.path, body, expect=list, low_priority=low_priority)
    assert isinstance(rows, list)  # noqa: S101 - what `expect` promises
    return parse(report, rows, tenant_id=tenant_id, access_code=access_code, redact=session.redact)


def pack_finished_day(parsed: Parsed, rules: Rules, day: date) -> "Hours | None":
    """Return the hours of a finished local date; None if an unusable record may belong to one of them."""
    placed = place_in_day(parsed, rules, day)
    return pack(list_rows(placed.inside, rules, day)) if placed.may_infer else None


def list_rows(records: Mapping[float, Record], rules: Rules, day: date) -> Sequence[Sequence[int | None]]:
    """Return the values of ``Counts`` in each hour of a local date; the keys of the records are the starts of their hours."""
    return [_read(records[start].values) if start in records else _NO_CALLS for start, _ in list_hours(day, rules.zone)]


def read_counts(record: Record | None) -> Counts:
    """Return the counts of an hour's record. An hour without a record has no calls."""
    return Counts._make(value or 0 for value in _read(record.values)) if record else _NO_CALLS
