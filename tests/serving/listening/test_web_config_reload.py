"""Changes of the web configuration while the server runs: valid ones apply, invalid ones do not."""

import io
import ssl
from collections.abc import Callable
from pathlib import Path

from .conftest import TLS, Get, Serve
from .test_basic_auth import basic


async def test_headers_are_set_in_every_answer(serve: Serve, get: Get, hashed: Callable[[str], str]) -> None:
    """They replace the exporter's own headers, also in errors; an empty value removes one."""
    text = (
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    X-Content-Type-Options: nosniff\n"
        "    X-XSS-Protection: 1\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
        '    Content-Security-Policy: ""\n'
        f"basic_auth_users: {{alice: {hashed('alice')}}}\n"
    )
    async with serve(text) as running:
        answers = [
            await get(running, path, authorization=authorization, method=method)
            for path, authorization, method in (
                ("/", basic("alice", "alice"), "GET"),
                ("/metrics", basic("alice", "alice"), "GET"),
                ("/nowhere", basic("alice", "alice"), "GET"),
                ("/metrics", basic("alice", "alice"), "DELETE"),
                ("/", None, "GET"),
            )
        ]

    assert [200, 200, 404, 405, 401] == [answer.status for answer in answers]
    for answer in answers:
        assert "sameorigin" == answer.headers["X-Frame-Options"]
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        assert "1" == answer.headers["X-XSS-Protection"]
        assert "max-age=31536000; includeSubDomains" == answer.headers["Strict-Transport-Security"]
        assert "Content-Security-Policy" not in answer.headers


async def test_headers_follow_the_file(serve: Serve, get: Get) -> None:
    """A header removed from the file gets its default again."""
    async with serve("http_server_config: {headers: {X-Frame-Options: sameorigin}}\n") as running:
        assert "sameorigin" == (await get(running)).headers["X-Frame-Options"]
        running.write("http_server_config: {headers: {X-Frame-Options: deny}}\n")
        assert "deny" == (await get(running)).headers["X-Frame-Options"]
        running.write("")
        assert "DENY" == (await get(running)).headers["X-Frame-Options"]


async def test_a_broken_file_opens_nothing(
    serve: Serve, get: Get, hashed: Callable[[str], str], log: io.StringIO, wait: Callable[[float], None]
) -> None:
    """The former users stay; an error is logged once, and again if it changes."""
    alice = basic("alice", "alice")
    async with serve(f"basic_auth_users: {{alice: {hashed('alice')}}}\n") as running:
        for broken in ("basic_auth_users:\n", "basic_auth_users: [", "\0", "basic_auth_users: {eve: canary}\n"):
            running.write(broken)
            for _ in range(3):
                wait(2.0)
                assert (401, 200) == ((await get(running)).status, (await get(running, authorization=alice)).status)
        running.file.unlink()
        assert (401, 200) == ((await get(running)).status, (await get(running, authorization=alice)).status)
        assert 5 == log.getvalue().count("msg=web_config_invalid")
        running.write(f"basic_auth_users: {{bob: {hashed('bob')}}}\n")
        assert 401 == (await get(running, authorization=alice)).status
        assert 200 == (await get(running, authorization=basic("bob", "bob"))).status

    assert 1 == log.getvalue().count("msg=web_config_loaded")
    assert "canary" not in log.getvalue()


async def test_a_missing_certificate_may_appear_later(
    serve: Serve, get: Get, client: Callable[[], ssl.SSLContext], directory: Path, wait: Callable[[float], None]
) -> None:
    """If the file names a certificate before it exists, the file need not be touched again."""
    async with serve(TLS) as running:
        before = (await get(running, context=client())).certificate
        running.write(TLS.replace("server.", "next."))
        assert before == (await get(running, context=client())).certificate
        for suffix in ("pem", "key"):
            (directory / f"next.{suffix}").write_bytes((directory / f"renewed.{suffix}").read_bytes())
        wait(2.0)
        assert before != (await get(running, context=client())).certificate
        # From then on, these files are followed too.
        for suffix in ("pem", "key"):
            (directory / f"server.{suffix}").replace(directory / f"next.{suffix}")
        assert before == (await get(running, context=client())).certificate


async def test_tls_needs_a_restart(
    serve: Serve, get: Get, client: Callable[[], ssl.SSLContext], log: io.StringIO
) -> None:
    """TLS cannot be switched on or off at run time; the log says that a restart is needed."""
    async with serve(TLS) as running:
        for text in ("", "tls_server_config: {}\n"):
            running.write(text)
            assert 200 == (await get(running, context=client())).status
    assert "tls_server_config was removed; restart the exporter to apply this" in log.getvalue()
    async with serve("") as running:
        running.write(TLS)
        assert 200 == (await get(running)).status
    assert "tls_server_config was added; restart the exporter to apply this" in log.getvalue()


async def test_limits_of_tls_follow_the_file(serve: Serve, get: Get, client: Callable[[], ssl.SSLContext]) -> None:
    """Each new connection uses the current content of the file."""
    async with serve(TLS) as running:
        assert "TLSv1.3" == (await get(running, context=client())).version
        running.write(TLS.replace("}", ", max_version: TLS12}"))
        assert "TLSv1.2" == (await get(running, context=client())).version
