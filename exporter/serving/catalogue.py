"""Every family with series per bot or tenant. The families of reports follow from the reports' tables of fields.

To add a report or a window of one, add an entry to ``SHOWN``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain, count
from typing import Final, Literal, NamedTuple, TypeAlias

from exporter.judging.judge import SIGNALS, Signal
from exporter.judging.usual import Range
from exporter.judging.verdict import Verdict
from exporter.language import Text
from exporter.polling.snapshot import Hour, Snapshot, TenantStatus
from exporter.upstream.reports import REPORTS, Field, Kind, Record, Report, Value

BOT_LABELS: Final = ("tenant_id", "access_code", "bot")
TENANT_LABELS: Final = ("platform", "tenant_id")


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family. ``source`` names the platform's fields of its values, if any."""

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
    """A set of gauges with the values of one of a snapshot's records."""

    prefix: str
    attribute: Literal["hour", "live", "day"]
    title: str
    inferable: bool
    """Whether the record can be inferred; then a gauge shows whether the platform has it."""

    @property
    def name(self) -> str:
        """The name in JSON."""
        return self.prefix.removeprefix("oifde_").removesuffix("_")


@dataclass(frozen=True, slots=True)
class Shown:
    """The windows of a report, and whether it has counters of the local day."""

    report: Report
    windows: tuple[Window, ...]
    counted: bool


SHOWN: Final = (
    Shown(
        REPORTS["hour"],
        (
            Window("oifde_hour_", "hour", "Last complete hour", inferable=True),
            Window("oifde_live_hour_", "live", "Current hour", inferable=False),
        ),
        counted=True,
    ),
    Shown(
        REPORTS["day"],
        (Window("oifde_day_", "day", "Last complete day", inferable=False),),
        counted=False,
    ),
    Shown(
        REPORTS["chatbot"],
        (
            Window("oifde_chatbot_hour_", "hour", "Last complete hour", inferable=True),
            Window("oifde_chatbot_live_hour_", "live", "Current hour", inferable=False),
        ),
        counted=True,
    ),
)
"""The reports on ``/metrics``, in their order there."""


Values: TypeAlias = tuple[Value, ...]
"""The values of some families' series, in one flat row; None is an absent series."""


class Series(NamedTuple):
    """A series of a bot in a family: the text of its further labels, and the place of its value in a row."""

    labels: str
    place: int


class Column(NamedTuple):
    """A family and a bot's series in it."""

    family: Family
    series: tuple[Series, ...]


class Reading(NamedTuple):
    """A window's record: its start in epoch seconds, whether the platform has it, and a value per field of the report."""

    start: float
    reported: bool
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a report, each with the places of its values in one flat row."""

    shown: Shown
    columns: tuple[Column, ...] = field(init=False)
    _empty: tuple[Value, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(_list_columns(self.shown)))
        empty = tuple(0 if entry.kind is Kind.COUNT else None for entry in self.shown.report.fields)
        object.__setattr__(self, "_empty", empty)

    def read(self, window: Window, snapshot: Snapshot) -> Reading | None:
        """Return a window's record. An hour inferred to be empty has counts of 0, and no ratios or means."""
        match getattr(snapshot, window.attribute):
            case Hour(start, None):
                return Reading(start, reported=False, values=self._empty)
            case Hour(start, Record() as record):
                return Reading(record.start, reported=True, values=record.values)
            case Record() as record:
                return Reading(record.start, reported=True, values=record.values)
            case _:
                return None

    def values(self, snapshot: Snapshot) -> Values:
        """Return the row of a snapshot's values."""
        values: Values = ()
        for window in self.shown.windows:
            if reading := self.read(window, snapshot):
                values += (*reading.values, reading.start, int(reading.reported))
            else:
                values += (None,) * (len(self._empty) + 2)
        return values + (snapshot.totals or (None,) * len(self._empty))


