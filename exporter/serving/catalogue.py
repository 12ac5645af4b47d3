"""Every family that is written per bot or per tenant, derived from the table of the reports' fields.

A further report, or a further window of one, is an entry in ``SHOWN``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from exporter.polling.snapshot import Hour, Snapshot, TenantStatus
from exporter.upstream.reports import REPORTS, Field, Kind, Record, Report, Value

BOT_LABELS: Final = ("tenant_id", "access_code", "bot")
TENANT_LABELS: Final = ("platform", "tenant_id")


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family; ``source`` names the platform's fields it comes from, if any."""

    sample: str
    """The name of its series, which for a counter ends in ``_total``."""
    type: str
    help: str
    labels: tuple[str, ...] = BOT_LABELS
    source: str = ""

    @property
    def name(self) -> str:
        """The name OpenMetrics has for it."""
        return self.sample.removesuffix("_total") if self.type == "counter" else self.sample


@dataclass(frozen=True, slots=True)
class Window:
    """One of a snapshot's records as a set of gauges."""

    prefix: str
    attribute: Literal["hour", "live", "day"]
    title: str
    inferable: bool
    """Whether a gauge says if the platform has a record of it."""

    @property
    def name(self) -> str:
        """Its name outside of metrics."""
        return self.prefix.removeprefix("oifde_").removesuffix("_")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a report: some windows, and the local day's counters or not."""

    report: Report
    windows: tuple[Window, ...]
    counted: bool


SHOWN: Final = (
    Shown(
        REPORTS["hour"],
        (
            Window("oifde_hour_", "hour", "Last complete hour", inferable=True),
            Window("oifde_live_hour_", "live", "Newest hour known, normally still in progress", inferable=False),
        ),
        counted=True,
    ),
    Shown(
        REPORTS["day"],
        (Window("oifde_day_", "day", "Last day that is over", inferable=False),),
        counted=False,
    ),
    Shown(
        REPORTS["chatbot"],
        (
            Window("oifde_chatbot_hour_", "hour", "Last complete hour", inferable=True),
            Window(
                "oifde_chatbot_live_hour_", "live", "Newest hour known, normally still in progress", inferable=False
            ),
        ),
        counted=True,
    ),
)
"""Every report on ``/metrics``, in the order in which it stands there."""


class Series(NamedTuple):
    """One series a bot has in a family: the text after the labels of the bot, and the place of its value."""

    labels: str
    place: int


class Column(NamedTuple):
    """A family and the series a bot has in it."""

    family: Family
    series: tuple[Series, ...]


class Reading(NamedTuple):
    """A window's record: its start in epoch seconds, whether the platform has it, its values as the report's fields."""

    start: float
    reported: bool
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a report's snapshots become: columns over one flat row of values."""

    shown: Shown
    columns: tuple[Column, ...] = field(init=False)
    _empty: tuple[Value, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(_columns(self.shown)))
        empty = tuple(0 if each.kind is Kind.COUNT else None for each in self.shown.report.fields)
        object.__setattr__(self, "_empty", empty)

    def read(self, window: Window, snapshot: Snapshot) -> Reading | None:
        """What a snapshot has for a window; an hour inferred to be without calls has counts of 0 and nothing else."""
        match getattr(snapshot, window.attribute):
            case Hour(start, None):
                return Reading(start, reported=False, values=self._empty)
            case Hour(start, Record() as record):
                return Reading(record.start, reported=True, values=record.values)
            case Record() as record:
                return Reading(record.start, reported=True, values=record.values)
            case _:
                return None

    def values(self, snapshot: Snapshot) -> Sequence[Value]:
        """A snapshot's values in the order the columns refer to; None where there is no series."""
        values: list[Value] = []
        for window in self.shown.windows:
            if reading := self.read(window, snapshot):
                values += (*reading.values, reading.start, int(reading.reported))
            else:
                values += (None,) * (len(self._empty) + 2)
        return [*values, *(snapshot.totals or (None,) * len(self._empty))]


def _columns(shown: Shown) -> Iterable[Column]:
    fields = shown.report.fields
    for number, window in enumerate(shown.windows):
        first = number * (len(fields) + 2)
        for metric, group in _grouped(fields).items():
            yield Column(
                Family(
                    f"{window.prefix}{metric}",
                    "gauge",
                    _help(window.title, metric, group),
                    (*BOT_LABELS, *_label_names(group)),
                    _source(group),
                ),
                tuple(Series(_labels(each.labels), first + fields.index(each)) for each in group),
            )
        start, reported = first + len(fields), first + len(fields) + 1
        help_ = f"{window.title}: when it began (recordTime)"
        name = f"{window.prefix}start_timestamp_seconds"
        yield Column(Family(name, "gauge", help_, source="recordTime"), (Series("", start),))
        if window.inferable:
            help_ = f"{window.title}: 1 if the platform has a record of it, 0 if it is inferred to be empty"
            yield Column(Family(f"{window.prefix}reported", "gauge", help_), (Series("", reported),))
    if shown.counted:
        first = len(shown.windows) * (len(fields) + 2)
        for metric, group in _grouped(fields).items():
            if group[0].kind is Kind.COUNT:
                yield Column(
                    Family(
                        f"oifde_{metric}_total",
                        "counter",
                        _help("The tenant's local day so far, sum over its hours", metric, group),
                        (*BOT_LABELS, *_label_names(group)),
                        _source(group),
                    ),
                    tuple(Series(_labels(each.labels), first + fields.index(each)) for each in group),
                )


