"""The metrics page. A poll writes its bot's lines as bytes; a scrape joins the lines family by family.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0. Both formats
have the same sample lines; only the headers and the end differ.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, count
from operator import itemgetter, ne
from typing import Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.clock import Clock
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.serving.catalogue import (
    BOT_INFO,
    JUDGED_REPORT,
    JUDGEMENT,
    LAYOUTS,
    REPORT_HEALTH,
    TENANT_HEALTH,
    TENANT_LABELS,
    Column,
    Family,
    FurtherSeries,
    Values,
    read_health,
    read_verdict,
)

_COLLECTED_SERIES: Final = 4096
_EXPONENTS_FROM: Final = 1_000_000

Labels: TypeAlias = Iterable[tuple[str, str]]
"""Names and values of labels, not escaped."""


class _Row(NamedTuple):
    """The values of the series, the lines of each family, and when to stop showing them."""

    values: Values
    lines: tuple[bytes, ...]
    expires: float


class _Table:
    """The lines of some families: a row for each bot or tenant."""

    def __init__(self, families: Iterable[Family]) -> None:
        families = tuple(families)
        self._headers = {
            openmetrics: [write_header(family, openmetrics=openmetrics) for family in families]
            for openmetrics in (False, True)
        }
        self._rows: dict[Hashable, _Row] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def put_lines(self, key: Hashable, lines: Iterable[bytes]) -> None:
        """Show lines, one for each family."""
        self._rows[key] = _Row((), tuple(lines), math.inf)

    def remove(self, key: Hashable) -> None:
        """Drop a row if there is one."""
        self._rows.pop(key, None)

    def chunks(self, now: float, *, openmetrics: bool) -> Iterator[bytes]:
        """Join each family's header and the lines of the rows that had not expired when this was called."""
        # The generator keeps this list of rows, and joins a family when the caller asks for it.
        rows = [lines for _, lines, expires in self._rows.values() if expires > now]
        return (
            first + b"".join(map(itemgetter(place), rows)) for place, first in enumerate(self._headers[openmetrics])
        )


class _ValueTable(_Table):
    """A table whose rows have a fixed set of series, so that only lines whose values have changed are written again."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(family for family, _ in columns)
        self._columns = tuple(columns)
        self._column_of = {place: number for number, column in enumerate(columns) for _, place in column.series}

    def put(self, key: Hashable, labels: str, values: Values, expires: float = math.inf) -> None:
        """Show a row until ``expires``."""
        row = self._rows.get(key)
        if row is None:
            lines = tuple(_write_values(column, labels, values) for column in self._columns)
        elif row.values == values:
            lines = row.lines
        else:
            changed = compress(count(), map(ne, row.values, values))
            rewritten = list(row.lines)
            for number in {self._column_of[place] for place in changed if place in self._column_of}:
                rewritten[number] = _write_values(self._columns[number], labels, values)
            lines = tuple(rewritten)
        self._rows[key] = _Row(values, lines, expires)


class Exposition:
    """The lines of every bot and tenant, kept up to date as a listener of the store."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        clock: Clock,
        judgement: Callable[[BotId], Verdict | None] = lambda _: None,
    ) -> None:
        """Start with an empty page.

        Args:
            registry: The families that prometheus-client collects; they come last.
            clock: Decides which data have expired.
            judgement: Returns the verdict on a bot after each poll of its hour report; None: too little is known.
        """
        self._registry = registry
        self._clock = clock
        self._judgement = judgement
        self._labels: dict[BotId, str] = {}
        self._infos = _ValueTable([BOT_INFO])
        self._health = _ValueTable(REPORT_HEALTH)
        self._data = {name: _ValueTable(layout.columns) for name, layout in LAYOUTS.items()}
        self._verdicts = _ValueTable(JUDGEMENT)
        self._tenants = _Table(family for family, _ in TENANT_HEALTH)

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Write the lines of a bot's report that have changed."""
        if (labels := self._labels.get(bot)) is None:
            labels = self._labels[bot] = write_labels(identify(bot))
            self._infos.put(bot, write_labels(describe(bot)), (1,))
        self._health.put((bot, report), f'{labels},report="{report}"', read_health(snapshot))
        self._data[report].put(bot, labels, LAYOUTS[report].values(snapshot), snapshot.expires)
        if report == JUDGED_REPORT:
            if verdict := self._judgement(bot):
                self._verdicts.put(bot, labels, read_verdict(verdict), snapshot.expires)
            else:
                self._verdicts.remove(bot)

    def bot_removed(self, bot: BotId) -> None:
        """Drop a bot's lines."""
        for report in LAYOUTS:
            self.report_removed(bot, report)
        del self._labels[bot]
        self._infos.remove(bot)

    def report_removed(self, bot: BotId, report: str) -> None:
        """Drop the lines of one report of a bot."""
        self._data[report].remove(bot)
        self._health.remove((bot, report))
        if report == JUDGED_REPORT:
            self._verdicts.remove(bot)

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Write a tenant's lines."""
        labels = write_labels(zip(TENANT_LABELS, (tenant.platform, tenant.tenant_id), strict=True))
        self._tenants.put_lines(
            tenant, [_write_lines(family, labels, series(status)) for family, series in TENANT_HEALTH]
        )

    def tenant_removed(self, tenant: TenantId) -> None:
        """Drop a tenant's lines."""
        self._tenants.remove(tenant)

    def chunks(self, *, openmetrics: bool) -> Iterator[bytes]:
        """Return the page of this moment in chunks, one a family, however late the caller reads them.

        Expired data are left out, but not the health of their reports. Reports that no bot has are left out completely.
        """
        now = self._clock.elapsed()
        reports = [table for table in (*self._data.values(), self._verdicts) if table]
        tables = [self._infos, self._health, *reports, self._tenants]
        return self._write_chunks(
            [table.chunks(now, openmetrics=openmetrics) for table in tables], openmetrics=openmetrics
        )

    def _write_chunks(self, tables: Iterable[Iterator[bytes]], *, openmetrics: bool) -> Iterator[bytes]:
        yield from chain.from_iterable(tables)
        yield b"".join(_write_collected(metric, openmetrics=openmetrics) for metric in self._registry.collect())
        if openmetrics:
            yield b"# EOF\n"