def _list_columns(shown: Shown) -> Iterable[Column]:
    fields = shown.report.fields
    for number, window in enumerate(shown.windows):
        first = number * (len(fields) + 2)
        for metric, group in _group(fields).items():
            yield _build_column(f"{window.prefix}{metric}", "gauge", Text(window.title), metric, fields, group, first)
        start, reported = first + len(fields), first + len(fields) + 1
        help_ = Text("%(window)s: start time (recordTime)", window=Text(window.title))
        name = f"{window.prefix}start_timestamp_seconds"
        yield Column(Family(name, "gauge", help_, source="recordTime"), (Series("", start),))
        if window.inferable:
            help_ = Text(
                "%(window)s: 1 if the platform has a record of it, 0 if the exporter infers that it had no calls",
                window=Text(window.title),
            )
            yield Column(Family(f"{window.prefix}reported", "gauge", help_), (Series("", reported),))
    if shown.counted:
        first = len(shown.windows) * (len(fields) + 2)
        for metric, group in _group(fields).items():
            if group[0].kind is Kind.COUNT:
                title = Text("Today so far in the tenant's time zone")
                yield _build_column(f"oifde_{metric}_total", "counter", title, metric, fields, group, first)


def _build_column(
    name: str, kind: str, title: Text, metric: str, fields: Sequence[Field], group: Sequence[Field], first: int
) -> Column:
    """Build the column of the fields with one metric; ``first`` is the place of the value of the first field."""
    labels = (*BOT_LABELS, *(label for label, _ in group[0].labels))
    sources = ", ".join(entry.name for entry in group)
    return Column(
        Family(name, kind, _write_help(title, metric, group), labels, sources),
        tuple(Series(_write_labels(entry.labels), first + fields.index(entry)) for entry in group),
    )


def _group(fields: Sequence[Field]) -> Mapping[str, list[Field]]:
    groups: dict[str, list[Field]] = {}
    for entry in fields:
        groups.setdefault(entry.metric, []).append(entry)
    return groups


def _write_help(window: Text, metric: str, group: Sequence[Field]) -> Text:
    """Return a metric's help, with the platform's field names."""
    if not group[0].labels:
        return Text("%(window)s: %(help)s (%(field)s)", window=window, help=Text(group[0].help), field=group[0].name)
    parts = [
        Text(
            "%(value)s = %(help)s (%(field)s)",
            value=", ".join(value for _, value in entry.labels),
            help=Text(entry.help),
            field=entry.name,
        )
        for entry in group
    ]
    series = reduce(lambda one, other: Text("%(one)s; %(other)s", one=one, other=other), parts)
    return Text(
        "%(window)s, %(metric)s: %(series)s", window=window, metric=Text(metric.replace("_", " ")), series=series
    )


def _write_labels(labels: Sequence[tuple[str, str]]) -> str:
    return "".join(f',{name}="{value}"' for name, value in labels)


LAYOUTS: Final = {shown.report.name: Layout(shown) for shown in SHOWN}
"""By the report's name."""

BOT_INFO: Final = Column(
    Family(
        "oifde_bot_info",
        "gauge",
        Text(
            "Always 1; the labels are the bot's platform, its tenant's name and its own labels from the configuration"
        ),
        (*BOT_LABELS, "platform", "tenant"),
    ),
    (Series("", 0),),
)

REPORT_HEALTH: Final = tuple(
    Column(Family(name, kind, help_, (*BOT_LABELS, "report")), (Series("", place),))
    for place, (name, kind, help_) in enumerate(
        (
            ("oifde_up", "gauge", Text("1 if the last poll of the bot's report succeeded, else 0")),
            (
                "oifde_last_success_timestamp_seconds",
                "gauge",
                Text("Time of the last successful poll of the bot's report; absent before the first"),
            ),
            ("oifde_poll_failures_total", "counter", Text("Failed polls of the bot's report")),
        )
    )
)
"""The scrape health of a bot's report."""


def read_health(snapshot: Snapshot) -> Values:
    """Return the row of ``REPORT_HEALTH``."""
    return int(snapshot.up), snapshot.last_success, snapshot.failures


FurtherSeries: TypeAlias = Iterable[tuple[tuple[str, ...], Value]]
"""The values of a family's labels after those of the bot or the tenant, and the value."""