def _grouped(fields: Sequence[Field]) -> Mapping[str, list[Field]]:
    groups: dict[str, list[Field]] = {}
    for each in fields:
        groups.setdefault(each.metric, []).append(each)
    return groups


def _help(title: str, metric: str, group: Sequence[Field]) -> str:
    """The words for a metric, with the platform's names for it."""
    if not group[0].labels:
        return f"{title}: {group[0].help[0].lower()}{group[0].help[1:]} ({group[0].name})"
    series = (f"{', '.join(value for _, value in each.labels)} = {each.help} ({each.name})" for each in group)
    return f"{title}, {metric.replace('_', ' ')}: {'; '.join(series)}"


def _source(group: Sequence[Field]) -> str:
    return ", ".join(each.name for each in group)


def _label_names(group: Sequence[Field]) -> tuple[str, ...]:
    return tuple(name for name, _ in group[0].labels)


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    return "".join(f',{name}="{value}"' for name, value in labels)


LAYOUTS: Final = {shown.report.name: Layout(shown) for shown in SHOWN}
"""By the report's name."""

BOT_INFO: Final = Family(
    "oifde_bot_info",
    "gauge",
    "1; the labels say what is configured of a bot: its platform, its tenant's name and its own labels",
    (*BOT_LABELS, "platform", "tenant"),
)

_PER_REPORT: Final = (*BOT_LABELS, "report")

REPORT_HEALTH: Final[tuple[tuple[Family, Callable[[Snapshot], Value]], ...]] = (
    (
        Family("oifde_up", "gauge", "1 if the last poll of the bot's report succeeded, else 0", _PER_REPORT),
        lambda snapshot: int(snapshot.up),
    ),
    (
        Family(
            "oifde_last_success_timestamp_seconds",
            "gauge",
            "When a poll of the bot's report last succeeded; absent before the first time",
            _PER_REPORT,
        ),
        lambda snapshot: snapshot.last_success,
    ),
    (
        Family("oifde_poll_failures_total", "counter", "Polls of the bot's report that failed", _PER_REPORT),
        lambda snapshot: snapshot.failures,
    ),
)
"""What is known of a bot's report besides its data, and where in a snapshot it is."""

TenantSeries: TypeAlias = Iterable[tuple[tuple[str, ...], Value]]
"""The values of a family's labels after ``TENANT_LABELS``, and the value."""

TENANT_HEALTH: Final[tuple[tuple[Family, Callable[[TenantStatus], TenantSeries]], ...]] = (
    (
        Family(
            "oifde_report_anomalies_total",
            "counter",
            "Things in the tenant's reports that ought not to be there, each counted once however often it is polled",
            (*TENANT_LABELS, "report", "reason"),
        ),
        lambda status: status.anomalies.items(),
    ),
    (
        Family(
            "oifde_record_revisions_total",
            "counter",
            "Records of the tenant's reports that were changed, or came at all, only after their hour or day had settled",
            (*TENANT_LABELS, "report"),
        ),
        lambda status: [((report,), count) for report, count in status.revisions.items()],
    ),
    (
        Family(
            "oifde_token_expiry_timestamp_seconds",
            "gauge",
            "When the token that was fetched for the tenant expires; absent without one",
            TENANT_LABELS,
            "expireTime",
        ),
        lambda status: [((), status.token_expiry)],
    ),
    (
        Family(
            "oifde_auth_blocked",
            "gauge",
            "1 while no login is tried for the tenant, to spare its account from being locked, else 0",
            TENANT_LABELS,
        ),
        lambda status: [((), int(status.blocked))],
    ),
    (
        Family(
            "oifde_discovery_up",
            "gauge",
            "1 if the bots bound to the tenant were last asked for with success, else 0; only where they are discovered",
            TENANT_LABELS,
        ),
        lambda status: [((), int(status.discovery.up))] if status.discovery else (),
    ),
    (
        Family(
            "oifde_discovery_last_success_timestamp_seconds",
            "gauge",
            "When the bots bound to the tenant were last found out; absent before the first time",
            TENANT_LABELS,
        ),
        lambda status: [((), status.discovery.last_success)] if status.discovery else (),
    ),
    (
        Family(
            "oifde_discovered_bots",
            "gauge",
            "Bots of the tenant that are polled because the platform lists them, those that are configured left out",
            TENANT_LABELS,
            "accessInfoList",
        ),
        lambda status: [((), status.discovery.bots)] if status.discovery else (),
    ),
)
"""What is known of a tenant, and where in its status it is."""


def families() -> Sequence[Family]:
    """Every family of this catalogue, in the order of the exposition."""
    data = [column.family for layout in LAYOUTS.values() for column in layout.columns]
    health = [family for family, _ in REPORT_HEALTH]
    return [BOT_INFO, *health, *data, *(family for family, _ in TENANT_HEALTH)]
