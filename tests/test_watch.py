"""The detection of changed files."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from exporter.watch import Watch
from harness.waiting import wait_for


def replace(file: Path, content: bytes) -> None:
    """Replace the file atomically."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.replace(file)


@asynccontextmanager
async def watching(file: Path) -> AsyncIterator[list[bytes]]:
    """Watch a file, and collect its content at each detected change."""
    seen: list[bytes] = []

    def reload() -> asyncio.Future[None]:
        seen.append(file.read_bytes())
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    task = asyncio.create_task(Watch(file, 0.001).run(reload))
    try:
        yield seen
    finally:
        task.cancel()


async def test_a_pipe_in_its_place_does_not_block(tmp_path: Path) -> None:
    """It counts as unreadable; the change after it is detected."""
    file = tmp_path / "config.yaml"
    os.mkfifo(file)
    async with watching(file) as seen:
        replace(file, b"one")
        await wait_for(lambda: seen, "the change")

    assert [b"one"] == seen


async def test_another_content_is_a_change(tmp_path: Path) -> None:
    """The file is replaced, as in a Kubernetes volume; replacing it with the same content is no change."""
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
    """The watch reads it again until it is back."""
    file = tmp_path / "config.yaml"
    file.write_bytes(b"one")
    async with watching(file) as seen:
        file.unlink()
        replace(file, b"two")
        await wait_for(lambda: seen, "the change")

    assert [b"two"] == seen


async def test_a_failed_reload_is_repeated_until_it_succeeds(tmp_path: Path) -> None:
    """A new configuration may arrive before the secret that it names, and must not wait for its next change."""
    file, secret = tmp_path / "config.yaml", tmp_path / "secret"
    file.write_bytes(b"one")
    attempts: list[bool] = []

    async def reload() -> None:
        attempts.append(secret.exists())
        secret.read_bytes()

    task = asyncio.create_task(Watch(file, 0.001).run(reload))
    replace(file, b"two")
    await wait_for(lambda: len(attempts) > 1, "a further attempt")
    secret.write_bytes(b"s")
    await wait_for(lambda: attempts[-1], "success")
    made = len(attempts)
    replace(file, b"three")
    await wait_for(lambda: len(attempts) > made, "the next change")
    task.cancel()

    assert [True, True] == attempts[made - 1 :]
