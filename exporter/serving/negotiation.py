"""Content negotiation by a client's Accept headers (RFC 9110, 12.5).

Malformed parts of a header are ignored. The default is the classic text format, without compression.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

CLASSIC_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_CLIENTS: Final = 32  # a client sends the same headers with each scrape

_QUALITY: Final = re.compile(r"0(\.[0-9]*)?|1(\.0*)?|\.[0-9]+")

_Fits: TypeAlias = Mapping[tuple[str, str | None], int]
"""How specific a range is, by its name and version. The most specific one decides, whatever its quality."""

_OPENMETRICS_FIT: Final[_Fits] = {
    ("application/openmetrics-text", "1.0.0"): 3,
    ("application/openmetrics-text", None): 2,
    ("application/openmetrics-text", "0.0.1"): 1,  # Prometheus reads both in the same way
}
_CLASSIC_FIT: Final[_Fits] = {
    ("text/plain", "0.0.4"): 4,
    ("text/plain", None): 3,
    ("text/*", None): 2,
    ("*/*", None): 1,
}
_CLASSIC_BY_NAME: Final = 3
_GZIP_FIT: Final[_Fits] = {("gzip", None): 2, ("x-gzip", None): 2, ("*", None): 1}
_IDENTITY_FIT: Final[_Fits] = {("identity", None): 1}


class _Range(NamedTuple):
    name: str
    version: str | None
    quality: float


class _Match(NamedTuple):
    """The range that decides about a format; of equal ranges, the first in the header."""

    fit: int
    quality: float
    precedence: int


_NO_MATCH: Final = _Match(0, 0.0, 0)


@lru_cache(_CLIENTS)
def prefers_openmetrics(accept: str) -> bool:
    """Return whether to answer in OpenMetrics: the header names it, with at least the quality of classic text.

    If the header names both with the same quality, the first one wins.
    """
    ranges = list(_parse_ranges(accept))
    openmetrics, classic = _match(ranges, _OPENMETRICS_FIT), _match(ranges, _CLASSIC_FIT)
    if openmetrics.quality == 0:
        return False
    if openmetrics.quality == classic.quality and classic.fit >= _CLASSIC_BY_NAME:
        return openmetrics.precedence > classic.precedence
    return openmetrics.quality >= classic.quality


@lru_cache(_CLIENTS)
def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether to compress: gzip is allowed, with at least the quality of no compression."""
    ranges = list(_parse_ranges(accept_encoding))
    gzip = _match(ranges, _GZIP_FIT).quality
    return gzip > 0 and gzip >= _match(ranges, _IDENTITY_FIT).quality


def choose_language(accept_language: str, available: Sequence[str]) -> str:
    """Return one of the ``available`` languages (such as "zh"); the first is the default.

    Regions and scripts are ignored: for "zh-TW", any Chinese is better than another language.
    """
    ranges = [(found.name.partition("-")[0], found.quality) for found in _parse_ranges(accept_language)]
    others = [language for language in available if language not in dict(ranges)]
    liked = [
        (quality, -place, language)
        for place, (name, quality) in enumerate(ranges)
        for language in (others[:1] if name == "*" else [name])
        if language in available and quality > 0
    ]
    return max(liked)[-1] if liked else available[0]


def _parse_ranges(header: str) -> Iterator[_Range]:
    for part in header.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        values: dict[str, str] = {}
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            values[key.strip()] = value.strip().strip('"')
        quality = values.get("q", "1")
        if _QUALITY.fullmatch(quality):
            yield _Range(name, values.get("version"), float(quality))


def _match(ranges: Sequence[_Range], fits: _Fits) -> _Match:
    matches = (
        _Match(fits[found.name, found.version], found.quality, -place)
        for place, found in enumerate(ranges)
        if (found.name, found.version) in fits
    )
    return max(matches, default=_NO_MATCH)
