"""YAML from strangers: plain data only, bounded, and no error that quotes the file.

PyYAML's events are taken, its constructors are not: so a tag makes no object, an
alias is counted as often as it is used (ten lines of them can stand for a billion
values), and a key that is there twice is an error instead of the last one winning.
Scalars mean what YAML 1.1 says, as in the files' own readers.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from volano.core.errors import InvalidError, TooLargeError

MAX_BYTES = 1 << 20
MAX_VALUES = 100_000
MAX_DEPTH = 40
MERGE = "tag:yaml.org,2002:merge"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooLongError(TooLargeError):
    """The file has more than {most} bytes, which no configuration needs."""


class BadYamlError(InvalidError):
    """The file is not YAML that can be read: line {line}: {why}."""


def read(raw: bytes) -> Any:
    """Return the one document as plain values.

    Raises:
        TooLongError: more than a mebibyte.
        BadYamlError: broken, or with what plain data does not need; says where.
    """
    if len(raw) > MAX_BYTES:
        raise TooLongError(most=f"{MAX_BYTES:,}")
    try:
        return _Document(raw.decode("utf-8-sig")).value()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadYamlError(line=line, why="it is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = _unquoted(error.problem or "it cannot be read")
        raise BadYamlError(line=mark.line + 1 if mark else 1, why=why) from None
    except yaml.YAMLError:
        raise BadYamlError(line=1, why="it has characters that YAML does not know") from None


def _unquoted(problem: str) -> str:
    """Take away what a message quotes: it may be a secret."""
    return re.sub(r"""(['"]).*\1""", "…", " ".join(problem.split()), flags=re.DOTALL)[:120]


class _Document:
    """Builds values from events."""

    def __init__(self, text: str):
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_Loader))
        self._scalars = yaml.SafeLoader("")
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._count = 0

    def value(self) -> Any:
        """Return what the one document says."""
        self._take()  # the stream begins
        event = self._take()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        found = self._value(self._take(), 0)
        self._take()  # the document ends
        after = self._take()
        if not isinstance(after, yaml.StreamEndEvent):
            raise _bad(after, "a second document begins; only one is read")
        return found

    def _take(self) -> Any:
        return next(self._events)

    def _value(self, event: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _bad(event, f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag not in (None, "!"):
            raise _bad(event, "a tag (`!…`) stands before a value; only plain values are read")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._count
        self._counted(event, 1)
        if isinstance(event, yaml.ScalarEvent):
            found = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            found = self._list(depth)
        else:
            found = self._mapping(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (found, self._count - before)
        return found

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _bad(event, "an alias (`*…`) names nothing")
        held = self._anchors[event.anchor]
        if held is None:
            raise _bad(event, "an alias (`*…`) stands inside of what it names")
        found, size = held
        self._counted(event, size)
        return found

    def _counted(self, event: Any, size: int) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            raise _bad(event, f"with its aliases it has more than {MAX_VALUES:,} values")

    def _scalar(self, event: Any) -> Any:
        tag = self._scalars.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == MERGE:
            return event.value
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self._scalars.construct_object(node, deep=True)
        except (ValueError, OverflowError, yaml.YAMLError):
            raise _bad(event, "a number or a date is none") from None

    def _list(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := self._take(), yaml.SequenceEndEvent):
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._take(), yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            merges = _merges(event)
            if isinstance(key, dict | list):
                raise _bad(event, "a key is a list or an object")
            key = key if isinstance(key, str) else str(key)
            if not merges and key in own:
                raise _bad(event, "a key is there twice")
            value = self._value(self._take(), depth + 1)
            if not merges:
                own[key] = value
                continue
            for one in value if isinstance(value, list) else [value]:
                if not isinstance(one, dict):
                    raise _bad(event, "`<<` stands before what is no object")
                self._counted(event, len(one))
                merged = {**one, **merged}
        return {**merged, **own}


def _merges(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]


def _bad(event: Any, why: str) -> BadYamlError:
    return BadYamlError(line=event.start_mark.line + 1, why=why)
