"""The flags that several commands share. Every flag is an environment variable too."""

import os
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click

from exporter import config, logs
from exporter.config import ConfigError, Shard
from exporter.config.types import duration

CONFIG_TEXT: Final = "OIFDE_EXPORTER_CONFIG"
"""The environment variable that may hold the configuration itself."""

_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS: Final = range(2000, 2200)
_ENVIRONMENT: Final = "OIFDE_EXPORTER_"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def flag(name: str, **settings: Any) -> Callable[[_Command], _Command]:
    """A flag spelled as Prometheus' own programs do: ``--web.listen-address``, ``OIFDE_EXPORTER_WEB_LISTEN_ADDRESS``."""
    identifier = name.lstrip("-").replace(".", "_").replace("-", "_")
    return click.option(name, identifier, envvar=_ENVIRONMENT + identifier.upper(), show_default=True, **settings)


class OneALine:
    """Of a type whose texts may hold blanks: the variable of a repeatable flag has one of them a line."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The lines of a variable."""
        return [line for line in rv.splitlines() if line.strip()]


class Name(OneALine, click.types.StringParamType):
    """A name, which may hold blanks."""


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
        except ValueError:  # told below, with what to write instead
            pass
        return self.fail(
            f"{value!r} is not HOST:PORT; write for example :10230, 127.0.0.1:10230 or [::1]:10230", param, ctx
        )


