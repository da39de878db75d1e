"""The plan of a rollout: its steps, its margins, and what it takes to be taken back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from volano.releases.errors import InvalidPlanError
from volano.releases.experiment.measure import Measure
from volano.releases.gate import ERRORS, QUALITY, Gate, gate, meanings, said_of
from volano.releases.guard import Guard
from volano.releases.scope import EVERYONE, Scope
from volano.releases.stage import WHOLE, Stage, percent, whole
from volano.releases.stages import stages

METRICS = (ERRORS, QUALITY)

_GATE = ("margin", "tolerance", "require", "window")
TOLERANCE = 1.0
"""How many times as often as the baseline a candidate may fail before it is harm."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout does step by step. Shares are millionths of the traffic.

    - `stages`: the steps (`Stage`); `steps` are their shares of the users.
    - `scope`: which calls it is about; all, when it says nothing.
    - `margins`: absolute for rates and scores; the candidate's error rate may be at
      most this much above the baseline's, its mean score at most this much below it. Of
      `p95`, `cost` a ratio: 0.1 is 10 % more. Shown to lie inside the margin before each
      next step. Its keys are the metrics watched (`releases.gate`).
    - `tolerances`: harm is proven when the candidate fails (errors and the like), or scores
      below `bad_below` (quality), more than this many times as often as the baseline; of
      other measures, when it is worse by more than this, the margin when not said. Then the
      rollout goes back.
    - `meanings`: what the names of feedback among them measure.
    - `required`: metrics without which no step is left. A metric that is not
      required is demanded as soon as it has data.
    - `alpha_harm`: the chance that a harmless candidate is ever taken back by
      the statistics, over the whole rollout and all metrics together. Copies in the shadow
      use up half of it, where there are any.
    - `alpha_promote`: for each gate, the chance that it ever opens to a
      candidate outside the margin.
    - `min_units`: units the candidate must have served at a step.
    - `down_s`: how long what the candidate needs may be down before it goes back.
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
    guard: Guard = field(default_factory=Guard)
    scope: Scope = EVERYONE
    meanings: Mapping[str, Measure] = field(default_factory=dict)
    down_s: float = 60.0

    def __post_init__(self) -> None:
        _check_stages(self.stages)
        _check_metrics(self)
        _check_gates(self)
        for name in ("alpha_harm", "alpha_promote"):
            _need(_inside(getattr(self, name), 0, 0.5), f"{name} must lie between 0 and 0.5")
        for name in ("max_wait_s", "down_s"):
            _need(_inside(getattr(self, name), 0, math.inf), f"{name} must be a positive number")
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

    @property
    def gates(self) -> tuple[Gate, ...]:
        """What is watched, measure by measure."""
        return tuple(
            gate(name, margin=margin, tolerance=self.tolerances.get(name),
                 meaning=self.meanings.get(name))
            for name, margin in self.margins.items()
        )  # fmt: skip

    def longest_s(self, stage: Stage) -> float:
        """Return how long a step may take before it is overdue."""
        return stage.at_most_s or self.max_wait_s

    @classmethod
    def parse(cls, said: str | Sequence[Any], **overrides: Any) -> "Plan":
        """Return the plan of steps like `5%,25%,100%` (`releases.stages`); other fields by name.

        `margins` names all metrics to watch; `tolerances` may name some, the
        others keep their default. `gates` says the same in one: a margin for each measure, or
        {margin, tolerance, require, window}. Where a measure compares with a baseline cohort,
        the steps get one.

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
            "meanings": {name: one.to_dict() for name, one in self.meanings.items()},
        }

    def __str__(self) -> str:
        return " → ".join(map(str, self.stages))

    @classmethod
    def _of(cls, steps: tuple[Stage, ...], given: Mapping[str, Any]) -> "Plan":
        known = {f.name for f in fields(cls)} - {"stages"}
        values = dict(given)
        if "gates" in values:
            values |= _of_gates(values.pop("gates"), values)
        strange = sorted(set(values) - known)
        _need(not strange, f"there is no setting {', '.join(strange)}")
        for name in ("margins", "tolerances"):
            if name in values:
                _need(isinstance(values[name], Mapping), f"{name} must name a number for a metric")
                values[name] = dict(values[name])
        values["meanings"] = meanings(values.get("meanings") or {})
        usual = _tolerances(values)
        if "tolerances" in values or set(usual) != set(METRICS):
            values["tolerances"] = usual | values.get("tolerances", {})
        steps = _with_cohorts(steps, values)
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
    _need(sum(shadows) <= 1, "one shadow is enough: its pairs and its budget count once")
    late = any(one.verify for one in given[1:])
    _need(not late, "`verify` belongs to the first step: it is done before anybody sees it")
    led = [one for one in given if one.kind != "shadow"]
    _need(bool(led), "it ends with a shadow, not at 100 %")
    for before, after in pairwise(one.share for one in led):
        _need(before < after, f"{percent(after)} after {percent(before)} does not rise")
    _need(led[-1].share == WHOLE, f"it ends at {percent(led[-1].share)}, not at 100 %")


def _check_metrics(plan: Plan) -> None:
    _need(bool(plan.margins), "it watches no metric")
    for metric in {**plan.margins, **plan.tolerances}:
        _need(isinstance(metric, str), f"there is no metric {metric}")
    lacking = set(plan.margins) - set(plan.tolerances)
    _need(not lacking, f"tolerances lack {', '.join(sorted(lacking))}")
    for metric, margin in plan.margins.items():
        _need(_inside(margin, 0, 10), f"margins of {metric} may not be {margin}")
    told = [said_of(one.name).partition(":")[0] for one in plan.gates if one.of == "feedback"]
    twice = {name for name in told if told.count(name) > 1}
    _need(not twice, f"{', '.join(sorted(twice))} can be watched in one way only")
    for one in plan.gates:
        most = 1.7 if one.is_relative else 1
        _need(one.margin < most, f"margins of {one.name} may not be {one.margin}")
        often = one.kind == "event" or one.name == QUALITY
        low, high = (1 - 1e-12, math.inf) if often else (-1e-12, most)
        good = _inside(one.tolerance, low, high)
        _need(good, f"tolerances of {one.name} may not be {one.tolerance}")
    for metric in set(plan.tolerances) - set(plan.margins):
        value = plan.tolerances[metric]
        known = metric in METRICS and _inside(value, 1 - 1e-12, math.inf)
        _need(known, f"tolerances of {metric} may not be {value}: it has no margin")
    strange = [str(metric) for metric in plan.required if metric not in plan.margins]
    _need(not strange, f"it requires {', '.join(strange)}, which has no margin")


def _check_gates(plan: Plan) -> None:
    """Make sure that each step can show what is asked: a cohort where one is compared, time enough."""
    for one in plan.gates:
        for stage in plan.stages:
            if stage.share == WHOLE or stage.kind == "shadow":
                continue
            even = stage.cohort or 2 * stage.share == WHOLE
            way = f"{stage} cohort" if 2 * stage.share < WHOLE else "50%"
            _need(even or not one.is_relative,
                  f"{one.name} compares the candidate with a baseline cohort of its size, and {stage} has "
                  f"none: say `{way}`")  # fmt: skip
            enough = one.window_us / 1e6 < plan.longest_s(stage)
            _need(enough, f"{one.name} is known after its window, and {stage} is overdue before it: "
                  f"say `{stage} ..3d` for how long it may take")  # fmt: skip


def _tolerances(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the tolerances that are usual for these margins."""
    margins = values.get("margins", METRICS)
    found = dict.fromkeys(METRICS, TOLERANCE)
    for name in margins:
        if isinstance(name, str) and name not in METRICS and _inside(margins[name], 0, 10):
            meaning = values["meanings"].get(name)
            found[name] = gate(name, margin=margins[name], meaning=meaning).tolerance
    return found


