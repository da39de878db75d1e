"""Training recipes of a change: read, and looked at by the table of what does not go together.

Nothing is trained, and no rows are rendered: what a new recipe is worth, only a Run of training
says. So the verdict tells which version of the model was asked, and whether it is of this recipe.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from volano.ci.judged import PASSED, STOPPED
from volano.ci.rules import Check
from volano.ci.side import Side
from volano.core.errors import NotFoundError, VolanoError
from volano.core.ref import BadRefError, Ref
from volano.data.keeper import Datasets
from volano.jobs.keeper import Runs
from volano.models.keeper import Models
from volano.models.known import facts
from volano.models.training.incompatible import Facts, check
from volano.models.training.plan import Plan
from volano.store import Artifact

HOLDS = "its fields go together as far as it can be told here; nothing was trained"


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found of the recipe by which a model is trained; `state` is as that of a check."""

    model: str
    path: str
    state: str
    why: str
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "model": self.model, "path": self.path, "outcome": self.state,
            "why": self.why, "notes": [*self.notes],
        }  # fmt: skip


def other_training(check: Check, now: Side, old: Side) -> Ref | None:
    """Return the model that a check asks, where its training recipe says another thing than at the base.

    It has the label by which the check asks it. None where the check asks one version, whatever is trained.
    """
    asked = _model(check, now)
    if asked is None or asked.number is not None or asked.digest is not None:
        return None
    return asked if asked.name in changed_recipes(now, old) else None


def changed_recipes(now: Side, old: Side) -> dict[str, str]:
    """Return model -> path of each training recipe that says another thing than at the base."""
    assert now.rules is not None
    before = (old.rules or now.rules).training
    return {
        name: path
        for name, path in now.rules.training.items()
        if name not in before or now.content(path) != old.content(before[name])
    }


class TrainingRecipes:
    """Looks at training recipes beside what a workspace has."""

    def __init__(self, models: Models, datasets: Datasets, runs: Runs):
        self._models = models
        self._datasets = datasets
        self._runs = runs

    def look(self, now: Side, old: Side, *, everything: bool) -> list[Looked]:
        """Return what is found of each recipe that changed, or of all."""
        assert now.rules is not None
        asked = now.rules.training if everything else changed_recipes(now, old)
        return [self._one(name, path, now) for name, path in asked.items()]

    def told(self, model: Ref, now: Side) -> str:
        """Say which version answers in place of the one that the recipe would make."""
        assert now.rules is not None
        path = now.rules.training[model.name]
        try:
            found = self._models.get(model)
        except NotFoundError:
            return f"The recipe {path} is not trained here."
        if self._is_of(found, path, now):
            return f"{found.ref} was trained by the recipe {path} as it is now."
        which = str(model) if model.label else "the newest version"
        return f"The recipe {path} is not trained here: {which} is {found.ref}."

    def _is_of(self, model: Artifact, path: str, now: Side) -> bool:
        try:
            plan, _ = self._known(_plan(now, path))
            asked = self._runs.get(model.manifest.made_by or "").inputs
        except VolanoError:
            return False
        made = {**asked.get("plan", {}), "data": asked.get("data")}
        return plan.to_dict() == made

    def _one(self, model: str, path: str, now: Side) -> Looked:
        try:
            plan, left = self._known(_plan(now, path))
            found = check(plan, self._facts(plan))
        except VolanoError as error:
            return Looked(
                model, path, STOPPED, " ".join(filter(None, (error.message, error.advice)))
            )
        said = [f"{one.sentence} {one.remedy}" for one in found]
        wrong = sum(one.level == "error" for one in found)
        if wrong:
            return Looked(model, path, STOPPED, said[0], [*said[1:], *left])
        return Looked(model, path, PASSED, HOLDS, [*said, *left])

    def _known(self, plan: Plan) -> tuple[Plan, list[str]]:
        """Return the plan with its dataset's version, and what it names that is not in the workspace."""
        left = []
        if plan.base is not None and self._base(plan) is None:
            left.append(
                f"Its base {plan.base} is not in this workspace: what depends on it was not looked at."
            )
        if plan.data is None:
            return plan, left
        try:
            return replace(plan, data=self._datasets.get(plan.data).ref), left
        except NotFoundError:
            note = f"Its dataset {plan.data} is not in this workspace: its rows were not looked at."
            return plan, [*left, note]

    def _facts(self, plan: Plan) -> Facts:
        """Return what is known here; the machine that trains is another one."""
        base = self._base(plan)
        try:
            found = facts(plan, base, self._models, self._datasets)
        except NotFoundError:
            found = facts(replace(plan, data=None), base, self._models, self._datasets)
        return replace(found, gpus=None)

    def _base(self, plan: Plan) -> Artifact | None:
        try:
            return None if plan.base is None else self._models.get(plan.base)
        except NotFoundError:
            return None


def _plan(side: Side, path: str) -> Plan:
    """Return what a recipe says.

    Raises:
        BadRecipeError, RecipeTooLargeError, UnreadableRecipeError, NotFoundError: why not.
    """
    data = side.read(path)
    if data is None:
        raise NotFoundError(f"There is no file `{path}`.")
    return Plan.from_yaml(data.decode("utf-8-sig", errors="replace"))


def _model(check: Check, side: Side) -> Ref | None:
    """Return the model of the workspace that a check asks; None where it asks another."""
    flow = side.flow(check.flow) if check.flow else None
    if flow is not None:
        return flow.model
    try:
        return Ref.parse(check.model.removeprefix("model/")) if check.model else None
    except BadRefError:
        return None
