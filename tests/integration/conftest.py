"""The real thing: the exporter as a process, beside real programs of Prometheus. Each ends with its test."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest

from harness.processes import Alertmanager, ExporterProcess, Prometheus
from harness.programs import FindProgram

NOTHING: Mapping[str, str] = MappingProxyType({})


class StartExporter(Protocol):
    """Starts the exporter and waits until it listens."""

    async def __call__(
        self, *arguments: str, config: str | None = None, env: Mapping[str, str] = NOTHING, at: str | None = None
    ) -> ExporterProcess:
        """Start with a command and flags (none: `run`).

        :param config: the text of a configuration file, named with --config.file
        :param env: added to the environment
        :param at: the moment its clock is set to, in ISO 8601
        """


class StartPrometheus(Protocol):
    """Starts a Prometheus and waits until it listens."""

    async def __call__(self, config: Mapping[str, object], *arguments: str) -> Prometheus:
        """Start with what would stand in prometheus.yml, and more flags."""


class StartAlertmanager(Protocol):
    """Starts an Alertmanager and waits until it listens."""

    async def __call__(self, config: Mapping[str, object]) -> Alertmanager:
        """Start with what would stand in alertmanager.yml."""


@pytest.fixture
async def running() -> AsyncIterator[AsyncExitStack]:
    """Ends, last first, what the test has started."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def numbers() -> Iterator[int]:
    """Tells the directories of one test's processes apart."""
    return itertools.count(1)


@pytest.fixture
def start_exporter(tmp_path: Path, running: AsyncExitStack, numbers: Iterator[int]) -> StartExporter:
    """Starts exporters."""

    async def start(
        *arguments: str, config: str | None = None, env: Mapping[str, str] = NOTHING, at: str | None = None
    ) -> ExporterProcess:
        directory = tmp_path / f"exporter-{next(numbers)}"
        flags = ["--web.listen-address=127.0.0.1:0", "--log.format=json"]
        if config is not None:
            config_file = directory.with_suffix(".yaml")
            config_file.write_text(config, encoding="utf-8")
            flags.append(f"--config.file={config_file}")
        process = ExporterProcess([*arguments, *flags], directory, env, at=at)
        running.push_async_callback(process.stop)
        await process.started()
        return process

    return start


@pytest.fixture
def start_prometheus(
    tmp_path: Path, running: AsyncExitStack, numbers: Iterator[int], program: FindProgram
) -> StartPrometheus:
    """Starts Prometheus servers."""
    path = program("prometheus")

    async def start(config: Mapping[str, object], *arguments: str) -> Prometheus:
        process = Prometheus(path, config, tmp_path / f"prometheus-{next(numbers)}", arguments)
        running.push_async_callback(process.stop)
        await process.started()
        return process

    return start


@pytest.fixture
def start_alertmanager(
    tmp_path: Path, running: AsyncExitStack, numbers: Iterator[int], program: FindProgram
) -> StartAlertmanager:
    """Starts Alertmanagers."""
    path = program("alertmanager")

    async def start(config: Mapping[str, object]) -> Alertmanager:
        process = Alertmanager(path, config, tmp_path / f"alertmanager-{next(numbers)}")
        running.push_async_callback(process.stop)
        await process.started()
        return process

    return start
