"""What ``--help`` shows: the flags in groups, and examples."""

from collections.abc import Iterable
from typing import Any, Final

import click

from exporter.console.writing import told_if_full

_GROUPS: Final = {
    "config": "Configuration",
    "shard": "Shards",
    "total_shards": "Shards",
    "web": "Serving",
    "log": "Log",
}


class Command(click.Command):
    """A command whose flags are shown in groups, with examples below them."""

    def __init__(self, *args: Any, examples: str = "", **settings: Any) -> None:
        """``examples`` are lines as they would be typed, each with what it does."""
        super().__init__(*args, **settings)
        self._examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Shows the help, too, where it is asked for."""
        with told_if_full():
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the groups."""
        for title, records in grouped(self.get_params(ctx), ctx).items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples as they are."""
        if self._examples:
            write_examples(formatter, self._examples)
        flags = (each for each in self.params if isinstance(each, click.Option) and each.envvar)
        if first := next(flags, None):
            formatter.write_paragraph()
            formatter.write_text(f"Each flag is an environment variable too: {first.opts[0]} is {first.envvar}.")


def write_examples(formatter: click.HelpFormatter, examples: str) -> None:
    """Writes lines as they are, indented, under a heading."""
    with formatter.section("Examples"):
        formatter.write("".join(f"  {line}\n" for line in examples.strip().splitlines()))


def grouped(options: Iterable[click.Parameter], ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """What help says of each option, by the title of its group; those in no group come first."""
    groups: dict[str, list[tuple[str, str]]] = {"Options": []}
    for option in options:
        name = option.name or ""
        title = _GROUPS.get(name) or _GROUPS.get(name.partition("_")[0], "Options")
        if record := option.get_help_record(ctx):
            groups.setdefault(title, []).append(record)
    return {title: records for title, records in groups.items() if records}
