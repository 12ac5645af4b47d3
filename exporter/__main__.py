"""``python -m exporter``, and the console script."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter import signals
from exporter.commands import QUESTIONS


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line, by default the process's own."""
    _open_standard_streams()
    typed = sys.argv[1:] if arguments is None else arguments
    # Before the imports that take time, and before it is certain which command it is.
    (signals.end_well if set(QUESTIONS).isdisjoint(typed) else signals.end_interrupted)()
    from exporter import cli  # noqa: PLC0415

    cli.main(typed, prog_name="oifde-exporter")


def _open_standard_streams() -> None:
    """Opens those that whoever started this has closed: no other file is to be taken for one of them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the program ends


if __name__ == "__main__":
    main()
