"""Decides which bots of a tenant are polled: the configured ones, and those that the platform's listings show.

A single listing may be wrong, and a bot that is dropped loses its series and its counters. So a bot is dropped only if two
listings in a row lack it, and an empty listing counts only if the next one is empty, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.config import Bot, Discovery


@dataclass(frozen=True, slots=True)
class Roster:
    """The bots of a tenant according to the listings so far."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The name of each bot, by access code."""
    missing: frozenset[str] = frozenset()
    """The access codes that the last listing lacked. These bots are kept until the next listing."""
    empty: int = 0
    """The number of empty listings in a row, up to the last one."""

    @property
    def doubted(self) -> bool:
        """Whether the last listing was ignored, since it was the first empty one after others with bots."""
        return bool(self.names) and self.empty == 1

    def add(self, listed: Mapping[str, str]) -> "Roster":
        """Return the roster after a listing from which bots may be missing: names by access code."""
        names = dict(sorted({**self.names, **listed}.items()))
        return Roster(names, self.missing - listed.keys(), 0 if listed else self.empty)

    def update(self, listed: Mapping[str, str]) -> "Roster":
        """Return the roster after a further listing: names by access code."""
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
    found = (Bot(code, name) for code, name in names.items() if code not in own)
    return (*configured, *(bot for bot in found if _matches(rules, bot.name, bot.access_code)))


def _matches(rules: Discovery, *names: str) -> bool:
    return any(map(rules.include.fullmatch, names)) and not any(map(rules.exclude.fullmatch, names))
