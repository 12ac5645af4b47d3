"""The platform's statistics reports, declared as data, and the parser of their answers.

A report is a table of fields. The rest follows from it: the parsing of a record, the gauges and counters, their help and
the generated reference. Source: the vendor's interface reference, "queryCallStatisticsReport" and
"queryChatbotReport".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache, partial
from typing import Final, Literal, NamedTuple, TypeAlias

from exporter.language import Text, join
from exporter.upstream.anomalies import Anomaly, AnomalyKind

MAX_COUNT: Final = 2**53
"""Above this, a float64, the only number type of Prometheus, does not hold every integer."""

NO_JUDGEMENT: Final = -1
"""The platform's value for a ratio with the denominator 0 ("-1.000", "-1.0000")."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,3})?")
_CACHED_NUMBERS: Final = 16_384  # the rates of all bots repeat: they have four digits at most
_CACHED_LENGTH: Final = 16  # a longer text would keep its memory
_FIRST_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_CENTURY: Final = 100 * 365.25 * 86400.0
_LAST_MOMENT: Final = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}([,'\u2019\uff0c _\u00a0\u202f][0-9]{3})+(\.[0-9]+)?")
_IDENTITY: Final = frozenset({"recordTime", "tenantId", "accessCode", "type", "dbRecordTime"})

Value: TypeAlias = int | float | None
"""A field's value; None if the record has no usable one, or the ratio has the denominator 0."""


class Kind(Enum):
    """The kind of a field, and so the values it can have."""

    COUNT = auto()  # a whole number, 0 or more
    RATIO = auto()  # 0 to 1, or NO_JUDGEMENT
    MEAN = auto()  # 0 or more


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a report's records, and its metrics.

    ``metric`` follows the window's prefix in a gauge's name; a ``COUNT`` also adds to the counter
    ``oifde_<metric>_total``. Fields with the same ``metric`` differ in their ``labels``.
    """

    name: str
    kind: Kind
    metric: str
    help: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One of the platform's reports: how to ask for it, and the fields of its records.

    ``type`` is the period of a record: an ``hour`` of the local date asked for, or a ``day`` of the 30 days up to it. Of
    two records of the same hour or day that were stored at the same time, the one with the larger first field counts.
    """

    name: str
    title: str
    operation: str
    path: str
    type: Literal["hour", "day"]
    fields: tuple[Field, ...]
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", _IDENTITY | {field_.name for field_ in self.fields})

    @property
    def min_interval(self) -> float:
        """Return the least number of seconds between two requests for it."""
        return _MIN_INTERVAL[self.type]

    def request(self, tenant_id: str, access_code: str, midnight: float) -> dict[str, object]:
        """Return the request body for the report of the local date that begins at ``midnight`` (epoch seconds)."""
        return {
            "type": self.type,
            "tenantId": tenant_id,
            "accessCode": access_code,
            "timestamp": int(midnight * 1000),
        }


_MIN_INTERVAL: Final[Mapping[str, float]] = {"hour": 0.0, "day": 600.0}


def _outcome(name: str, outcome: str, help_: str) -> Field:
    return Field(name, Kind.COUNT, "call_outcomes", help_, (("outcome", outcome),))


HOUR: Final = Report(
    name="hour",
    title="Calls by hour",
    operation="query_call_statistics",
    path="queryCallStatisticsReport",
    type="hour",
    fields=(
        Field("callCount", Kind.COUNT, "calls", "calls that reached the bot"),
        _outcome("exitNoConsultCount", "immediate_exit", "left after exactly 1 interaction"),
        _outcome("callStaffNoConsultCount", "direct_transfer", "transferred to an agent after 2 or 3 interactions"),
        _outcome(
            "callStaffConsultCount", "consulted_transfer", "transferred to an agent after more than 3 interactions"
        ),
        _outcome("exitConsultingCount", "contained", "handled by the bot alone"),
        Field("interactCount", Kind.COUNT, "interactions", "interactions between callers and the bot"),
        Field("averageInteractPerCall", Kind.MEAN, "interactions_per_call", "interactions per call"),
        Field(
            "autonomyRate",
            Kind.RATIO,
            "autonomy_ratio",
            "containment rate: calls handled by the bot alone, of its callers who went on to the bot or an agent, 0 to 1; absent without such callers",
        ),
        Field("interfaceRequestCount", Kind.COUNT, "interface_requests", "requests of the bot to backend interfaces"),
        Field(
            "interfaceSuccessCount",
            Kind.COUNT,
            "interface_successes",
            "successful requests of the bot to backend interfaces",
        ),
        Field(
            "interfaceSuccessRate",
            Kind.RATIO,
            "interface_success_ratio",
            "share of requests to backend interfaces that succeeded, 0 to 1; absent without requests",
        ),
    ),
)

DAY: Final = replace(HOUR, name="day", title="Calls by day", type="day")

CHATBOT: Final = Report(
    name="chatbot",
    title="Replies by hour",
    operation="query_chatbot",
    path="queryChatbotReport",
    type="hour",
    fields=(
        Field("consultCount", Kind.COUNT, "replies", "replies of the bot"),
        Field("responseSuccessCount", Kind.COUNT, "reply_successes", "successful replies of the bot"),
        Field("unknowCount", Kind.COUNT, "unknown_replies", 'replies of the bot that say "I don\'t know"'),
        Field(
            "responseRate",
            Kind.RATIO,
            "reply_success_ratio",
            "share of replies that succeeded, 0 to 1; absent without replies",
        ),
        Field("feedbackCount", Kind.COUNT, "feedback", "ratings by users"),
        Field("positiveFeedbackCount", Kind.COUNT, "positive_feedback", "positive ratings by users"),
        Field(
            "positiveFeedbackRate",
            Kind.RATIO,
            "positive_feedback_ratio",
            "share of ratings that were positive, 0 to 1; absent without ratings",
        ),
    ),
)

REPORTS: Final = {report.name: report for report in (HOUR, DAY, CHATBOT)}
"""The reports that ``reports:`` can name."""


class Record(NamedTuple):
    """One hour (or day) of one bot: its start in epoch seconds, and its values in the order of the report's fields."""

    start: float
    values: tuple[Value, ...]
    stored: float
    """When the platform stored it (``dbRecordTime``), in epoch seconds, only for comparison; -inf if not known."""


class Parsed(NamedTuple):
    """The usable records of a report in their order, and the anomalies of the report."""

    records: list[Record]
    anomalies: list[Anomaly]


def parse(
    report: Report,
    rows: Sequence[object],
    *,
    tenant_id: str,
    access_code: str,
    redact: Callable[[str], str] = str,
) -> Parsed:
    """Parse the rows of an answer. A bad value loses that value, a bad row that row; nothing here raises.

    Anomalies quote the platform's text through ``redact``: the platform may have repeated a secret in a row.
    """
    records: list[Record] = []
    anomalies: list[Anomaly] = []
    names: set[str] = set()
    quote = partial(_quote, redact)
    fields = [(field_.name, field_.kind) for field_ in report.fields]
    count = Kind.COUNT  # local, since this loop takes most of a poll's time
    for row in rows:
        if not isinstance(row, dict):
            anomalies.append(Anomaly(AnomalyKind.INVALID_RECORD, quote(row)))
            continue
        start = _read_start(row, report.type, tenant_id, access_code, quote)
        if isinstance(start, Anomaly):
            anomalies.append(start)
            continue
        values: list[Value] = []
        for name, kind in fields:
            raw = row.get(name, _MISSING)
            if kind is count and type(raw) is int and 0 <= raw <= MAX_COUNT:
                values.append(raw)  # nearly every value
            elif raw is _MISSING:
                values.append(None)
            else:
                value, valid = _read_value(kind, raw)
                values.append(value)
                if not valid:
                    where, hint = f"recordTime={start * 1000:.0f} {name}", hint_at(raw)
                    detail = join([quote(raw), hint]) if hint else quote(raw)
                    anomalies.append(Anomaly(AnomalyKind.INVALID_FIELD, where, detail))
        names |= row.keys()
        records.append(Record(start, tuple(values), _read_stored(row.get("dbRecordTime"))))
    if records:
        unknown = [_shorten(redact(name), name) for name in sorted(names - report.known)]
        if missing := [name for name, _ in fields if name not in names]:
            anomalies += _describe_missing(missing, unknown)
        anomalies += (Anomaly(AnomalyKind.UNKNOWN_FIELD, name) for name in unknown)
    return Parsed(records, anomalies)


_MISSING: Final = object()
_MAX_QUOTED: Final = 80
_MAX_NAMED: Final = 10


def _describe_missing(missing: Sequence[str], unknown: Sequence[str]) -> Iterator[Anomaly]:
    """Report each documented field that no record has, with the unknown fields that may be its new name."""
    named = ", ".join(unknown[:_MAX_NAMED]) or Text("none")
    detail = Text("missing: %(missing)s; unknown: %(unknown)s", missing=", ".join(missing), unknown=named)
    return (Anomaly(AnomalyKind.MISSING_FIELD, name, detail) for name in missing)


def _read_start(
    row: dict[str, object], type_: str, tenant_id: str, access_code: str, quote: Callable[[object], str]
) -> float | Anomaly:
    """Return a record's start in epoch seconds, or why the record is unusable."""
    moment = _read_number(row.get("recordTime"))
    if moment is None or not _FIRST_MOMENT <= moment / 1000 < _LAST_MOMENT:
        return Anomaly(AnomalyKind.INVALID_RECORD, f"recordTime={quote(row.get('recordTime'))}", _guess_unit(moment))
    # A record without one of these fields counts as the bot's own.
    for name, expected in (("tenantId", tenant_id), ("accessCode", access_code), ("type", type_)):
        actual = row.get(name)
        if actual is not None and str(actual) != expected:
            return Anomaly(AnomalyKind.FOREIGN_RECORD, f"recordTime={moment:.0f} {name}={quote(actual)}")
    return moment / 1000


def _guess_unit(moment: float | None) -> str:
    """Say in which unit a time is that is of no year since 2000 in milliseconds; empty if it is none in another unit."""
    for unit, per_second in ((Text("seconds"), 1), (Text("microseconds"), 1e6)):
        if moment is not None and _FIRST_MOMENT <= moment / per_second < _FIRST_MOMENT + _CENTURY:
            return Text("%(unit)s instead of milliseconds", unit=unit)
    return ""


def _read_value(kind: Kind, raw: object) -> tuple[Value, bool]:
    """Return a field's value, and whether the platform's value was valid."""
    ratio = kind is Kind.RATIO
    number = _read_number(raw)
    if number is None and ratio:
        number = _read_percentage(raw)
    if number is None:
        return None, kind is not Kind.COUNT and _is_nothing(raw)
    if 0 <= number <= (1 if ratio else MAX_COUNT):
        if kind is not Kind.COUNT:
            return abs(number), True
        return (int(number), True) if number == int(number) else (None, False)
    return None, ratio and number == NO_JUDGEMENT


def _is_nothing(raw: object) -> bool:
    """Whether a platform may write a rate or a mean so where there was nothing to measure."""
    return raw is None or (isinstance(raw, str) and raw.strip() in ("", "--"))


def hint_at(raw: object) -> str:
    """Say in which form a text has a number that is not read; empty for anything else."""
    grouped = isinstance(raw, str) and _GROUPED.fullmatch(raw.strip())
    return Text("a number with thousands separators") if grouped else ""


def _read_percentage(raw: object) -> float | None:
    """Return a percentage like "98.5%" as a ratio."""
    if not isinstance(raw, str) or not raw.strip().endswith("%"):
        return None
    number = _read_number(raw.strip()[:-1])
    # As decimals: 1.1 / 100 is not the nearest float to 0.011.
    return None if number is None else float(Decimal(repr(number)) / 100)


def _read_number(raw: object) -> float | None:
    """Return a JSON number or a numeric text as a finite number; None for anything else, true and false included."""
    if type(raw) is str:
        return _parse_number(raw) if len(raw) <= _CACHED_LENGTH else _parse_number.__wrapped__(raw)
    if type(raw) not in (int, float) or not -1e300 < raw < 1e300:  # type: ignore[operator]
        return None
    return raw  # type: ignore[return-value]


@lru_cache(maxsize=_CACHED_NUMBERS)
def _parse_number(text: str) -> float | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return _read_number(int(text) if text.isdecimal() else float(text))


def _read_stored(raw: object) -> float:
    """Convert ``dbRecordTime`` (null, epoch ms or text) to epoch seconds; -inf if it is not readable."""
    number = _read_number(raw)
    if number is not None:
        return number / 1000
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):  # an unknown form
            return float("-inf")
    return float("-inf")


def _quote(redact: Callable[[str], str], raw: object) -> str:
    # Redact before quoting: with escapes in it, a secret would not be recognised.
    return _describe(redact(raw)) if isinstance(raw, str) else redact(_describe(raw))


def _describe(raw: object) -> str:
    """Describe a value for a log line: short, and never the inside of a container, which may be endless."""
    if raw is None or isinstance(raw, (str, int, float)):
        return _shorten(repr(raw), raw)
    return "an array" if isinstance(raw, list) else "an object"


def _shorten(text: str, raw: object) -> str:
    if len(text) <= _MAX_QUOTED:
        return text
    # Not even its beginning: part of a secret would not be recognised.
    return f"{'a number' if isinstance(raw, int) else 'a text'} of {len(text)} characters"
