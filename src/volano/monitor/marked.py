"""Marked: YAML with the line of each value, so that an error names its line.

Plain data only: no tags make objects, no aliases repeat anything, no key comes twice.
"""

from typing import Any

import yaml

MAX_BYTES = 1 << 20
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = {
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")
}


class MarkedError(Exception):
    """A line, and why it cannot be read."""

    def __init__(self, line: int, why: str):
        super().__init__(why)
        self.line, self.why = line, why


class Marked(dict[str, Any]):
    """An object that knows its own line and that of each key."""

    line: int
    lines: dict[str, int]

    def at(self, key: str) -> int:
        """Return the line of a key, or where the object begins."""
        return self.lines.get(key, self.line)


def read(raw: bytes) -> Marked:
    """Return the one document, an object.

    Raises:
        MarkedError: it is none; says where.
    """
    if len(raw) > MAX_BYTES:
        raise MarkedError(1, "the file has more than a mebibyte")
    try:
        node = yaml.compose(raw.decode("utf-8-sig"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise MarkedError(raw[: error.start].count(b"\n") + 1, "it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MarkedError(mark.line + 1 if mark else 1, error.problem or "not YAML") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MarkedError(1, "it is not YAML") from error
    if not isinstance(node, yaml.MappingNode):
        raise MarkedError(1, "it needs `rules:` and a list of rules")
    seen: set[int] = set()
    found: Marked = _value(node, seen)
    return found


def _value(node: Any, seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise MarkedError(line, "an alias (`*…`) repeats this; write it out")
    seen.add(id(node))
    if node.tag not in _PLAIN:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        raise MarkedError(line, "only plain values are read")
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, seen) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _object(node, seen)
    if node.tag.endswith(("bool", "null")):
        return yaml.SafeLoader("").construct_object(node)
    return node.value  # numbers stay as they are written: 5, 5%, 2s are read by who needs them


def _object(node: Any, seen: set[int]) -> Marked:
    made = Marked()
    made.line, made.lines = node.start_mark.line + 1, {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise MarkedError(line, "a key is a word")
        if key.value in made:
            raise MarkedError(line, f"`{key.value[:60]}` is there twice")
        made.lines[key.value] = line
        made[key.value] = _value(value, seen)
    return made
