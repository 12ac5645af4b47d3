"""Report once that the process has used up its file descriptors: new connections then fail, and nothing else says why."""

import asyncio
import errno
import os
import resource
from typing import Final

from structlog.typing import FilteringBoundLogger

_INTERVAL: Final = 5.0
_USED_UP: Final = (errno.EMFILE, errno.ENFILE)


async def watch_descriptors(log: FilteringBoundLogger) -> None:
    """Look every few seconds whether a file can be opened, until cancelled."""
    used_up = False
    while True:
        await asyncio.sleep(_INTERVAL)
        former, used_up = used_up, not _can_open()
        if used_up and not former:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            log.error("descriptors_used_up", limit=limit)
        elif former and not used_up:
            log.info("descriptors_available")


def _can_open() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in _USED_UP
    return True
