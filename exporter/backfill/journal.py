"""Record the settings of a history directory and its complete parts, one line of JSON each.

A line is written after the part is complete, so the next process continues there, however this one ends. A part in the
journal stays complete when its file has been imported and deleted. The lines are not decoded in memory: those of a
thousand bots and a year would take 50 MB instead of 10.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

NAME: Final = "backfill.journal"


class JournalError(Exception):
    """The directory cannot be used. The message says why, and what to do."""


class Journal:
    """The journal of a directory. Only one process at a time can open it."""

    def __init__(self, directory: Path, plan: Mapping[str, Any], limit: int) -> None:
        """Continue the history that ``plan`` describes, or begin it. Raises JournalError.

        ``plan`` is JSON. ``limit`` (epoch seconds) keeps the value that it has at the beginning. Until a part is recorded,
        another plan replaces the first one.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = (directory / NAME).open("a+b")
        except OSError as error:
            raise _describe_write_error(directory, error) from error
        self._directory = directory
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begun, self._parts = self._read()
            plan = json.loads(json.dumps(plan))  # as it is read back
            former, begun_at = (plan, limit) if begun is None else (begun["plan"], begun["limit"])
            self.limit: Final[int] = begun_at if self._parts else limit
            if self._parts:
                _check_plan(directory, former, plan)
            else:
                self._file.truncate(0)
                self._append({"plan": plan, "limit": limit})
        except BlockingIOError:
            self._close()
            raise JournalError(f"another backfill is writing to {directory}") from None
        except (ValueError, LookupError, TypeError) as error:
            self._close()
            raise JournalError(f"{directory / NAME} is not a journal; choose another directory") from error
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def read_outcome(self, part: str) -> Any:
        """Return the latest entry of a part; None if there is none."""
        line = self._parts.get(part)
        return line and json.loads(line)["outcome"]

    def note(self, part: str, outcome: Any) -> None:
        """Record the outcome of a part, as JSON. Raises JournalError."""
        self._parts[part] = self._append({"part": part, "outcome": outcome})

    def _append(self, entry: Mapping[str, Any]) -> bytes:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _describe_write_error(self._directory, error) from error
        return line

    def _close(self) -> None:
        with suppress(OSError):  # it tries again to write the line whose error has been raised
            self._file.close()

    def _read(self) -> tuple[dict[str, Any] | None, dict[str, bytes]]:
        """Return the first entry and the parts, and remove an incomplete last line."""
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            self._file.truncate(self._file.tell() - len(lines.pop()))
        if not lines:
            return None, {}
        return json.loads(lines[0]), {json.loads(line)["part"]: line for line in lines[1:]}


def _describe_write_error(directory: Path, error: OSError) -> JournalError:
    return JournalError(f"cannot write to {directory}: {error.strerror}")


def _check_plan(directory: Path, begun: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    different = sorted(name for name in begun.keys() | plan.keys() if begun.get(name) != plan.get(name))
    if different:
        raise JournalError(
            f"{directory} has the history of another backfill, with other {', '.join(different)}; "
            "use the same flags and configuration to continue it, or another directory to begin a new one"
        )
