"""Names are looked up in threads that nobody waits for.

The usual ways, asyncio's threads and uvloop's, are few for all lookups together and have to end before the process can:
a name server that never answers holds up every platform, and the end of the program for a minute or more.
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
    """Aiohttp's, but for how the operating system is asked."""

    def __init__(self) -> None:
        super().__init__(_Lookups())  # type: ignore[arg-type]


class _Lookups:
    """The part of an event loop that looks names up; of the same lookups at the same time there is one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._under_way: Final[dict[_Key, asyncio.Future[_Infos | OSError]]] = {}
        self.getnameinfo: Final = self._loop.getnameinfo

    async def getaddrinfo(self, host: str, port: int, **options: int) -> _Infos:
        """As `socket.getaddrinfo`, which may take as long as it likes."""
        key = (host, port, tuple(options.items()))
        found = self._under_way.get(key)
        if found is None:
            found = self._loop.create_future()
            threading.Thread(target=self._look_up, args=(key, found), name=f"lookup of {host}", daemon=True).start()
            self._under_way[key] = found
        # Who is cancelled while waiting leaves the lookup to others.
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
        except UnicodeError:  # as the names of hosts go, a part of it is too long
            infos = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._end, key, found, infos)

    def _end(self, key: _Key, found: asyncio.Future[_Infos | OSError], infos: _Infos | OSError) -> None:
        del self._under_way[key]
        found.set_result(infos)
