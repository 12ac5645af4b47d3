"""Queries for alerts. Only names that begin with ``Oifde`` count, as the Prometheus may have other alerts."""

from typing import Final

from observability.dashboards.colours import BAD
from observability.dashboards.parts import Marks

_LABELS: Final = "alertname, severity, tenant_id, access_code, bot"


def firing(where: str) -> str:
    """The alerts that fire, once each, however many replicas they were found in."""
    return f'max by ({_LABELS}) (ALERTS{{alertstate="firing", alertname=~"Oifde.*", {where}}})'


def firing_since(where: str) -> str:
    """When each of the alerts that fire was found first, in epoch seconds."""
    since = f'min by ({_LABELS}) (ALERTS_FOR_STATE{{alertname=~"Oifde.*", {where}}})'
    return f"{since} and on ({_LABELS}) {firing(where)}"


def marks(where: str) -> Marks:
    """Marks from where an alert begins to fire to where it ends."""
    return Marks(
        "Alerts", firing(where), colour=BAD, title="{{alertname}}", words="{{bot}} {{access_code}} ({{severity}})"
    )
