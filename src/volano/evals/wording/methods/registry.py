"""The registry of methods."""

from dataclasses import dataclass
from typing import Protocol

from volano.core.plugins import Registry
from volano.evals.wording.ground import Ground


class Method(Protocol):
    """Try candidates on a ground."""

    def __call__(self, ground: Ground, trials: int) -> None:
        """Try up to so many.

        Raises:
            BudgetSpentError: earlier than that.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A method, what it does in one sentence, and whether a model that writes must be named."""

    run: Method
    about: str
    writes: bool = False


METHODS: Registry[Entry] = Registry("method of search")
"""All methods by name."""
