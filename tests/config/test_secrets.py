"""Secrets: read afresh, never shown."""

import os
from pathlib import Path

import pytest

from exporter.config import Secret, SecretUnavailable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a secret."""
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
    """A line end or byte order mark that an editor put there is no part of the secret; blanks are."""
    file.write_bytes(content)

    assert expected == Secret(path=file).read()


def test_file_is_read_again(file: Path) -> None:
    """A secret that is replaced is the new one at the next login, without a reload."""
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
def test_content_that_is_no_secret(file: Path, content: bytes, reason: str) -> None:
    """The operator is told which file, and why, and not what is in it."""
    file.write_bytes(content)

    with pytest.raises(SecretUnavailable) as caught:
        Secret(path=file).read()

    assert f"{file}: {reason}" == str(caught.value)
    assert caught.value.__context__ is None


def test_file_that_is_gone(file: Path) -> None:
    """A secret that was unmounted is a failure of the login, not of the exporter."""
    file.unlink()

    with pytest.raises(SecretUnavailable, match=r"secret: cannot read the file: No such file or directory$"):
        Secret(path=file).read()


def test_pipe(tmp_path: Path) -> None:
    """A pipe that nobody writes to does not stop the exporter."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(SecretUnavailable, match=r"not a regular file$"):
        Secret(path=path).read()


def test_shown_without_content(file: Path) -> None:
    """Logs and tracebacks say where a secret is, not what it is."""
    assert "<secret>" == repr(Secret("open sesame")) == str(Secret("open sesame"))
    assert f"<secret> ({file})" == repr(Secret(path=file)) == str(Secret(path=file))


def test_equal_by_source(file: Path) -> None:
    """A reload compares what was written: a file whose content changed is still the same file."""
    before = Secret(path=file)
    file.write_text("open barley")

    assert before == Secret(path=file)
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("open sesame") != Secret(path=file)


@pytest.mark.parametrize(("mode", "expected"), [(0o644, True), (0o640, False), (0o604, True), (0o400, False)])
def test_world_readable(file: Path, mode: int, *, expected: bool) -> None:
    """A file that every user may read can be warned of."""
    file.chmod(mode)

    assert expected is Secret(path=file).world_readable()


def test_not_world_readable(file: Path) -> None:
    """A text, or a file that is gone, is no cause for that warning."""
    file.unlink()

    assert not Secret(path=file).world_readable()
    assert not Secret("open sesame").world_readable()
