"""Makes the pages: from a state to HTML."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.config import Config
from exporter.polling.calendar import day_before, local_date
from exporter.polling.snapshot import BotId, Failure, Snapshot, TenantId, TenantStatus
from exporter.reasons import FailureReason
from exporter.serving.catalogue import LAYOUTS, Layout, families
from exporter.serving.pages import chart
from exporter.serving.pages.course import Course, course
from exporter.serving.pages.judgement import (
    CALLS,
    MAIN,
    SERVED,
    Condition,
    Judgement,
    Moment,
    judge,
    late_after,
)
from exporter.serving.pages.language import LANGUAGES, choose
from exporter.serving.pages.listing import SORTS, Entry, Listing, Query, list_bots
from exporter.serving.pages.redaction import shown
from exporter.serving.status import State
from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG
from exporter.upstream.reports import REPORTS, Field, Kind, Value

TENANTS_SHOWN: Final = 10
"""How many tenants the overview lists, the worst first, unless the reader asks for all."""

_TEMPLATES: Final = resources.files("exporter.serving").joinpath("templates")
_STYLE: Final = _TEMPLATES.joinpath("pages.css").read_text(encoding="utf-8")
_SCRIPT: Final = _TEMPLATES.joinpath("pages.js").read_text(encoding="utf-8")

_TITLES: Final[Mapping[str, str]] = {
    "exitNoConsultCount": "Left at once",
    "callStaffNoConsultCount": "To an agent directly",
    "callStaffConsultCount": "To an agent after consulting",
    "exitConsultingCount": "Served by the bot alone",
    "autonomyRate": "Autonomy",
}
"""What the platform's fields are called where it is not simply the metric's name."""


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the pages: their one style and one script, by their hashes, and nothing else."""


class Reader(NamedTuple):
    """What a request says of its reader, and how many directories below the overview the page is."""

    parameters: Mapping[str, str]
    accept_language: str
    depth: int = 0


class Page(NamedTuple):
    """A page, the language it is in, and its HTTP status."""

    html: bytes
    language: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A bot on the overview."""

    bot: BotId
    path: str
    judgement: Judgement
    failure: Failure | None
    last_success: float | None
    hour: "Clock | None"
    offset: str
    """Of the hour's clock from UTC, where bots are in several zones; else empty."""
    bars: chart.Bars | None
    most: Value
    before: Value


class Clock(NamedTuple):
    """A local hour: its time, and its date if that is not today's. A day has no time."""

    time: str
    date: str
    yesterday: bool


class TenantRow(NamedTuple):
    """A tenant on the overview."""

    id: TenantId
    status: TenantStatus
    rank: int
    """0: its login is blocked, 1: it fails, 2: there is a problem with discovery, 3: all is well."""


class Figure(NamedTuple):
    """One figure of a bot: its title and help, the metrics it is found under, and its values by window."""

    title: str
    help: str
    field: Field
    metrics: Sequence[str]
    values: Sequence[Value]


class ReportView(NamedTuple):
    """A report on a bot's page."""

    name: str
    snapshot: Snapshot
    withdrawn: bool
    heads: Sequence[tuple[str, Clock | None, bool]]
    """Of the windows: their title, when they began, and whether the platform has a record of them."""
    figures: Sequence[Figure]
    course: Course | None
    bars: chart.Bars | None
    lines: chart.Lines | None
    ratio: str
    """The title of what ``lines`` show."""


