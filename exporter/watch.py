"""Detects changes of a file, for systems in which nobody sends a signal: Kubernetes volumes, for example."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from exporter.config.files import read_regular


class Watch:
    """Compares the content of a file with what it was when this object was made, however the change was made."""

    def __init__(self, path: Path, interval: float) -> None:
        self._path = path
        self._interval = interval
        self._digest = self._read()

    async def run(self, on_change: Callable[[], object]) -> None:
        """Read the file every ``interval`` seconds, and call ``on_change`` when its content has changed."""
        while True:
            await asyncio.sleep(self._interval)
            digest = await asyncio.to_thread(self._read)
            if digest not in (None, self._digest):
                self._digest = digest
                on_change()

    def _read(self) -> bytes | None:
        """Return a digest of the content, or None if it cannot be read: it may be being replaced."""
        try:
            return hashlib.sha256(read_regular(self._path)).digest()
        except OSError:
            return None
