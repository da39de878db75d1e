"""The report of an import: what was made, and what became of each key of the file."""

from dataclasses import asdict, dataclass, field
from typing import Any

from volano.gateway.setup import Remark, Setup

Facts = dict[str, Any]


@dataclass
class Report:
    """What was made, and what becomes of each key of the file."""

    path: str
    dry_run: bool
    made: list[Facts] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    differs: list[Remark] = field(default_factory=list)
    left: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, setup: Setup, path: str, *, dry_run: bool) -> "Report":
        """Begin with what the reader says."""
        return cls(path, dry_run, [], list(setup.carried), list(setup.differs), list(setup.left))

    def row(self, what: str, name: str, says: str, *, new: bool) -> None:
        """Say what was made, or was there."""
        self.made.append({"what": what, "name": name, "new": new, "says": says})

    def has(self, what: str, name: str) -> bool:
        """Whether it was said of this before."""
        return any((row["what"], row["name"]) == (what, name) for row in self.made)

    def drop(self, key: str, why: str) -> None:
        """Leave out a key after all, with all that is below it."""
        below = (f"{key}.", f"{key}[")
        self.carried = [one for one in self.carried if one != key and not one.startswith(below)]
        self.differs = [one for one in self.differs if not one.key.startswith(below)]
        self.left = [one for one in self.left if one.key != key and not one.key.startswith(below)]
        self.left.append(Remark(key, why))

    def to_dict(self) -> Facts:
        """Return plain values, each list in the order of the file."""
        return {
            **asdict(self),
            "new": sum(row["new"] for row in self.made),
            "differs": [asdict(one) for one in self.differs],
            "left": [asdict(one) for one in self.left],
        }
