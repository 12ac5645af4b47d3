"""What the help page explains."""

from collections.abc import Sequence
from typing import Any

from exporter.serving.catalogue import LAYOUTS, list_families
from exporter.serving.pages.rendering import name_field
from exporter.upstream.codes import CODES, SECRET_PATH
from exporter.upstream.reports import Field


def collect() -> dict[str, Any]:
    """Return what the template needs: the fields of the reports, and the metric families and the error codes."""
    reports: dict[Sequence[Field], list[str]] = {}
    for layout in LAYOUTS.values():
        reports.setdefault(layout.shown.report.fields, []).append(layout.shown.report.title)
    fields_of = [(titles, [(name_field(field), field) for field in fields]) for fields, titles in reports.items()]
    return {"reports": fields_of, "families": list_families(), "codes": CODES, "secret_path": SECRET_PATH}
