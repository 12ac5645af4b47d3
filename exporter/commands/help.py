"""How a command runs, and its ``--help``: its flags in groups, and examples."""

import inspect
import sys
from collections.abc import Iterable
from typing import Any, Final

import click

from exporter import signals
from exporter.commands import DAEMONS
from exporter.commands.options import find_unknown_variables
from exporter.console.writing import exit_if_unwritable
from exporter.language import ENGLISH, Text

_GROUPS: Final = {
    "config": "Configuration",
    "shard": "Shards",
    "total_shards": "Shards",
    "web": "Serving",
    "log": "Log",
}


class Command(click.Command):
    """A command with flags in groups, and with examples. A coroutine returns its exit status."""

    def __init__(self, *args: Any, examples: str = "", **settings: Any) -> None:
        """``examples`` are lines to type, each with an explanation."""
        super().__init__(*args, **settings)
        self._examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, or print the help."""
        with exit_if_unwritable():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> None:
        """Warn of variables that no flag reads, and run the command. Daemons write the warning to their log."""
        for name, similar in find_unknown_variables(ctx) if self.name not in DAEMONS else ():
            hint = f"; did you mean {similar}?" if similar else ""
            click.echo(f"oifde-exporter: unknown variable {name}{hint}", err=True)
        try:
            result = super().invoke(ctx)
            if inspect.iscoroutine(result):
                sys.exit(signals.run(result))
        except click.UsageError as error:
            if not isinstance(error.message, Text):
                raise
            raise click.UsageError(ctx.params.get("lang", ENGLISH).text(error.message), ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups."""
        for title, records in group_flags(self.get_params(ctx), ctx).items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, and name a flag's variable."""
        if self._examples:
            write_examples(formatter, self._examples)
        flags = (param for param in self.params if isinstance(param, click.Option) and param.envvar)
        if first := next(flags, None):
            formatter.write_paragraph()
            formatter.write_text(f"Each flag is also an environment variable: {first.opts[0]} is {first.envvar}.")


def write_examples(formatter: click.HelpFormatter, examples: str) -> None:
    """Write indented lines under a heading."""
    with formatter.section("Examples"):
        formatter.write("".join(f"  {line}\n" for line in examples.strip().splitlines()))


def group_flags(options: Iterable[click.Parameter], ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return the help of each option by the title of its group; options without a group come first."""
    groups: dict[str, list[tuple[str, str]]] = {"Options": []}
    for option in options:
        name = option.name or ""
        title = _GROUPS.get(name) or _GROUPS.get(name.partition("_")[0], "Options")
        if record := option.get_help_record(ctx):
            groups.setdefault(title, []).append(record)
    return {title: records for title, records in groups.items() if records}
