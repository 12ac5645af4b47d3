"""The command line: which command, and nothing else."""

import re
from difflib import get_close_matches
from importlib import import_module
from typing import Final

import click

from exporter import __version__, signals
from exporter.commands import DAEMONS, QUESTIONS
from exporter.commands.help import group_flags, write_examples
from exporter.console.writing import exit_if_unwritable
from exporter.revision import read_revision

COMMANDS: Final = (*DAEMONS, *QUESTIONS)
"""Each is imported on use, so that the daemon starts fast."""

_DEFAULT: Final = "run"
_SINGLE_DASH: Final = re.compile("-[a-z][a-z.-]+(=|$)")
"""A flag with one dash, which programs in Go accept: ``-config.file=x``."""
_EXAMPLES: Final = """
oifde-exporter demo         try the exporter without a configuration or network
oifde-exporter check        validate config.yaml and show the load
oifde-exporter              poll, and serve http://localhost:10230/
"""


class _Commands(click.Group):
    """A group with a default command: ``oifde-exporter --config.file=x`` runs the daemon."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"exporter.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - like each of COMMANDS
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Add the flags of the default command, which most users look for."""
        super().format_options(ctx, formatter)
        command = self.get_command(ctx, _DEFAULT)
        assert command is not None  # noqa: S101 - it is one of COMMANDS
        with command.make_context(_DEFAULT, [], parent=ctx, resilient_parsing=True) as inner:
            flags = [option for option in command.get_params(inner) if option is not command.get_help_option(inner)]
            for title, records in group_flags(flags, inner).items():
                with formatter.section(f"{title} (of {_DEFAULT}, the default command)"):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, _EXAMPLES)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = [f"-{arg}" if _SINGLE_DASH.match(arg) else arg for arg in args]
        chosen = next((arg for arg in args if arg in COMMANDS), None)
        if "--version" in args:
            args = ["--version"]  # for every command
        elif chosen is not None and args[0].startswith("-"):
            # Flags can precede the command, as in Prometheus' own programs.
            position = args.index(chosen)
            args = [chosen, *args[:position], *args[position + 1 :]]
        elif args and not args[0].startswith("-") and args[0] not in COMMANDS:
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(COMMANDS)}"
            ctx.fail(f"unknown command {args[0]!r}; {hint}")
        elif not args or (args[0] not in COMMANDS and args[0] not in ("-h", "--help", "--version")):
            args = [_DEFAULT, *args]
        with exit_if_unwritable():  # prints the help or the version
            return super().parse_args(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message=f"oifde-exporter, version {__version__} (revision: {read_revision()})")
@click.pass_context
def main(ctx: click.Context, /) -> None:
    """Prometheus exporter for the chatbots of Huawei's AICC/CEC platform.

    Without a command, it runs the daemon. Every command has its own --help with examples.
    """
    if ctx.invoked_subcommand not in DAEMONS:
        signals.end_interrupted()
