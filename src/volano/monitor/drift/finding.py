"""A Finding: what one signal of one slice says. A Look: all of them at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["drift", "none", "insufficient evidence"]
WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Finding:
    """`before` and `after` are counts of calls and units; `p` is corrected for all questions.

    `effect` is the share of the window that would have to be exchanged to explain the difference.
    `needed` is how many units the window must have to tell a shift as large as was asked for, None
    where no window could (the reference is too small). `picture` has shares before and after.
    """

    signal: str
    slice: str
    state: State
    before: tuple[int, int]
    after: tuple[int, int]
    p: float | None = None
    effect: float | None = None
    needed: int | None = None
    middle: tuple[float, float] | None = None
    picture: Sequence[tuple[str, float, float]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "signal": self.signal, "slice": self.slice, "state": self.state, "p": self.p,
            "effect": self.effect, "before": list(self.before), "after": list(self.after),
            "needed": self.needed, "middle": list(self.middle) if self.middle else None,
            "picture": [list(bar) for bar in self.picture],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Finding":
        """Read a finding back."""
        return cls(
            raw["signal"], raw["slice"], raw["state"], tuple(raw["before"]), tuple(raw["after"]),
            raw["p"], raw["effect"], raw["needed"],
            tuple(raw["middle"]) if raw["middle"] else None,
            [(name, a, b) for name, a, b in raw["picture"]],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """A group of texts: its shares before and after with 95 % intervals, its words, its calls.

    `ids` are the window's calls in it, the most typical first. `words` tell it from the others.
    """

    signal: str
    number: int
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    words: Sequence[str]
    ids: Sequence[str]

    @property
    def moved(self) -> bool:
        """Whether the intervals are apart."""
        return self.after[1] > self.before[2] or self.after[2] < self.before[1]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Topic":
        """Read a topic back."""
        return cls(
            raw["signal"], raw["number"], tuple(raw["before"]), tuple(raw["after"]), raw["words"],
            raw["ids"],
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "before": list(self.before), "after": list(self.after)}


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison of a window with its reference, at this `level`."""

    id: str
    reference: str
    at_us: int
    since_us: int
    until_us: int
    n: int
    units: int
    level: float
    findings: Sequence[Finding] = ()
    topics: Sequence[Topic] = field(default=())

    @property
    def state(self) -> State:
        """Drift where any finding is; else none where all that was seen as a whole says so."""
        if any(f.state == "drift" for f in self.findings):
            return "drift"
        whole = [f for f in self.findings if f.slice == WHOLE]
        enough = bool(whole) and all(f.state == "none" for f in whole)
        return "none" if enough else "insufficient evidence"

    @property
    def moved(self) -> str:
        """What moved, in a few words."""
        found = [f for f in self.findings if f.state == "drift"]
        whole = [f.signal for f in found if f.slice == WHOLE]
        return ", ".join(whole or sorted({f"{f.signal} of {f.slice}" for f in found}))

    @property
    def needed(self) -> int | None:
        """How many units the window must have to answer for all signals of the whole."""
        return max(
            (f.needed for f in self.findings if f.slice == WHOLE and f.needed is not None),
            default=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "id": self.id, "reference": self.reference, "state": self.state, "moved": self.moved,
            "at_us": self.at_us, "since_us": self.since_us, "until_us": self.until_us,
            "n": self.n, "units": self.units, "needed": self.needed, "level": self.level,
            "findings": [f.to_dict() for f in self.findings],
            "topics": [t.to_dict() for t in self.topics],
        }  # fmt: skip
