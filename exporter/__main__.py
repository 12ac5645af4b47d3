"""``python -m exporter``, and the console script."""

from collections.abc import Sequence

from exporter import signals


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line, by default the process's own."""
    signals.end_well()  # before the imports that take time
    from exporter import cli  # noqa: PLC0415

    cli.main(arguments, prog_name="oifde-exporter")


if __name__ == "__main__":
    main()
