"""Every capture of ``--capture`` in this directory is a test: the command runs again, with the answers of the capture.

What it prints is in the file with the same name and ``.txt``; ``--update-golden`` writes it.
"""

import asyncio
import gzip
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from commands.conftest import run_command

CAPTURES: Final = sorted(Path(__file__).parent.glob("*.yaml"))
_PRIVATE: Final = ("authToken", "appSecret")
"""Fields of a request that a replay has other values for."""


class Replay:
    """Answers requests as a capture has it; the last answer to a request is repeated."""

    def __init__(self, capture: Mapping[str, Any]) -> None:
        self._answers: defaultdict[str, list[Any]] = defaultdict(list)
        for exchange in capture["exchanges"]:
            asked = _identify(exchange["call"], exchange["request"]["body"] or "{}")
            self._answers[asked].append(exchange.get("answer"))
        self.unknown: list[str] = []
        """Requests that the capture does not have."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection; close it where the capture has no answer."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().splitlines():
                length = next(int(line.partition(":")[2]) for line in head if line.lower().startswith("content-length"))
                body = (await reader.readexactly(length)).decode()
                asked = _identify(head[0].split()[1].rpartition("/")[2], body)
                answers = self._answers[asked]
                if not answers:
                    self.unknown.append(asked)
                answer = answers.pop(0) if len(answers) > 1 else (answers or [None])[0]
                if answer is None:
                    break
                writer.write(_encode(answer))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _identify(call: str, body: str) -> str:
    asked = {name: value for name, value in json.loads(body).items() if name not in _PRIVATE}
    return f"{call} {json.dumps(asked, sort_keys=True)}"


def _encode(answer: Mapping[str, Any]) -> bytes:
    body = str(answer["body"]).encode(answer.get("encoding", "utf-8"))
    lines = [f"HTTP/1.1 {answer['status']} Captured"]
    for line in answer["headers"]:
        name, _, value = line.partition(": ")
        if name.lower() == "content-encoding" and "gzip" in value:
            body = gzip.compress(body)
        if name.lower() not in ("content-length", "transfer-encoding"):
            length = value.removeprefix("<").removesuffix(" characters>")
            lines.append(line if length == value else f"{name}: {'x' * int(length)}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@contextmanager
def serve(replay: Replay) -> Iterator[int]:
    """Serve a capture in a thread, because commands have their own event loops; yield the port."""
    loop, ports = asyncio.new_event_loop(), list[int]()
    started, stopping = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with await asyncio.start_server(replay, "127.0.0.1", 0, limit=2**20) as server:
            ports.append(server.sockets[0].getsockname()[1])
            started.set()
            await stopping.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert started.wait(60), "the replay does not start"
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("file", CAPTURES, ids=[file.stem for file in CAPTURES])
def test_a_capture_is_understood(file: Path, tmp_path: Path, check_golden: Callable[[Path, bytes], None]) -> None:
    """The command requests what the capture has, and prints what stands beside it."""
    capture = yaml.safe_load(file.read_text(encoding="utf-8"))
    replay = Replay(capture)
    with serve(replay) as port:
        url = f"http://127.0.0.1:{port}"
        for platform in capture["configuration"]["platforms"]:
            platform |= {"url": url, "requests_per_second": 1000}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(capture["configuration"]), encoding="utf-8")
        result = run_command(*capture["command"], directory=tmp_path, now=datetime.fromisoformat(capture["at"]))
    printed = f"{result.stdout}{result.stderr}exit status {result.exit_code}\n".replace(url, "http://HOST")

    assert [] == replay.unknown
    check_golden(file.with_suffix(".txt"), "".join(f"{line.rstrip()}\n" for line in printed.splitlines()).encode())
