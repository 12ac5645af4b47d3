"""The resources of a process."""

import os
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """The resources of a process: resident memory in bytes, open files, threads, and CPU seconds."""

    resident: int
    files: int
    threads: int
    cpu: float


def usage(pid: int) -> Usage:
    """Return the present resources of a process."""
    process = Path(f"/proc/{pid}")
    # After the command's name in brackets: utime and stime are the fields 14 and 15, num_threads is the 20th.
    fields = process.joinpath("stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return Usage(
        resident=int(process.joinpath("statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        files=len(list(process.joinpath("fd").iterdir())),
        threads=int(fields[17]),
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
    )
