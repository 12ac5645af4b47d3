"""Which bots of a tenant are polled: those that are configured, and those that one listing after another has shown.

A platform's listing may be wrong for once, and a bot that is dropped loses its series, its counters and its day. So a bot
has to be missing twice in a row, and a listing that suddenly is empty counts only if the next one is empty too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from exporter.config import Bot, Discovery

_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Roster:
    """What the listings so far make of a tenant's bots."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Every bot's name, by access code."""
    missing: frozenset[str] = frozenset()
    """The bots, by access code, that the last listing was without: kept until the next."""
    empty: int = 0
    """How many listings in a row were empty, up to the last one."""

    @property
    def doubted(self) -> bool:
        """Whether the last listing was empty where there had been bots, and has counted for nothing."""
        return bool(self.names) and self.empty == 1

    def after(self, listed: Mapping[str, str]) -> "Roster":
        """The roster after one more listing: names by access code."""
        if not listed and self.names and not self.empty:
            return replace(self, empty=1)
        kept = {code: name for code, name in self.names.items() if code not in listed and code not in self.missing}
        return Roster(dict(sorted({**listed, **kept}.items())), frozenset(kept), 0 if listed else self.empty + 1)


def choose_bots(configured: Sequence[Bot], names: Mapping[str, str], rules: Discovery | None) -> tuple[Bot, ...]:
    """Return the bots to poll: the configured ones, and the listed ones that match the rules, if there are rules.

    ``names`` has the name of each listed bot by its access code.
    """
    if rules is None:
        return tuple(configured)
    own = {bot.access_code for bot in configured}
    found = (Bot(code, name, _NO_LABELS) for code, name in names.items() if code not in own)
    return (*configured, *(bot for bot in found if _taken(rules, (bot.name, bot.access_code))))


def _taken(rules: Discovery, called: Iterable[str]) -> bool:
    called = tuple(called)
    return any(map(rules.include.fullmatch, called)) and not any(map(rules.exclude.fullmatch, called))
