"""Makes HTML from templates, and holds what several pages share."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.polling.calendar import day_before, local_date
from exporter.polling.snapshot import BotId
from exporter.reasons import FailureReason
from exporter.serving.pages.language import LANGUAGES, choose
from exporter.serving.pages.summary import CALLS, CONTAINED, MAIN, Condition
from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG
from exporter.upstream.reports import REPORTS, Field, Kind, Value

_TEMPLATES: Final = resources.files("exporter.serving").joinpath("templates")
_STYLE: Final = _TEMPLATES.joinpath("pages.css").read_text(encoding="utf-8")
_SCRIPT: Final = _TEMPLATES.joinpath("pages.js").read_text(encoding="utf-8")

_TITLES: Final[Mapping[str, str]] = {
    "exitNoConsultCount": "Left at once",
    "callStaffNoConsultCount": "To an agent directly",
    "callStaffConsultCount": "To an agent after consulting",
    "exitConsultingCount": "Handled by the bot alone",
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


class LocalTime(NamedTuple):
    """A local hour: its time, and its date if that is not today's. A day has no time."""

    time: str
    date: str
    yesterday: bool


class Renderer:
    """Makes HTML from templates."""

    def __init__(self, base: str, telemetry_path: str, version: str) -> None:
        """Take the beginning of every link (see ``Pages``), the path of the metrics, and the exporter's version."""
        self._base = base
        self._telemetry_path = telemetry_path
        self._version = version

    def render(self, template: str, reader: Reader, *, status: int = 200, **context: Any) -> Page:
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
        offset=offset,
        value=_value,
        expected=_expected,
        sentence=_sentence,
        report=_report_title,
    )
    environment.globals.update(
        CONDITIONS=tuple(Condition),
        COUNT=Kind.COUNT,
        RATIO=Kind.RATIO,
        LOGIN_CODES={KEY_UNKNOWN: "unknown", KEY_WRONG: "wrong", ACCOUNT_LOCKED: "locked"},
        CALLS=CALLS,
        CONTAINED=CONTAINED,
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


def _expected(value: float, kind: Kind) -> str:
    return f"{value:,.0f}" if kind is Kind.COUNT else f"{value:.0%}"


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


def offset(moment: datetime) -> str:
    """Return a moment's offset from UTC, such as UTC+05:30; abbreviations such as CST are ambiguous."""
    return f"UTC{moment.isoformat(timespec='seconds')[19:].replace('+00:00', '')}"


def local_time(start: float, zone: ZoneInfo, now: float, *, of_day: bool = False) -> LocalTime:
    """Describe when an hour (or with ``of_day`` a day) began."""
    local, today = datetime.fromtimestamp(start, zone), local_date(now, zone)
    day = local.date()
    return LocalTime(
        "" if of_day else f"{local:%H:%M}", "" if day == today else day.isoformat(), yesterday=day == day_before(today)
    )


def title(field: Field) -> str:
    """What a field is called on the pages, in English."""
    return _TITLES.get(field.name) or field.metric.replace("_", " ").capitalize()
