"""The command line: which command, and nothing else."""

import click

from exporter import __version__
from exporter.commands.demo import demo
from exporter.commands.run import run
from exporter.revision import revision


class _DefaultGroup(click.Group):
    """A group whose command may be left out: ``oifde-exporter --config.file=x`` runs the daemon."""

    default = "run"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Adds the flags of the default command, which are the ones most users look for."""
        super().format_options(ctx, formatter)
        command = self.commands[self.default]
        with command.make_context(self.default, [], parent=ctx, resilient_parsing=True) as inner:
            records = [record for option in command.get_params(inner) if (record := option.get_help_record(inner))]
        with formatter.section(f"Options of {self.default}, the default command"):
            formatter.write_dl([record for record in records if not record[0].startswith("--help")])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        chosen = next((arg for arg in args if not arg.startswith("-")), None)
        if chosen in self.commands and args[0].startswith("-") and chosen is not None:
            # Flags may stand before the command, as in Prometheus' own programs.
            position = args.index(chosen)
            args = [chosen, *args[:position], *args[position + 1 :]]
        elif not args or (args[0] not in self.commands and args[0] not in ("--help", "--version")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DefaultGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message=f"oifde-exporter, version {__version__} (revision: {revision()})")
def main() -> None:
    """Prometheus exporter for the chatbots of Huawei's AICC/CEC platform.

    Without a command it runs the daemon.
    """


main.add_command(run)
main.add_command(demo)
