"""A Kind: a thing that files may say. Its room compares and saves it."""

from collections.abc import Sequence
from typing import Protocol

from volano.core.documents import Document
from volano.core.principal import Principal
from volano.declared.change import Change

MARK = "applied"
"""The label of the version that files said last."""


class Kind(Protocol):
    """How documents of one kind become versions."""

    def plan(
        self, document: Document, *, by: Principal, earlier: Sequence[Change] = ()
    ) -> Change:  # fmt: skip
        """Say what a document would change, when `earlier` changes of the files are made before it.

        Raises:
            VolanoError: it is wrong.
        """
        ...

    def apply(self, document: Document, change: Change, *, why: str, by: Principal) -> Change:
        """Save what is new or changed and move the labels; return what is there then."""
        ...

    def left(self, names: set[str]) -> list[Change]:
        """Return what bears the mark and is not among the names any more."""
        ...

    def let_go(self, change: Change, *, by: Principal) -> None:
        """Take the labels of what is left away. Its versions stay."""
        ...
