"""Find the alerts that judgements would have caused. An alert compares with thresholds, and keeps firing for a while."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, TypeGuard

from exporter.judging.judge import Judgement, Signal

_HOUR: Final = 3600.0
KEEP_FIRING: Final = 8 * _HOUR
"""Seconds for which an alert keeps firing after its expression was last true."""


class Rule(NamedTuple):
    """An alert on a signal. It fires above both thresholds, and until they have not both been exceeded for a while."""

    alert: str
    signal: str
    least_size: float
    keep_firing: float = KEEP_FIRING


_CALLS_VANISHED: Final = Rule("OifdeBotCallsVanished", "calls_drop", 0.6)
RULES: Final = (
    Rule("OifdeBotAutonomyDropped", "autonomy_drop", 0.08, 12 * _HOUR),
    Rule("OifdeBotDirectTransfersSurge", "direct_transfers_rise", 0.08),
    Rule("OifdeBotInterfaceFailing", "interface_success_drop", 0.05),
    _CALLS_VANISHED,
    Rule("OifdeBotCallsSurge", "calls_rise", 1.0, 24 * _HOUR),
)
EVIDENCE: Final = 5.0
TENANT_RULE: Final = Rule("OifdeTenantCallsVanished", "calls_drop", 0.5)
"""``least_size`` is the share of the bots that miss calls, of those that expect some."""
INHIBITED_BY: Final[Mapping[str, Sequence[str]]] = {
    "OifdeBotCallsVanished": ("OifdeTenantCallsVanished",),
    "OifdeBotAutonomyDropped": ("OifdeBotInterfaceFailing",),
    "OifdeBotDirectTransfersSurge": ("OifdeBotAutonomyDropped", "OifdeBotInterfaceFailing"),
}
"""For each alert, the alerts that inhibit it. The shipped inhibition rules say the same to Alertmanager."""
_EXPECTING: Final = 1.0
"""The least number of calls that a bot is to expect in an hour."""
_TENANT_EVIDENCE: Final = EVIDENCE / 5


@dataclass(slots=True)
class Page:
    """An alert from its beginning to its end (None: it lasts), with its highest score, and the size and the window of that."""

    alert: str
    signal: str
    begin: float
    end: float | None
    score: float
    size_ratio: float
    window_seconds: int


class _Firing:
    """The alerts of one rule, from the moments at which its expression is true."""

    def __init__(self, rule: Rule) -> None:
        self.pages: list[Page] = []
        self._rule = rule
        self._held = -math.inf

    def hold(self, moment: float, signal: Signal) -> None:
        """Go on firing, or begin to."""
        if moment - self._held > self._rule.keep_firing:
            self.end(moment)
            self.pages.append(Page(self._rule.alert, self._rule.signal, moment, None, 0.0, 0.0, 0))
        page = self.pages[-1]
        if signal.score > page.score:
            page.score, page.size_ratio, page.window_seconds = signal
        self._held = moment

    def end(self, moment: float) -> None:
        """End an alert whose time has passed."""
        end = self._held + self._rule.keep_firing
        if self.pages and self.pages[-1].end is None and moment > end:
            self.pages[-1].end = end


def _exceeds(signal: Signal | None, rule: Rule) -> TypeGuard[Signal]:
    return signal is not None and signal.score > EVIDENCE and signal.size_ratio > rule.least_size


def replay(judgements: Iterable[tuple[float, Judgement]]) -> list[Page]:
    """Return the alerts about one bot, in the order of their beginnings.

    ``judgements`` come in the order of time, each with its moment in epoch seconds.
    """
    firing = {rule: _Firing(rule) for rule in RULES}
    for moment, judgement in judgements:
        for rule, alerts in firing.items():
            if _exceeds(signal := judgement.get(rule.signal), rule):
                alerts.hold(moment, signal)
            else:
                alerts.end(moment)
    return sorted((page for alerts in firing.values() for page in alerts.pages), key=lambda page: page.begin)


class Judged(NamedTuple):
    """How one of a tenant's bots is judged from ``moment`` (epoch seconds) on, and the calls expected in that hour."""

    moment: float
    bot: str
    judgement: Judgement
    expected: float


def replay_tenant(judged: Iterable[Judged]) -> list[Page]:
    """Return the alerts about a tenant that loses the calls of most of its bots, from judgements in the order of time."""
    alerts = _Firing(TENANT_RULE)
    latest: dict[str, Judged] = {}
    for moment, changed in groupby(judged, key=lambda one: one.moment):
        latest.update((one.bot, one) for one in changed)
        signals = {bot: one.judgement.get(TENANT_RULE.signal) for bot, one in latest.items()}
        missing = [
            (signal := signals[bot]) is not None and signal.score > _TENANT_EVIDENCE
            for bot, one in latest.items()
            if one.expected > _EXPECTING
        ]
        lost = [signal for signal in signals.values() if _exceeds(signal, _CALLS_VANISHED)]
        if lost and len(missing) > 1 and sum(missing) > TENANT_RULE.least_size * len(missing):
            alerts.hold(moment, max(lost))
        else:
            alerts.end(moment)
    return alerts.pages


def inhibit(pages: Sequence[Page], of_tenant: Sequence[Page] = ()) -> list[Page]:
    """Return the alerts about a bot that Alertmanager sends. It sends none that another alert inhibits until its end."""
    alerts = [*pages, *of_tenant]
    return [
        page
        for page in pages
        if not any(one.alert in INHIBITED_BY.get(page.alert, ()) and _outlasts(one, page) for one in alerts)
    ]


def _outlasts(page: Page, other: Page) -> bool:
    end, end_of_other = (math.inf if one.end is None else one.end for one in (page, other))
    return page.begin <= other.begin and end_of_other <= end
