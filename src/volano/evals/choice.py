"""Choice: candidates measured on the same rows, the front among them, and which one to take.

One document for two questions: which compressed form (`about` "search") and
which model or flow (`about` "advice"). It stands in a Report's `choice.json`;
the console, the command line and Markdown show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from volano.evals.front import Point, front
from volano.evals.measures import MEASURES, objectives, spelt
from volano.evals.target import Target

FORMAT = 1
FILE, TABLE = "choice.json", "choice.md"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that was measured. `reach` holds 95 % intervals of values that are estimates.

    `paired` compares its score with the choice's `beside` on the same rows:
    `difference`, `low`, `high`, `better` and `worse` rows. `slices` holds for
    each slice the `score`, the other's (`beside`) and the number of rows.
    `full` is False where only a part of the rows was asked. `error` says why
    nothing was measured; `report` is the ref of its own report, where it has one.
    """

    name: str
    values: Mapping[str, float] = field(default_factory=dict)
    reach: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    n: int = 0
    full: bool = True
    paired: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    currency: str = ""
    report: str = ""
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether it was measured on all rows."""
        return self.full and not self.error

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Candidate":
        """Read `dataclasses.asdict` back."""
        reach = {name: (low, high) for name, (low, high) in raw["reach"].items()}
        return cls(**{**raw, "reach": reach})


@dataclass(frozen=True, slots=True)
class Choice:
    """Candidates, target, and what follows.

    `beside` is the candidate that all are compared with: the parent in a
    search, the best score in advice. `parent` holds the values that limits in
    percent are shares of. `winner` is empty when none keeps
    the target. `proof` holds the winner's scores on
    rows that no choice was made on, where there are some.
    """

    about: str
    dataset: str
    split: str
    n: int
    target: Target
    axes: Sequence[str]
    beside: str
    parent: Mapping[str, float]
    candidates: Sequence[Candidate]
    winner: str = ""
    verdict: str = ""
    proof: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def candidate(self, name: str) -> Candidate | None:
        """Return the candidate of this name."""
        return next((one for one in self.candidates if one.name == name), None)

    @property
    def front(self) -> list[str]:
        """The names of those that no other beats; one that lacks a value of an axis is not among them."""
        axes = objectives(self.axes)
        points = [
            Point(one.name, one.values, one.reach)
            for one in self.candidates
            if one.whole and all(name in one.values for name in self.axes)
        ]
        return [point.name for point in front(points, axes)]

    @property
    def outcome(self) -> str:
        """What it comes to, as of a suite: passed, stopped (all break the target), unmeasured."""
        if self.winner:
            return "passed"
        whole = [one for one in self.candidates if one.whole]
        broken = [bool(self.target.broken(one.values, self.parent)) for one in whole]
        return "stopped" if broken and all(broken) else "unmeasured"

    def kept(self, one: Candidate) -> bool:
        """Whether a candidate keeps all limits."""
        return one.whole and self.target.kept(one.values, self.parent)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "format": FORMAT,
            **{name: getattr(self, name) for name in _PLAIN},
            "axes": list(self.axes),
            "notes": list(self.notes),
            "parent": dict(self.parent),
            "target": self.target.to_dict(),
            "candidates": [asdict(one) for one in self.candidates],
            "front": self.front,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Choice":
        """Read a choice back.

        Raises:
            KeyError, TypeError, ValueError: it is none of this format.
        """
        if raw["format"] != FORMAT:
            raise ValueError(raw["format"])
        return cls(
            **{name: raw[name] for name in (*_PLAIN, "axes", "notes", "parent")},
            target=Target.from_dict(raw["target"]),
            candidates=[Candidate.from_dict(one) for one in raw["candidates"]],
        )


_PLAIN = ("about", "dataset", "split", "n", "beside", "winner", "verdict", "proof")


def best(
    candidates: Sequence[Candidate], target: Target, parent: Mapping[str, float]
) -> Candidate | None:
    """Return the candidate that keeps the target and fulfils the wish most; None: none keeps it.

    Among equals the higher score, then the smaller size decides.
    """
    wish = target.wished
    kept = [
        one
        for one in candidates
        if one.whole and wish.name in one.values and target.kept(one.values, parent)
    ]

    def rank(one: Candidate) -> tuple[float, float, float]:
        value = one.values[wish.name]
        size = one.values.get("size", 0.0)
        return (value if wish.bigger else -value, one.values.get("score", 0.0), -size)

    return max(kept, key=rank, default=None)


def columns(choice: Choice) -> list[str]:
    """Return the measures that some candidate has, in the usual order."""
    return [name for name in MEASURES if any(name in one.values for one in choice.candidates)]


def cell(one: Candidate, name: str) -> str:
    """Return a value of a candidate as text, an estimated share with its interval."""
    if name not in one.values:
        return "–"
    text = spelt(name, one.values[name])
    if name == "cost" and one.currency:
        text += f" {one.currency}"
    if name in one.reach:
        low, high = (f"{end * 100:.1f}" for end in one.reach[name])
        text += f" [{low}, {high}]"
    return text


def difference(one: Candidate) -> str:
    """Return the paired difference of the score in points: `-0.7 [-2.1, +0.6]`."""
    if not one.paired:
        return "–"
    value, low, high = (one.paired[key] * 100 for key in ("difference", "low", "high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def standing(choice: Choice, one: Candidate, on_front: Sequence[str]) -> str:
    """Say in a word or two how a candidate did."""
    if one.error:
        return f"not measured: {one.error}"
    if not one.full:
        return f"left after {one.n} rows"
    if one.name == choice.winner:
        return "chosen"
    broken = choice.target.broken(one.values, choice.parent)
    if broken:
        return "breaks " + ", ".join(limit.measure for limit in broken)
    if not choice.kept(one):
        return "a limit was not measured"
    return "on the front" if one.name in on_front else "beaten by another"


def markdown(choice: Choice) -> str:
    """Return the choice as Markdown: the verdict, the table, the notes."""
    names, on_front = columns(choice), choice.front
    heads = ["Candidate", *(MEASURES[name].title for name in names), "Points to " + choice.beside,
             "Rows", "Standing"]  # fmt: skip
    lines = [f"**{_plain(choice.verdict)}**", "", f"Target: {choice.target}", "", _line(heads)]
    lines.append("|" + "---|" * len(heads))
    for one in choice.candidates:
        cells = [cell(one, name) for name in names]
        lines.append(
            _line([one.name, *cells, difference(one), str(one.n), standing(choice, one, on_front)])
        )
    rows = f"{choice.n} rows of {choice.dataset} ({choice.split})"
    lines += ["", f"Measured on {rows}. Intervals are 95 %."]
    lines += [f"- {_plain(note)}" for note in choice.notes]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(one) for one in cells) + " |"


def _plain(text: str) -> str:
    """Keep a name or a message from drawing the table's lines itself."""
    return " ".join(text.replace("|", "\\|").split())
