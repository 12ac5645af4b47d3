"""The program's log: one event a line, on stderr, as logfmt or JSON."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO, cast


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Lets a package seem not to be installed, if it has not been imported yet."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


# Where it finds rich, which only other commands need, structlog loads it for a renderer that is not used here: 5 MB and a
# tenth of a second for every daemon.
with _without("rich"):
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_LEVEL_NAMES: Final = {"warning": "warn", "critical": "error"}
FORMATS: Final = ("logfmt", "json")

# Controls, line separators and the marks that turn the direction of text: a name from outside must not forge a line.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def configure(*, level: str, format: str, stream: TextIO | None = None) -> FilteringBoundLogger:
    """The logger to pass around. What libraries write through ``logging`` comes out in the same form."""
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
    # Libraries are only of interest here when something is wrong with them.
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[handler], force=True)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(output),
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
    )
    return logger


class _Unfailing:
    """A stream that takes what it can: a full disk, or a reader that is gone, must not end what the log only tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def printable(text: str) -> str:
    """A text on one line, which does to a terminal nothing but stand there."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def printable_json(rendered: str) -> str:
    """JSON on one line with more escapes than its own, which leave out what is only unprintable in Unicode."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", rendered)


def _order_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """``ts``, ``level`` and ``msg`` first, with the names that Prometheus's own programs use."""
    ts, level, msg = event.pop("ts"), event.pop("level"), event.pop("event")
    return {"ts": ts, "level": _LEVEL_NAMES.get(level, level), "msg": msg, **event}


def _escape_rendered(_logger: WrappedLogger, _method: str, rendered: Any) -> str:
    return printable_json(rendered)


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _printable(value) for key, value in event.items()}


def _printable(value: Any) -> Any:
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return printable(str(value))
