"""The flags that several commands share. Every flag is also an environment variable."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from exporter import config, logs
from exporter.commands.parameters import parse_interval, parse_last_moment, parse_listen_address, parse_shard
from exporter.config import CONFIG_VARIABLE, Config, ConfigError, Shard
from exporter.language import BY_CODE, ENGLISH, Language

_PREFIX: Final = "OIFDE_EXPORTER_"
# The second is for builds. The third is a flag of other commands only, and may be set for all of them.
_OTHER_VARIABLES: Final = {CONFIG_VARIABLE, f"{_PREFIX}REVISION", f"{_PREFIX}LANG"}
# Kubernetes sets these in every pod beside a service with the name oifde-exporter.
_OF_KUBERNETES: Final = re.compile(f"{_PREFIX}(SERVICE|PORT)(_|$)")

_Command = TypeVar("_Command", bound=Callable[..., Any])


def flag(name: str, **settings: Any) -> Callable[[_Command], _Command]:
    """Add a flag and its variable: ``--web.listen-address``, ``OIFDE_EXPORTER_WEB_LISTEN_ADDRESS``."""
    identifier = name.lstrip("-").replace(".", "_").replace("-", "_")
    settings = {"show_default": True, **settings}
    return click.option(name, identifier, envvar=_PREFIX + identifier.upper(), **settings)


def _combine(*flags: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def add(command: _Command) -> _Command:
        for option in reversed(flags):
            command = option(command)
        return command

    return add


def _check_path(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.startswith("/") or any(character in value for character in "?#{} "):
        raise click.BadParameter(f"{value!r} is not a path; a path starts with / and has no query")
    return value


def _check_prefix(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _check_path(ctx, param, "/" + value.strip("/")).rstrip("/")


def _check_url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            url = urlsplit(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is not a URL: {error}") from None
        complete = url.scheme in ("http", "https") and url.hostname
        if not complete and (url.scheme or url.netloc or not url.path.startswith("/")):
            raise click.BadParameter(f"{value!r} is neither an http or https URL nor a path")
    return value


web_options: Final = _combine(
    flag(
        "--web.listen-address",
        type=parse_listen_address,
        metavar="HOST:PORT",
        multiple=True,
        default=[":10230"],
        help="Address to listen on; repeatable. Port 0 selects a free port.",
    ),
    flag("--web.telemetry-path", default="/metrics", callback=_check_path, metavar="PATH", help="Path of the metrics."),
    flag("--web.enable-lifecycle", is_flag=True, help="Enable reloads with POST or PUT /-/reload."),
    flag(
        "--web.config.file",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="File with TLS, basic auth and headers, in the format of Prometheus' exporter-toolkit.",
    ),
    flag(
        "--web.route-prefix",
        callback=_check_prefix,
        metavar="PREFIX",
        help="Prefix of every path. Default: the path of --web.external-url.",
    ),
    flag(
        "--web.external-url",
        callback=_check_url,
        metavar="URL",
        help="URL, or path of the URL, of the exporter behind a reverse proxy.",
    ),
)
"""The flags of commands that serve pages; ``daemon.read_web_options`` reads them."""

_shard_options: Final = _combine(
    flag(
        "--shard",
        type=parse_shard,
        default="0",
        metavar="N|auto",
        help="Poll only the tenants of this shard, from 0. auto reads the ordinal at the end of the host name.",
    ),
    flag(
        "--total-shards",
        type=click.IntRange(min=1),
        default=1,
        metavar="N",
        help="Number of processes that share the tenants and the platforms' request limits.",
    ),
)


def shard_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--shard`` and ``--total-shards``. The command gets the ``Shard`` as ``shard``."""

    @wraps(command)
    def run(*arguments: Any, shard: int, total_shards: int, **others: Any) -> Any:
        if shard >= total_shards:
            raise click.BadParameter(
                f"{shard} is not below --total-shards={total_shards}; shards are numbered from 0", param_hint="--shard"
            )
        return command(*arguments, shard=Shard(shard, total_shards), **others)

    return _shard_options(run)


