"""Scorers, steps, engines register by decorator; packages bring more by entry point.

A registry is one table of names. Ours and a stranger's load the same way: the
package names modules under the entry-point group `volano.plugins`, and
importing them runs the decorators.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from volano.core.errors import ConflictError, NotFoundError

GROUP = "volano.plugins"

T = TypeVar("T")


class UnknownPluginError(NotFoundError):
    """There is no {what} called `{name}`."""

    hint = "Known: {known}."


class PluginTakenError(ConflictError):
    """There already is a {what} called `{name}`."""


class Registry(Generic[T]):
    """Named things of one kind, in order of registration."""

    def __init__(self, what: str):
        self.what = what
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return the decorator that puts a thing into the registry under this name.

        Raises:
            PluginTakenError: another thing already has this name.
        """

        def put(item: T) -> T:
            if self._items.setdefault(name, item) is not item:
                raise PluginTakenError(what=self.what, name=name)
            return item

        return put

    def get(self, name: str) -> T:
        """Return the thing of this name.

        Raises:
            UnknownPluginError: nothing is registered under it.
        """
        if name not in self._items:
            raise UnknownPluginError(what=self.what, name=name, known=", ".join(self._items))
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)


def load_plugins() -> None:
    """Import every module that an installed package offers under `volano.plugins`."""
    for point in entry_points(group=GROUP):
        point.load()
