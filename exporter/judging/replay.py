"""Find the alerts that judgements would have caused. An alert compares with thresholds, and keeps firing for a while."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.judging.judge import Judgement


class Rule(NamedTuple):
    """An alert on a signal. It fires above both thresholds, and until they have not both been exceeded for a while."""

    alert: str
    signal: str
    least_size: float


RULES: Final = (
    Rule("OifdeBotAutonomyDropped", "autonomy_drop", 0.08),
    Rule("OifdeBotDirectTransfersSurge", "direct_transfers_rise", 0.08),
    Rule("OifdeBotInterfaceFailing", "interface_success_drop", 0.05),
    Rule("OifdeBotCallsVanished", "calls_drop", 0.6),
    Rule("OifdeBotCallsSurge", "calls_rise", 1.0),
)
EVIDENCE: Final = 5.0
KEEP_FIRING: Final = 8 * 3600.0
"""Seconds for which an alert keeps firing after its expression was last true."""


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


def replay(
    judgements: Iterable[tuple[float, Judgement]],
) -> list[Page]:
    """Return the alerts about one bot, in the order of their beginnings.

    ``judgements`` come in the order of time, each with its moment in epoch seconds.
    """
    pages: list[Page] = []
    firing: dict[str, tuple[Page, float]] = {}
    for moment, judgement in judgements:
        for rule in RULES:
            signal = judgement.get(rule.signal)
            page, held = firing.get(rule.alert, (None, moment))
            if signal is not None and signal.score > EVIDENCE and signal.size_ratio > rule.least_size:
                if page is None or moment - held > KEEP_FIRING:
                    if page is not None:
                        page.end = held + KEEP_FIRING
                    page = Page(rule.alert, rule.signal, moment, None, 0.0, 0.0, 0)
                    pages.append(page)
                if signal.score > page.score:
                    page.score, page.size_ratio, page.window_seconds = signal
                firing[rule.alert] = (page, moment)
            elif page is not None and moment - held > KEEP_FIRING:
                page.end = held + KEEP_FIRING
                del firing[rule.alert]
    return pages
