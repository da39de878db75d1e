"""Modules that are imported when they are first used: collecting tests must not load torch."""

from importlib import import_module
from typing import Any


class lazily:
    """Stands for a module. Private names are not passed on: pytest asks everything for some."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(import_module(self._name), name)
