"""Files that a configuration names."""

import errno
import stat
from pathlib import Path
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int] | None
"""What changes when a file is written or replaced; None: it is out of reach."""


def read_regular(path: Path, max_bytes: int = -1) -> bytes:
    """Return what a regular file holds, at most so many bytes of it; opening a pipe could wait for ever.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return file.read(max_bytes)


def unreadable(error: OSError | ValueError) -> str:
    """Say why a file cannot be read, without its name: the name may be a secret put in the wrong place."""
    reason = (isinstance(error, OSError) and error.strerror) or "no file can have this name"
    return f"cannot be read: {reason}"


def version(path: Path) -> Version:
    """Return what tells this state of a file from others."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