at_option: Final = flag(
    "--at",
    type=parse_last_moment,
    metavar="TIME",
    help="Time to use in place of now: 2026-05-20T15:30 (local to the tenant), 2026-05-20T07:30Z, or a date for its end.",
)

config_option: Final = flag(
    "--config.file",
    type=click.Path(path_type=Path),
    default="config.yaml",
    metavar="PATH",
    help=f"Configuration file. Without this flag, the variable {CONFIG_VARIABLE} may contain the YAML itself.",
)

reload_option: Final = flag(
    "--config.auto-reload-interval",
    type=parse_interval,
    metavar="DURATION",
    default="0s",
    help="How often to check the file for changes and reload it; 0s disables this.",
)


def _find_language() -> Language:
    """Return the language of the environment, as POSIX orders its variables."""
    name = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return BY_CODE.get(name[:2], ENGLISH)


class _LanguageType(click.Choice[str]):
    """The code of a language."""

    def __init__(self) -> None:
        super().__init__(list(BY_CODE))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, Language) else BY_CODE[super().convert(value, param, ctx)]


lang_option: Final = flag(
    "--lang",
    type=_LanguageType(),
    default=_find_language,
    show_default="from LANG",
    help="Language of the output. Logs, JSON and YAML are in English.",
)
"""``--lang``, as a ``Language``."""


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """Add ``--format``; the first format is the default."""
    return flag("--format", type=click.Choice(formats), default=formats[0], help="Format of the output.")


def log_options(default: str = "info") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--log.level`` with its default, and ``--log.format``. The command gets the logger as ``log``."""
    options = _combine(
        flag("--log.level", type=click.Choice(list(logs.LEVELS)), default=default, help="Lowest level to log."),
        flag("--log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="Format of the log on stderr."),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*arguments: Any, log_level: str, log_format: str, **others: Any) -> Any:
            return command(*arguments, log=logs.configure(level=log_level, format=log_format), **others)

        return options(run)

    return add


def choose_source(ctx: click.Context, config_file: Path) -> config.Source:
    """Return the configuration file, or the text of the variable if no file is named."""
    by_default = ctx.get_parameter_source("config_file") is click.core.ParameterSource.DEFAULT
    return os.environ.get(CONFIG_VARIABLE, config_file) if by_default else config_file


def load_config(ctx: click.Context, config_file: Path) -> Config:
    """Load the configuration, or exit with its errors."""
    with exit_on_config_error(ctx.params.get("lang", ENGLISH)):
        return config.load(choose_source(ctx, config_file), os.environ)


@contextmanager
def exit_on_config_error(language: Language = ENGLISH) -> Iterator[None]:
    """Print the errors of a configuration on stderr, and exit with status 1."""
    try:
        yield
    except ConfigError as error:
        for line in error.errors:
            click.echo(language.text(line), err=True)  # begins with file:line:, which editors and terminals recognise
        sys.exit(1)


def find_unknown_variables(ctx: click.Context) -> list[tuple[str, str | None]]:
    """Return the variables of the environment that look like a flag's but are none, each with a similar flag's."""
    ours = {name for name in os.environ if name.startswith(_PREFIX) and not _OF_KUBERNETES.match(name)}
    unknown = ours - _OTHER_VARIABLES - _variables(ctx.command)
    if not unknown:
        return []  # the common case, without importing the other commands
    group = ctx.find_root().command
    commands = (
        [group.get_command(ctx, name) for name in group.list_commands(ctx)] if isinstance(group, click.Group) else []
    )
    known = set[str]().union(_OTHER_VARIABLES, *(_variables(command) for command in commands if command))
    return [(name, next(iter(get_close_matches(name, known, 1)), None)) for name in sorted(unknown - known)]


def _variables(command: click.Command) -> set[str]:
    return {str(option.envvar) for option in command.params if option.envvar}
