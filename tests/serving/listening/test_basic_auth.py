"""Passwords over real sockets. The cases of exporter-toolkit's tests, and more."""

import asyncio
import base64
import io
import threading
from collections.abc import Callable
from contextlib import suppress

import bcrypt
import pytest

from exporter.serving.webconfig import basic_auth
from exporter.serving.webconfig.basic_auth import Busy, Credentials, Passwords, read_credentials

from .conftest import TIMEOUT, TLS, Get, Serve

PATHS = [
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
    "/api/v1/bots",
    "/bots/1/2",
    "/configuration",
    "/help",
    "/nowhere",
    "//",
    "/metrics/../-/ready",
]


def basic(user: str | bytes, password: str | bytes) -> bytes:
    """The header with a user name and a password."""
    name, word = (text if isinstance(text, bytes) else text.encode() for text in (user, password))
    return b"Basic " + base64.b64encode(name + b":" + word)


@pytest.fixture
def users(hashed: Callable[[str], str]) -> str:
    """A configuration with three users, with hashes of different costs and programs."""
    expensive = bcrypt.hashpw(b"bob123", bcrypt.gensalt(5)).decode()
    return (
        f"basic_auth_users:\n  alice: {hashed('alice123')}\n  bob: {expensive}\n"
        f"  jürgen: {hashed('pässwörd:with colon').replace('$2b$', '$2y$')}\n"
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "authorization, status",
    [
        (None, 401),
        (basic("alice", "alice123"), 200),
        (basic("bob", "bob123"), 200),
        (basic("jürgen", "pässwörd:with colon"), 200),
        (basic("alice", "bad"), 401),
        (basic("alice", ""), 401),
        (basic("alice", "bob123"), 401),
        (basic("nonexistent", "nonexistent"), 401),
        (basic("nonexistent", "alice123"), 401),
        (basic("fakeuser", "fakepassword"), 401),
        (basic("", "alice123"), 401),
        (basic("Alice", "alice123"), 401),
        (basic("alice", b"alice123\0"), 401),
        (basic("alice", b"\xff\xfe\x00"), 401),
        (basic(b"\xff\xfe", "alice123"), 401),
        (basic("alice", "x" * 73), 401),
        (basic("alice", "x" * 5_000), 401),
    ],
)
async def test_users(
    serve: Serve,
    get: Get,
    client: Callable[[], object],
    users: str,
    scheme: str,
    authorization: bytes | None,
    status: int,
) -> None:
    """With TLS and without it, only the correct name and password are let in; all others get 401."""
    context = {"http": None, "https": client()}[scheme]
    async with serve(users if scheme == "http" else TLS + users) as running:
        for _ in range(2):  # also when it is remembered
            answer = await get(running, context=context, authorization=authorization)  # type: ignore[arg-type]
            assert status == answer.status
            assert ("Basic" if status == 401 else None) == answer.headers.get("WWW-Authenticate")


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Basic !!!!",
        b"Basic YWxpY2U6YWxpY2UxMjM",  # without its padding
        b"Basic YWxpY2U6YWxpY2UxMjM= x",
        b"Basic " + base64.b64encode(b"alice"),
        b"Basic \xff\xfe",
        b"Basic \xc3\xa4",
        b"Bearer " + base64.b64encode(b"alice:alice123"),
        b"YWxpY2U6YWxpY2UxMjM=",
        b"Digest username=alice",
    ],
)
async def test_garbage(serve: Serve, get: Get, users: str, authorization: bytes) -> None:
    """A malformed header gets 401, and raises no error."""
    async with serve(users) as running:
        assert 401 == (await get(running, authorization=authorization)).status


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_every_path_is_protected(serve: Serve, get: Get, users: str, method: str) -> None:
    """Without a password, a client does not even learn which paths and methods exist."""
    async with serve(users) as running:
        for path in PATHS:
            answer = await get(running, path, method=method)
            assert 401 == answer.status
            assert "Server" not in answer.headers
            assert "nosniff" == answer.headers["X-Content-Type-Options"]


