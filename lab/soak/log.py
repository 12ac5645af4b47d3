"""Read the exporter's log while it grows."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_REFUSED = ("config_invalid", "reload_failed")
"""The event of a rejected configuration; an error of the exporter itself has an exception."""


class LogReader:
    """Counts log events, and keeps those that should not exist."""

    def __init__(self, path: Path, secrets: Sequence[str]) -> None:
        """Read a log in JSON, one event a line."""
        self._path = path
        self._secrets = secrets
        self._offset = 0
        self.events: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.alarming: list[str] = []
        """Lines that are not events, errors (except for rejected configurations), and lines with a secret."""

    def read(self) -> Self:
        """Read the new lines."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.decode("utf-8").splitlines():
            self._take(line)
        return self

    def _take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            self.alarming.append(line)
            return
        self.events[event["msg"]] += 1
        self.levels[event["level"]] += 1
        serious = event["level"] == "error" and event["msg"] not in _REFUSED
        if serious or "exception" in event or any(secret in line for secret in self._secrets):
            self.alarming.append(line)
