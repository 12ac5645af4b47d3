"""Records of a report by field name, so that a new field of the report breaks no test."""

from typing import Any

from exporter.upstream.reports import Kind, Record, Report, Value


def make_row(report: Report, start: float, *, default: object = 0, **fields: object) -> dict[str, Any]:
    """Return a record as the platform sends it; fields of the report that are not given are ``default``."""
    return {"recordTime": int(start * 1000)} | {field.name: default for field in report.fields} | fields


def make_record(
    report: Report, start: float, *, default: Value = 0, stored: float = float("-inf"), **fields: Value
) -> Record:
    """Build a record that began at ``start`` (epoch seconds) with some fields; the others are ``default``."""
    names = [field.name for field in report.fields]
    assert set(fields) <= set(names)
    return Record(start, tuple(fields.get(name, default) for name in names), stored)


def make_totals(report: Report, **fields: Value) -> tuple[Value, ...]:
    """Build a day's totals: counts that are not given are 0, and ratios and means are None."""
    return tuple(fields.get(field.name, 0 if field.kind is Kind.COUNT else None) for field in report.fields)


def read_field(report: Report, values: tuple[Value, ...], name: str) -> Value:
    """Return a field of a record's values, or of the totals of a day."""
    return values[[field.name for field in report.fields].index(name)]
