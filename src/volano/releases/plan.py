"""The plan of a rollout: its steps, its margins, and what it takes to be taken back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any

from volano.releases.errors import InvalidPlanError
from volano.releases.scope import EVERYONE, Scope
from volano.releases.stage import WHOLE, Stage, percent, whole
from volano.releases.stages import stages

ERRORS, QUALITY = "errors", "quality"
METRICS = (ERRORS, QUALITY)

TOLERANCE = 1.0
"""How many times as often as the baseline a candidate may fail before it is harm."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A count rule without statistics: `failed` of the candidate's last `of` calls failed."""

    failed: int = 20
    of: int = 25

    def __str__(self) -> str:
        return f"{self.failed} of the last {self.of} calls failed"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout does step by step. Shares are millionths of the traffic.

    - `stages`: the steps (`Stage`); `steps` are their shares of the users.
    - `scope`: which calls it is about; all, when it says nothing.
    - `margins`: absolute; the candidate's error rate may be at most this much
      above the baseline's, its mean score at most this much below it. Shown
      to lie inside the margin before each next step. Its keys are the metrics
      watched.
    - `tolerances`: harm is proven when the candidate fails (errors), or scores
      below `bad_below` (quality), more than this many times as often as the
      baseline. Then the rollout goes back.
    - `required`: metrics without which no step is left. A metric that is not
      required is demanded as soon as it has data.
    - `alpha_harm`: the chance that a harmless candidate is ever taken back by
      the statistics, over the whole rollout and all metrics together. Copies in the shadow
      use up half of it, where there are any.
    - `alpha_promote`: for each gate, the chance that it ever opens to a
      candidate outside the margin.
    - `min_units`: units the candidate must have served at a step.
    - `max_wait_s`: how long a step may take before the rollout says that it is
      overdue. It still holds: a person decides, time does not.
    - `guard`: acts at once, without statistics.
    """

    stages: tuple[Stage, ...]
    margins: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(METRICS, 0.05))
    tolerances: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(METRICS, TOLERANCE)
    )
    required: tuple[str, ...] = (ERRORS,)
    alpha_harm: float = 0.05
    alpha_promote: float = 0.05
    min_units: int = 50
    max_wait_s: float = 3600.0
    bad_below: float = 0.5
    guard: Guard = Guard()
    scope: Scope = EVERYONE

    def __post_init__(self) -> None:
        _check_stages(self.stages)
        _check_metrics(self)
        for name in ("alpha_harm", "alpha_promote"):
            _need(_inside(getattr(self, name), 0, 0.5), f"{name} must lie between 0 and 0.5")
        _need(_inside(self.max_wait_s, 0, math.inf), "max_wait_s must be a positive number")
        _need(_inside(self.bad_below, 0, 1), "bad_below must lie between 0 and 1")
        _need(whole(self.min_units) and self.min_units > 0, "min_units must be 1 or more")
        g = self.guard
        _need(whole(g.failed) and whole(g.of) and 0 < g.failed <= g.of <= 10_000,
              "the guard needs 1 <= failed <= of <= 10000")  # fmt: skip

    @property
    def steps(self) -> tuple[int, ...]:
        """The candidate's share of the users at each step, in millionths."""
        return tuple(one.share for one in self.stages)

    @property
    def alpha_shadow(self) -> float:
        """The part of `alpha_harm` that copies may use up: half, in a plan with a shadow."""
        return self.alpha_harm / 2 if any(one.kind == "shadow" for one in self.stages) else 0.0

    @property
    def alpha_users(self) -> float:
        """The part of `alpha_harm` that is left for what users get."""
        return self.alpha_harm - self.alpha_shadow

    @classmethod
    def parse(cls, said: str | Sequence[Any], **overrides: Any) -> "Plan":
        """Return the plan of steps like `5%,25%,100%` (`releases.stages`); other fields by name.

        `margins` names all metrics to watch; `tolerances` may name some, the
        others keep their default.

        Raises:
            InvalidPlanError: garbage, not rising, not ending at 100 %, or a field
                that is unknown or out of range.
        """
        return cls._of(stages(said), overrides)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_dict` gave, also before steps were more than shares.

        Raises:
            InvalidPlanError: it is not such a plan.
        """
        rest = {key: value for key, value in content.items() if key not in ("steps", "stages")}
        said = content.get("stages", content.get("steps"))
        _need(isinstance(said, list | tuple), "it has no steps")
        return cls._of(stages(said or ()), rest)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            **plain,
            "stages": [one.to_dict() for one in self.stages],
            "steps": list(self.steps),
            "margins": dict(self.margins),
            "tolerances": dict(self.tolerances),
            "required": list(self.required),
            "guard": asdict(self.guard),
            "scope": self.scope.to_dict(),
        }

    def __str__(self) -> str:
        return " → ".join(map(str, self.stages))

    @classmethod
    def _of(cls, steps: tuple[Stage, ...], given: Mapping[str, Any]) -> "Plan":
        known = {f.name for f in fields(cls)} - {"stages"}
        strange = sorted(set(given) - known)
        _need(not strange, f"there is no setting {', '.join(strange)}")
        values = dict(given)
        for name in ("margins", "tolerances"):
            if name in values:
                _need(isinstance(values[name], Mapping), f"{name} must name a number for a metric")
                values[name] = dict(values[name])
        if "tolerances" in values:
            values["tolerances"] = dict.fromkeys(METRICS, TOLERANCE) | values["tolerances"]
        if isinstance(values.get("guard"), Mapping):
            _need(set(values["guard"]) <= {"failed", "of"}, "the guard has `failed` and `of`")
            values["guard"] = Guard(**values["guard"])
        _need(isinstance(values.get("guard", Guard()), Guard), "the guard has `failed` and `of`")
        if isinstance(values.get("scope"), Mapping):
            values["scope"] = Scope.of(values["scope"])
        _need(isinstance(values.get("scope", EVERYONE), Scope), "the scope is an object")
        if "required" in values:
            _need(isinstance(values["required"], list | tuple), "required must be a list")
            values["required"] = tuple(values["required"])
        return cls(stages=steps, **values)


def _check_stages(given: tuple[Stage, ...]) -> None:
    _need(bool(given), "it has no steps")
    _need(all(isinstance(one, Stage) for one in given), "its steps are stages")
    shadows = [one.kind == "shadow" for one in given]
    _need(shadows == sorted(shadows, reverse=True), "a shadow comes before the users do")
    late = any(one.verify for one in given[1:])
    _need(not late, "`verify` belongs to the first step: it is done before anybody sees it")
    led = [one for one in given if one.kind != "shadow"]
    _need(bool(led), "it ends with a shadow, not at 100 %")
    for before, after in pairwise(one.share for one in led):
        _need(before < after, f"{percent(after)} after {percent(before)} does not rise")
    _need(led[-1].share == WHOLE, f"it ends at {percent(led[-1].share)}, not at 100 %")


def _check_metrics(plan: Plan) -> None:
    for name, content, low, high in (
        ("margins", plan.margins, 0, 1),
        ("tolerances", plan.tolerances, 1 - 1e-12, math.inf),
    ):
        for metric, value in content.items():
            known = isinstance(metric, str) and metric in METRICS
            _need(known, f"there is no metric {metric} (known: {', '.join(METRICS)})")
            _need(_inside(value, low, high), f"{name} of {metric} may not be {value}")
    _need(bool(plan.margins), "it watches no metric")
    lacking = set(plan.margins) - set(plan.tolerances)
    _need(not lacking, f"tolerances lack {', '.join(sorted(lacking))}")
    strange = [str(metric) for metric in plan.required if metric not in plan.margins]
    _need(not strange, f"it requires {', '.join(strange)}, which has no margin")


def _inside(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low < value < high


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
