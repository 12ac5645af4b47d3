"""Every threshold of the alerts, in one table. Each ships as a recording rule, so that whoever runs Prometheus can change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from observability.rulefile import Group, Recording


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure that alerts compare with."""

    name: str
    value: float
    meaning: str

    @property
    def record(self) -> str:
        """The series that holds it, and its overrides, which have the labels ``tenant_id`` or also ``access_code``."""
        return f"oifde:alert_threshold:{self.name}"

    @property
    def per_bot(self) -> str:
        """The series that holds what counts for each bot."""
        return f"bot:oifde_alert_threshold:{self.name}"


@dataclass(frozen=True, slots=True)
class Override:
    """Another value of the threshold ``name`` for a tenant, or for one bot of it."""

    name: str
    value: float
    tenant_id: str
    access_code: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """Those its series has."""
        return {"tenant_id": self.tenant_id} | ({"access_code": self.access_code} if self.access_code else {})


BOT_THRESHOLDS: Final = (
    Threshold(
        "evidence", 4.75, "how many standard deviations a figure must be from the usual one before a bot's alert fires"
    ),
    Threshold(
        "autonomy_drop", 0.08, "the least drop of autonomy that matters, as a ratio: 0.08 is 8 percentage points"
    ),
    Threshold("autonomy_floor", 0.25, "the autonomy, as a ratio, that no bot should stay below"),
    Threshold("calls_lost", 0.6, "the share of the usual calls that must be missing"),
    Threshold("calls_surge", 2.0, "how many times the usual calls must come"),
    Threshold(
        "direct_transfers_rise", 0.08, "the least rise of the share of callers who go to an agent directly, as a ratio"
    ),
    Threshold(
        "interface_drop", 0.05, "the least drop of the share of requests to outside interfaces that succeed, as a ratio"
    ),
)
"""Adjustable per tenant and per bot."""

PIPE_THRESHOLDS: Final = (
    Threshold(
        "report_late_seconds",
        12_600,
        "how long ago a tenant's newest record may have begun while calls are to be expected, in seconds",
    ),
    Threshold(
        "report_late_calls", 20, "how many calls a tenant must have had in the same two hours of the two weeks before"
    ),
    Threshold(
        "report_lost_seconds",
        259_200,
        "how long ago a tenant's newest record may have begun whatever is to be expected, in seconds",
    ),
    Threshold("restated_ratio", 0.05, "the share of a tenant's hours that may be changed after they have settled"),
    Threshold("clock_skew_seconds", 60, "how far the clocks of platform and exporter may be apart, in seconds"),
    Threshold("figures_shown_ratio", 0.5, "the share of an hour in which a bot's figures must be there"),
)
"""The same for everybody."""

OVERRIDES: Sequence[Override] = ()
"""The table of exceptions; none are shipped."""


@dataclass(frozen=True, slots=True)
class Table:
    """Thresholds and the exceptions from them, as rules."""

    thresholds: Sequence[Threshold] = (*BOT_THRESHOLDS, *PIPE_THRESHOLDS)
    overrides: Sequence[Override] = field(default_factory=lambda: OVERRIDES)

    def rules(self) -> Sequence[Recording]:
        """The rules that hold the values."""
        defaults = [Recording(each.record, f"vector({each.value:g})") for each in self.thresholds]
        records = {each.name: each.record for each in self.thresholds}
        overrides = [Recording(records[each.name], f"vector({each.value:g})", each.labels) for each in self.overrides]
        return [*defaults, *overrides]


def per_bot(threshold: Threshold, bots: str) -> Recording:
    """What counts for each bot: its own value, else its tenant's, else everybody's. ``bots`` has a series per bot."""
    return Recording(
        threshold.per_bot,
        f"""
        (
          {bots} * 0 + on (tenant_id, access_code) group_left () {threshold.record}{{access_code!=""}}
          or {bots} * 0 + on (tenant_id) group_left () {threshold.record}{{tenant_id!="", access_code=""}}
          or {bots} * 0 + on () group_left () {threshold.record}{{tenant_id=""}}
        )
        """,
    )


GROUPS: Final = (Group("oifde-thresholds", Table().rules(), interval="1m"),)
