"""From what the alerts did to how good they are: episodes, which incident each belongs to, and how long it took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.simulator import Trouble
from exporter.simulator.characters import DAY
from observability.quality.fleet import Case

CAUSES: Final[Mapping[Trouble, frozenset[str]]] = {
    Trouble.AUTONOMY: frozenset(
        {"OifdeBotAutonomyDropped", "OifdeBotAutonomyBelowFloor", "OifdeBotDirectTransfersSurge"}
    ),
    Trouble.DIRECT: frozenset({"OifdeBotDirectTransfersSurge"}),
    Trouble.INTERFACES: frozenset({"OifdeBotInterfaceFailing"}),
    Trouble.CALL_LOSS: frozenset({"OifdeBotCallsVanished"}),
    Trouble.SURGE: frozenset({"OifdeBotCallsSurge"}),
}
"""The alerts that are right during a trouble; any other is a false one."""

FINDERS: Final[Mapping[Trouble, str]] = {
    Trouble.AUTONOMY: "OifdeBotAutonomyDropped",
    Trouble.DIRECT: "OifdeBotDirectTransfersSurge",
    Trouble.INTERFACES: "OifdeBotInterfaceFailing",
    Trouble.CALL_LOSS: "OifdeBotCallsVanished",
    Trouble.SURGE: "OifdeBotCallsSurge",
}
"""The alert that has to find a trouble."""

_AFTERMATH: Final = float(DAY)
"""So long after its end, what an incident left in the windows may still fire: neither found nor false."""


@dataclass(frozen=True, slots=True, order=True)
class Episode:
    """A page: from when an alert of a bot began to fire until it was resolved (epoch seconds)."""

    access_code: str
    alert: str
    start: float
    end: float


def episodes(alert: str, firing: Mapping[str, Sequence[float]], step: float, hold: float, keep: float) -> list[Episode]:
    """What Prometheus makes of the moments, every ``step``, at which an alert's expression holds, by access code.

    It fires once the expression has held for ``hold``, and on until it has not held for ``keep`` (seconds).
    """
    found = []
    for access_code, moments in firing.items():
        since = fires = last = None
        for moment in sorted(moments):
            if last is None or moment - last > step + (keep if fires is not None else 0):
                if fires is not None and last is not None:
                    found.append(Episode(access_code, alert, fires, last + keep))
                since, fires = moment, None
            last = moment
            if fires is None and since is not None and moment - since >= hold:
                fires = moment
        if fires is not None and last is not None:
            found.append(Episode(access_code, alert, fires, last + keep))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the incidents and of the pages."""

    delays: Mapping[Case, float | None]
    """In seconds from the incident's start; None: not found."""
    true: Sequence[Episode]
    false: Sequence[Episode]


def judge(
    cases: Sequence[Case],
    pages: Iterable[Episode],
    since: float,
    causes: Mapping[Trouble, frozenset[str]] = CAUSES,
    finders: Mapping[Trouble, str] = FINDERS,
) -> Verdict:
    """Holds the pages from ``since`` on against the incidents."""
    by_bot: dict[str, list[Case]] = {}
    for case in cases:
        by_bot.setdefault(case.bot.access_code, []).append(case)
    delays: dict[Case, float | None] = dict.fromkeys(cases)
    true: list[Episode] = []
    false: list[Episode] = []
    for page in sorted(pages, key=lambda page: page.start):
        if page.start < since:
            continue
        near = [case for case in by_bot.get(page.access_code, []) if case.start <= page.start < case.end + _AFTERMATH]
        right = [case for case in near if page.alert in causes.get(case.kind.trouble, ())]
        (true if right else false).append(page)
        for case in right:
            if page.start < case.end and page.alert == finders[case.kind.trouble] and delays[case] is None:
                delays[case] = page.start - case.start
    return Verdict(delays, true, false)