async def test_the_case_of_the_scheme_does_not_matter(serve: Serve, get: Get, users: str) -> None:
    """RFC 7617, section 2."""
    async with serve(users) as running:
        assert 200 == (await get(running, authorization=basic("alice", "alice123").replace(b"Basic", b"bAsIc"))).status


async def test_many_at_once(serve: Serve, get: Get, users: str) -> None:
    """Of 300 clients at the same time, exactly those with the password are let in."""
    passwords = ["alice123", "alice1234"] * 150
    async with serve(users) as running:
        answers = await asyncio.gather(
            *(get(running, authorization=basic("alice", password)) for password in passwords)
        )

    assert [200, 401] * 150 == [answer.status for answer in answers]


async def test_remembered_passwords_cannot_be_forged(serve: Serve, get: Get, hashed: Callable[[str], str]) -> None:
    """CVE-2022-46146: the boundaries of name, hash and password cannot be shifted."""
    secret = hashed("alice123")
    async with serve(f"basic_auth_users:\n  alice: {secret}\n") as running:
        assert 401 == (await get(running, authorization=basic(f"alice{secret}", "fakepassword"))).status
        assert 401 == (await get(running, authorization=basic("alice", f"{secret}fakepassword"))).status
        assert 200 == (await get(running, authorization=basic("alice", "alice123"))).status
        assert 401 == (await get(running, authorization=basic("alicea", "lice123"))).status
        assert 401 == (await get(running, authorization=basic("alic", "ealice123"))).status


async def test_users_follow_the_file(serve: Serve, get: Get, hashed: Callable[[str], str]) -> None:
    """A changed or removed password stops working, even if it is remembered."""
    async with serve(f"basic_auth_users: {{alice: {hashed('old')}, bob: {hashed('bob')}}}\n") as running:
        assert 200 == (await get(running, authorization=basic("alice", "old"))).status
        assert 200 == (await get(running, authorization=basic("bob", "bob"))).status
        running.write(f"basic_auth_users: {{alice: {hashed('new')}}}\n")
        assert 401 == (await get(running, authorization=basic("alice", "old"))).status
        assert 401 == (await get(running, authorization=basic("bob", "bob"))).status
        assert 200 == (await get(running, authorization=basic("alice", "new"))).status
        running.write("")
        assert 200 == (await get(running)).status


async def test_no_password_is_logged(serve: Serve, get: Get, users: str, log: io.StringIO) -> None:
    """Not even at the level debug, and neither is a name, since a password may be typed in its place."""
    async with serve(users) as running:
        for password in ("alice123", "wrong-canary"):
            await get(running, authorization=basic("alice", password))
        await get(running, authorization=basic("typed-canary", ""))

    assert 2 == log.getvalue().count("msg=authentication_failed")
    assert not [word for word in ("alice123", "canary", "$2b$") if word in log.getvalue()]


