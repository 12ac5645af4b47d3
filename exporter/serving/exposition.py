"""The metrics page: written per bot once a poll, as bytes, and joined family by family on a scrape.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0. The lines of samples are the
same in both; only the headers differ, and the end.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import compress
from typing import Final, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.clock import Clock
from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.serving.catalogue import BOT_INFO, LAYOUTS, REPORT_HEALTH, TENANT_HEALTH, Family
from exporter.upstream.reports import Value

_LINES_A_CHUNK: Final = 2000
_EXPONENTS_FROM: Final = 1_000_000

Labels: TypeAlias = Iterable[tuple[str, str]]
"""Names of labels with their values, not escaped."""

_Item = TypeVar("_Item")


class _Table:
    """The lines of some families, a row for each bot or tenant, kept as the columns that a scrape has to join."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self._columns: list[list[bytes]] = [[] for _ in families]
        self._expires: list[float] = []
        self._keys: list[Hashable] = []
        self._places: dict[Hashable, int] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def put(self, key: Hashable, lines: Sequence[bytes], expires: float = math.inf) -> None:
        """Takes the lines of each family of a row, which is shown until the moment ``expires``."""
        place = self._places.setdefault(key, len(self._keys))
        if place == len(self._keys):
            self._keys.append(key)
            self._expires.append(expires)
            for column, line in zip(self._columns, lines, strict=True):
                column.append(line)
        else:
            self._expires[place] = expires
            for column, line in zip(self._columns, lines, strict=True):
                column[place] = line

    def renew(self, key: Hashable, expires: float) -> None:
        """Shows a row until another moment."""
        self._expires[self._places[key]] = expires

    def remove(self, key: Hashable) -> None:
        """Forgets a row. The last one takes its place, so that the others stay where they are."""
        place = self._places.pop(key)
        _fill(self._keys, place)
        _fill(self._expires, place)
        for column in self._columns:
            _fill(column, place)
        if place < len(self._keys):
            self._places[self._keys[place]] = place

    def columns(self, now: float, *, openmetrics: bool) -> Sequence[Sequence[bytes]]:
        """Each family's header and the lines of the rows that have not expired."""
        headers = (header(family, openmetrics=openmetrics) for family in self._families)
        if min(self._expires, default=math.inf) > now:
            return [[first, *column] for first, column in zip(headers, self._columns, strict=True)]
        shown = [expires > now for expires in self._expires]
        return [[first, *compress(column, shown)] for first, column in zip(headers, self._columns, strict=True)]


def _fill(column: list[_Item], place: int) -> None:
    """Takes out what is at a place, and puts the last item there."""
    last = column.pop()
    if place < len(column):
        column[place] = last


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
            data.renew(key, snapshot.expires)
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
        """The page as of the call, whenever the chunks are fetched; they are at most some 300 kB each.

        The data of a report that has expired are left out; that it is down is not. Of a report that no bot has nothing is
        said at all.
        """
        now = self._clock.elapsed()
        reports = [table for table in self._data.values() if table]
        tables = [self._infos, self._health, *reports, self._tenants]
        return self._joined(
            [column for table in tables for column in table.columns(now, openmetrics=openmetrics)],
            openmetrics=openmetrics,
        )

    def _joined(self, columns: Sequence[Sequence[bytes]], *, openmetrics: bool) -> Iterator[bytes]:
        for column in columns:
            if len(column) <= _LINES_A_CHUNK:
                yield b"".join(column)  # a slice would be a copy
            else:
                for first in range(0, len(column), _LINES_A_CHUNK):
                    yield b"".join(column[first : first + _LINES_A_CHUNK])
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
    sample = f"{metric.name}_total" if metric.type == "counter" else metric.name
    lines = [
        _line(each.name, labels_text(sorted(each.labels.items())), each.value)
        for each in metric.samples
        if each.name != f"{metric.name}_created"
    ]
    return header(Family(sample, metric.type, metric.documentation), openmetrics=openmetrics) + "".join(lines).encode()
