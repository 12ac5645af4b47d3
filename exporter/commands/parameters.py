"""The types of the flags' values."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click

from exporter.config.types import parse_duration

_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS: Final = range(2000, 2200)


class Multiline:
    """A type whose values may contain spaces: the variable of a repeatable flag has one value per line."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return the lines of a variable."""
        return [line for line in rv.splitlines() if line.strip()]


class Name(Multiline, click.types.StringParamType):
    """A name, which may contain spaces."""


class ListenAddress(click.ParamType[tuple[str | None, int]]):
    """``HOST:PORT``, ``:PORT`` for every interface, ``[::1]:PORT`` for IPv6."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str | None, int]:
        if isinstance(value, tuple):
            return value
        try:
            parts = urlsplit(f"//{value}")
            if parts.port is not None and parts.netloc == value and "@" not in value:
                return parts.hostname, parts.port
        except ValueError:
            pass
        return self.fail(
            f"{value!r} is not HOST:PORT; write an address like :10230, 127.0.0.1:10230 or [::1]:10230", param, ctx
        )


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as typed. Without an offset from UTC it depends on the time zone."""

    written: datetime

    def on(self, zone: ZoneInfo) -> float:
        """Return the epoch seconds; a time without an offset is in ``zone``."""
        return (self.written if self.written.tzinfo else self.written.replace(tzinfo=zone)).timestamp()


class MomentType(click.ParamType[Moment]):
    """A time in ISO 8601. A date alone means its beginning or, with ``end_of_day``, its end."""

    name = "TIME"

    def __init__(self, *, end_of_day: bool = False) -> None:
        self._end_of_day = end_of_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if self._end_of_day and _DATE.fullmatch(value):
                moment += timedelta(days=1, seconds=-1)
            if moment.year in _YEARS:
                return Moment(moment)
        except (ValueError, OverflowError):
            pass
        return self.fail(
            f"{value!r} is not a time from {_YEARS[0]} to {_YEARS[-1]}; write one like 2026-05-20T15:30,"
            " 2026-05-20T07:30Z or 2026-05-20",
            param,
            ctx,
        )


class Day(click.ParamType[date]):
    """A date."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            if _DATE.fullmatch(value) and (day := date.fromisoformat(value)).year in _YEARS:
                return day
        except ValueError:
            pass
        return self.fail(
            f"{value!r} is not a date from {_YEARS[0]} to {_YEARS[-1]}; write one like 2026-05-20", param, ctx
        )


class ShardNumber(click.ParamType[int]):
    """A number from 0, or ``auto``: the ordinal at the end of a StatefulSet pod's host name."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if text == "auto":
            host = socket.gethostname()
            text = host.partition(".")[0].rpartition("-")[2]
            if not re.fullmatch("[0-9]{1,9}", text):
                return self.fail(f"the host name {host!r} does not end in -N; write the number itself", param, ctx)
        if not re.fullmatch("[0-9]{1,9}", text):
            return self.fail(f"{value!r} is neither a number from 0 nor auto", param, ctx)
        return int(text)


class Interval(click.ParamType[float]):
    """A duration with the configuration's syntax, in seconds."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value)
        except ValueError as error:
            return self.fail(f"{value!r}: {error}", param, ctx)
