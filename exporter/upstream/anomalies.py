"""The kinds of anomalies in a report: one entry for each value of their label ``reason``.

The parser, the metrics, their reference, ``check --live`` and ``query --explain`` all read it from here.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, Self

from exporter.language import Text


class AnomalyLevel(Enum):
    """How ``check --live`` reports an anomaly."""

    WARNING = "warning"  # exit status 3
    NOTE = "note"  # exit status 0


_EXPLAIN: Final = "oifde-exporter query --explain shows what came, and what the exporter does with it."


class AnomalyKind(StrEnum):
    """A kind of anomaly: its label value, its meaning and effect, and what an operator can do about it."""

    meaning: Text
    """What is in the report."""
    effect: str
    """What the exporter does with it."""
    advice: Text
    level: AnomalyLevel

    def __new__(cls, label: str, meaning: str, effect: str, advice: str, level: AnomalyLevel) -> Self:
        """Raise TypeError at import if an entry lacks a part."""
        kind = str.__new__(cls, label)
        kind._value_ = label
        kind.meaning = Text(meaning)
        kind.effect = effect
        kind.advice = Text(advice)
        kind.level = level
        return kind

    OUTSIDE_DATE = (
        "outside_date",
        "a record of another date than the one asked for (by day: of a later one, or of one more than 60 days before)",
        "it is shown only as the live hour, and not at all if it is more than a day away",
        "Check timezone: it must match the time zone the platform uses for day boundaries.",
        AnomalyLevel.WARNING,
    )
    DECREASED = (
        "decreased",
        "a value of a record decreased",
        "the day's counters, if the report has any, keep the higher value",
        "The platform corrected a record. No action is needed unless it happens often.",
        AnomalyLevel.NOTE,
    )
    FOREIGN_RECORD = (
        "foreign_record",
        "a record of another tenant, bot or report",
        "skipped",
        f"Check tenant_id and access_code. {_EXPLAIN}",
        AnomalyLevel.WARNING,
    )
    DUPLICATE_RECORD = (
        "duplicate_record",
        "two records of the same hour or day",
        "the one stored later counts, else the one with more calls (or replies)",
        _EXPLAIN,
        AnomalyLevel.NOTE,
    )
    VANISHED_RECORD = (
        "vanished_record",
        "a record is missing that an earlier report had",
        "the earlier record stays in use",
        "The platform removed a record. No action is needed unless it happens often.",
        AnomalyLevel.NOTE,
    )
    INVALID_RECORD = (
        "invalid_record",
        "an item that is not a record, or has no usable recordTime",
        "skipped",
        _EXPLAIN,
        AnomalyLevel.WARNING,
    )
    INVALID_FIELD = (
        "invalid_field",
        "a value that is not a number, negative or out of range",
        "that value is absent",
        _EXPLAIN,
        AnomalyLevel.WARNING,
    )
    MISSING_FIELD = (
        "missing_field",
        "a documented field that no record of a report has",
        "all metrics made from it are absent",
        f"The platform may have renamed the field: compare it with the unknown fields. {_EXPLAIN}",
        AnomalyLevel.WARNING,
    )
    UNKNOWN_FIELD = (
        "unknown_field",
        "a field that the exporter does not know",
        "ignored",
        "A newer version of the exporter may know the field.",
        AnomalyLevel.NOTE,
    )


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An anomaly in one report. Equal anomalies of two polls are one occurrence."""

    kind: AnomalyKind
    where: str
    detail: str = field(default="", compare=False)

    def describe(self) -> str:
        """Return the place, with the detail if there is one."""
        return Text("%(where)s (%(detail)s)", where=self.where, detail=self.detail) if self.detail else self.where
