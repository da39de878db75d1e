"""Difference: what is not the same in two traces, in fields, words and steps."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Any, Literal

from volano.core.words import GONE, NEW, SAME, differing
from volano.traces.span import Span
from volano.traces.trace import Trace

Row = Trace | Span

_ONES_OWN = frozenset({"seq", "span_id", "parent_span_id", "began_us", "ended_us", "first_us",
                       "input_text", "output_text", "worker", "release_digest"})  # fmt: skip
_OF: dict[str, Literal["both", "a", "b"]] = {SAME: "both", GONE: "a", NEW: "b"}


@dataclass(frozen=True, slots=True)
class Changed:
    """A field whose values differ."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words that stands in both, only in a, or only in b."""

    of: Literal["both", "a", "b"]
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A call or span: how long it took in a and in b; None where it is missing there."""

    name: str
    a_us: int | None
    b_us: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How trace b differs from trace a."""

    a: str
    b: str
    fields: tuple[Changed, ...]
    input: tuple[Piece, ...]
    output: tuple[Piece, ...]
    steps: tuple[Step, ...]

    @property
    def same(self) -> bool:
        """Whether nothing but times differs."""
        alike = all(piece.of == "both" for piece in (*self.input, *self.output))
        timed = {"latency_us", "ttft_us", "id"}
        return alike and all(each.name in timed for each in self.fields)


def difference(a: Sequence[Row], b: Sequence[Row]) -> Difference:
    """Compare two traces; the row that stands for each is its root, else its newest call."""
    one, two = _head(a), _head(b)
    return Difference(
        a=one.id,
        b=two.id,
        fields=_fields(one, two),
        input=words(one.input_text or "", two.input_text or ""),
        output=words(one.output_text or "", two.output_text or ""),
        steps=_steps(a, b),
    )


def words(a: str, b: str) -> tuple[Piece, ...]:
    """Return what stands in both, and what only in one. Without spaces, a word is a character."""
    return tuple(Piece(_OF[mark], text) for mark, text in differing(a, b))


def name_of(row: Row) -> str:
    """Return a word for a step: a span's name, a call's channel or model."""
    return row.name if isinstance(row, Span) else row.channel or row.model or row.door


def _head(rows: Sequence[Row]) -> Row:
    roots = [row for row in rows if row.parent_span_id is None]
    return max(roots or rows, key=lambda row: (row.seq, row.began_us))


def _fields(a: Row, b: Row) -> tuple[Changed, ...]:
    names = dict.fromkeys(f.name for row in (a, b) for f in fields(row))
    found = []
    for name in names:
        one, two = getattr(a, name, None), getattr(b, name, None)
        if name == "tags":
            found += _tags(a.tags, b.tags)
        elif name not in _ONES_OWN and name != "id" and (one or None) != (two or None):
            found.append(Changed(name, one, two))
    return tuple(found)


def _tags(a: dict[str, str], b: dict[str, str]) -> list[Changed]:
    names = sorted({*a, *b})
    return [Changed(f"tag.{n}", a.get(n), b.get(n)) for n in names if a.get(n) != b.get(n)]


def _steps(a: Sequence[Row], b: Sequence[Row]) -> tuple[Step, ...]:
    """Pair the steps by their names, in the order of their beginning."""
    one, two = [name_of(row) for row in a], [name_of(row) for row in b]
    found: list[Step] = []
    for _, i, j, k, m in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        paired = one[i:j] == two[k:m]
        if paired:
            found += [Step(name, x.latency_us, y.latency_us)
                      for name, x, y in zip(one[i:j], a[i:j], b[k:m], strict=True)]  # fmt: skip
            continue
        found += [Step(name_of(row), row.latency_us, None) for row in a[i:j]]
        found += [Step(name_of(row), None, row.latency_us) for row in b[k:m]]
    return tuple(found)