class SlowHash:
    """Replaces bcrypt: a check that lasts until it is released, and records its arguments."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked: list[tuple[bytes, bytes]] = []
        self.at_once = 0
        self.most_at_once = 0

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        """Check."""
        self.asked.append((password, hashed))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.release.wait()
        self.at_once -= 1
        return password == hashed


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowHash:
    """A slow hash function."""
    made = SlowHash()
    monkeypatch.setattr(bcrypt, "checkpw", made)
    return made


USERS = {b"alice": b"a", b"bob": b"b"}


async def test_a_flood_of_wrong_passwords(slow: SlowHash) -> None:
    """Checks run one by one in a thread, excess ones are rejected, and remembered clients are still let in."""
    passwords = Passwords()
    slow.release.set()
    assert await passwords.admits(USERS, Credentials(b"alice", b"a"))
    slow.release.clear()

    flood = [asyncio.create_task(passwords.admits(USERS, Credentials(b"bob", b"%d" % n))) for n in range(100)]
    await asyncio.sleep(0)
    assert await passwords.admits(USERS, Credentials(b"alice", b"a"))
    turned_away = [task for task in flood if task.done()]
    assert 84 == len(turned_away)
    for task in turned_away:
        with pytest.raises(Busy):
            await task
    slow.release.set()
    answers = [await task for task in flood if task not in turned_away]
    passwords.close()

    assert [False] * 16 == answers
    assert 1 == slow.most_at_once


async def test_too_many_passwords_get_503(serve: Serve, get: Get, slow: SlowHash, users: str) -> None:
    """A rejected client learns nothing about the password."""
    async with serve(users) as running, asyncio.timeout(TIMEOUT):
        asking = [asyncio.create_task(get(running, authorization=basic("alice", str(n)))) for n in range(20)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        slow.release.set()
        answers = [await request for request in asking]

    statuses = [answer.status for answer in answers]
    assert {401, 503} == set(statuses)
    assert 16 <= statuses.count(401)
    assert {"1", None} == {answer.headers.get("Retry-After") for answer in answers}


async def test_the_same_password_at_once_is_checked_once(slow: SlowHash) -> None:
    """Ten scrapes of a Prometheus wait for one check, even if the first client disconnects."""
    passwords = Passwords()
    tasks = [asyncio.create_task(passwords.admits(USERS, Credentials(b"alice", b"a"))) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    slow.release.set()
    with suppress(asyncio.CancelledError):
        await tasks[0]
    answers = [await task for task in tasks[1:]]
    passwords.close()

    assert [True] * 9 == answers
    assert 1 == len(slow.asked)


async def test_an_unknown_user_takes_as_long_as_a_known_one(slow: SlowHash) -> None:
    """Each name costs one check with an existing hash, always the same one."""
    passwords = Passwords()
    slow.release.set()
    for name in (b"alice", b"mallory", b"mallory", b"", b"x" * 1_000):
        assert not await passwords.admits(USERS, Credentials(name, b"wrong"))
    # Even with the password of this hash's user.
    assert not [1 for word in (b"a", b"b") if await passwords.admits(USERS, Credentials(b"mallory", word))]
    passwords.close()

    assert 7 == len(slow.asked)
    assert {hashed for _, hashed in slow.asked} <= set(USERS.values())
    assert 1 == len({hashed for _, hashed in (slow.asked[1], slow.asked[2], *slow.asked[5:])})


async def test_a_password_that_is_too_long_takes_as_long_as_another(slow: SlowHash) -> None:
    """Bcrypt reads 72 bytes: a longer password with the correct beginning is wrong, after the same work."""
    passwords = Passwords()
    slow.release.set()
    users = {b"alice": b"x" * 72}
    assert await passwords.admits(users, Credentials(b"alice", b"x" * 72))
    assert not await passwords.admits(users, Credentials(b"alice", b"x" * 73))
    passwords.close()

    assert [b"x" * 72] * 2 == [password for password, _ in slow.asked]


async def test_remembered_passwords_are_limited(slow: SlowHash, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow; a forgotten password is checked again."""
    monkeypatch.setattr(basic_auth, "_MAX_PROVEN", 2)
    passwords = Passwords()
    slow.release.set()
    users = {b"%d" % n: b"x" for n in range(3)}
    for name in (b"0", b"1", b"2", b"2", b"1", b"0"):
        assert await passwords.admits(users, Credentials(name, b"x"))
    passwords.close()

    assert 4 == len(slow.asked)
    assert 2 == len(passwords._proven)


@pytest.mark.parametrize(
    "header, expected",
    [
        ("Basic YTpi", (b"a", b"b")),
        ("basic YTpiOmM=", (b"a", b"b:c")),
        ("Basic Og==", (b"", b"")),
        ("Basic YQ==", None),
        ("Basic YTpi\n", None),
        ("Basic  YTpi", None),
        ("", None),
        (None, None),
    ],
)
def test_credentials(header: str | None, expected: tuple[bytes, bytes] | None) -> None:
    """RFC 7617: the name ends at the first colon."""
    assert expected == read_credentials(header)
