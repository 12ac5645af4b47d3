"""``python -m exporter``, and the console script."""

import sys
from collections.abc import Sequence

from exporter import signals
from exporter.commands import QUESTIONS


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line, by default the process's own."""
    typed = sys.argv[1:] if arguments is None else arguments
    # Before the imports that take time, and before it is certain which command it is.
    (signals.end_well if set(QUESTIONS).isdisjoint(typed) else signals.end_interrupted)()
    from exporter import cli  # noqa: PLC0415

    cli.main(typed, prog_name="oifde-exporter")


if __name__ == "__main__":
    main()
