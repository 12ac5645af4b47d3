"""Secrets that stay secret: read when they are needed, never printed."""

import stat
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.files import read_regular, unreadable

_MAX_BYTES = 64 * 1024


class SecretUnavailable(OSError):  # noqa: N818 -- a state of the world, told to the operator as such
    """A secret cannot be had; the message names the file and the reason, never the content."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its text or by the file that holds it; two are equal when they name the same source."""

    text: str | None = field(default=None, repr=False)
    path: Path | None = None

    def read(self) -> str:
        """Return the secret as it is now, without a trailing newline.

        A file is read at every call: it may have been replaced since, and a cache keyed on its time of change would
        miss a replacement within the clock's tick.

        Raises:
            SecretUnavailable: the file cannot be read, or what it holds (or the text) cannot be a secret.
        """
        text = self._content().rstrip("\r\n")
        if not text:
            raise SecretUnavailable(self.path, "is empty")
        # It may be sent as a header, where a line break would begin another one.
        if any(character in text for character in "\r\n\0"):
            raise SecretUnavailable(self.path, "holds more than one line")
        return text

    def world_readable(self) -> bool:
        """Tell whether every user of this machine may read the file; False for a text and for a file out of reach."""
        try:
            return self.path is not None and bool(self.path.stat().st_mode & stat.S_IROTH)
        except OSError:
            return False

    def _content(self) -> str:
        if self.path is None:
            return self.text or ""
        try:
            content = read_regular(self.path, _MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise SecretUnavailable(self.path, unreadable(error)) from None
        if len(content) > _MAX_BYTES:
            raise SecretUnavailable(self.path, f"is larger than {_MAX_BYTES // 1024} KiB")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            # Not chained: the error carries the bytes.
            reason = "is not UTF-8 text"
        raise SecretUnavailable(self.path, reason)

    def __repr__(self) -> str:
        return f"<secret> ({self.path})" if self.path else "<secret>"
