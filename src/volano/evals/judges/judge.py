"""A Judge: which model is asked, what it is asked about an answer, and what its words are worth.

There are three kinds. A `rubric` says how good one answer is, a criterion at a time. A
`pairwise` says which of two answers is better, asked in both orders. A `panel` asks several
judges. A criterion has a scale of few named levels: models place answers on such a scale
far more steadily than on 1 to 10 (arXiv 2606.19544).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["rubric", "pairwise", "panel"]
Rule = Literal["majority", "mean"]
YES_NO: Mapping[str, float] = {"no": 0.0, "yes": 1.0}
WHICH: Mapping[str, float] = {"second": 0.0, "tie": 0.5, "first": 1.0}
"""The words of a comparison, and what they are worth for the first."""
TRUSTED = 0.6
"""Below this kappa a judge is not to be trusted alone, unless its own setting says else."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question about an answer; `scale` maps the words that may be said to [0, 1]."""

    name: str
    question: str
    scale: Mapping[str, float] = field(default_factory=lambda: dict(YES_NO))

    @property
    def binary(self) -> bool:
        """Whether its words are worth 0 and 1 only."""
        return set(self.scale.values()) == {0.0, 1.0} and len(self.scale) == 2

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"name": self.name, "question": self.question, "scale": dict(self.scale)}


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge as it is written. `name` and `version` are those of its artifact.

    `model` names what is asked (a model of ours by its version, a flow, TARGET:MODEL), `digest`
    pins it where its bytes are ours. `judges` are the members of a panel, by ref.
    """

    kind: Kind
    criteria: tuple[Criterion, ...] = ()
    model: str = ""
    digest: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    judges: tuple[str, ...] = ()
    rule: Rule = "majority"
    trusted: float = TRUSTED
    name: str = ""
    version: int = 0

    @property
    def ref(self) -> str:
        """How the artifact is named: `helpful@2`."""
        return f"{self.name}@{self.version}"

    @property
    def binary(self) -> bool:
        """Whether all it says of an answer is 0 or 1 (a comparison knows ties)."""
        return self.kind == "rubric" and len(self.criteria) == 1 and self.criteria[0].binary

    def scores(self) -> tuple[str, ...]:
        """Return the names of its scores, the whole first: `helpful`, `helpful/tone`."""
        if self.kind == "panel":
            return (self.name, *(f"{self.name}/{ref}" for ref in self.judges))
        if len(self.criteria) == 1:
            return (self.name,)
        return (self.name, *(f"{self.name}/{one.name}" for one in self.criteria))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what the artifact's file says."""
        return {
            "kind": self.kind,
            "criteria": [one.to_dict() for one in self.criteria],
            "model": self.model,
            "digest": self.digest,
            "settings": dict(self.settings),
            "language": self.language,
            "judges": list(self.judges),
            "rule": self.rule,
            "trusted": self.trusted,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], name: str = "", version: int = 0) -> "Judge":
        """Read one back from its artifact.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        criteria = (
            Criterion(one["name"], one["question"], {k: float(v) for k, v in one["scale"].items()})
            for one in raw["criteria"]
        )
        return cls(
            raw["kind"], tuple(criteria), raw["model"], raw["digest"], dict(raw["settings"]),
            raw["language"], tuple(raw["judges"]), raw["rule"], float(raw["trusted"]), name, version,
        )  # fmt: skip
