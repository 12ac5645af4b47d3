"""From what the user wrote to a `Config`, or to everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config import schema
from exporter.config.checks import cross_checks, host
from exporter.config.document import DocumentError, Node, compose
from exporter.config.files import unreadable
from exporter.config.messages import explained
from exporter.config.model import Auth, Bot, Config, Platform, Tenant, TlsConfig
from exporter.config.problems import Problem, spell
from exporter.config.reader import Reader

Source = Path | str
"""A configuration file, or the YAML itself; JSON is YAML too."""

# What the text of a configuration is called when it comes from no file.
_TEXT_NAME = "OIFDE_EXPORTER_CONFIG"

_MIN_STALE_AFTER = 300.0
_STALE_INTERVALS = 3


class ConfigError(Exception):
    """A configuration that cannot be used; `errors` has a line for each thing that is wrong, free of secrets."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def load(source: Source, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration.

    Args:
        source: the configuration's file, or its text, which messages then call OIFDE_EXPORTER_CONFIG and whose
            relative file names start from the working directory.
        environ: what `${NAME}` is replaced from.

    Raises:
        ConfigError: with all that is wrong, each as `file:line: path: what is wrong and what to do`.
    """
    name, directory = _TEXT_NAME, Path.cwd()
    if isinstance(source, Path):
        name, directory = str(source), source.parent.absolute()
    try:
        root = _root(source)
    except DocumentError as error:
        errors = [f"{name}:{error.line}: {error}" if error.line else f"{name}: {error}"]
    else:
        written, problems = _check(root, environ, directory)
        if written and not problems:
            return _config(written)
        errors = [": ".join(filter(None, (f"{name}:{p.line}", spell(p.at), p.message))) for p in problems]
    # Raised out here, so that nothing that holds values of the document hangs on it as its context.
    raise ConfigError(errors)


def _root(source: Source) -> Node:
    root = compose(source if isinstance(source, str) else _content(source))
    if root is None or root.kind == "null":
        raise DocumentError(1, "is empty: write at least platforms")
    if root.kind != "mapping":
        raise DocumentError(root.line, "must be lines of `key: value`, at least platforms")
    return root


def _content(path: Path) -> str:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DocumentError(None, unreadable(error)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise DocumentError(line, "is not UTF-8: save the file in that encoding")


def _check(root: Node, environ: Mapping[str, str], directory: Path) -> tuple[schema.Config | None, list[Problem]]:
    """Return what was written and what is wrong with it, by line."""
    reader = Reader(environ)
    data = reader.read(root)
    written, details = None, list[ErrorDetails]()
    try:
        written = schema.Config.model_validate(data, context=directory)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
    problems = [p for p in reader.problems if unknown.isdisjoint(p.at[: n + 1] for n in range(len(p.at)))]
    problems += [p for p in explained(details, root) if p.at not in reader.holes or p.at in unknown]
    problems += [Problem(root.locate(at)[0], at, message) for at, message in cross_checks(data)]
    # What an alias repeats is wrong once.
    once: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        node = root.locate(problem.at)[1]
        once.setdefault((id(node), problem.at[-1:], problem.message), problem)
    return written, sorted(once.values(), key=lambda problem: problem.line)


def _config(written: schema.Config) -> Config:
    stale_after = written.stale_after or max(_MIN_STALE_AFTER, _STALE_INTERVALS * written.poll_interval)
    return Config(
        poll_interval=written.poll_interval,
        settle_delay=written.settle_delay,
        empty_hour_delay=written.empty_hour_delay,
        stale_after=stale_after,
        reports=tuple(written.reports),
        platforms=tuple(_platform(platform, written, stale_after) for platform in written.platforms),
    )


def _platform(written: schema.Platform, top: schema.Config, stale_after: float) -> Platform:
    tls = written.tls_config
    return Platform(
        name=written.name or host(written.url),
        url=written.url,
        request_timeout=written.request_timeout,
        max_concurrency=written.max_concurrency,
        requests_per_second=written.requests_per_second,
        proxy_url=written.proxy_url,
        tls_config=TlsConfig(tls.ca_file, tls.cert_file, tls.key_file, tls.server_name, tls.insecure_skip_verify),
        tenants=tuple(_tenant(tenant, top, stale_after) for tenant in written.tenants),
    )


def _tenant(written: schema.Tenant, top: schema.Config, stale_after: float) -> Tenant:
    poll_interval = written.poll_interval or top.poll_interval
    if top.stale_after is None:
        stale_after = max(stale_after, _STALE_INTERVALS * poll_interval)
    auth = written.auth
    return Tenant(
        tenant_id=written.tenant_id,
        name=written.name,
        timezone=written.timezone,
        poll_interval=poll_interval,
        stale_after=stale_after,
        auth=Auth(
            app_key=auth.app_key or written.tenant_id,
            app_secret=auth.app_secret or auth.app_secret_file,
            token=auth.token or auth.token_file,
            header_user=auth.header_user,
        ),
        bots=tuple(
            Bot(bot.access_code, bot.name or bot.access_code, MappingProxyType(bot.labels)) for bot in written.bots
        ),
    )
