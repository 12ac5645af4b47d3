"""A changed file is noticed, and nothing else is."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from exporter.watch import Watch
from harness.waiting import wait_for


def replace(file: Path, content: bytes) -> None:
    """At once: nobody sees half of it."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.replace(file)


@asynccontextmanager
async def watching(file: Path) -> AsyncIterator[list[bytes]]:
    """What the file held each time that it was said to have changed."""
    seen: list[bytes] = []
    task = asyncio.create_task(Watch(file, 0.001).run(lambda: seen.append(file.read_bytes())))
    try:
        yield seen
    finally:
        task.cancel()


async def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    """It is out of reach, like a file that is not there; what comes after it is noticed."""
    file = tmp_path / "config.yaml"
    os.mkfifo(file)
    async with watching(file) as seen:
        replace(file, b"one")
        await wait_for(lambda: seen, "the change")

    assert [b"one"] == seen


async def test_another_content_is_a_change(tmp_path: Path) -> None:
    """Put in the file's place, as a Kubernetes volume does; the same content once more is none."""
    file = tmp_path / "config.yaml"
    file.write_bytes(b"one")
    async with watching(file) as seen:
        replace(file, b"two")
        await wait_for(lambda: seen, "the first change")
        replace(file, b"two")
        replace(file, b"three")
        await wait_for(lambda: len(seen) > 1, "the second change")

    assert [b"two", b"three"] == seen


async def test_a_file_that_is_away_for_a_moment_has_not_changed(tmp_path: Path) -> None:
    """It is looked at again until it is back."""
    file = tmp_path / "config.yaml"
    file.write_bytes(b"one")
    async with watching(file) as seen:
        file.unlink()
        replace(file, b"two")
        await wait_for(lambda: seen, "the change")

    assert [b"two"] == seen
