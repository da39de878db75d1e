"""A Variable: what a prompt wants to be given, of which type, and what stands for it otherwise."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.template.errors import (
    BadVariableError,
    MissingValueError,
    UnfitValueError,
    UnknownVariableError,
)
from volano.core.text import nfc

RESERVED = ("examples", "loop")
MOST = 100
_FIELDS = frozenset(("type", "default", "required", "description", "choices"))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str)),
    "number": ("a number", _number),
    "integer": ("a whole number", _whole),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "list": ("a list", lambda value: isinstance(value, list | tuple)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "choice": ("one of its choices", lambda _value: True),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. Without `default` it must be given, unless `required` is false: then it is null."""

    name: str
    type: str = "text"
    default: Any = None
    required: bool = True
    description: str = ""
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name.startswith("_") or self.name in RESERVED:
            raise BadVariableError(name=self.name[:80], why="this is no name for one")
        if self.type not in TYPES:
            raise BadVariableError(
                name=self.name, why=f"there is no type `{self.type}` (known: {', '.join(TYPES)})"
            )
        if (self.type == "choice") != bool(self.choices):
            raise BadVariableError(name=self.name, why="`choices` belong to the type choice")
        if self.default is not None:
            try:
                self.check(self.default)
            except UnfitValueError as error:
                raise BadVariableError(
                    name=self.name, why=f"its default is not {self.what}"
                ) from error

    @property
    def what(self) -> str:
        """What a value must be, in words."""
        if self.type == "choice":
            return "one of " + ", ".join(map(str, self.choices))
        return TYPES[self.type][0]

    def check(self, value: Any) -> Any:
        """Return a value that fits.

        Raises:
            UnfitValueError: it is of another type, or none of the choices.
        """
        holds = TYPES[self.type][1](value)
        if self.type == "choice":
            holds = any(value == one and type(value) is type(one) for one in self.choices)
        if not holds:
            shown = f"`{value[:40]}`" if isinstance(value, str) else f"`{value!r}`"[:60]
            raise UnfitValueError(name=self.name, what=self.what, value=shown)
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; what is as usual is left out."""
        said: dict[str, Any] = {"type": self.type}
        if self.choices:
            said["choices"] = list(self.choices)
        if self.default is not None:
            said["default"] = self.default
        if not self.required:
            said["required"] = False
        if self.description:
            said["description"] = self.description
        return said

    @classmethod
    def from_dict(cls, name: str, raw: Any) -> "Variable":
        """Read a variable as people write it: a mapping, or just a type.

        Raises:
            BadVariableError: it cannot be declared so.
        """
        said = {"type": raw} if isinstance(raw, str) else ({} if raw is None else raw)
        if not isinstance(said, Mapping) or not set(said) <= _FIELDS:
            raise BadVariableError(name=str(name)[:80], why=f"it says {str(raw)[:80]}")
        choices = said.get("choices", ())
        if not isinstance(choices, list | tuple):
            raise BadVariableError(name=str(name)[:80], why="its choices are no list")
        kind = said.get("type", "choice" if choices else "text")
        required, description = said.get("required", True), said.get("description", "")
        if not isinstance(kind, str) or not isinstance(required, bool):
            raise BadVariableError(
                name=str(name)[:80], why="type is a word, required true or false"
            )
        return cls(
            nfc(str(name)), kind, said.get("default"), required, str(description), tuple(choices)
        )


def fitted(variables: Mapping[str, Variable], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each variable: what was given, else its default.

    Raises:
        UnknownVariableError, MissingValueError, UnfitValueError: naming the variable.
    """
    known = ", ".join(variables) or "none"
    for name in given:
        if name not in variables:
            raise UnknownVariableError(name=str(name)[:80], known=known)
    values = {}
    for name, variable in variables.items():
        value = given.get(name)
        if value is not None:
            values[name] = variable.check(value)
        elif variable.required and variable.default is None:
            raise MissingValueError(name=name, known=known)
        else:
            values[name] = variable.default
    return values
