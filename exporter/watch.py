"""Detects changes of a file, for example in a Kubernetes volume, where nothing sends a signal."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from exporter.config.files import read_regular


class Watch:
    """Compares the content of a file with its content when this object was made."""

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
        """Return a digest of the content, or None if the file cannot be read, for example while it is replaced."""
        try:
            return hashlib.sha256(read_regular(self._path)).digest()
        except OSError:
            return None