def _path(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.startswith("/") or any(character in value for character in "?#{} "):
        raise click.BadParameter(f"{value!r} is not a path; it starts with / and has no query", ctx, param)
    return value


def _prefix(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _path(ctx, param, "/" + value.strip("/")).rstrip("/")


def _url(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            url = urlsplit(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no URL: {error}", ctx, param) from None
        complete = url.scheme in ("http", "https") and url.hostname
        if not complete and (url.scheme or url.netloc or not url.path.startswith("/")):
            raise click.BadParameter(f"{value!r} is neither an http or https URL nor a path", ctx, param)
    return value


def web_options(command: _Command) -> _Command:
    """The flags of whatever serves pages; ``daemon.web_from`` reads them."""
    for option in (
        flag(
            "--web.external-url",
            callback=_url,
            metavar="URL",
            help="The URL, or its path, under which users reach the exporter behind a reverse proxy.",
        ),
        flag(
            "--web.route-prefix",
            callback=_prefix,
            metavar="PREFIX",
            help="Prefix of every path served. Default: the path of --web.external-url.",
        ),
        flag(
            "--web.config.file",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="TLS, users with passwords, and headers, in the format of Prometheus' exporter-toolkit.",
        ),
        flag("--web.enable-lifecycle", is_flag=True, help="Allow reloads by POST or PUT /-/reload."),
        flag("--web.telemetry-path", default="/metrics", callback=_path, metavar="PATH", help="Path of the metrics."),
        flag(
            "--web.listen-address",
            type=ListenAddress(),
            multiple=True,
            default=[":10230"],
            help="Address to listen on; repeatable. Port 0 is any free one.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was typed: without an offset from UTC it is a different one in each time zone."""

    written: datetime

    def on(self, zone: ZoneInfo) -> float:
        """The moment in epoch seconds, where ``zone`` is the one that is meant unless another was written."""
        return (self.written if self.written.tzinfo else self.written.replace(tzinfo=zone)).timestamp()


class MomentType(click.ParamType[Moment]):
    """ISO 8601; a date alone is its beginning or, with ``end_of_day``, its end."""

    name = "TIME"

    def __init__(self, *, end_of_day: bool = False) -> None:
        """``end_of_day`` is for what is said as of a date that is over."""
        self._end_of_day = end_of_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if self._end_of_day and _DATE.fullmatch(value):
                moment += timedelta(days=1, seconds=-1)
        except (ValueError, OverflowError):
            moment = datetime.min  # noqa: DTZ901 - refused like any that is too early
        if moment.year not in _YEARS:
            return self.fail(
                f"{value!r} is no time of these days; write for example 2026-05-20T15:30, 2026-05-20T07:30Z or 2026-05-20",
                param,
                ctx,
            )
        return Moment(moment)


class Day(click.ParamType[date]):
    """A date."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        if _DATE.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:  # told below, with what to write instead
                pass
            else:
                if day.year in _YEARS:
                    return day
        return self.fail(f"{value!r} is no date of these days; write for example 2026-05-20", param, ctx)


def at_option(command: _Command) -> _Command:
    """``--at``."""
    return flag(
        "--at",
        type=MomentType(end_of_day=True),
        help="As of this time, not now: 2026-05-20T15:30 (the tenant's time), 2026-05-20T07:30Z, or a date, for its end.",
    )(command)


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """``--format``, of which the first one is the default."""
    return flag("--format", type=click.Choice(formats), default=formats[0], help="Form of what is printed.")


def tenant_option(command: _Command) -> _Command:
    """``--tenant``."""
    return flag("--tenant", metavar="NAME|ID", help="Only this tenant, by its name or its id; default: all.")(command)


def log_options(default: str = "info") -> Callable[[_Command], _Command]:
    """``--log.level``, with its default, and ``--log.format``."""

    def add(command: _Command) -> _Command:
        for option in (
            flag("--log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="Form of the log on stderr."),
            flag(
                "--log.level", type=click.Choice(list(logs.LEVELS)), default=default, help="Least level that is logged."
            ),
        ):
            command = option(command)
        return command

    return add


def config_option(command: _Command) -> _Command:
    """``--config.file``; ``config_source`` reads it."""
    return flag(
        "--config.file",
        type=click.Path(path_type=Path),
        default="config.yaml",
        metavar="PATH",
        help=f"The configuration. Without this flag, the variable {CONFIG_TEXT} may hold the YAML itself.",
    )(command)


def config_source(ctx: click.Context, config_file: Path) -> config.Source:
    """Where the configuration stands by the flag of ``config_option`` and the environment."""
    by_default = ctx.get_parameter_source("config_file") is click.core.ParameterSource.DEFAULT
    return os.environ.get(CONFIG_TEXT, config_file) if by_default else config_file


class ShardNumber(click.ParamType[int]):
    """A number from 0, or ``auto``: the ordinal at the end of the host name, as a StatefulSet gives it to its pods."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if text == "auto":
            host = socket.gethostname()
            text = host.partition(".")[0].rpartition("-")[2]
            if not re.fullmatch("[0-9]{1,9}", text):
                return self.fail(f"the host name {host!r} does not end in -N; give the number itself", param, ctx)
        if not re.fullmatch("[0-9]{1,9}", text):
            return self.fail(f"{value!r} is neither a number from 0 nor auto", param, ctx)
        return int(text)


class Interval(click.ParamType[float]):
    """A duration as the configuration has them, in seconds."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration(value)
        except ValueError as error:
            return self.fail(f"{value!r} {error}", param, ctx)


def shard_options(command: _Command) -> _Command:
    """``--shard`` and ``--total-shards``; ``shard_from`` reads them."""
    for option in (
        flag(
            "--total-shards",
            type=click.IntRange(min=1),
            default=1,
            metavar="N",
            help="How many processes share the tenants and the platforms' request limits.",
        ),
        flag(
            "--shard",
            type=ShardNumber(),
            default="0",
            metavar="N|auto",
            help="Poll only this shard's tenants, numbered from 0; auto: the ordinal at the end of the host name.",
        ),
    ):
        command = option(command)
    return command


def shard_from(*, shard: int, total_shards: int) -> Shard:
    """What the flags of ``shard_options`` say."""
    if shard >= total_shards:
        raise click.BadParameter(
            f"{shard} is not below --total-shards={total_shards}; shards are numbered from 0", param_hint="--shard"
        )
    return Shard(shard, total_shards)


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """Ends the program with status 1 where a configuration cannot be used, which is told on stderr without a traceback."""
    try:
        yield
    except ConfigError as error:
        click.echo(str(error), err=True)  # file:line: first, as editors and terminals know it
        sys.exit(1)
