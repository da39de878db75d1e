"""A Case is one question of a suite: what is asked, what should come back, and whom it stands for."""

from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct, field
from msgspec.structs import replace

from volano.data import Label


class Case(Struct, frozen=True):
    """One row as a suite sees it.

    `context` holds the texts that an answer should rest on; `expected` what a
    scorer may want beside the label (calls of tools, units, a rubric), as the row says it.
    `cluster` names what rows share (a document, a user, a session, a template): rows of one
    cluster are not independent. Empty: the row stands for itself. No answer to a `critical` row
    may get worse.
    """

    id: str
    text: str
    label: Label
    messages: tuple[Mapping[str, Any], ...] = ()
    context: tuple[str, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)
    cluster: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    critical: bool = False

    def but(self, **facts: Any) -> Self:
        """Return this case with other facts."""
        return replace(self, **facts)