def identify(bot: BotId) -> Labels:
    """Return the labels that all series of a bot have."""
    return ("tenant_id", bot.tenant_id), ("access_code", bot.access_code), ("bot", bot.bot)


def describe(bot: BotId) -> Labels:
    """Return the labels of a bot's ``BOT_INFO``."""
    return *identify(bot), ("platform", bot.platform), ("tenant", bot.tenant), *bot.labels


def _write_values(column: Column, labels: str, values: Values) -> bytes:
    """Write the lines of a family; a value of None has no line."""
    family, series = column
    return "".join(
        [
            f"{family.sample}{{{labels}{further}}} {write_number(value)}\n"
            for further, place in series
            if (value := values[place]) is not None
        ]
    ).encode()


def _write_lines(family: Family, labels: str, series: FurtherSeries) -> bytes:
    """Write the lines of a family whose series have further labels after ``labels``."""
    return "".join(
        f"{family.sample}{{{labels}{_write_further_labels(family.labels, further)}}} {write_number(value)}\n"
        for further, value in series
        if value is not None
    ).encode()


def write_number(value: float) -> str:
    """Write a value as prometheus-client does, with a shortcut for small values, the most frequent ones."""
    if 0 <= value < _EXPONENTS_FROM:
        if type(value) is int:
            return f"{value}.0"
        if type(value) is float:
            return repr(value)
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def write_labels(pairs: Labels) -> str:
    """Write the labels between the braces of a series."""
    return ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)


def _escape(text: str) -> str:
    """Escape a label's value. Surrogate pairs, which JSON and YAML can contain, become their character, others U+FFFD."""
    sound = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sound.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def write_header(family: Family, *, openmetrics: bool) -> bytes:
    """Write a family's HELP and TYPE; families without series have them too."""
    name = family.name if openmetrics else family.sample
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n".encode()


def _write_collected(metric: Metric, *, openmetrics: bool) -> bytes:
    """Write a family collected by prometheus-client, without its ``_created`` series.

    Its own renderer checks every name at each scrape, which takes a fifth of the time for a page of a thousand bots.
    """
    created = f"{metric.name}_created"
    lines = [
        f"{_write_series(sample.name, *sample.labels.items())} {write_number(sample.value)}\n"
        for sample in metric.samples
        if sample.name != created
    ]
    first = _write_collected_header(metric.name, metric.type, metric.documentation, openmetrics=openmetrics)
    return first + "".join(lines).encode()


# Labels and headers are the same at every scrape, and take longer to write than the values.


@lru_cache(_COLLECTED_SERIES)
def _write_further_labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Write the last labels of a series, which have ``values``."""
    return f",{write_labels(zip(names[-len(values) :], values, strict=True))}" if values else ""


@lru_cache(_COLLECTED_SERIES)
def _write_series(sample: str, *labels: tuple[str, str]) -> str:
    return f"{sample}{{{write_labels(sorted(labels))}}}" if labels else sample


@lru_cache(_COLLECTED_SERIES)
def _write_collected_header(name: str, kind: str, documentation: str, *, openmetrics: bool) -> bytes:
    sample = f"{name}_total" if kind == "counter" else name
    return write_header(Family(sample, kind, documentation), openmetrics=openmetrics)
