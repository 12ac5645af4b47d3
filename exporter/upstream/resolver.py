"""Look host names up in daemon threads of their own.

The threads of asyncio and uvloop are few, shared by all lookups, and must end before the process can. With them, a name
server that never answers would delay every platform, and the end of the process by a minute or more.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any, Final, TypeAlias

from aiohttp import ThreadedResolver

_Infos: TypeAlias = list[Any]
_Key: TypeAlias = tuple[str, int, tuple[tuple[str, int], ...]]


class Resolver(ThreadedResolver):
    """Aiohttp's resolver with another way to ask the operating system."""

    def __init__(self) -> None:
        super().__init__(_Lookups())  # type: ignore[arg-type]


class _Lookups:
    """Stands in for an event loop, as far as it looks names up. Equal lookups at the same time share one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._under_way: Final[dict[_Key, asyncio.Future[_Infos | OSError]]] = {}
        self.getnameinfo: Final = self._loop.getnameinfo

    async def getaddrinfo(self, host: str, port: int, **options: int) -> _Infos:
        """Do what `socket.getaddrinfo` does, however long it takes."""
        key = (host, port, tuple(options.items()))
        found = self._under_way.get(key)
        if found is None:
            found = self._loop.create_future()
            threading.Thread(target=self._look_up, args=(key, found), name=f"lookup of {host}", daemon=True).start()
            self._under_way[key] = found
        # A call that is cancelled while it waits leaves the lookup to the others.
        infos = await asyncio.shield(found)
        if isinstance(infos, OSError):
            raise type(infos)(*infos.args)
        return infos

    def _look_up(self, key: _Key, found: asyncio.Future[_Infos | OSError]) -> None:
        host, port, options = key
        infos: _Infos | OSError
        try:
            infos = socket.getaddrinfo(host, port, **dict(options))
        except OSError as error:
            infos = error
        except UnicodeError:  # a part of the name is too long
            infos = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._end, key, found, infos)

    def _end(self, key: _Key, found: asyncio.Future[_Infos | OSError], infos: _Infos | OSError) -> None:
        del self._under_way[key]
        found.set_result(infos)
