"""A Change: what one document, or its absence, means for the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NEW, CHANGED, SAME, LEFT = "new", "changed", "same", "left"
"""`left`: it was said by files before, and is no longer."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would be done, or was. `ref` is the version there is now; `labels` move to what is said.

    `drift` says in words what somebody changed in the registry since the files were applied;
    `parts` what differs, in words (`{"part", "pieces"}`).
    """

    kind: str
    name: str
    place: str
    action: str
    ref: str = ""
    labels: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    parts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def pending(self) -> bool:
        """Whether there is something to do."""
        return self.action in (NEW, CHANGED) or bool(self.labels)


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes. It is `ok` where nothing in the registry would be overwritten unasked."""

    changes: tuple[Change, ...]
    applied: bool = False
    overwrite: bool = False

    @property
    def ok(self) -> bool:
        """Whether it may be applied, or was."""
        return self.overwrite or not any(one.drift for one in self.changes)

    @property
    def pending(self) -> int:
        """How many changes there are to make."""
        return 0 if self.applied else sum(one.pending for one in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        told = [{name: getattr(one, name) for name in one.__slots__} for one in self.changes]
        return {"ok": self.ok, "applied": self.applied, "pending": self.pending, "changes": told}
