"""What becomes of each key of a file: carried over, carried in another way, or left out and why."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from volano.core.errors import InvalidError
from volano.gateway.setup import Remark

CARRIED, DIFFERS, LEFT = "carried", "differs", "left"
NO_SUCH = "volano has no such setting"


class LeftOutError(InvalidError):
    """An entry of the file cannot be carried over: {why}."""

    def __init__(self, why: str):
        super().__init__(why=why)
        self.why = why


class Notes:
    """The fate of each key, by its path in the file. What is said of a key holds below it too."""

    def __init__(self) -> None:
        self._fate: dict[str, tuple[str, str]] = {}

    def carry(self, key: str) -> None:
        self._fate[key] = (CARRIED, "")

    def differ(self, key: str, why: str) -> None:
        self._fate[key] = (DIFFERS, why)

    def leave(self, key: str, why: str) -> None:
        self._fate[key] = (LEFT, why)

    def forget(self, key: str) -> None:
        """Say nothing of a key: what is below it is told one by one."""
        self._fate.pop(key, None)

    def drop(self, key: str, why: str) -> None:
        """Leave a key out with all below it, whatever was said of that before."""
        below = [one for one in self._fate if one.startswith((f"{key}.", f"{key}["))]
        for one in below:
            del self._fate[one]
        self.leave(key, why)

    def carried(self) -> tuple[str, ...]:
        return tuple(key for key, (how, _) in self._fate.items() if how == CARRIED)

    def remarks(self, how: str) -> tuple[Remark, ...]:
        return tuple(Remark(key, why) for key, (is_, why) in self._fate.items() if is_ == how)


class Section:
    """An object of the file; a key that nobody takes is left out, with the reason that is known."""

    def __init__(self, values: Mapping[str, Any], key: str, notes: Notes):
        self.key = key
        self.notes = notes
        self._values = values
        self._taken: set[str] = set()

    def open(self, name: str) -> "Section":
        """Return the object under a key; nothing is said of the key, only of what is below it."""
        values = self._below(name, dict, "it is not an object with keys")
        return Section(values or {}, self.at(name), self.notes)

    def items(self, name: str) -> Iterator[tuple[str, Any]]:
        """Yield the items of the list under a key, with their paths."""
        return numbered(self._below(name, list, "it is not a list") or [], self.at(name))

    def _below(self, name: str, kind: type, why: str) -> Any:
        self._taken.add(name)
        value = self._values.get(name)
        if isinstance(value, kind) and value:
            return value
        if name in self._values:
            if value is None or isinstance(value, kind):
                self.notes.carry(self.at(name))
            else:
                self.notes.leave(self.at(name), why)
        return None

    def at(self, name: str) -> str:
        """Return the path of a key here."""
        shown = name if len(name) <= 80 else f"{name[:79]}…"
        return f"{self.key}.{shown}" if self.key else shown

    def take(self, name: str) -> Any:
        """Return a value that is carried over, unless something else is said of it later."""
        if name not in self._values:
            return None
        self._taken.add(name)
        self.notes.carry(self.at(name))
        return self._values[name]

    def peek(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str:
        """Take a text without spaces around it; empty where there is none."""
        value = self.take(name)
        if value is None:
            return ""
        if isinstance(value, date):  # 2024-10-21 without quotes
            return value.isoformat()
        if isinstance(value, bool | Mapping | Sequence) and not isinstance(value, str):
            raise LeftOutError(f"`{name}` is not text")
        return str(value).strip()

    def close(self, reasons: Mapping[str, str], otherwise: str = NO_SUCH) -> None:
        """Leave out all that was not taken."""
        for name in self._values:
            if name not in self._taken:
                self.notes.leave(self.at(name), reasons.get(name, otherwise))


def numbered(values: list[Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list with their paths."""
    for number, value in enumerate(values):
        yield f"{key}[{number}]", value