TENANT_HEALTH: Final[tuple[tuple[Family, Callable[[TenantStatus], FurtherSeries]], ...]] = (
    (
        Family(
            "oifde_report_anomalies_total",
            "counter",
            Text("Anomalies in the tenant's reports; each is counted once, however often it is polled"),
            (*TENANT_LABELS, "report", "reason"),
        ),
        lambda status: status.anomalies.items(),
    ),
    (
        Family(
            "oifde_record_revisions_total",
            "counter",
            Text("Records of the tenant's reports that were added or changed after their hour or day had settled"),
            (*TENANT_LABELS, "report"),
        ),
        lambda status: [((report,), count) for report, count in status.revisions.items()],
    ),
    (
        Family(
            "oifde_token_expiry_timestamp_seconds",
            "gauge",
            Text("Expiry time of the token fetched for the tenant (expireTime); absent without one"),
            TENANT_LABELS,
            "expireTime",
        ),
        lambda status: [((), status.login.token_expiry)],
    ),
    (
        Family(
            "oifde_auth_blocked",
            "gauge",
            Text("1 while the tenant's logins are suspended to avoid locking its account, else 0"),
            TENANT_LABELS,
        ),
        lambda status: [((), int(status.login.blocked))],
    ),
    (
        Family(
            "oifde_discovery_up",
            "gauge",
            Text("1 if the last discovery of the tenant's bots succeeded, else 0; only with discovery enabled"),
            TENANT_LABELS,
        ),
        lambda status: [((), int(status.discovery.up))] if status.discovery else (),
    ),
    (
        Family(
            "oifde_discovery_last_success_timestamp_seconds",
            "gauge",
            Text("Time of the last successful discovery of the tenant's bots; absent before the first"),
            TENANT_LABELS,
        ),
        lambda status: [((), status.discovery.last_success)] if status.discovery else (),
    ),
    (
        Family(
            "oifde_discovered_bots",
            "gauge",
            Text(
                "Bots of the tenant that are polled because the platform lists them (accessInfoList), without configured ones"
            ),
            TENANT_LABELS,
            "accessInfoList",
        ),
        lambda status: [((), status.discovery.bots)] if status.discovery else (),
    ),
)
"""The families of a tenant, and how to read each from its status."""


JUDGED_REPORT: Final = REPORTS["hour"].name
"""The report whose polls judge a bot."""


def _list_judgement() -> Iterable[Column]:
    """Return the columns of ``JUDGEMENT``, in the order of the values that ``read_verdict`` returns."""
    place = count()
    yield Column(
        Family("oifde_history_seconds", "gauge", Text("Length of the bot's known past, in whole days")),
        (Series("", next(place)),),
    )
    for metric, unit, words in (
        ("calls", "", Text("number of calls")),
        ("autonomy", "_ratio", Text("autonomy ratio")),
        ("interface_success", "_ratio", Text("interface success ratio")),
    ):
        for name, help_ in (
            (f"{metric}{unit}", "Last complete hour: usual %(value)s, from the bot's own past"),
            (f"{metric}_low{unit}", "Last complete hour: %(value)s, lower end of the range of 99 of 100 such hours"),
            (f"{metric}_high{unit}", "Last complete hour: %(value)s, upper end of the range of 99 of 100 such hours"),
        ):
            family = Family(f"oifde_hour_expected_{name}", "gauge", Text(help_, value=words))
            yield Column(family, (Series("", next(place)),))
    for name, help_ in (
        (
            "score",
            "Difference between the bot's present and its usual behaviour, in standard deviations; 0 if it is usual",
        ),
        (
            "size_ratio",
            "Size of the difference in the window with the highest score: 0.2 is 20 points of a ratio, or 20 % of the calls",
        ),
        ("window_seconds", "Length of the window with the highest score"),
    ):
        family = Family(f"oifde_anomaly_{name}", "gauge", Text(help_), (*BOT_LABELS, "signal"))
        yield Column(family, tuple(Series(f',signal="{signal}"', next(place)) for signal in SIGNALS))


JUDGEMENT: Final = tuple(_list_judgement())
"""The comparison of a bot with its past."""

_NO_RANGE: Final = (None,) * len(Range._fields)
_NO_SIGNAL: Final = (None,) * len(Signal._fields)


def read_verdict(verdict: Verdict) -> Values:
    """Return the row of ``JUDGEMENT``."""
    ranges = verdict.expected or (None, None, None)
    signals = [verdict.signals.get(name, _NO_SIGNAL) for name in SIGNALS]
    return (
        verdict.history_seconds,
        *chain.from_iterable(range_ or _NO_RANGE for range_ in ranges),
        *chain.from_iterable(zip(*signals, strict=True)),
    )


def list_families() -> Sequence[Family]:
    """Return every family of this catalogue, in the order of the exposition."""
    data = [column.family for layout in LAYOUTS.values() for column in layout.columns]
    health = [family for family, _ in REPORT_HEALTH]
    judgement = [family for family, _ in JUDGEMENT]
    return [BOT_INFO.family, *health, *data, *judgement, *(family for family, _ in TENANT_HEALTH)]
