"""The metrics page: written per bot once a poll, as bytes, and joined family by family on a scrape.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0. The lines of samples are the
same in both; only the headers differ, and the end.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.clock import Clock
from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.serving.catalogue import BOT_INFO, LAYOUTS, REPORT_HEALTH, TENANT_HEALTH, Family
from exporter.upstream.reports import Value

_COLLECTED_SERIES: Final = 4096
_EXPONENTS_FROM: Final = 1_000_000

Labels: TypeAlias = Iterable[tuple[str, str]]
"""Names of labels with their values, not escaped."""


class _Table:
    """The lines of some families: a row for each bot or tenant, with the bytes of each family."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._headers = {
            openmetrics: [header(family, openmetrics=openmetrics) for family in families]
            for openmetrics in (False, True)
        }
        self._rows: dict[Hashable, tuple[Sequence[bytes], float]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def put(self, key: Hashable, lines: Sequence[bytes], expires: float = math.inf) -> None:
        """Take the lines of a row, one item a family; scrapes show them until ``expires``."""
        self._rows[key] = lines, expires

    def extend(self, key: Hashable, expires: float) -> None:
        """Keep the lines of a row, and show them until ``expires``."""
        self._rows[key] = self._rows[key][0], expires

    def remove(self, key: Hashable) -> None:
        """Drop a row."""
        del self._rows[key]

    def chunks(self, now: float, *, openmetrics: bool) -> Iterator[bytes]:
        """Join each family's header and the lines of the rows that had not expired when this was called."""
        headers = self._headers[openmetrics]
        rows = [lines for lines, expires in self._rows.values() if expires > now]
        columns: Iterable[Sequence[bytes]] = zip(*rows, strict=True) if rows else repeat(())
        # zip() holds the rows of this moment; each family is joined when the caller asks for it.
        return (first + b"".join(column) for first, column in zip(headers, columns, strict=False))


class Exposition:
    """Keeps the lines of every bot and tenant at hand, as it hears of them from the store."""

    def __init__(self, registry: CollectorRegistry, *, clock: Clock) -> None:
        """``registry`` has the families that prometheus-client collects; they come last."""
        self._registry = registry
        self._clock = clock
        self._labels: dict[BotId, str] = {}
        self._snapshots: dict[tuple[BotId, str], Snapshot] = {}
        self._infos = _Table([BOT_INFO])
        self._health = _Table([family for family, _ in REPORT_HEALTH])
        self._data = {name: _Table([column.family for column in layout.columns]) for name, layout in LAYOUTS.items()}
        self._tenants = _Table([family for family, _ in TENANT_HEALTH])

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Writes a bot's lines anew, its data only when they differ from the former ones."""
        if bot not in self._labels:
            self._introduce(bot)
        key, labels, data = (bot, report), self._labels[bot], self._data[report]
        former = self._snapshots.get(key)
        if former and _data(former) == _data(snapshot):
            data.extend(key, snapshot.expires)
        else:
            data.put(key, _write_data(report, labels, snapshot), snapshot.expires)
        self._health.put(
            key,
            [
                _line(family.sample, f'{labels},report="{report}"', value(snapshot)).encode()
                for family, value in REPORT_HEALTH
            ],
        )
        self._snapshots[key] = snapshot

    def bot_removed(self, bot: BotId) -> None:
        """Forgets a bot's lines."""
        for report in LAYOUTS:
            if (bot, report) in self._snapshots:
                self.report_removed(bot, report)
        del self._labels[bot]
        self._infos.remove(bot)

    def report_removed(self, bot: BotId, report: str) -> None:
        """Forgets the lines of one report of a bot."""
        key = bot, report
        del self._snapshots[key]
        self._data[report].remove(key)
        self._health.remove(key)

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Writes a tenant's lines anew."""
        self._tenants.put(
            tenant,
            [
                "".join(
                    _line(
                        family.sample,
                        labels_text(zip(family.labels, (tenant.platform, tenant.tenant_id, *rest), strict=True)),
                        value,
                    )
                    for rest, value in series(status)
                ).encode()
                for family, series in TENANT_HEALTH
            ],
        )

    def tenant_removed(self, tenant: TenantId) -> None:
        """Forgets a tenant's lines."""
        self._tenants.remove(tenant)

    def chunks(self, *, openmetrics: bool) -> Iterator[bytes]:
        """The page as of the call, whenever the chunks are fetched; one a family.

        The data of a report that has expired are left out; that it is down is not. Of a report that no bot has nothing is
        said at all.
        """
        now = self._clock.elapsed()
        reports = [table for table in self._data.values() if table]
        tables = [self._infos, self._health, *reports, self._tenants]
        return self._chunks([table.chunks(now, openmetrics=openmetrics) for table in tables], openmetrics=openmetrics)

    def _chunks(self, tables: Iterable[Iterator[bytes]], *, openmetrics: bool) -> Iterator[bytes]:
        yield from chain.from_iterable(tables)
        yield b"".join(_collected(metric, openmetrics=openmetrics) for metric in self._registry.collect())
        if openmetrics:
            yield b"# EOF\n"

    def _introduce(self, bot: BotId) -> None:
        self._labels[bot] = labels_text(identity(bot))
        self._infos.put(bot, [_line(BOT_INFO.sample, labels_text(description(bot)), 1).encode()])


def identity(bot: BotId) -> Labels:
    """The labels of each of a bot's series."""
    return ("tenant_id", bot.tenant_id), ("access_code", bot.access_code), ("bot", bot.bot)


def description(bot: BotId) -> Labels:
    """The labels of a bot's ``BOT_INFO``."""
    return *identity(bot), ("platform", bot.platform), ("tenant", bot.tenant), *bot.labels


def _data(snapshot: Snapshot) -> object:
    return snapshot.hour, snapshot.live, snapshot.totals, snapshot.day


def _write_data(report: str, labels: str, snapshot: Snapshot) -> Sequence[bytes]:
    """The lines of each of the report's families; a value that is None has no line."""
    layout = LAYOUTS[report]
    texts = [None if value is None else number_text(value) for value in layout.values(snapshot)]
    return tuple(
        [
            "".join(
                [
                    f"{family.sample}{{{labels}{further}}} {text}\n"
                    for further, place in series
                    if (text := texts[place]) is not None
                ]
            ).encode()
            for family, series in layout.columns
        ]
    )


def _line(sample: str, labels: str, value: Value) -> str:
    braced = f"{{{labels}}}" if labels else ""
    return "" if value is None else f"{sample}{braced} {number_text(value)}\n"


def number_text(value: float) -> str:
    """A sample's value as prometheus-client writes it; nearly every one is a small whole number."""
    if type(value) is int and 0 <= value < _EXPONENTS_FROM:
        return f"{value}.0"
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def labels_text(pairs: Labels) -> str:
    """Labels as they stand between the braces of a series."""
    return ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)


