"""Makes HTML from templates, and holds what several pages share."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from exporter.language import BY_CODE, LANGUAGES
from exporter.polling.calendar import find_day_before, find_local_date, find_local_time, format_offset
from exporter.polling.snapshot import BotId
from exporter.reasons import FailureReason
from exporter.serving.negotiation import choose_language
from exporter.serving.pages.summary import CALLS, CONTAINED, MAIN, Condition
from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG
from exporter.upstream.reports import REPORTS, Field, Kind, Value

if TYPE_CHECKING:
    from jinja2 import Environment

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
"""Names of the platform's fields that differ from their metrics' names."""

_FORMATS: Final = {Kind.COUNT: "{:,}".format, Kind.MEAN: "{:,.2f}".format, Kind.RATIO: "{:.1%}".format}


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the pages: only their own style and script, by their hashes."""


class Reader(NamedTuple):
    """A request's parameters and languages, and how many directories below the overview the page is."""

    parameters: Mapping[str, str]
    accept_language: str
    depth: int = 0


class Page(NamedTuple):
    """A page, the language it is in, and its HTTP status."""

    html: bytes
    language: str
    status: int = 200


class LocalTime(NamedTuple):
    """The start of a local hour, with its date if that is not today. A day has no time."""

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
        code = reader.parameters.get("lang", "")
        asked = code in BY_CODE
        language = BY_CODE[code if asked else choose_language(reader.accept_language, list(BY_CODE))]
        root = self._base or "../" * reader.depth
        sticky = {"lang": language.code} if asked else {}

        def link(path: str, **parameters: str) -> str:
            """Return the link to a page; the overview has the path ""."""
            query = urlencode(parameters | sticky)
            return (f"{root}{path}" or "./") + (f"?{query}" if query else "")

        def here(parameters: Mapping[str, str], **changes: str) -> str:
            """Return the link to this page with other parameters; an empty parameter is left out."""
            query = {name: value for name, value in {**parameters, **sticky, **changes}.items() if value}
            return f"?{urlencode(query)}"

        html = (
            _build_environment(language.code)
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


def build_bot_path(bot: BotId) -> str:
    """Return the path of a bot's page, below the overview."""
    return f"bots/{_quote(bot.tenant_id)}/{_quote(bot.access_code)}"


def _quote(text: str) -> str:
    return quote(text, safe="", errors="replace")


@cache  # compiling the templates takes longer than rendering
def _build_environment(code: str) -> "Environment":
    # On the first request: an exporter that only Prometheus reads saves the memory.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    language = BY_CODE[code]
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
        number=_FORMATS[Kind.COUNT],
        mean=_FORMATS[Kind.MEAN],
        percent=_FORMATS[Kind.RATIO],
        points=_format_points,
        moment=find_local_time,
        offset=format_offset,
        value=_format_value,
        expected=_format_expected,
        sentence=_capitalize,
        report=lambda name: REPORTS[name].title,
        translated=language.text,
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


def _format_points(change: float) -> str:
    return f"{change * 100:+.1f}".replace("-", "−")


def _format_value(value: Value, kind: Kind) -> str:
    return "–" if value is None else _FORMATS[kind](value)


def _format_expected(value: float, kind: Kind) -> str:
    return f"{value:,.0f}" if kind is Kind.COUNT else f"{value:.0%}"


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def describe_time(start: float, zone: ZoneInfo, now: float, *, of_day: bool = False) -> LocalTime:
    """Describe when an hour (or with ``of_day`` a day) began."""
    local, today = datetime.fromtimestamp(start, zone), find_local_date(now, zone)
    day = local.date()
    return LocalTime(
        "" if of_day else f"{local:%H:%M}",
        "" if day == today else day.isoformat(),
        yesterday=day == find_day_before(today),
    )


def name_field(field: Field) -> str:
    """Return the English name of a field on the pages."""
    return _TITLES.get(field.name) or field.metric.replace("_", " ").capitalize()
