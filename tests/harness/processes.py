"""Real processes for tests: the exporter, Prometheus, Alertmanager, VictoriaMetrics."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from harness.waiting import wait_for

# The log line of VictoriaMetrics' programs.
_VICTORIA = re.compile(r"started server at http://(?P<address>[^/]+)/")


class ProcessEndedError(Exception):
    """A process has ended unexpectedly; the message is its output."""


@dataclass(frozen=True)
class Answer:
    """An answer of a server: the headers by their names in lower case, the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


async def fetch(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request, and read the whole answer; redirects are not followed."""
    async with aiohttp.request(method, url, headers=headers, allow_redirects=False) as response:
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, lower, await response.text())


def choose_address() -> str:
    """Choose a free port for a program that does not say which one it chose."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class Daemon:
    """A process that serves HTTP on a free port, which it writes to standard error."""

    # Finds in the log the address it listens on.
    _listening: re.Pattern[str]

    def __init__(self, command: Sequence[str | Path], directory: Path, environment: Mapping[str, str]) -> None:
        """Start it in a new directory for its output and its log."""
        directory.mkdir()
        self._name = Path(command[0]).name
        self._output = directory / "output"
        self._log = directory / "log"
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=log
            )
        self.address = ""

    @property
    def url(self) -> str:
        """Return its URL without a slash at the end."""
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """Return the file of its standard error."""
        return self._log

    @property
    def output(self) -> str:
        """Return its standard output so far."""
        return self._output.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """Return its standard error so far."""
        return self._log.read_text(encoding="utf-8")

    async def started(self) -> None:
        """Wait until it listens; raise ProcessEndedError if it ends instead."""
        said = await wait_for(self._said_where, f"{self._name} to listen")
        self.address = said["address"]

    async def fetch(self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Request a path."""
        return await fetch(self.url + path, method=method, headers=headers)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait until it has ended, and return its exit status."""
        await wait_for(lambda: self._process.poll() is not None, f"{self._name} to end")
        return self._process.returncode

    async def stop(self) -> None:
        """End it with SIGTERM if it still runs: its exit status must be 0."""
        self._process.terminate()
        try:
            status = await self.ended()
        finally:
            self._process.kill()
            self._process.wait()
        assert status == 0, f"{self._name} ended with status {status}:\n{self.log}"

    def _said_where(self) -> re.Match[str] | None:
        if self._process.poll() is not None:
            raise ProcessEndedError(f"{self._name} ended with status {self._process.returncode}:\n{self.log}")
        return self._listening.search(self.log)


class ExporterProcess(Daemon):
    """`python -m exporter`, as it is installed."""

    _listening = re.compile(r'^(?=.*"msg": ?"listening").*"address": ?"(?:https?://)?(?P<address>[^"/]+)', re.MULTILINE)

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        *,
        at: str | None = None,
        host: str | None = None,
    ) -> None:
        """Start it without the environment's variables for it, except those given.

        :param at: the moment its clock is set to
        :param host: the name its machine has
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OIFDE_EXPORTER_")}
        program = ["-m", "exporter"]
        for value, script in ((at, "at_time.py"), (host, "as_host.py")):
            if value is not None:
                program = [str(Path(__file__).with_name(script)), value]
        command = [sys.executable, *program, *arguments]
        super().__init__(command, directory, inherited | dict(environment))
        self._name = "the exporter"

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return its log events so far, all or those with one name."""
        complete = self.log.rpartition("\n")[0]
        logged = [json.loads(line) for line in complete.splitlines()]
        return [event for event in logged if name is None or event["msg"] == name]


class Database(Daemon):
    """A process that answers queries as Prometheus does."""

    async def started(self) -> None:
        """Wait until it answers queries; it listens earlier, while it reads its database."""
        await super().started()

        async def ready() -> bool:
            return (await self.fetch("/-/ready")).status == 200

        await wait_for(ready, f"{self._name} to have read its database")

    async def now(self) -> float:
        """Return the time of its clock, in epoch seconds."""
        return float((await self.api("query", query="time()"))["result"][1])

    async def api(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an answer of its HTTP API: `api("targets", state="active")`."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v1/{path}", params=parameters) as response,
        ):
            answer = await response.json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def query(self, expression: str) -> list[Sample]:
        """Evaluate an expression now, and return the instant vector."""
        data = await self.api("query", query=expression)
        assert data["resultType"] == "vector", data
        return [Sample(element["metric"], float(element["value"][1])) for element in data["result"]]


class Prometheus(Database):
    """A real Prometheus."""

    _listening = re.compile(r'msg="Listening on".* address=(?P<address>\S+)')

    def __init__(
        self,
        program: Path,
        config: Mapping[str, object],
        directory: Path,
        arguments: Sequence[str],
        *,
        data: Path | None = None,
    ) -> None:
        """Start it with a configuration; its database is ``data``, or a new one in the directory."""
        config_file = directory.with_suffix(".yml")
        config_file.write_text(json.dumps(config), encoding="utf-8")
        database = f"--storage.tsdb.path={data or 'data'}"
        where = [f"--config.file={config_file}", database, "--web.listen-address=127.0.0.1:0"]
        super().__init__([program, *where, *arguments], directory, os.environ)


class VictoriaMetrics(Database):
    """A real VictoriaMetrics."""

    _listening = _VICTORIA

    def __init__(self, program: Path, target: str, directory: Path) -> None:
        """Start it with a new database; it scrapes a target every second."""
        job = {"job_name": "oifde", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        config_file = directory.with_suffix(".yml")
        config_file.write_text(json.dumps({"scrape_configs": [job]}), encoding="utf-8")
        where = [f"-promscrape.config={config_file}", "-storageDataPath=data", f"-httpListenAddr={choose_address()}"]
        # Queries see a sample at once instead of half a minute later.
        super().__init__([program, *where, "-search.latencyOffset=0s"], directory, os.environ)


class VmAlert(Daemon):
    """A real vmalert that sends no notifications."""

    _listening = _VICTORIA

    def __init__(self, program: Path, rules: Path, database: str, directory: Path) -> None:
        """Start it with a rule file, evaluated every second on the database at a URL."""
        where = [f"-rule={rules}", f"-datasource.url={database}", f"-remoteWrite.url={database}"]
        often = ["-evaluationInterval=1s", "-rule.evalDelay=0s", "-remoteWrite.flushInterval=100ms"]
        alone = ["-notifier.blackhole", f"-httpListenAddr={choose_address()}"]
        super().__init__([program, *where, *often, *alone], directory, os.environ)


class Alertmanager(Daemon):
    """A real Alertmanager without peers."""

    _listening = Prometheus._listening  # both use the same toolkit

    def __init__(self, program: Path, config: Mapping[str, object], directory: Path) -> None:
        """Start it with a configuration and its state in the directory."""
        config_file = directory.with_suffix(".yml")
        config_file.write_text(json.dumps(config), encoding="utf-8")
        where = [f"--config.file={config_file}", "--storage.path=data", "--web.listen-address=127.0.0.1:0"]
        super().__init__([program, *where, "--cluster.listen-address="], directory, os.environ)