class Pages:
    """All pages. They are made in a thread, from a state that does not change."""

    def __init__(
        self, *, base: str, telemetry_path: str, version: str, configuration: Callable[[], Config | None]
    ) -> None:
        """``base`` is what links begin with: empty, or the URL by which the outside sees the overview, with a slash."""
        self._base = base
        self._telemetry_path = telemetry_path.lstrip("/")
        self._version = version
        self._configuration = configuration

    def overview(self, reader: Reader, state: State) -> Page:
        """The list of bots, below the health of platforms and tenants."""
        listing = list_bots(state, Query.read(reader.parameters), self._moment(state))
        tenants = sorted((TenantRow(id_, status, _rank(status)) for id_, status in state.tenants), key=_tenant_order)
        every = reader.parameters.get("tenants") == "all"
        zones = {bot.timezone for bot, _ in state.bots}
        return self._render(
            "overview.html",
            reader,
            state=state,
            zone=ZoneInfo(next(iter(zones)) if len(zones) == 1 else "UTC"),
            listing=listing,
            rows=[_row(entry, state.now, with_offset=len(zones) > 1) for entry in listing.entries],
            tenants=tenants if every else tenants[:TENANTS_SHOWN],
            tenants_in_all=len(tenants),
            every_tenant=every,
            discovers=any(status.discovery for _, status in state.tenants),
            unwell=sum(tenant.rank < 3 for tenant in tenants),
            silent=sum(not each.answered and each.tried > 0 for each in listing.platforms.values()),
            unheard=sum(not each.tried for each in listing.platforms.values()),
            columns=_columns(listing),
            query={**listing.query.parameters(), **({"tenants": "all"} if every else {})},
        )

    def bot(self, reader: Reader, state: State, tenant_id: str, access_code: str) -> Page:
        """A bot's page; with the status 404 if there is none such."""
        found = next(
            (pair for pair in state.bots if (pair[0].tenant_id, pair[0].access_code) == (tenant_id, access_code)), None
        )
        if found is None:
            return self._render("missing.html", reader, status=404)
        bot, reports = found
        tenant = next(
            (status for id_, status in state.tenants if (id_.platform, id_.tenant_id) == (bot.platform, tenant_id)),
            None,
        )
        return self._render(
            "bot.html",
            reader,
            state=state,
            zone=ZoneInfo(bot.timezone),
            bot=bot,
            judgement=judge(bot, reports, tenant, self._moment(state)),
            tenant=tenant,
            reports=[_report(name, bot, snapshot, state) for name, snapshot in reports.items()],
        )

    def settings(self, reader: Reader) -> Page:
        """The configuration in use, without its secrets."""
        config = self._configuration()
        return self._render("configuration.html", reader, text=shown(config) if config else None)

    def help(self, reader: Reader) -> Page:
        """What the states and figures mean, and where else to look."""
        reports: dict[Sequence[Field], list[str]] = {}
        for layout in LAYOUTS.values():
            reports.setdefault(layout.shown.report.fields, []).append(layout.shown.report.title)
        figures = [(titles, [(title(field), field) for field in fields]) for fields, titles in reports.items()]
        return self._render("help.html", reader, figures=figures, families=families())

    def _moment(self, state: State) -> Moment:
        config = self._configuration()
        return Moment(state.now, state.elapsed, late_after(config) if config else None)

    def _render(self, template: str, reader: Reader, *, status: int = 200, **context: Any) -> Page:
        language, asked = choose(reader.parameters.get("lang"), reader.accept_language)
        root = self._base or "../" * reader.depth
        sticky = {"lang": language.code} if asked else {}

        def link(path: str, **parameters: str) -> str:
            """Where a page is; a path of "" is the overview."""
            query = urlencode(parameters | sticky)
            return (f"{root}{path}" or "./") + (f"?{query}" if query else "")

        def here(parameters: Mapping[str, str], **changes: str) -> str:
            """This page with other parameters; an empty one is left out."""
            query = {name: value for name, value in {**parameters, **sticky, **changes}.items() if value}
            return f"?{urlencode(query)}"

        html = (
            _environment(language.code)
            .get_template(template)
            .render(
                {"query": {}, **context},
                language=language,
                languages=LANGUAGES,
                sticky=sticky,
                link=link,
                here=here,
                telemetry_path=self._telemetry_path,
                root=root,
                version=self._version,
                style=_STYLE,
                script=_SCRIPT,
                template=template,
            )
        )
        return Page(html.encode("utf-8", "replace"), language.tag, status)


def bot_path(bot: BotId) -> str:
    """Where a bot's page is, below the overview."""
    return f"bots/{_quote(bot.tenant_id)}/{_quote(bot.access_code)}"


def _quote(text: str) -> str:
    return quote(text, safe="", errors="replace")


