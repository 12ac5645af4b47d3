"""Detects changes of a file, for example in a Kubernetes volume, where nothing sends a signal."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from exporter.config.files import read_regular


class Watch:
    """Compares the content of a file with its content when this object was made."""

    def __init__(self, path: Path, interval: float) -> None:
        self._path = path
        self._interval = interval
        self._digest = self._read()

    async def run(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Read the file every ``interval`` seconds, and reload when its content has changed.

        A reload that fails is repeated after each interval. A file that the content names, such as a secret, may arrive
        later than the content: Kubernetes updates each volume by itself.
        """
        failed = False
        while True:
            await asyncio.sleep(self._interval)
            digest = await asyncio.to_thread(self._read)
            if digest is not None and (failed or digest != self._digest):
                self._digest = digest
                failed = not await _succeeds(reload())

    def _read(self) -> bytes | None:
        """Return a digest of the content, or None if the file cannot be read, for example while it is replaced."""
        try:
            return hashlib.sha256(read_regular(self._path)).digest()
        except OSError:
            return None


async def _succeeds(reload: Awaitable[object]) -> bool:
    try:
        await reload
    except Exception:  # noqa: BLE001 - logged where it was raised
        return False
    return True