def _with_cohorts(steps: tuple[Stage, ...], values: Mapping[str, Any]) -> tuple[Stage, ...]:
    """Return the steps with a baseline cohort where a measure compares with one."""
    margins = values.get("margins", ())
    known = [name for name in margins if name not in METRICS and isinstance(name, str)]
    wanted = any(
        gate(name, margin=1, meaning=values["meanings"].get(name)).is_relative for name in known
    )
    if not wanted:
        return steps
    return tuple(
        replace(one, cohort=True) if one.kind == "canary" and 2 * one.share < WHOLE else one
        for one in steps
    )


def _of_gates(said: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read `{errors: 0.02, thumbs: {margin: 0.05, require: true, window: 24h}}`."""
    _need(isinstance(said, Mapping), "margins must name a number for a metric")
    _need(
        not {"margins", "tolerances"} & set(values), "gates say margins and tolerances themselves"
    )
    usual = (ERRORS,) if ERRORS in said else ()
    margins, tolerances, required = {}, {}, list(values.get("required", usual))
    for name, one in said.items():
        given = dict(one) if isinstance(one, Mapping) else {"margin": one}
        strange = sorted(str(key) for key in set(given) - set(_GATE))
        _need(not strange, f"a gate has no {', '.join(strange)} (known: {', '.join(_GATE)})")
        _need("margin" in given, f"the gate {name} says no margin")
        whole = f"{name} {given['window']}" if given.get("window") else str(name)
        margins[whole] = given["margin"]
        if given.get("tolerance") is not None:
            tolerances[whole] = given["tolerance"]
        if given.get("require"):
            required.append(whole)
    return {
        "margins": margins,
        "required": tuple(dict.fromkeys(required)),
        **({"tolerances": tolerances} if tolerances else {}),
    }


def _inside(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low < value < high


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
