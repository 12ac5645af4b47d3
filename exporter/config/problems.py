"""Where something is wrong with a configuration, and what."""

import json
import re
from typing import NamedTuple

Location = tuple[str | int, ...]
"""The keys and indexes that lead from the root of a document to a part of it."""

Finding = tuple[Location, str]
"""Where something is wrong, and what; the message is one line and holds no value that may be secret."""


class Problem(NamedTuple):
    """Something that is wrong: what, and what to do. The message is one line and holds no value that may be secret."""

    line: int
    at: Location
    message: str


def spell(at: Location) -> str:
    """Return a location as users read it: `platforms[0].tenants[1].tenant_id`."""
    return "".join(_step(step) for step in at).removeprefix(".")


def printable(key: str) -> str:
    """Return a key on one line."""
    return key if key.isprintable() else json.dumps(key)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if re.fullmatch(r"[\w-]+", step):
        return f".{step}"
    return f"[{json.dumps(step, ensure_ascii=not step.isprintable())}]"
