"""Which format and which encoding a client wants, by its Accept and Accept-Encoding headers (RFC 9110, 12.5).

Anything that cannot be made sense of is passed over; what is left when nothing makes sense is the classic text format.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

CLASSIC_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_CLIENTS: Final = 32  # each sends the same headers again and again

_QUALITY: Final = re.compile(r"0(\.[0-9]*)?|1(\.0*)?|\.[0-9]+")

_Fits: TypeAlias = Mapping[tuple[str, str | None], int]
"""How well a range fits, by its name and version: the larger counts, whatever its quality ("the most specific")."""

_OPENMETRICS_FIT: Final[_Fits] = {
    ("application/openmetrics-text", "1.0.0"): 3,
    ("application/openmetrics-text", None): 2,
    ("application/openmetrics-text", "0.0.1"): 1,  # Prometheus reads both alike
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
    """The range that decides on an answer: what comes first in the header is preferred among equals."""

    fit: int
    quality: float
    precedence: int


_NO_MATCH: Final = _Match(0, 0.0, 0)


@lru_cache(_CLIENTS)
def prefers_openmetrics(accept: str) -> bool:
    """Whether to answer in OpenMetrics: a range has to name it, and to like it as well as the classic text format.

    Where both are named and liked alike, it is the one named first.
    """
    ranges = list(_ranges(accept))
    openmetrics, classic = _match(ranges, _OPENMETRICS_FIT), _match(ranges, _CLASSIC_FIT)
    if openmetrics.quality == 0:
        return False
    if openmetrics.quality == classic.quality and classic.fit >= _CLASSIC_BY_NAME:
        return openmetrics.precedence > classic.precedence
    return openmetrics.quality >= classic.quality


@lru_cache(_CLIENTS)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether to compress: gzip is allowed, and not liked less than no compression."""
    ranges = list(_ranges(accept_encoding))
    gzip = _match(ranges, _GZIP_FIT).quality
    return gzip > 0 and gzip >= _match(ranges, _IDENTITY_FIT).quality


def preferred_language(accept_language: str, available: Sequence[str]) -> str:
    """The language to answer in, of those ``available`` (such as "zh"): by default the first.

    A region or a script makes no difference: "zh-TW" is better served in any Chinese than in another language.
    """
    ranges = [(each.name.partition("-")[0], each.quality) for each in _ranges(accept_language)]
    others = [language for language in available if language not in dict(ranges)]
    liked = [
        (quality, -place, language)
        for place, (name, quality) in enumerate(ranges)
        for language in (others[:1] if name == "*" else [name])
        if language in available and quality > 0
    ]
    return max(liked)[-1] if liked else available[0]


def _ranges(header: str) -> Iterator[_Range]:
    for part in header.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        values: dict[str, str] = {}
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            values[key.strip()] = value.strip().strip('"')
        quality = values.get("q", "1")
        if _QUALITY.fullmatch(quality):
            yield _Range(name, values.get("version"), float(quality))


def _match(ranges: list[_Range], fits: _Fits) -> _Match:
    matches = (
        _Match(fits[each.name, each.version], each.quality, -place)
        for place, each in enumerate(ranges)
        if (each.name, each.version) in fits
    )
    return max(matches, default=_NO_MATCH)
