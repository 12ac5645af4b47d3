"""Write one file of a history: OpenMetrics with timestamps, bot by bot.

OpenMetrics requires the series of a family to be together, and a thousand bots fill gigabytes. So each family has its own
temporary file until the last bot has been written. Memory never holds the whole file.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.catalogue import BOT_INFO, LAYOUTS, Column
from exporter.serving.exposition import Labels, describe, identify, write_header, write_labels, write_number
from exporter.upstream.reports import Report, Value


class PartFile:
    """Takes the samples of one bot after the other. The file appears when it is complete."""

    def __init__(self, path: Path, report: Report, labels: Labels) -> None:
        """``labels`` are added to every series."""
        self.samples = 0
        """The number of samples that have been written."""
        self._path = path
        self._layout = LAYOUTS[report.name]
        self._added = tuple(labels)
        self._open = ExitStack()
        # Without names, so that they disappear with the process.
        self._files: Sequence[tuple[Column, IO[bytes]]] = [
            (column, self._open.enter_context(tempfile.TemporaryFile(dir=path.parent)))  # noqa: SIM115
            for column in (BOT_INFO, *self._layout.columns)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, bot: BotId, shown: Iterable[tuple[int, Snapshot]]) -> None:
        """Write the snapshots of a bot, each with its moment (epoch seconds), in the order of time."""
        rows = [(moment, self._layout.values(snapshot)) for moment, snapshot in shown]
        rows = [row for row in rows if any(value is not None for value in row[1])]
        (_, infos), *others = self._files
        self._write(infos, BOT_INFO, (*describe(bot), *self._added), [(moment, (1,)) for moment, _ in rows])
        for column, file in others:
            self._write(file, column, (*identify(bot), *self._added), rows)

    def finish(self) -> None:
        """Join the families to the file; without a sample there is no file."""
        if not self.samples:
            return
        partial = self._path.with_suffix(f"{self._path.suffix}.partial")
        with partial.open("wb") as whole:
            try:
                self._put_together(whole)
            except OSError:  # the disk may be full; free what this file takes
                partial.unlink()
                raise
        partial.replace(self._path)

    def _put_together(self, whole: IO[bytes]) -> None:
        for column, file in self._files:
            if file.tell():
                file.seek(0)
                whole.write(write_header(column.family, openmetrics=True))
                shutil.copyfileobj(file, whole)
        whole.write(b"# EOF\n")
        whole.flush()
        os.fsync(whole.fileno())

    def _write(
        self, file: IO[bytes], column: Column, labels: Labels, rows: Sequence[tuple[int, Sequence[Value]]]
    ) -> None:
        text = write_labels(labels)
        for further, place in column.series:
            head = f"{column.family.sample}{{{text}{further}}}"
            lines = [
                f"{head} {write_number(value)} {moment}\n" for moment, row in rows if (value := row[place]) is not None
            ]
            file.write("".join(lines).encode())
            self.samples += len(lines)
