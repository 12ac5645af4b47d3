"""Configures the log: one event per line, on stderr, as logfmt or JSON."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO, cast


@contextmanager
def _hide(package: str) -> Iterator[None]:
    """Make a package appear not to be installed, unless it has been imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


# If rich is installed, structlog imports it for a renderer that is not used here: 5 MB and a tenth of a second for every
# daemon.
with _hide("rich"):
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_LEVEL_NAMES: Final = {"warning": "warn", "critical": "error"}
FORMATS: Final = ("logfmt", "json")

# Control characters, line separators and marks of text direction: a name from outside must not forge a log line.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def configure(*, level: str, format: str, stream: TextIO | None = None) -> FilteringBoundLogger:
    """Build the logger to pass around. Messages of libraries, through ``logging``, get the same form."""
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _order_keys,
    ]
    render: list[Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=False, default=str), _escape_rendered]
        if format == "json"
        else [_escape, structlog.processors.LogfmtRenderer(bool_as_flag=False)]
    )
    output = cast("TextIO", _Unfailing(stream or sys.stderr))
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    # Only warnings and errors of libraries are of interest.
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[handler], force=True)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(output),
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
    )
    return logger


class _Unfailing:
    """A stream that ignores errors: a full disk or a closed pipe must not end the exporter."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def escape_text(text: str) -> str:
    """Return a text as one line without characters that control a terminal."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def escape_json(rendered: str) -> str:
    """Return JSON as one line, with the unprintable characters escaped that JSON itself leaves."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", rendered)


def _order_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put ``ts``, ``level`` and ``msg`` first, with the names that Prometheus's own programs use."""
    ts, level, msg = event.pop("ts"), event.pop("level"), event.pop("event")
    return {"ts": ts, "level": _LEVEL_NAMES.get(level, level), "msg": msg, **event}


def _escape_rendered(_logger: WrappedLogger, _method: str, rendered: Any) -> str:
    return escape_json(rendered)


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _escape_value(value) for key, value in event.items()}


def _escape_value(value: Any) -> Any:
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return escape_text(str(value))
