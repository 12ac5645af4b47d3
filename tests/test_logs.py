"""The format of the log."""

import io
import json
import logging
import re
from errno import ENOSPC
from pathlib import Path

import pytest
from structlog.typing import FilteringBoundLogger

from exporter import logs


def lines(output: io.StringIO) -> list[str]:
    """Return the lines without their time."""
    return [line.partition(" ")[2] for line in output.getvalue().splitlines()]


def configure(output: io.StringIO, **settings: str) -> FilteringBoundLogger:
    """Return a logger that writes to the stream."""
    return logs.configure(**({"level": "info", "format": "logfmt"} | settings), stream=output)


def test_logfmt_has_an_event_and_its_fields_on_a_line() -> None:
    """Including the level; names in any script stay readable."""
    output = io.StringIO()
    configure(output).bind(tenant_id="t1").info("bot_failing", bot="账单 助手", failures=2, up=False, error=None)

    assert ['level=info msg=bot_failing tenant_id=t1 bot="账单 助手" failures=2 up=false error='] == lines(output)
    assert output.getvalue().startswith("ts=20")


def test_json_has_an_object_on_a_line() -> None:
    """It has the same keys."""
    output = io.StringIO()
    configure(output, format="json").warning("bot_failing", bot="账单")

    event = json.loads(output.getvalue())
    assert {"level": "warn", "msg": "bot_failing", "bot": "账单"} == {
        key: value for key, value in event.items() if key != "ts"
    }


@pytest.mark.parametrize("format_", logs.FORMATS)
@pytest.mark.parametrize("evil", ["a\nlevel=info msg=forged", "a\r\n", "a\x1b[2Jb", "a\u2028b", "\u202eb", "a\x00"])
def test_nothing_from_outside_forges_a_line(format_: str, evil: str) -> None:
    """A bot's name may contain anything; the event stays one line without control characters."""
    output = io.StringIO()
    configure(output, format=format_).info("bot_failing", bot=evil, error=ValueError(evil))

    text = output.getvalue()
    assert text.endswith("\n")
    assert text[:-1].isprintable()


def test_a_traceback_is_a_field() -> None:
    """It stays on the same line."""
    output = io.StringIO()
    log = configure(output)
    try:
        int("ours")
    except ValueError:
        log.exception("poll_crashed")

    (line,) = lines(output)
    assert line.startswith("level=error msg=poll_crashed ")
    assert "ValueError: invalid literal" in line


def test_events_below_the_level_are_not_written() -> None:
    """Events below it are not written."""
    output = io.StringIO()
    log = configure(output, level="warn")
    log.info("login_succeeded")
    log.warning("login_failed")

    assert ["level=warn msg=login_failed"] == lines(output)


def test_warnings_of_libraries_have_the_same_form() -> None:
    """Their warnings and errors are logged; their other messages are not."""
    output = io.StringIO()
    configure(output, level="debug", format="json")
    logging.getLogger("aiohttp.server").info("chatter")
    logging.getLogger("aiohttp.server").error("Error %s", "handling request")

    event = json.loads(output.getvalue())
    assert ("error", "Error handling request", "aiohttp.server") == (event["level"], event["msg"], event["logger"])


class Gone(io.StringIO):
    """A stream that cannot be written: full disk, closed pipe, or closed stream."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, _text: str) -> int:
        raise self._error

    def flush(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [OSError(ENOSPC, "full"), BrokenPipeError(), ValueError("closed")], ids=repr)
def test_a_log_that_cannot_be_written_ends_nothing(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the exporter's events nor the messages of libraries raise an error, and they appear nowhere else."""
    configure(Gone(error)).warning("bot_failing")
    logging.getLogger("aiohttp.server").error("Error")

    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("page, heading", [("docs/operations.md", "## The log"), ("docs/zh/operations.md", "## 日志")])
def test_each_event_is_documented(page: str, heading: str) -> None:
    """An operator finds each event of the log, from level info on, in the page's table."""
    root = Path(__file__).parents[1]
    call = re.compile(r'\blog\.(?:info|warning|error|critical|exception)\(\s*"(\w+)"')
    events = {event for file in (root / "exporter").rglob("*.py") for event in call.findall(file.read_text("utf-8"))}
    table = (root / page).read_text("utf-8").partition(heading)[2]

    assert events
    assert set() == events - set(re.findall(r"`(\w+)`", table))
