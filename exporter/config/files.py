"""Files that a configuration names, and secrets, which may be in files."""

import errno
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from exporter.language import Text

Version: TypeAlias = tuple[int, int, int] | None
"""Differs after a file was written or replaced; None: the file is out of reach."""

_MAX_SECRET_BYTES = 64 * 1024


class SecretUnavailable(OSError):  # noqa: N818 -- a state to report, not an error of the program
    """A secret cannot be read. The message names the file and the reason, never the content."""

    def __init__(self, path: Path | None, reason: Text) -> None:
        self.message = Text("%(path)s: %(reason)s", path=path, reason=reason) if path else reason
        super().__init__(self.message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as text, or as the file that holds it. Two secrets are equal when their sources are."""

    text: str | None = field(default=None, repr=False)
    path: Path | None = None

    def read(self) -> str:
        """Return the current secret without a trailing newline.

        Every call reads the file. A cache by modification time would miss a replacement within the clock's tick.

        Raises:
            SecretUnavailable: the file cannot be read, or its content (or the text) cannot be a secret.
        """
        text = self._read_content().rstrip("\r\n")
        if not text:
            raise SecretUnavailable(self.path, Text("the secret is empty"))
        # Secrets are sent as headers, where a line break would begin another header.
        if any(character in text for character in "\r\n\0"):
            raise SecretUnavailable(self.path, Text("the secret has more than one line"))
        return text

    def world_readable(self) -> bool:
        """Return whether every user of this machine may read the file; False for a text or a file out of reach."""
        try:
            return self.path is not None and bool(self.path.stat().st_mode & stat.S_IROTH)
        except OSError:
            return False

    def _read_content(self) -> str:
        if self.path is None:
            return self.text or ""
        try:
            content = read_regular(self.path, _MAX_SECRET_BYTES + 1)
        except (OSError, ValueError) as error:
            raise SecretUnavailable(self.path, describe_unreadable(error)) from None
        if len(content) > _MAX_SECRET_BYTES:
            raise SecretUnavailable(
                self.path, Text("the file is larger than %(size)s KiB", size=_MAX_SECRET_BYTES // 1024)
            )
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            # Raised below, outside this block: the exception holds the bytes, and would be chained.
            reason = Text("the file is not UTF-8 text")
        raise SecretUnavailable(self.path, reason)

    def __repr__(self) -> str:
        return f"<secret> ({self.path})" if self.path else "<secret>"


def read_regular(path: Path, max_bytes: int = -1) -> bytes:
    """Return at most ``max_bytes`` of a regular file. Opening a pipe could block for ever.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return file.read(max_bytes)


def describe_unreadable(error: OSError | ValueError) -> Text:
    """Say why a file cannot be read, without its name, which may be a secret in the wrong place."""
    reason = (isinstance(error, OSError) and error.strerror) or Text("invalid file name")
    return Text("cannot read the file: %(reason)s", reason=reason)


def get_version(path: Path) -> Version:
    """Return the version of a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
