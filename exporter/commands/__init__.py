"""The commands. Each is the function of its name in the module of that name."""

from typing import Final

DAEMONS: Final = ("run", "demo")
"""They run until a signal ends them, which is a good end."""

QUESTIONS: Final = ("check", "query", "discover", "backfill")
"""They end by themselves; where a signal ends them before, they have not done what they were asked."""
