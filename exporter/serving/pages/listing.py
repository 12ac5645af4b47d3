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
"""The sort keys of bots, and whether the first click puts the largest value first."""


@dataclass(frozen=True, slots=True)
class Query:
    """The selection in a URL."""

    q: str = ""
    state: str = ""
    """A ``Condition.word``; empty: any."""
    sort: str = ""
    """A key of ``SORTS``; empty: worst first."""
    descending: bool = False
    page: int = 1

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Query":
        """Read a URL's parameters; invalid ones are ignored."""
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
        """Return the query of a click on a column's head: sorted by it, or in the reverse order."""
        descending = not self.descending if key == self.sort else SORTS[key][1]
        return replace(self, sort=key, descending=descending, page=1)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the URL, without defaults."""
        direction = ""
        if self.sort and self.descending != SORTS[self.sort][1]:
            direction = "desc" if self.descending else "asc"
        page = str(self.page) if self.page > 1 else ""
        given = {"q": self.q, "state": self.state, "sort": self.sort, "dir": direction, "page": page}
        return {name: value for name, value in given.items() if value}


class Listing(NamedTuple):
    """The bots of a page of the list, and the totals of all bots."""

    entries: list[Entry]
    found: int
    """How many bots match the query."""
    pages: int
    query: Query
    """With a page number that exists."""
    conditions: Sequence[int]
    """How many of all bots are in each ``Condition``."""
    platforms: Mapping[str, "Reach"]


@dataclass(slots=True)
class Reach:
    """How the polls of a platform's bots end."""

    bots: int = 0
    up: int = 0
    """Bots with at least one report whose last poll succeeded."""
    tried: int = 0
    last_success: float | None = None
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By reason and message."""

    def add(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Add a bot."""
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
        """The most frequent failure, as reason and message."""
        return self.failures.most_common(1)[0][0] if self.failures else None


def list_bots(state: State, query: Query, at: Moment) -> Listing:
    """Return the page of the list that a query selects."""
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
    entries.sort(key=_rank)
    if query.sort:
        # The sort is stable in both directions: among equals the worst stay first. Bots without a value come last.
        value_of, _ = SORTS[query.sort]
        valued = [(value, entry) for entry in entries if (value := value_of(entry)) is not None]
        valued.sort(key=itemgetter(0), reverse=query.descending)
        entries[:] = [*(entry for _, entry in valued), *(entry for entry in entries if value_of(entry) is None)]


def _rank(entry: Entry) -> tuple[int, bool, float, float, float, str]:
    summary = entry.summary
    autonomy = 2.0 if summary.autonomy is None else summary.autonomy
    return summary.condition, not summary.expired, -summary.score, -summary.lost, autonomy, entry.bot.bot
