"""Nodes: what a filter says, and how it is spelled. Immutable, equal where they say the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from volano.traces.filter.values import Value, quoted

Op = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value stands: a field, a tag (`tag.plan`) or an attribute (`attr."gen_ai.system"`)."""

    name: str
    of: Literal["", "tag", "attr"] = ""

    def __str__(self) -> str:
        return f"{self.of}.{quoted(self.name)}" if self.of else self.name


@dataclass(frozen=True, slots=True)
class Compare:
    """`latency > 2s`. Where there is no value it is false, also with `!=`."""

    place: Place
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class Among:
    """`release in (support@1, support@2)`."""

    place: Place
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`has error`: there is a value, and it is not an empty text."""

    place: Place


@dataclass(frozen=True, slots=True)
class Says:
    """`text ~ "late refund"`: these words stand in it."""

    place: Place
    words: str


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not choose."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """What all parts choose."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """What any part chooses."""

    parts: tuple["Node", ...]


Node = Compare | Among | Has | Says | Not | And | Or


def spell(node: Node) -> str:
    """Return the filter that says this; `parse` gives the node back."""
    match node:
        case Compare(place, op, value):
            return f"{place} {op} {value}"
        case Among(place, values):
            return f"{place} in ({', '.join(map(str, values))})"
        case Has(place):
            return f"has {place}"
        case Says(place, words):
            return f"{place} ~ {quoted(words)}"
        case Not(part):
            return f"not {_part(part, (And, Or))}"
        case And(parts):
            return " and ".join(_part(part, (And, Or)) for part in parts)
        case Or(parts):
            return " or ".join(_part(part, (Or,)) for part in parts)


def all_of(nodes: Iterable[Node | None]) -> Node | None:
    """Return what all of these choose; None where there is none."""
    given = tuple(node for node in nodes if node is not None)
    return given[0] if len(given) == 1 else And(given) if given else None


def _part(node: Node, wrapped: tuple[type, ...]) -> str:
    return f"({spell(node)})" if isinstance(node, wrapped) else spell(node)
