"""What a session needs of a token, wherever it comes from."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from exporter.language import Text
from exporter.upstream.errors import LoginBlocked, LoginFailed, UpstreamError
from exporter.upstream.progress import Progress

REFUSALS_TO_BLOCK: Final = 2
"""After this many refused tokens in a row, whichever bots they were sent for, the login is at fault and not the bot."""


@dataclass(slots=True, eq=False)
class Token:
    """A token; times on ``clock.elapsed()``."""

    text: str = field(repr=False)
    renew_at: float = math.inf
    dies_at: float = math.inf
    accepted: bool = False
    """A call with it succeeded."""


class Tokens(Protocol):
    """Gives a session its tokens."""

    async def get(self, progress: Progress) -> Token:
        """Return the token for a call; raise `UpstreamError` if there is none for now.

        ``progress`` hears of a login that this waits for.
        """

    async def replace(self, refused: Token, error: UpstreamError, progress: Progress) -> Token | None:
        """Return another token for a call whose token was refused; None if the call should not be repeated.

        ``progress`` is as for `get`. Raises `LoginFailed` if the login is at fault and not the call.
        """

    def record_success(self, token: Token, *, repeated: bool) -> None:
        """Record that a call succeeded; ``repeated``: after its first token was refused."""

    def record_refusal(self, token: Token, error: UpstreamError) -> None:
        """Record that the replacement was refused as well; raises as `replace` does."""

    def reset(self) -> None:
        """Allow the next try at once."""


Trouble: TypeAlias = Literal["passing", "refused", "denied", "locked", "relogin", "probe"]
_DELAYS: Final[dict[Trouble, tuple[float, ...]]] = {
    "passing": (1, 2, 4, 8, 16, 32, 60),
    "refused": (10, 20, 40, 80, 160, 320, 600),
    "denied": (10, 60, 300, 900, 1800),  # few enough even if it does mean a wrong secret
    "locked": (1800, 3600, 7200, 14400, 28800),
    "relogin": (10, 20, 40, 80, 160, 320, 600),
    "probe": (60, 120, 240, 480, 960, 1800),
}
"""Seconds until the next try after the first failure, the second and so on; the last one repeats."""


class Backoff:
    """Counts failures in a row, by kind."""

    def __init__(self) -> None:
        self._failures: Counter[Trouble] = Counter()

    def next(self, trouble: Trouble) -> float:
        """Count a failure, and return the seconds to wait after it."""
        delays = _DELAYS[trouble]
        delay = delays[min(self._failures[trouble], len(delays) - 1)]
        self._failures[trouble] += 1
        return delay

    def reset(self, *troubles: Trouble) -> None:
        """Start again with the shortest delay; without arguments for all kinds."""
        for trouble in troubles or _DELAYS:
            del self._failures[trouble]


def block(error: LoginFailed, until: Text, *, wait: float | None = None) -> LoginBlocked:
    """Describe why no login is tried: the last failure, ``until`` when in words, and that in seconds if known."""
    message = Text("not tried %(until)s: %(error)s", until=until, error=error.message)
    return error.become(LoginBlocked, message, retry_after=wait)
