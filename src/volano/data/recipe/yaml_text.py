"""A recipe's YAML becomes plain values, and each place in it a line: what is wrong can be shown.

Read is YAML 1.2's core, in its safe part: no tags, no anchors (so nothing can
unfold), `no` is a word (and the code of Norwegian), a date is a text.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

from volano.data.recipe.errors import RecipeTooLargeError, UnreadableRecipeError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 30
Path = tuple[str | int, ...]
Lines = dict[Path, int]
"""The line of each value, by the keys and places that lead to it."""


class _Loader(yaml.SafeLoader):
    """Plain scalars are null, true, false, whole numbers, numbers; everything else is text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own form


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first
    )


def read(text: str, name: str = "the recipe") -> tuple[Any, Lines]:
    """Return what the YAML says, and the line of each value in it.

    Raises:
        RecipeTooLargeError: too many bytes, or nested too deeply.
        UnreadableRecipeError: no YAML, or more than its plain part; a key twice.
    """
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        raise RecipeTooLargeError(where=name, size=f"{size} bytes", limit=f"{MAX_BYTES} bytes")
    try:
        _check(text, name)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "it is not YAML"
        if "'\\t'" in why:
            why = "a tab stands where YAML wants spaces"
        raise UnreadableRecipeError(where=_where(name, mark), why=why) from error
    lines: Lines = {}
    return (None if root is None else _value(root, (), lines, name)), lines


def _check(text: str, name: str) -> None:
    """Look at the events first: depth, anchors and tags are refused before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        where = _where(name, event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UnreadableRecipeError(where=where, why="anchors and aliases are not taken")
        if getattr(event, "tag", None):
            raise UnreadableRecipeError(where=where, why="tags (`!…`) are not taken")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise RecipeTooLargeError(
                where=where, size=f"more than {MAX_DEPTH} levels", limit=f"{MAX_DEPTH}"
            )


def _value(node: yaml.Node, at: Path, lines: Lines, name: str) -> Any:
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, i), lines, name) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, lines, name)
    return _SCALARS.get(node.tag.rpartition(":")[2], str)(str(node.value))


def _mapping(node: yaml.MappingNode, at: Path, lines: Lines, name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        where = _where(name, key_node.start_mark)
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode) or not isinstance(key, str):
            raise UnreadableRecipeError(where=where, why="a key is a plain word")
        if key in found:
            raise UnreadableRecipeError(where=where, why=f"`{key}` is there twice")
        found[key] = _value(value_node, (*at, key), lines, name)
        lines[(*at, key)] = key_node.start_mark.line + 1
    return found


def _where(name: str, mark: Any) -> str:
    return f"{name}, line {mark.line + 1}" if mark is not None else name


_SCALARS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
}
