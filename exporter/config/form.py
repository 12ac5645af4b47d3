"""What a kind of YAML file may hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from exporter.config.problems import Finding

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Form(Generic[Model]):
    """A kind of file, for those who check it and say what is wrong."""

    model: type[Model]
    blocks: Mapping[str, type[BaseModel]]
    """The block behind each key that holds one, or a list of them; the top level has no key."""
    secret_keys: frozenset[str]
    """Keys whose values are never repeated; a file name may be the secret itself, put in the wrong place."""
    cross_checks: Callable[[object], Iterable[Finding]]
    """What one value alone does not tell, from the data as written."""
    least: str | None = None
    """What a file holds at least; None: it may be empty."""
    advice: str | None = None
    """What to do when there is no such file."""
    may_be_a_pipe: bool = False
    """As a shell's ``<(...)`` is, which has to be waited for: not where anything else would wait, too."""
