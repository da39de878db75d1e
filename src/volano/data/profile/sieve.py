"""A Sieve: which rows a search lets through.

A word is found wherever it stands in a row's texts, in any language: case,
width and the spelling of accents do not count. Conditions narrow further.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.core.errors import InvalidError
from volano.data.facts import said
from volano.data.fold import fold
from volano.data.pii import KINDS, Scan
from volano.data.profile.column import flattened
from volano.data.profile.texts import LOOKED_AT, Tell, texts_in
from volano.data.step import Record


class BadConditionError(InvalidError):
    """`{condition}` is no condition on a column."""

    hint = "Write COLUMN=VALUE, such as label=refund; COLUMN= finds rows that have nothing there."


class UnknownKindError(InvalidError):
    """Nothing finds `{kind}` in texts."""

    hint = "Kinds are: {known}."


@dataclass(slots=True)
class Sieve:
    """Conditions; those that are not given let everything through."""

    column: str
    words: str = ""
    where: Sequence[str] = ()
    least: int = 0
    most: int | None = None
    language: str = ""
    personal: str = ""
    tell: Tell = field(default=lambda _: "")
    _folded: str = field(init=False)
    _pairs: list[tuple[str, str]] = field(init=False)
    _scan: Scan | None = field(init=False)

    def __post_init__(self) -> None:
        self._folded = fold(self.words)
        self._pairs = [_pair(one) for one in self.where]
        if self.personal and self.personal not in KINDS:
            raise UnknownKindError(kind=self.personal[:60], known=", ".join(KINDS))
        self._scan = Scan((self.personal,)) if self.personal else None

    @property
    def narrows(self) -> bool:
        """Whether any row may be held back."""
        return bool(
            self._folded or self._pairs or self.least or self.most is not None
            or self.language or self.personal
        )  # fmt: skip

    def lets(self, row: Record) -> bool:
        """Whether a row goes through."""
        if self._pairs and not self._fits(flattened(row)):
            return False
        text = texts_in(row.get(self.column))
        if len(text) < self.least or (self.most is not None and len(text) > self.most):
            return False
        if self._folded and not self._says(row):
            return False
        if self._scan and not any(self._scan(each) for each in _texts(row)):
            return False
        return not self.language or (
            bool(text.strip()) and self.tell(text[:LOOKED_AT]) == self.language
        )

    def _fits(self, flat: dict[str, Any]) -> bool:
        return all(_said(flat.get(name)) == value for name, value in self._pairs)

    def _says(self, row: Record) -> bool:
        return any(self._folded in fold(_plain(value)) for value in _values(row))


def _pair(condition: str) -> tuple[str, str]:
    name, equals, value = condition.partition("=")
    if not equals or not name.strip():
        raise BadConditionError(condition=condition[:80])
    return name.strip(), value


def _values(row: Record) -> list[Any]:
    return [value for name, value in row.items() if name not in ("origin", "split")]


def _texts(row: Record) -> list[str]:
    return [
        texts_in(value)[:LOOKED_AT] for name, value in row.items()
        if name not in ("id", "origin", "split") and isinstance(value, str | list | dict)
    ]  # fmt: skip


def _plain(value: Any) -> str:
    return texts_in(value) if isinstance(value, str | list | dict) else said(value)


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else said(value)
