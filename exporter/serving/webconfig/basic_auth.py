"""HTTP basic authentication against bcrypt hashes (RFC 7617)."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import bcrypt

# More than bcrypt takes into account.
_TOO_LONG: Final = 73

_MAX_WAITING: Final = 16
_MAX_PROVEN: Final = 1_000


class Busy(Exception):  # noqa: N818 - a state, told to the client as such
    """Too many passwords are waiting to be checked."""


class Credentials(NamedTuple):
    """What a client sent."""

    user: bytes
    password: bytes


def credentials(header: str | None) -> Credentials | None:
    """What an Authorization header says; None if there is none, of another scheme, or without sense."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        return None
    return Credentials(user, password) if colon else None


class Passwords:
    """Checks passwords in one thread of its own, however many come, and remembers those that were right.

    Whether a user exists cannot be told from how long it takes.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        # What is remembered is of no use to anybody else.
        self._key = secrets.token_bytes(32)
        self._proven: dict[bytes, None] = {}
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}

    async def admits(self, users: Mapping[bytes, bytes], given: Credentials) -> bool:
        """Whether the user is one of ``users`` (name: hash) and the password is right. Raises Busy."""
        hashed = users.get(given.user)
        is_known = hashed is not None
        if hashed is None:
            hashed = self._hash_of_another(users, given.user)
        proof = self._digest(given.user, hashed, given.password)
        if is_known and proof in self._proven:
            return True
        is_right = await self._check(proof, given.password, hashed) and is_known
        if is_right:
            if len(self._proven) >= _MAX_PROVEN:
                del self._proven[next(iter(self._proven))]
            self._proven[proof] = None
        return is_right

    def close(self) -> None:
        """Ends the thread once the check in progress is done."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _check(self, proof: bytes, password: bytes, hashed: bytes) -> bool:
        """The same password, sent many times at once, is checked once."""
        waiting = self._waiting.get(proof)
        if waiting is None:
            if len(self._waiting) >= _MAX_WAITING:
                raise Busy
            waiting = asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
            self._waiting[proof] = waiting
            waiting.add_done_callback(lambda _: self._waiting.pop(proof))
        return await asyncio.shield(waiting)

    def _hash_of_another(self, users: Mapping[bytes, bytes], user: bytes) -> bytes:
        """A hash whose check takes as long as that of some user, always the same for the same name."""
        hashes = list(users.values())
        return hashes[int.from_bytes(self._digest(user)) % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        digest = hashlib.blake2b(key=self._key)
        for part in parts:
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.digest()


def _matches(password: bytes, hashed: bytes) -> bool:
    is_right = bcrypt.checkpw(password[: _TOO_LONG - 1], hashed)
    return is_right and len(password) < _TOO_LONG
