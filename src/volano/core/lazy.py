"""Modules that load when they are first used: commands that only list something need not wait for them.

    if TYPE_CHECKING:
        import pyarrow as pa
    else:
        pa = lazy("pyarrow")

For large libraries that everything imports and few calls use. What stands in
the body of a module or in an annotation uses them at once: such a module says
`from __future__ import annotations`.
"""

from importlib import import_module
from typing import Any


class Lazy:
    """Stands for a module. Several threads may come first at once: the import has its own lock."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found


def lazy(name: str) -> Any:
    """Return what stands for the module until it is used."""
    return Lazy(name)
