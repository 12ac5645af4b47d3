"""Serve the same series in client_golang, the Go client, built from Debian's packages."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from prometheus_client.parser import text_string_to_metric_families

from lab.bench.children import ChildEndedError

_LIBRARY: Final = "golang-github-prometheus-client-golang-dev"
NEEDS: Final = f"Debian's golang-go and {_LIBRARY}"
_GOPATH: Final = Path("/usr/share/gocode")
_SOURCE: Final = Path(__file__).with_name("scrape.go")
_CACHE: Final = Path(__file__).parents[2] / ".cache" / "go"


@dataclass(frozen=True, slots=True)
class Go:
    """The path of ``go``, its version, and that of client_golang."""

    path: str
    version: str
    library: str

    @property
    def title(self) -> str:
        """Return the name of the server in tables."""
        return f"client_golang {self.library}, {self.version}"


class GoChild:
    """A process of the Go program; it answers the same questions as the other servers."""

    def __init__(self, questions: IO[str], answers: IO[str]) -> None:
        self._questions = questions
        self._answers = answers

    def ask(self, question: str) -> Any:
        """Return the answer to a question. Raises ChildEndedError."""
        self.send(question)
        if not (line := self._answers.readline()):
            raise ChildEndedError(question)
        return json.loads(line)

    def send(self, message: object) -> None:
        """Send a message as JSON. Raises ChildEndedError."""
        try:
            self._questions.write(json.dumps(message, allow_nan=False) + "\n")
            self._questions.flush()
        except BrokenPipeError:
            raise ChildEndedError from None


def find_go() -> Go | None:
    """Return Go if it is installed with client_golang."""
    path = shutil.which("go")
    if not path or not (_GOPATH / "src/github.com/prometheus/client_golang").is_dir():
        return None
    version = _output([path, "env", "GOVERSION"])
    library = _output(["dpkg-query", "--show", "--showformat=${source:Upstream-Version}", _LIBRARY])
    return Go(path, version, library)


@contextmanager
def serve(go: Go, page: str) -> Iterator[GoChild]:
    """Serve the series of ``page`` as gauges with promhttp. ``change`` sets every gauge to a new value."""
    program = _CACHE / "scrape"
    _output([go.path, "build", "-o", str(program), str(_SOURCE)])
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - just built
        if process.stdin is None or process.stdout is None:
            raise ChildEndedError
        child = GoChild(process.stdin, process.stdout)
        child.send(
            [
                {"name": sample.name, "help": family.documentation, "labels": sample.labels, "value": sample.value}
                for family in text_string_to_metric_families(page)
                for sample in family.samples
            ]
        )
        yield child


def _output(command: list[str]) -> str:
    settings = {"GO111MODULE": "off", "GOPATH": str(_GOPATH), "GOCACHE": str(_CACHE / "build"), "GOFLAGS": ""}
    environment = os.environ | settings
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - as above
    return run.stdout.strip()
