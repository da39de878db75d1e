"""Durable work: Runs that survive the death of the process that runs them.

What enters: a kind of job (a function of `Work`), its inputs, and the principal
who starts it. What leaves: `Run`s whose outputs and errors stay, and an event
in the ledger for each change of state.

- `Runs`: start, list, cancel, retry, wait; launched by one process at a time.
- `Work`: what a job gets: durable steps, and children for heavy work.
- `volano.jobs.child`: what the module of a child uses.
- `volano.jobs.lifeline`: how a process learns that the supervisor is gone.

Lazy, because a child or a gateway worker needs the last two only, and not the
job engine.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "ChildFailedError": "volano.jobs.errors",
    "Progress": "volano.jobs.progress",
    "Run": "volano.jobs.run",
    "Runs": "volano.jobs.keeper",
    "Work": "volano.jobs.work",
    "child_main": "volano.jobs.child",
}

__all__ = ["ChildFailedError", "Progress", "Run", "Runs", "Work", "child_main"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'volano.jobs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
