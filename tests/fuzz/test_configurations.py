"""The example configuration with random damage: the command reports the errors, or runs."""

import errno
import os
import random
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from exporter.cli import main
from exporter.config import Config, ConfigError, load

from .conftest import running

EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")
ENVIRONMENT = {"OIFDE_APP_SECRET": "canary-secret-7c2e", "OIFDE_TOKEN": "canary-token-91ab"}

# What is wrong stands in a line that begins with its place.
PLACE = re.compile(r"\S*config\.yaml(:[1-9][0-9]*)?: .")

Damage = Callable[[random.Random, bytes], bytes]


def _span(rng: random.Random, text: bytes) -> tuple[int, int]:
    start = rng.randrange(len(text) + 1)
    return start, min(len(text), start + rng.choice([1, 2, 8, 40, 400]))


def _cut(rng: random.Random, text: bytes) -> bytes:
    start, end = _span(rng, text)
    return text[:start] + text[end:]


def _repeat(rng: random.Random, text: bytes) -> bytes:
    start, end = _span(rng, text)
    return text[:end] + text[start:end] * rng.choice([1, 3, 50]) + text[end:]


def _end(rng: random.Random, text: bytes) -> bytes:
    return text[: _span(rng, text)[0]]


def _overwrite(rng: random.Random, text: bytes) -> bytes:
    start, end = _span(rng, text)
    return text[:start] + rng.randbytes(min(8, end - start)) + text[end:]


def _type(rng: random.Random, text: bytes) -> bytes:
    place = rng.randrange(len(text) + 1)
    codes = [rng.choice([0x20, 0x7F, 0x2FF, 0xFFFF, 0x10FFFF]) for _ in range(rng.randint(1, 5))]
    typed = "".join(chr(rng.randint(1, code)) for code in codes)
    return text[:place] + typed.encode("utf-8", "surrogatepass") + text[place:]


def _write(rng: random.Random, text: bytes) -> bytes:
    place = rng.randrange(len(text) + 1)
    words = ["&a ", "*a", "!!python/object:os.system ", "<<: *a", "${NONE}", "${", "{", "]", "---\n", "? ", "\0", "\t"]
    return text[:place] + rng.choice(words).encode() + text[place:]


def _on_lines(change: Callable[[random.Random, list[bytes]], object]) -> Damage:
    def damage(rng: random.Random, text: bytes) -> bytes:
        lines = text.splitlines(keepends=True) or [b""]
        change(rng, lines)
        return b"".join(lines)

    return damage


def _swap(rng: random.Random, lines: list[bytes]) -> None:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _indent(rng: random.Random, lines: list[bytes]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = b" " * rng.randint(1, 9) + lines[at].lstrip(b" ") if rng.random() < 0.9 else b"\t" + lines[at]


def _uncomment(rng: random.Random, lines: list[bytes]) -> None:
    at = rng.choice([number for number, line in enumerate(lines) if b"#" in line] or [0])
    lines[at] = lines[at].replace(b"# ", b"", 1)


def _value(rng: random.Random, text: bytes) -> bytes:
    values = list(re.finditer(rb"(?<=: )\S.*", text)) or list(re.finditer(rb"$", text))
    chosen = rng.choice(values)
    value = rng.choice(
        [
            *("9" * 400, "-" + "9" * 30, "1e999", ".nan", "0x" + "f" * 50, "0b1", "99999999999y", "1" * 17 + "ms"),
            *("~", '""', "[]", "{}", "true", "- x", "|", ">", "'", "2026-01-01", "1:30:00", "\\", "%", "@", "`"),
            *("../../etc/passwd", "/dev/zero", "/proc/self/mem", "/", "x" * 70_000, "http://[::1", "http://\u2100/"),
        ]
    )
    return text[: chosen.start()] + value.encode() + text[chosen.end() :]


DAMAGES = [
    *(_cut, _repeat, _end, _overwrite, _type, _write, _value, _value),
    *(_on_lines(_swap), _on_lines(_indent), _on_lines(_uncomment)),
]


def damaged(rng: random.Random, text: str) -> bytes:
    """Return a text with one to four damages."""
    content = text.encode()
    for _ in range(rng.randint(1, 4)):
        content = rng.choice(DAMAGES)(rng, content)
    return content


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port in use, so that a valid configuration ends there."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("seed", range(8))
def test_the_command_reports_errors_or_runs(seed: int, tmp_path: Path, taken: int) -> None:
    """The exit status is 1, and every line has the place of an error, without secrets and tracebacks; or the exporter would listen."""
    rng = random.Random(seed)
    file = tmp_path / "config.yaml"
    arguments = [f"--config.file={file}", f"--web.listen-address=127.0.0.1:{taken}"]
    for number in range(60):
        file.write_bytes(damaged(rng, EXAMPLE))
        ended = CliRunner().invoke(main, arguments, env=ENVIRONMENT)

        told = f"seed {seed}, number {number}: {ended.output}"
        assert isinstance(ended.exception, SystemExit), told
        assert 1 == ended.exit_code, told
        assert "canary" not in ended.output, told
        lines = ended.output.splitlines()
        why = f"{os.strerror(errno.EADDRINUSE)}; choose another with --web.listen-address"
        runs = lines == [f"oifde-exporter: cannot listen on 127.0.0.1:{taken}: {why}"]
        assert runs or (lines and all(PLACE.match(line) for line in lines)), told


def _stays_here(config: Config) -> bool:
    hosts = {urlsplit(platform.url).hostname for platform in config.platforms}
    return hosts == {"127.0.0.1"} and not any(platform.proxy_url for platform in config.platforms)


@pytest.mark.parametrize("seed", range(4))
async def test_valid_configurations_run(seed: int) -> None:
    """A valid configuration, however unusual, is polled and served without an error in the log."""
    rng = random.Random(seed)
    text = EXAMPLE.replace("https://aicc.example.com:28090", "http://127.0.0.1:9")
    for name, value in ENVIRONMENT.items():
        text = text.replace(f"${{{name}}}", value)
    ran = 0
    for number in range(60):
        content = damaged(rng, text).decode("utf-8", "replace")
        try:
            config = load(content, {})
        except ConfigError:
            continue
        if _stays_here(config):
            ran += 1
            async with running(content) as exporter:
                pass
            assert [] == exporter.alarms, f"seed {seed}, number {number}: {content}"
    assert ran
