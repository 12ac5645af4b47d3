"""``python -m exporter``: the same as the console script."""

from exporter.cli import main

if __name__ == "__main__":
    main(prog_name="oifde-exporter")