@cache  # compiling the templates takes longer than all else
def _environment(code: str) -> Environment:
    language = next(each for each in LANGUAGES if each.code == code)
    environment = Environment(
        loader=PackageLoader("exporter.serving"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(language.text, language.plural, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        number=_number,
        mean=_mean,
        percent=_percent,
        points=_points,
        moment=_moment,
        value=_value,
        sentence=_sentence,
        report=_report_title,
    )
    environment.globals.update(
        CONDITIONS=tuple(Condition),
        COUNT=Kind.COUNT,
        LOGIN_CODES={KEY_UNKNOWN: "unknown", KEY_WRONG: "wrong", ACCOUNT_LOCKED: "locked"},
        CALLS=CALLS,
        SERVED=SERVED,
        MAIN=MAIN,
        MEANINGS={reason: reason.meaning for reason in FailureReason},
    )
    return environment


def _number(value: Value) -> str:
    return f"{value:,}"


def _mean(value: Value) -> str:
    return f"{value:,.2f}"


def _percent(ratio: float) -> str:
    return f"{ratio:.1%}"


def _points(change: float) -> str:
    return f"{change * 100:+.1f}".replace("-", "−")


def _value(value: Value, kind: Kind) -> str:
    return {Kind.COUNT: _number, Kind.MEAN: _mean, Kind.RATIO: _percent}[kind](value) if value is not None else "–"


def _report_title(name: str) -> str:
    return REPORTS[name].title


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moment(epoch: float, zone: ZoneInfo) -> datetime | None:
    """A moment on the calendar; None for one that is not on it, as the end of a token may be."""
    try:
        return datetime.fromtimestamp(epoch, zone)
    except (ValueError, OverflowError, OSError):
        return None


def _clock(start: float, zone: ZoneInfo, now: float, *, of_day: bool = False) -> Clock:
    local, today = datetime.fromtimestamp(start, zone), local_date(now, zone)
    day = local.date()
    return Clock(
        "" if of_day else f"{local:%H:%M}", "" if day == today else day.isoformat(), yesterday=day == day_before(today)
    )


def _rank(status: TenantStatus) -> int:
    if status.blocked:
        return 0
    if status.login_problem:
        return 1
    return 2 if status.discovery and status.discovery.problem else 3


def _tenant_order(row: TenantRow) -> tuple[int, str, str]:
    return row.rank, row.id.platform, row.id.tenant


def _columns(listing: Listing) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """By sort key: the value of ``aria-sort``, and the parameters of a click."""
    query = listing.query
    return {
        key: (
            ("descending" if query.descending else "ascending") if key == query.sort else "",
            query.sorted_by(key).parameters(),
        )
        for key in SORTS
    }


def _row(entry: Entry, now: float, *, with_offset: bool) -> Row:
    bot, judgement = entry.bot, entry.judgement
    decisive = entry.reports[judgement.report] if judgement.report in entry.reports else Snapshot()
    main = entry.reports.get(MAIN.name)
    hour = bars = most = before = None
    offset = ""
    if main is not None and not judgement.withdrawn and main.last_success is not None:
        if main.hour:
            zone = ZoneInfo(bot.timezone)
            hour = _clock(main.hour.start, zone, now)
            offset = (
                datetime.fromtimestamp(main.hour.start, zone).isoformat(timespec="seconds")[19:] if with_offset else ""
            )
        day = course(main, bot.timezone, now)
        calls, other = day.today(CALLS), day.yesterday(CALLS)
        bars = chart.bars(calls, day.today(SERVED), other, width=120, height=28)
        most = max((value for value in calls if value is not None), default=None)
        before = _sum(other)
    return Row(bot, bot_path(bot), judgement, decisive.failure, decisive.last_success, hour, offset, bars, most, before)


def _sum(values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _report(name: str, bot: BotId, snapshot: Snapshot, state: State) -> ReportView:
    withdrawn = snapshot.expires <= state.elapsed
    layout, zone = LAYOUTS[name], ZoneInfo(bot.timezone)
    data = Snapshot() if withdrawn else snapshot
    readings = [layout.read(window, data) for window in layout.shown.windows]
    by_day = layout.shown.report.type == "day"
    heads = [
        (
            window.title,
            reading and _clock(reading.start, zone, state.now, of_day=by_day),
            reading is None or reading.reported,
        )
        for window, reading in zip(layout.shown.windows, readings, strict=True)
    ]
    columns: list[Sequence[Value]] = [reading.values if reading else () for reading in readings]
    if layout.shown.counted:
        heads.append(("The local day so far", None, True))
        columns.append(data.totals or ())
    day = None if by_day or withdrawn else course(data, bot.timezone, state.now)
    charts = _charts(layout, day) if day else (None, None, "")
    figures = [
        Figure(
            title(field),
            field.help,
            field,
            list(_metrics(layout, field)),
            [column[index] if column else None for column in columns],
        )
        for index, field in enumerate(layout.shown.report.fields)
    ]
    return ReportView(name, snapshot, withdrawn and snapshot.last_success is not None, heads, figures, day, *charts)


def _charts(layout: Layout, day: Course) -> tuple[chart.Bars, chart.Lines | None, str]:
    """A report's first count as bars, and its first ratio as a line, with that one's title."""
    report = layout.shown.report
    part = day.today(SERVED) if report is MAIN else ()
    bars = chart.bars(day.today(0), part, day.yesterday(0), width=420, height=150)
    ratio = next((index for index, field in enumerate(report.fields) if field.kind is Kind.RATIO), None)
    if ratio is None:
        return bars, None, ""
    lines = chart.lines(day.today(ratio), day.yesterday(ratio), width=420, height=150, top=1.0)
    return bars, lines, title(report.fields[ratio])


def _metrics(layout: Layout, field: Field) -> Iterator[str]:
    pairs = ", ".join(f'{name}="{value}"' for name, value in field.labels)
    labels = f"{{{pairs}}}" if pairs else ""
    for window in layout.shown.windows:
        yield f"{window.prefix}{field.metric}{labels}"
    if layout.shown.counted and field.kind is Kind.COUNT:
        yield f"oifde_{field.metric}_total{labels}"


def title(field: Field) -> str:
    """What a field is called on the pages, in English."""
    return _TITLES.get(field.name) or field.metric.replace("_", " ").capitalize()
