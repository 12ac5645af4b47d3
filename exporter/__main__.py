"""The entry point of ``python -m exporter`` and of the console script."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter import signals
from exporter.commands import QUESTIONS


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; the default is that of the process."""
    _open_standard_streams()
    typed = sys.argv[1:] if arguments is None else arguments
    # Before the slow imports. The command is not parsed yet, so this is a guess.
    (signals.end_well if set(QUESTIONS).isdisjoint(typed) else signals.end_interrupted)()
    from exporter import cli  # noqa: PLC0415

    cli.main(typed, prog_name="oifde-exporter")


def _open_standard_streams() -> None:
    """Open the streams that are closed, so that no other file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open until the program ends


if __name__ == "__main__":
    main()