def _escape(text: str) -> str:
    """A label's value. Surrogates, which JSON and YAML can write, become the character they are half of, or U+FFFD."""
    sound = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sound.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def header(family: Family, *, openmetrics: bool) -> bytes:
    """A family's HELP and TYPE, also of a family without series: what can be found here is known from the start."""
    name = family.name if openmetrics else family.sample
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n".encode()


def _collected(metric: Metric, *, openmetrics: bool) -> bytes:
    """A family as prometheus-client collects it, without the ``_created`` series, which would double it for nothing.

    Its own renderer, which checks every name anew, takes as long as a fifth of the page of a thousand bots.
    """
    created = f"{metric.name}_created"
    lines = [
        f"{_collected_series(each.name, *each.labels.items())} {number_text(each.value)}\n"
        for each in metric.samples
        if each.name != created
    ]
    first = _collected_header(metric.name, metric.type, metric.documentation, openmetrics=openmetrics)
    return first + "".join(lines).encode()


# The same at every scrape, and writing them takes longer than all else that is written of these families.


@lru_cache(_COLLECTED_SERIES)
def _collected_series(sample: str, *labels: tuple[str, str]) -> str:
    return f"{sample}{{{labels_text(sorted(labels))}}}" if labels else sample


@lru_cache(_COLLECTED_SERIES)
def _collected_header(name: str, kind: str, documentation: str, *, openmetrics: bool) -> bytes:
    sample = f"{name}_total" if kind == "counter" else name
    return header(Family(sample, kind, documentation), openmetrics=openmetrics)
