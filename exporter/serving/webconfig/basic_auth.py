"""HTTP basic authentication with bcrypt hashes (RFC 7617), and headers: the web configuration applied to requests."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import bcrypt
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from structlog.typing import FilteringBoundLogger

from exporter.serving.webconfig.current import CurrentWebConfig

# Bcrypt ignores further bytes.
_LONGEST: Final = 72

_MAX_WAITING: Final = 16
_MAX_PROVEN: Final = 1_000


class Busy(Exception):  # noqa: N818 - a state that the client sees
    """Too many passwords are waiting to be checked."""


class Credentials(NamedTuple):
    """The user and password sent by a client."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, password=<secret>)"


def read_credentials(header: str | None) -> Credentials | None:
    """Read an Authorization header; None if it is absent, malformed or of another scheme."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        return None
    return Credentials(user, password) if colon else None


class Passwords:
    """Checks passwords in a single thread, and remembers the correct ones.

    A check takes as long for an unknown user as for a known one.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        # With a random key, the remembered digests are useless elsewhere.
        self._key = secrets.token_bytes(32)
        self._proven: dict[bytes, None] = {}
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}

    async def admits(self, users: Mapping[bytes, bytes], given: Credentials) -> bool:
        """Return whether the user is one of ``users`` (name: hash) and the password is correct. Raises Busy."""
        hashed = users.get(given.user)
        is_known = hashed is not None
        if hashed is None:
            hashed = self._choose_hash(users, given.user)
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
        """End the thread after the check in progress."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _check(self, proof: bytes, password: bytes, hashed: bytes) -> bool:
        """Check a password once, even if many requests send it at the same time."""
        waiting = self._waiting.get(proof)
        if waiting is None:
            if len(self._waiting) >= _MAX_WAITING:
                raise Busy
            waiting = asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
            self._waiting[proof] = waiting
            waiting.add_done_callback(lambda _: self._waiting.pop(proof))
        return await asyncio.shield(waiting)

    def _choose_hash(self, users: Mapping[bytes, bytes], user: bytes) -> bytes:
        """Return the hash of some user, always the same for the same unknown name, so that its check takes as long."""
        hashes = list(users.values())
        return hashes[int.from_bytes(self._digest(user)) % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        digest = hashlib.blake2b(key=self._key)
        for part in parts:
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.digest()


def _matches(password: bytes, hashed: bytes) -> bool:
    is_right = bcrypt.checkpw(password[:_LONGEST], hashed)
    return is_right and len(password) <= _LONGEST


def protect(app: web.Application, config: CurrentWebConfig, *, log: FilteringBoundLogger) -> None:
    """Require the configuration's users, and set its headers, for every path of an application, unknown ones included."""
    passwords = Passwords()

    async def set_headers(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in config.get().headers.items():
            response.headers.pop(name, None)
            if value:
                response.headers[name] = value

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.middlewares.insert(0, _authenticate(config, passwords, log))
    app.on_response_prepare.append(set_headers)
    app.on_cleanup.append(close)


def _authenticate(config: CurrentWebConfig, passwords: Passwords, log: FilteringBoundLogger) -> Middleware:
    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        users = config.get().users
        if users:
            given = read_credentials(request.headers.get(hdrs.AUTHORIZATION))
            try:
                is_admitted = given is not None and await passwords.admits(users, given)
            except Busy:
                return web.Response(status=503, text="Service Unavailable\n", headers={hdrs.RETRY_AFTER: "1"})
            if not is_admitted:
                # The name is not logged: it may be a password typed in the wrong place.
                log.debug("authentication_failed", client=request.remote)
                return web.Response(status=401, text="Unauthorized\n", headers={hdrs.WWW_AUTHENTICATE: "Basic"})
        return await handler(request)

    return authenticate
