"""The metrics page: written per bot once a poll, as bytes, and joined family by family on a scrape.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0. The lines of samples are the
same in both; only the headers differ, and the end.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.clock import Clock
from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.serving.catalogue import BOT_INFO, LAYOUTS, REPORT_HEALTH, TENANT_HEALTH, Family
from exporter.upstream.reports import Value

_ROWS_A_CHUNK: Final = 1000
_EXPONENTS_FROM: Final = 1_000_000

Labels: TypeAlias = Iterable[tuple[str, str]]
"""Names of labels with their values, not escaped."""


class _Row(NamedTuple):
    """A report of a bot, written: the lines of each family, and the snapshot they are of."""

    snapshot: Snapshot
    health: Sequence[bytes]
    data: Sequence[bytes]


class Exposition:
    """Keeps the lines of every bot and tenant at hand, as it hears of them from the store."""

    def __init__(self, registry: CollectorRegistry, *, clock: Clock) -> None:
        """``registry`` has the families that prometheus-client collects; they come last."""
        self._registry = registry
        self._clock = clock
        self._labels: dict[BotId, str] = {}
        self._infos: dict[BotId, Sequence[bytes]] = {}
        self._rows: dict[str, dict[BotId, _Row]] = {name: {} for name in LAYOUTS}
        self._tenants: dict[TenantId, Sequence[bytes]] = {}

    def bot_changed(self, bot: BotId, report: str, snapshot: Snapshot) -> None:
        """Writes a bot's lines anew, its data only when they differ from the former ones."""
        if bot not in self._labels:
            self._introduce(bot)
        labels = self._labels[bot]
        former = self._rows[report].get(bot)
        if former and _data(former.snapshot) == _data(snapshot):
            data = former.data
        else:
            data = _write_data(report, labels, snapshot)
        health = [
            _line(family.sample, f'{labels},report="{report}"', value(snapshot)).encode()
            for family, value in REPORT_HEALTH
        ]
        self._rows[report][bot] = _Row(snapshot, health, data)

    def bot_removed(self, bot: BotId) -> None:
        """Forgets a bot's lines."""
        del self._labels[bot], self._infos[bot]
        for rows in self._rows.values():
            rows.pop(bot, None)

    def report_removed(self, bot: BotId, report: str) -> None:
        """Forgets the lines of one report of a bot."""
        del self._rows[report][bot]

    def tenant_changed(self, tenant: TenantId, status: TenantStatus) -> None:
        """Writes a tenant's lines anew."""
        self._tenants[tenant] = [
            "".join(
                _line(
                    family.sample,
                    labels_text(zip(family.labels, (tenant.platform, tenant.tenant_id, *rest), strict=True)),
                    value,
                )
                for rest, value in series(status)
            ).encode()
            for family, series in TENANT_HEALTH
        ]

    def tenant_removed(self, tenant: TenantId) -> None:
        """Forgets a tenant's lines."""
        del self._tenants[tenant]

    def chunks(self, *, openmetrics: bool) -> Iterator[bytes]:
        """The page as of the call, whenever the chunks are fetched; they are at most some 100 kB each.

        The data of a report that has expired are left out; that it is down is not. Of a report that no bot has nothing is
        said at all.
        """
        now = self._clock.elapsed()
        rows = {report: list(of_bots.values()) for report, of_bots in self._rows.items() if of_bots}
        tables: list[tuple[Sequence[Family], Sequence[Sequence[bytes]]]] = [
            ([BOT_INFO], list(self._infos.values())),
            ([family for family, _ in REPORT_HEALTH], [row.health for each in rows.values() for row in each]),
            *(
                (
                    [column.family for column in LAYOUTS[report].columns],
                    [row.data for row in each if row.snapshot.expires > now],
                )
                for report, each in rows.items()
            ),
            ([family for family, _ in TENANT_HEALTH], list(self._tenants.values())),
        ]
        return self._joined(tables, openmetrics=openmetrics)

    def _joined(
        self, tables: Sequence[tuple[Sequence[Family], Sequence[Sequence[bytes]]]], *, openmetrics: bool
    ) -> Iterator[bytes]:
        for families, rows in tables:
            headers = [header(family, openmetrics=openmetrics) for family in families]
            # zip turns rows into columns at a third of the cost of picking each item by its index.
            for column in zip(headers, *rows, strict=True):
                for first in range(0, len(column), _ROWS_A_CHUNK):
                    yield b"".join(column[first : first + _ROWS_A_CHUNK])
        yield b"".join(_collected(metric, openmetrics=openmetrics) for metric in self._registry.collect())
        if openmetrics:
            yield b"# EOF\n"

    def _introduce(self, bot: BotId) -> None:
        self._labels[bot] = labels_text(identity(bot))
        self._infos[bot] = [_line(BOT_INFO.sample, labels_text(description(bot)), 1).encode()]


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
