"""Notices that a file has changed, where nobody is there to send a signal: in a Kubernetes volume."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from exporter.config.files import read_regular


class Watch:
    """A file's content from the moment this is made; what counts is the content, however it got there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = self._read()

    async def run(self, interval: float, on_change: Callable[[], object]) -> None:
        """Looks every ``interval`` seconds, for ever, and calls ``on_change`` when the content is another than before."""
        while True:
            await asyncio.sleep(interval)
            digest = await asyncio.to_thread(self._read)
            if digest not in (None, self._digest):
                self._digest = digest
                on_change()

    def _read(self) -> bytes | None:
        """A digest of the content; None while it can't be read, as it may be for a moment while it is replaced."""
        try:
            return hashlib.sha256(read_regular(self._path)).digest()
        except OSError:
            return None
