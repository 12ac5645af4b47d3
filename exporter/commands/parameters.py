"""Read the values of flags. A function raises click.BadParameter; click adds the name of the flag."""

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


class Multiline(click.types.FuncParamType[str, Any]):
    """The type of a repeatable flag whose values may contain spaces: its variable has one value per line."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return the lines of a variable."""
        return [line for line in rv.splitlines() if line.strip()]


def parse_listen_address(value: str) -> tuple[str | None, int]:
    """Read ``HOST:PORT``, ``:PORT`` for every interface, ``[::1]:PORT`` for IPv6."""
    try:
        parts = urlsplit(f"//{value}")
        if parts.port is not None and parts.netloc == value and "@" not in value:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise click.BadParameter(
        f"{value!r} is not HOST:PORT; write an address like :10230, 127.0.0.1:10230 or [::1]:10230"
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as typed. Without an offset from UTC it depends on the time zone."""

    written: datetime

    def on(self, zone: ZoneInfo) -> float:
        """Return the epoch seconds; a time without an offset is in ``zone``."""
        return (self.written if self.written.tzinfo else self.written.replace(tzinfo=zone)).timestamp()


def parse_moment(value: str) -> Moment:
    """Read a time in ISO 8601; a date alone means its beginning."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.year in _YEARS:
            return Moment(moment)
    except ValueError:
        pass
    raise click.BadParameter(
        f"{value!r} is not a time from {_YEARS[0]} to {_YEARS[-1]}; write one like 2026-05-20T15:30,"
        " 2026-05-20T07:30Z or 2026-05-20"
    )


def parse_last_moment(value: str) -> Moment:
    """Read a time in ISO 8601; a date alone means its last second."""
    moment = parse_moment(value)
    return Moment(moment.written + timedelta(days=1, seconds=-1)) if _DATE.fullmatch(value) else moment


def parse_day(value: str) -> date:
    """Read a date."""
    try:
        if _DATE.fullmatch(value) and (day := date.fromisoformat(value)).year in _YEARS:
            return day
    except ValueError:
        pass
    raise click.BadParameter(f"{value!r} is not a date from {_YEARS[0]} to {_YEARS[-1]}; write one like 2026-05-20")


def parse_shard(value: str) -> int:
    """Read a number from 0, or ``auto``: the ordinal at the end of a StatefulSet pod's host name."""
    host = socket.gethostname()
    number = host.partition(".")[0].rpartition("-")[2] if value == "auto" else value
    if re.fullmatch("[0-9]{1,9}", number):
        return int(number)
    if value == "auto":
        raise click.BadParameter(f"the host name {host!r} does not end in -N; write the number itself")
    raise click.BadParameter(f"{value!r} is neither a number from 0 nor auto")


def parse_interval(value: str) -> float:
    """Read a duration in the configuration's syntax, in seconds."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None
