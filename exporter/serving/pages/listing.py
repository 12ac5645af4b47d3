"""Which bots the overview shows, and in which order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final, NamedTuple

from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.pages.summary import Condition, Moment, Summary, summarize
from exporter.serving.status import State, matches

PAGE_SIZE: Final = 100
"""Bots on a page."""

_MAX_QUERY: Final = 200


class Entry(NamedTuple):
    """A bot on the list."""

    bot: BotId
    reports: Mapping[str, Snapshot]
    summary: Summary


SORTS: Final[Mapping[str, tuple[Callable[[Entry], Any], bool]]] = {
    "state": (lambda entry: entry.summary.condition, False),
    "bot": (lambda entry: entry.bot.bot.casefold(), False),
    "calls": (lambda entry: entry.summary.calls, True),
    "autonomy": (lambda entry: entry.summary.autonomy, False),
    "change": (lambda entry: entry.summary.change, False),
    "today": (lambda entry: entry.summary.today, True),
    "polled": (lambda entry: entry.summary.polled, False),
}
"""What bots can be sorted by, and whether the first click puts the largest first."""


@dataclass(frozen=True, slots=True)
class Query:
    """What the reader asked for."""

    q: str = ""
    state: str = ""
    """A ``Condition.word``; empty: any."""
    sort: str = ""
    """A key of ``SORTS``; empty: the worst first."""
    descending: bool = False
    page: int = 1

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Query":
        """Reads a URL's parameters; what makes no sense counts as not asked for."""
        state, sort, page = (parameters.get(name, "") for name in ("state", "sort", "page"))
        known = sort if sort in SORTS else ""
        direction = parameters.get("dir", "")
        return cls(
            q=parameters.get("q", "").strip()[:_MAX_QUERY],
            state=state if state in {condition.word for condition in Condition} else "",
            sort=known,
            descending=direction == "desc" or (bool(known) and direction != "asc" and SORTS[known][1]),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def sorted_by(self, key: str) -> "Query":
        """What a click on a column's head asks for: that order, or the other way round."""
        descending = not self.descending if key == self.sort else SORTS[key][1]
        return replace(self, sort=key, descending=descending, page=1)

    def parameters(self) -> dict[str, str]:
        """As a URL has them; what is so by default is left out."""
        direction = ""
        if self.sort and self.descending != SORTS[self.sort][1]:
            direction = "desc" if self.descending else "asc"
        page = str(self.page) if self.page > 1 else ""
        given = {"q": self.q, "state": self.state, "sort": self.sort, "dir": direction, "page": page}
        return {name: value for name, value in given.items() if value}


class Listing(NamedTuple):
    """The bots of a page, and what is known of all of them."""

    entries: list[Entry]
    found: int
    """Bots that match what was asked for."""
    pages: int
    query: Query
    """The page is one that there is."""
    conditions: Sequence[int]
    """How many of all bots are in each ``Condition``."""
    platforms: Mapping[str, "Reach"]


@dataclass(slots=True)
class Reach:
    """How a platform answers, as its bots' reports tell."""

    bots: int = 0
    up: int = 0
    """Bots with at least one report whose last poll succeeded."""
    tried: int = 0
    last_success: float | None = None
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By reason and words."""

    def add(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Takes in a bot."""
        self.bots += 1
        self.up += any(snapshot.up for snapshot in snapshots.values())
        for snapshot in snapshots.values():
            self.tried += snapshot.last_attempt is not None
            if snapshot.last_success is not None:
                self.last_success = max(snapshot.last_success, self.last_success or 0.0)
            if snapshot.failure:
                self.failures[snapshot.failure.reason, snapshot.failure.message] += 1

    @property
    def failure(self) -> tuple[str, str] | None:
        """The failure most bots have, by its reason and in words."""
        return self.failures.most_common(1)[0][0] if self.failures else None


def list_bots(state: State, query: Query, at: Moment) -> Listing:
    """The page that was asked for."""
    statuses = {(tenant.platform, tenant.tenant_id): status for tenant, status in state.tenants}
    words = query.q.casefold().split()
    conditions = [0] * len(Condition)
    platforms: defaultdict[str, Reach] = defaultdict(Reach)
    chosen: list[Entry] = []
    for bot, reports in state.bots:
        summary = summarize(bot, reports, statuses.get((bot.platform, bot.tenant_id)), state.verdicts.get(bot), at)
        conditions[summary.condition] += 1
        platforms[bot.platform].add(reports)
        if query.state and summary.condition.word != query.state:
            continue
        if not words or matches(bot, words):
            chosen.append(Entry(bot, reports, summary))
    _sort(chosen, query)
    pages = max(1, -(-len(chosen) // PAGE_SIZE))
    query = replace(query, page=min(max(1, query.page), pages))
    first = (query.page - 1) * PAGE_SIZE
    return Listing(chosen[first : first + PAGE_SIZE], len(chosen), pages, query, conditions, platforms)


def _sort(entries: list[Entry], query: Query) -> None:
    entries.sort(key=_worst)
    if query.sort:
        # The sort is stable in both directions: among equals the worst stay first. Bots without a value come last.
        value_of, _ = SORTS[query.sort]
        valued = [(value, entry) for entry in entries if (value := value_of(entry)) is not None]
        valued.sort(key=itemgetter(0), reverse=query.descending)
        entries[:] = [*(entry for _, entry in valued), *(entry for entry in entries if value_of(entry) is None)]


def _worst(entry: Entry) -> tuple[int, bool, float, float, float, str]:
    summary = entry.summary
    autonomy = 2.0 if summary.autonomy is None else summary.autonomy
    return summary.condition, not summary.expired, -summary.score, -summary.lost, autonomy, entry.bot.bot
