"""What a directory of history is of, and which of its parts are complete: a line of JSON each.

A line is written once what it says is true, so whatever ends the process, the next one goes on from there. A part that
is in the journal stays complete when its file has been imported and deleted.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

NAME: Final = "backfill.journal"


class JournalError(Exception):
    """The directory cannot be used; the message says why, and what to do."""


class Journal:
    """The journal of a directory, which one process at a time can have open."""

    def __init__(self, directory: Path, plan: Mapping[str, Any], limit: int) -> None:
        """Goes on with the history that ``plan`` describes, or begins it; both are JSON.

        ``limit`` is noted at the beginning and stays as it was then. Raises JournalError.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = (directory / NAME).open("a+b")
        except OSError as error:
            raise JournalError(f"cannot write to {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begun, self._parts = self._read()
            plan = json.loads(json.dumps(plan))  # as it is read back
            if begun is None:
                begun = {"plan": plan, "limit": limit}
                self._append(begun)
            _compare(directory, begun["plan"], plan)
        except BlockingIOError:
            self._file.close()
            raise JournalError(f"another backfill is writing to {directory}") from None
        except (ValueError, LookupError, TypeError) as error:
            self._file.close()
            raise JournalError(f"{directory / NAME} is no journal; give another directory") from error
        except BaseException:
            self._file.close()
            raise
        self.limit: Final[int] = begun["limit"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def parts(self) -> Mapping[str, Any]:
        """What was noted last of each part."""
        return self._parts

    def note(self, part: str, outcome: Any) -> None:
        """Notes what became of a part, as JSON."""
        self._append({"part": part, "outcome": outcome})
        self._parts[part] = outcome

    def _append(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The beginning and the parts; the end of a line that was being written is cut off."""
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            self._file.truncate(self._file.tell() - len(lines.pop()))
        if not lines:
            return None, {}
        entries = [json.loads(line) for line in lines[1:]]
        return json.loads(lines[0]), {entry["part"]: entry["outcome"] for entry in entries}


def _compare(directory: Path, begun: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    different = sorted(name for name in begun.keys() | plan.keys() if begun.get(name) != plan.get(name))
    if different:
        raise JournalError(
            f"{directory} has the history of another backfill: not the same {', '.join(different)}; "
            "give the same flags and configuration to go on with it, or another directory to begin anew"
        )
