"""Secrets: read at each use, never shown."""

import os
from pathlib import Path

import pytest

from exporter.config import Secret, SecretUnavailable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a secret."""
    path = tmp_path / "secret"
    path.write_text("open sesame\n")
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"open sesame", "open sesame"),
        (b"open sesame\n", "open sesame"),
        (b"open sesame\r\n", "open sesame"),
        (b" open sesame \n", " open sesame "),
        (b"\xef\xbb\xbfopen", "open"),
        ("开门".encode(), "开门"),
    ],
)
def test_content(file: Path, content: bytes, expected: str) -> None:
    """A line end and a byte order mark are not part of the secret; spaces are."""
    file.write_bytes(content)

    assert expected == Secret(path=file).read()


def test_file_is_read_again(file: Path) -> None:
    """The next login uses a replaced secret without a reload."""
    secret = Secret(path=file)
    secret.read()

    replacement = file.with_name("new")
    replacement.write_text("open barley")
    replacement.rename(file)

    assert "open barley" == secret.read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the secret is empty"),
        (b"\n", "the secret is empty"),
        (b"caf\xe9", "the file is not UTF-8 text"),
        (b"open\nsesame", "the secret has more than one line"),
        (b"open\0sesame", "the secret has more than one line"),
        (b"x" * 65537, "the file is larger than 64 KiB"),
    ],
)
def test_unusable_content(file: Path, content: bytes, reason: str) -> None:
    """The error names the file and the reason, not the content."""
    file.write_bytes(content)

    with pytest.raises(SecretUnavailable) as caught:
        Secret(path=file).read()

    assert f"{file}: {reason}" == str(caught.value)
    assert caught.value.__context__ is None


def test_missing_file(file: Path) -> None:
    """An unmounted secret is an error of the login, not of the exporter."""
    file.unlink()

    with pytest.raises(SecretUnavailable, match=r"secret: cannot read the file: No such file or directory$"):
        Secret(path=file).read()


def test_pipe(tmp_path: Path) -> None:
    """A pipe without a writer does not block the exporter."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(SecretUnavailable, match=r"not a regular file$"):
        Secret(path=path).read()


def test_shown_without_content(file: Path) -> None:
    """Logs and tracebacks show the place of a secret, not the secret."""
    assert "<secret>" == repr(Secret("open sesame")) == str(Secret("open sesame"))
    assert f"<secret> ({file})" == repr(Secret(path=file)) == str(Secret(path=file))


def test_equal_by_source(file: Path) -> None:
    """A file with new content is still the same source."""
    before = Secret(path=file)
    file.write_text("open barley")

    assert before == Secret(path=file)
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("open sesame") != Secret(path=file)


@pytest.mark.parametrize(("mode", "expected"), [(0o644, True), (0o640, False), (0o604, True), (0o400, False)])
def test_world_readable(file: Path, mode: int, *, expected: bool) -> None:
    """The exporter can warn of a file that every user may read."""
    file.chmod(mode)

    assert expected is Secret(path=file).world_readable()


def test_not_world_readable(file: Path) -> None:
    """There is no warning for a text or a missing file."""
    file.unlink()

    assert not Secret(path=file).world_readable()
    assert not Secret("open sesame").world_readable()
