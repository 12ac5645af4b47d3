"""The types of the values in a configuration.

A function raises ValueError with the error and a fix. The messages never repeat the value: it may be a secret in the
wrong place, or come from an environment variable.
"""

import difflib
import math
import os
import re
import ssl
import warnings
import zoneinfo
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo
from pydantic_core import PydanticKnownError
from yarl import URL

from exporter.config.characters import find_odd_character
from exporter.config.files import Secret, SecretUnavailable, describe_unreadable, read_regular
from exporter.language import Text

# model.Duration in prometheus/common, largest unit first; a year there has 365 days.
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = "".join(f"(?:([0-9]{{1,15}}){unit})?" for unit in _UNITS)
_LONGEST = 100 * _UNITS["y"]

MIN_HISTORY_DAYS = 7
MAX_HISTORY_DAYS = 90

_OFFSET = re.compile(r"(?:etc/)?(?:utc|gmt)? ?([+-]?[0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_CHINA = {"cst", "bjt", "china", "china standard time", "beijing", "asia/beijing", "asia/shenzhen", "asia/guangzhou"}
_CHINA_HOURS = 8
_LIKENESS = 0.8
"""Of a misspelt zone to a known one, from 0 to 1: Asia/Beijing and Asia/Beirut have 0.7."""

_VARIABLE = r"\$\{"
_API = "/oifde/rest/api/"
_FOLDERS_OF_A_PATH = 3
"""A value with this many folders is a path, like /run/secrets/x: a secret rarely has three slashes."""

# Labels of the bots' series and of oifde_bot_info.
RESERVED_LABELS = frozenset({"tenant_id", "access_code", "bot", "platform", "tenant", "report", "outcome"})


def parse_duration(value: object) -> float:
    """Return the seconds of a duration in Prometheus' syntax (`1h30m`), at most 100 years."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        raise ValueError(
            Text("the unit is missing; write %(value)ss for seconds, or use ms, m, h, d, w or y", value=value)
        )
    text = "0" if value == 0 and type(value) is int else value
    match = re.fullmatch(f"0|{_DURATION}", text) if isinstance(text, str) and text else None
    if match is None:
        if isinstance(text, float) or (isinstance(text, str) and re.fullmatch("[0-9.]+", text)):
            raise ValueError(Text("a duration is a whole number with a unit, like 500ms, 60s, 10m, 1h30m or 1d"))
        raise ValueError(
            Text("a duration is expected; write whole numbers with units, the largest first, like 500ms, 60s or 1h30m")
        )
    milliseconds = sum(int(n) * size for n, size in zip(match.groups("0"), _UNITS.values(), strict=True))
    if milliseconds > _LONGEST:
        raise ValueError(Text("the duration is too long; the maximum is 100y"))
    return milliseconds / 1000


def parse_timezone(value: object) -> zoneinfo.ZoneInfo:
    """Return the time zone of an IANA name."""
    name = value if isinstance(value, str) else ""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(Text("unknown IANA time zone; %(hint)s", hint=_suggest_timezone(name))) from None


def _suggest_timezone(name: str) -> Text:
    offset = _OFFSET.fullmatch(name)
    if name.lower() in _CHINA or (offset and int(offset[1]) == _CHINA_HOURS and int(offset[2] or 0) == 0):
        return Text("did you mean %(name)s?", name="Asia/Shanghai")
    if offset:
        return Text("an offset does not say when daylight saving begins; write the name of a place, like Asia/Shanghai")
    # Only places: a name like GMT+0 resembles GMT+8, and is hours away from it.
    places = {zone.lower(): zone for zone in zoneinfo.available_timezones() if "/" in zone and "Etc/" not in zone}
    close = difflib.get_close_matches(name.lower(), places, 1, _LIKENESS)
    return Text("did you mean %(name)s?", name=places[close[0]]) if close else Text("write one like Asia/Shanghai")


def parse_url(value: object) -> str:
    """Return the URL of a platform without a trailing slash."""
    text = _check_address(value)
    parts = urlsplit(text)
    if parts.username is not None:
        raise ValueError(Text("the URL must not contain a user or a password; write them under auth"))
    if _API in f"{parts.path}/":
        raise ValueError(Text("the exporter appends %(path)s; remove it", path=_API.rstrip("/")))
    return text.rstrip("/")


def check_label_name(value: str) -> str:
    """Return a name that does not clash with the exporter's own labels."""
    if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", value):
        raise ValueError(Text("the label name is invalid; use letters, digits and _, and no digit first"))
    if value.startswith("__"):
        raise ValueError(Text("the label name is invalid; Prometheus reserves names that begin with __"))
    if value in RESERVED_LABELS:
        raise ValueError(Text("the exporter sets this label itself; choose another name"))
    return value


def check_identifier(value: str) -> str:
    """Return an identifier of the platform without characters that are probably a mistake."""
    if odd := find_odd_character(value):
        raise ValueError(Text("the value %(problem)s; remove it, or write it in ASCII", problem=odd.describe()))
    return value


def check_header_value(value: str) -> str:
    """Return a text that is valid as the value of a header."""
    if not value.isprintable():
        raise ValueError(Text("the value must not contain line breaks or other control characters"))
    return value


def parse_flag(value: object) -> bool | None:
    """Return true or false, also for the text of a variable; None for anything else."""
    plain = _parse_number(value)
    return plain if isinstance(plain, bool) else None


def parse_regex(value: object) -> re.Pattern[str]:
    """Return a regular expression in Python's syntax."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about syntax that later versions may change
            return re.compile(_check_text(value))
    except re.error as error:
        # Python's own message quotes the expression.
        message = (
            Text("the regular expression is invalid")
            if error.pos is None
            else Text("the regular expression is invalid; look at character %(place)s", place=error.pos + 1)
        )
    except (RecursionError, OverflowError):
        message = Text("the regular expression is invalid; it is too long or repeats too much")
    raise ValueError(message)


def find_file(value: object, info: ValidationInfo) -> Path:
    """Return the absolute path of a readable file; relative names start from the folder `info.context`."""
    path = _resolve(value, info)
    try:
        read_regular(path)
    except (OSError, ValueError) as error:
        raise ValueError(_add_place(describe_unreadable(error), value, info)) from None
    return path


def find_ca_file(value: object, info: ValidationInfo) -> Path:
    """Return the absolute path of a file of PEM certificates."""
    path = find_file(value, info)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):
        raise ValueError(Text("the file has no certificates in PEM format")) from None
    return path


def find_folder(value: object, info: ValidationInfo) -> Path | None:
    """Return the absolute path of a folder that exists, or None for an empty text."""
    if value == "":
        return None
    path = _resolve(value, info)
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise ValueError(describe_unreadable(error)) from None
    if not is_folder:
        raise ValueError(
            Text("the folder does not exist (%(place)s); create it, or correct the name", place=_locate(value, info))
        )
    return path


def check_history_days(days: int) -> int:
    """Return how many past days to keep: none, or enough to judge by."""
    if days != 0 and not MIN_HISTORY_DAYS <= days <= MAX_HISTORY_DAYS:
        raise ValueError(
            Text("the value must be 0, or from %(least)s to %(most)s", least=MIN_HISTORY_DAYS, most=MAX_HISTORY_DAYS)
        )
    return days


def check_country(code: str) -> str:
    """Return the ISO 3166-1 code of a country whose public holidays are known, or an empty text."""
    if code and list_subdivisions(code) is None:
        known = list_subdivisions(code.upper()) is not None
        hint = (
            Text("did you mean %(name)s?", name=code.upper()) if known else Text("write its ISO 3166-1 code, like CN")
        )
        raise ValueError(Text("unknown country; %(hint)s", hint=hint))
    return code


def list_subdivisions(country: str) -> Sequence[str] | None:
    """Return the ISO 3166-2 codes of a country's parts whose holidays differ; None: the country is unknown."""
    # A late import: the package takes 10 MiB, and few configurations name a country.
    from holidays import list_supported_countries  # noqa: PLC0415

    return list_supported_countries().get(country)


def parse_day(value: object) -> date:
    """Return a date, from YAML's date or from a text like 2026-12-24."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # such as February 30
    raise ValueError(Text("a date is expected; write it like 2026-12-24"))


def _check_text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return value


def _resolve(value: object, info: ValidationInfo) -> Path:
    text = _check_text(value)
    if not text or "\0" in text:
        raise ValueError(Text("the file name is invalid"))
    return cast("Path", info.context) / text


def _locate(value: object, info: ValidationInfo) -> str:
    """Say where a file is looked for: its path, or a folder that exists if the value may be a secret in the wrong place."""
    path = _resolve(value, info)
    folders = Path(_check_text(value)).parts[:-1]
    if len(folders) >= _FOLDERS_OF_A_PATH or (folders and os.path.isdir(path.parent)):  # noqa: PTH112
        return str(path)
    if not Path(_check_text(value)).is_absolute():
        return Text("in %(folder)s", folder=info.context)
    # Not Path.is_dir: it raises an error for folders that it may not see.
    return Text("in %(folder)s", folder=next(folder for folder in path.parents if os.path.isdir(folder)))  # noqa: PTH112


def _add_place(problem: Text, value: object, info: ValidationInfo) -> Text:
    return Text("%(problem)s (%(place)s)", problem=problem, place=_locate(value, info))


def _check_secret_text(value: object) -> Secret:
    secret = Secret(_check_text(value))
    try:
        secret.read()
    except SecretUnavailable as error:
        raise ValueError(error.reason) from None
    return secret


def _check_secret_file(value: object, info: ValidationInfo) -> Secret:
    secret = Secret(path=_resolve(value, info))
    try:
        secret.read()
    except SecretUnavailable as error:
        raise ValueError(_add_place(error.reason, value, info)) from None
    return secret


def _check_address(value: object) -> str:
    text = value if isinstance(value, str) else ""
    if odd := find_odd_character(text):
        raise ValueError(
            Text("the URL %(problem)s; write it in ASCII", problem=odd.problem)
        )  # not the character: it may be of a password
    if " " in text or not text.isprintable():
        raise ValueError(Text("the URL must not contain spaces or control characters"))
    try:
        # The client parses URLs with yarl, too.
        parsed = URL(text)
    except ValueError:
        raise ValueError(Text("a URL is expected; write https://host:port")) from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.port == 0:
        raise ValueError(Text("the URL of a server is expected; write http://host:port or https://host:port"))
    if "?" in text or "#" in text:
        raise ValueError(Text("the URL must not contain a query or a fragment; remove the part from ? or #"))
    return parsed.scheme + text[text.index(":") :]  # in lower case: others compare it


def _parse_number(value: object) -> object:
    # The content of a variable is text, even for a number or a bool.
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _limit(least: float, most: float, message: Text) -> AfterValidator:
    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _match(pattern: str) -> Any:
    # Editors see variables before they are replaced, so the schema accepts every text with a variable.
    return Annotated[str, Field(pattern=f"{pattern}|{_VARIABLE}")]


def _allow_text(kind: Any, read: Callable[[object], object] = _parse_number) -> BeforeValidator:
    return BeforeValidator(read, json_schema_input_type=kind | Annotated[str, Field(pattern=_VARIABLE)])


_AtLeastOne = Annotated[int, Field(ge=1)]
_MoreThanZero = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_HistoryDays = Literal[0] | Annotated[int, Field(ge=MIN_HISTORY_DAYS, le=MAX_HISTORY_DAYS)]
_Report = Literal["hour", "day", "chatbot"]
_TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]

Duration = Annotated[
    float,
    PlainValidator(parse_duration, json_schema_input_type=Literal[0] | _match("^(0|([0-9]+(y|w|d|h|m|s|ms))+)$")),
]
Interval = Annotated[Duration, _limit(1, math.inf, Text("the interval is too short; the minimum is 1s"))]
UpToADay = Annotated[Duration, _limit(0, 86_400, Text("the duration is too long; the maximum is 24h"))]
Timeout = Annotated[Duration, _limit(0.001, math.inf, Text("the duration must be longer than 0"))]
Timezone = Annotated[zoneinfo.ZoneInfo, PlainValidator(parse_timezone, json_schema_input_type=str)]
Url = Annotated[str, PlainValidator(parse_url, json_schema_input_type=_match("^https?://[^?#@]+$"))]
ProxyUrl = Annotated[str, PlainValidator(_check_address, json_schema_input_type=_match("^https?://[^?#]+$"))]
Flag = Annotated[bool, _allow_text(bool)]
HistoryDays = Annotated[int, AfterValidator(check_history_days), _allow_text(_HistoryDays)]
Count = Annotated[_AtLeastOne, _allow_text(_AtLeastOne)]
Rate = Annotated[_MoreThanZero, _allow_text(_MoreThanZero)]
Report = Annotated[_Report, _allow_text(_Report, lambda written: written)]
TlsVersion = Annotated[_TlsVersion, _allow_text(_TlsVersion, lambda written: written)]
NonEmptyText = Annotated[str, Field(min_length=1)]
Identifier = Annotated[NonEmptyText, AfterValidator(check_identifier)]
HeaderValue = Annotated[NonEmptyText, AfterValidator(check_header_value), AfterValidator(check_identifier)]
Regex = Annotated[re.Pattern[str], PlainValidator(parse_regex, json_schema_input_type=str)]
Labels = Annotated[
    dict[Annotated[str, AfterValidator(check_label_name)], str],
    Field(
        json_schema_extra={
            # No lookahead: Helm's regular expressions do not have it.
            "propertyNames": {
                "pattern": "^([a-zA-Z]|_$|_[a-zA-Z0-9])[a-zA-Z0-9_]*$",
                "not": {"enum": sorted(RESERVED_LABELS)},
            }
        }
    ),
]
FilePath = Annotated[Path, PlainValidator(find_file, json_schema_input_type=NonEmptyText)]
CaFile = Annotated[Path, PlainValidator(find_ca_file, json_schema_input_type=NonEmptyText)]
Folder = Annotated[Path | None, PlainValidator(find_folder, json_schema_input_type=str)]
Country = Annotated[str, AfterValidator(check_country)]
Day = Annotated[date, PlainValidator(parse_day, json_schema_input_type=_match("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
SecretText = Annotated[Secret, PlainValidator(_check_secret_text, json_schema_input_type=NonEmptyText)]
SecretFile = Annotated[Secret, PlainValidator(_check_secret_file, json_schema_input_type=NonEmptyText)]
