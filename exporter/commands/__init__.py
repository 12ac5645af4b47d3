"""The commands: each is a function in the module of the same name."""

from typing import Final

DAEMONS: Final = ("run", "demo")
"""They run until a signal, and then exit with status 0."""

QUESTIONS: Final = ("check", "query", "discover", "backtest", "backfill")
"""They end by themselves. A signal before that is an error."""
