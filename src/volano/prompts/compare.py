"""What differs between two prompts: as they are written, and as they are rendered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.documents import written
from volano.core.errors import InvalidError
from volano.core.template.wording import INPUT, Messages
from volano.core.words import Pieces, differing
from volano.prompts.beside import beside
from volano.prompts.draft import said_of
from volano.prompts.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a prompt that differs, in words."""

    part: str
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Rendering:
    """What differs in what is sent for one set of values; `of` says which."""

    of: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two prompts. Nothing in both: they say the same."""

    a: str
    b: str
    written: list[Part]
    rendered: list[Rendering]


def as_written(a: Prompt | None, b: Prompt) -> list[Part]:
    """Return the parts that differ as they are written; without `a` all are new."""
    old, new = {} if a is None else said_of(a), said_of(b)
    parts = _messages([] if a is None else _plainly(a), _plainly(b))
    for name in ("variables", "examples", "settings", "schema"):
        before, after = (written([{name: one[name]}]) if name in one else "" for one in (old, new))
        if before != after:
            parts.append(Part(name, differing(before, after)))
    if a is not None and a.examples != b.examples and old.get("examples") == new.get("examples"):
        parts.append(Part("examples", differing(_rows(a), _rows(b))))
    return parts


def as_rendered(a: Prompt, b: Prompt, values: Mapping[str, Any], of: str = "") -> Rendering:
    """Return what differs in the messages for these values; each takes those it knows."""
    return Rendering(of, _messages(_sent(a, values), _sent(b, values)))


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a dataset as values: its columns, and its text as `input`."""
    return {**row, INPUT: row.get(INPUT, row.get("text"))}


def _plainly(prompt: Prompt) -> Messages:
    if not prompt.plain:
        return list(prompt.messages)
    return [*prompt.before, {"role": "user", "content": prompt.template}]


def _sent(prompt: Prompt, values: Mapping[str, Any]) -> Messages:
    known = {name: values[name] for name in prompt.variables if values.get(name) is not None}
    try:
        return prompt.render(known)
    except InvalidError as error:
        return [{"role": "error", "content": error.message}]


def _messages(old: Messages, new: Messages) -> list[Part]:
    parts, counts = [], [0, 0]
    for a, b in beside(old, new):
        counts = [counts[0] + (a is not None), counts[1] + (b is not None)]
        if a == b:
            continue
        at, role = counts[b is not None], (b or a or {})["role"]
        was = f", was {a['role']}" if a and b and a["role"] != b["role"] else ""
        pieces = differing(a["content"] if a else "", b["content"] if b else "")
        parts.append(Part(f"message {at} ({role}{was})", pieces))
    return parts


def _rows(prompt: Prompt) -> str:
    rows: Iterable[Any] = prompt.examples.rows if prompt.examples else ()
    return "".join(f"{row.input} → {row.output}\n" for row in rows)
