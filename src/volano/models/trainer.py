"""Training and tuning as durable Runs: the rows in, a checked model out.

The steps of such a Run: `rows` writes what is learned into the Run's folder,
`train` is a child process that checkpoints and resumes, `parity` asks the
engine and the trained weights the same 100 things, `record` makes the artifact, and the
rows go again.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from volano.core.errors import ForbiddenError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.keeper import Datasets
from volano.data.recipe.executor import Elsewhere
from volano.jobs.keeper import Runs
from volano.jobs.progress import Progress
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.models import builtin, findings
from volano.models.builtin import recipe as router
from volano.models.doubt import warnings
from volano.models.errors import PreflightFailedError
from volano.models.gather import Gather
from volano.models.keeper import Models
from volano.models.known import facts
from volano.models.training import CHILD, PACKAGES, require
from volano.models.training.guards import errors as gates
from volano.models.training.incompatible import Finding, check
from volano.models.training.plan import HERE, Plan
from volano.models.training.recipe import BadRecipeError
from volano.store.artifact import Artifact
from volano.store.errors import CorruptBlobError, DroppedError, MissingBlobError

KIND = "model.train"
BUILTIN = "builtin"
"""The name by which the ticket router that comes with volano is made again."""
AWAY = "volano.models.away"
"""The child that has it done elsewhere."""
BY_RECIPE = ("accelerate", "datasets", "trl")
PREFLIGHT_S = 900
AGAIN = "Look at it again with `volano model preflight --recipe FILE`, which trains nothing."
ROWS = (
    *("train.jsonl", "test.jsonl", "rows.jsonl", "dev.jsonl", "check.jsonl"),
    *("unlabelled.jsonl", "reference.jsonl", "learned.jsonl", "train/pairs.json"),
    *("train/federated/dev.jsonl", "train/federated/sites/*/rows.jsonl"),
)
"""What a Run has written of its datasets: a retry needs it, nobody else."""
LOST = (DroppedError, ForbiddenError, MissingBlobError, CorruptBlobError)
"""Why rows that a base learned cannot be read: labels are then compared without them."""
GATES = (gates.LeakedError, gates.SwappedError, gates.CollapsedError)
"""What a child's guards refuse: known here, so that `core.errors.is_gate` knows its code."""


class Trainer:
    """Starts training Runs, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        models: Models,
        datasets: Datasets,
        tools: Path | None = None,
        *,
        executors: Mapping[str, Elsewhere] | None = None,
    ):
        """Take other keepers.

        `tools` is the folder of environments that are made on demand (`models.tools`);
        `executors` are where else a recipe may say that it is trained (`on: ray`).
        """
        self._tools = tools
        self._executors = dict(executors or {})
        self._runs = runs
        self._models = models
        self._datasets = datasets
        runs.register(KIND, self._work, needs=("name", "data"))

    def train(
        self,
        name: str,
        *,
        data: Ref | str | None = None,
        recipe: Path | str | None = None,
        plan: Mapping[str, Any] | None = None,
        steps: int | None = None,
        seed: int | None = None,
        by: Principal,
    ) -> Run:
        """Train a model: a small one from scratch, or whatever a recipe says.

        `recipe` is the path of its YAML, `plan` the same as plain values; data, steps
        and seed that are given here come before the recipe's. The name `builtin` without
        data makes the ticket router again that comes with volano.

        Raises:
            UnknownArtifactError: there is no such dataset, or no such base.
            BadRefError, BadRecipeError: a name, or a recipe, that no model can have.
            ModelNotUsableError: the base's trained weights are not here.
            NotInstalledError: the `[train]` extra is not installed.
            The errors of an executor's `check`, where the recipe says `on`: nobody answers there.
        """
        if recipe is not None or plan is not None:
            asked = _plan(recipe, plan, data=data, steps=steps, seed=seed)
            return self._by_recipe(check_name(name), asked, by=by)
        if data is None and name == BUILTIN:
            require()
            inputs = {"mode": BUILTIN, "name": builtin.NAME}
            return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)
        if data is None:
            raise BadRecipeError(
                reason="nothing is said of what to learn",
                hint="Say --data DATASET or --recipe FILE.",
            )
        return self._start(
            "scratch", name, data=data, base=None, steps=steps, seed=seed or 0, by=by
        )

    def tune(
        self,
        name: str,
        *,
        base: Ref | str,
        data: Ref | str,
        steps: int | None = None,
        seed: int = 0,
        adapter: bool = False,
        by: Principal,
    ) -> Run:
        """Tune a model with LoRA; what it knew is replayed beside the dataset's new rows.

        As an `adapter` what was learned stays apart from the base, some percent of
        its size: one loaded base serves many of them.

        Raises:
            ModelNotUsableError: the base's trained weights are not here.
            UnknownArtifactError, BadRefError, BadRecipeError, NotInstalledError: as in `train`.
        """
        return self._start(
            "tune", name, data=data, base=base, steps=steps, seed=seed, adapter=adapter, by=by
        )

    def preflight(
        self,
        *,
        recipe: Path | str | None = None,
        plan: Mapping[str, Any] | None = None,
        data: Ref | str | None = None,
        measure: int = 0,
        by: Principal,
    ) -> dict[str, Any]:
        """Look at a recipe, its rows and this machine, and train nothing.

        `measure` takes so many steps to tell how long the run will be.

        Raises:
            UnknownArtifactError, BadRecipeError, NotInstalledError: as in `train`.
            PreflightFailedError: the look itself broke off.
        """
        require()
        asked = _plan(recipe, plan, data=data, steps=None, seed=None)
        base = self._base(asked)
        found = check(asked, facts(asked, base, self._models, self._datasets))
        report: dict[str, Any] = {}
        if not any(one.level == "error" for one in found):
            report = self._look(asked, base, measure, by)
            found += findings.of(report)
        said = [asdict(one) for one in found]
        return {"ok": not any(one.level == "error" for one in found), "findings": said, **report}

    def curve(self, run: str) -> list[dict[str, Any]]:
        """Return what a training Run measured at each step, also while it runs.

        `run` is its id, or the ref of the model that it made. A step that was taken twice,
        because the first process was killed after it, is there once.

        Raises:
            UnknownRunError: there is no such Run.
            UnknownArtifactError: there is no such model.
        """
        run_id = run
        if "@" in run:
            run_id = self._models.get(run).manifest.made_by or run
        told: dict[int, Progress] = {}
        for one in self._runs.progress(run_id):
            if one.stage == "train":
                told = {step: old for step, old in told.items() if step < one.step}
                told[one.step] = one
        return [{"step": p.step, "of": p.of, "at_us": p.at_us, **p.metrics} for p in told.values()]

    def _start(
        self, mode: str, name: str, *, data: Ref | str, base: Ref | str | None,
        steps: int | None, seed: int, adapter: bool = False, by: Principal,
    ) -> Run:  # fmt: skip
        require()
        name = check_name(name)
        if steps is not None and steps < 1:
            raise BadRecipeError(reason="counts must be positive")
        inputs: dict[str, Any] = {"mode": mode, "name": name, "data": self._datasets.get(data).ref}
        if base is not None:
            inputs["base"] = self._models.tunable(self._models.get(base)).ref
        inputs |= {"steps": steps, "seed": seed, **({"adapter": True} if adapter else {})}
        return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)

    def _by_recipe(self, name: str, plan: Plan, *, by: Principal) -> Run:
        require((*PACKAGES, *BY_RECIPE))
        base = self._base(plan)
        found = check(plan, facts(plan, base, self._models, self._datasets))
        if wrong := [one for one in found if one.level == "error"]:
            raise _refused(wrong)
        if (place := self._executors.get(plan.on)) is not None:
            place.kind.check(plan.ray_address or place.address)
        inputs: dict[str, Any] = {"mode": "recipe", "name": name}
        inputs["data"] = self._datasets.get(str(plan.data)).ref
        if base is not None:
            inputs["base"] = self._models.tunable(base).ref
        if plan.distill.teacher and plan.method == "distill":
            inputs["teacher"] = self._models.get(plan.distill.teacher).ref
        inputs["plan"] = plan.to_dict()
        inputs["warnings"] = [one.sentence for one in found]
        return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)

    def _base(self, plan: Plan) -> Artifact | None:
        return None if plan.base is None else self._models.get(plan.base)

    def _look(
        self, plan: Plan, base: Artifact | None, measure: int, by: Principal
    ) -> dict[str, Any]:
        """Have a child look at the rows as they would be trained."""
        with tempfile.TemporaryDirectory(prefix="volano-") as name:
            folder = Path(name)
            gathered = self._gather(plan, base, by=by).spec(folder)
            spec = {"mode": "recipe", "plan": plan.to_dict(), "measure": measure, **gathered}
            if base is not None:
                spec["base"] = str(self._models.folder(base.ref))
            if measure and plan.method == "distill" and plan.distill.teacher:
                spec["teacher"] = str(self._models.folder(plan.distill.teacher))
            (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
            command = [sys.executable, "-m", "volano.models.preflighting", name]
            try:
                done = subprocess.run(
                    command, check=False, capture_output=True, text=True, timeout=PREFLIGHT_S
                )
                report: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
            except subprocess.TimeoutExpired as error:
                raise PreflightFailedError(reason=f"{PREFLIGHT_S} s were not enough") from error
            except OSError as error:
                last = done.stderr.strip().rpartition("\n")[2]
                raise PreflightFailedError(reason=last or str(error)) from error
        return report

    def _gather(
        self, plan: Plan, base: Artifact | None, *, by: Principal, run: str | None = None
    ) -> Gather:
        seen = () if base is None else self._models.data_of(base)
        data = self._datasets.get(str(plan.data)).ref
        return Gather(self._datasets, data, plan, seen=seen, by=by, run=run)

    def _work(self, work: Work) -> dict[str, Any]:
        """What the Run does. Each step's result is durable; the child resumes by itself."""
        spec = work.step("rows", self._prepare, work)
        made = work.child(AWAY if "executor" in spec else CHILD, spec, step="train")
        told = work.step("record", self._record, work, made["folder"])
        work.tidy(*ROWS)
        return cast(dict[str, Any], told)

    def _prepare(self, work: Work) -> dict[str, Any]:
        """Write what is learned and what is checked into the Run's folder."""
        inputs = work.inputs
        if _mode(inputs) == BUILTIN:
            return router.spec(Path(work.folder), inputs["name"])
        if _mode(inputs) == "recipe":
            return self._prepare_recipe(work)
        spec = {
            "mode": _mode(inputs),
            "name": inputs["name"],
            "rows": str(self._write(work, "train")),
            "check": str(self._write(work, "test")),
            "recipe": _recipe(inputs),
            "precision": "F32",
        }
        if inputs.get("adapter"):
            spec["adapter"] = True
        if "base" in inputs:
            spec["base"] = str(self._models.folder(inputs["base"]))
        return spec

    def _prepare_recipe(self, work: Work) -> dict[str, Any]:
        inputs = work.inputs
        for warning in inputs.get("warnings", ()):
            work.log(f"warning: {warning}")
        plan = replace(Plan.from_dict(inputs["plan"]), data=inputs["data"])
        base = self._models.get(inputs["base"]) if "base" in inputs else None
        spec = self._gather(plan, base, by=work.by, run=work.run_id).spec(Path(work.folder))
        spec |= {"mode": "recipe", "name": inputs["name"], "plan": plan.to_dict()}
        spec["precision"] = plan.export or "F32"
        spec |= self._beside(work, plan, base)
        if plan.on != HERE:
            spec["executor"] = self._executors[plan.on].told(plan.ray_address)
        for role in ("base", "teacher"):
            if role in inputs:
                spec[role] = str(self._models.folder(inputs[role]))
                spec[f"{role}_ref"] = inputs[role]
        return spec

    def _beside(self, work: Work, plan: Plan, base: Artifact | None) -> dict[str, str]:
        """Write what only some runs read: texts for a teacher, and rows whose labels are known."""
        found = {"tools": str(self._tools)} if self._tools else {}
        if plan.method == "distill" and (unlabelled := plan.distill.unlabelled):
            found["unlabelled"] = self._copy(work, "unlabelled", unlabelled)
        return found | (self._reference(work, plan, base) if plan.guards.swaps != "off" else {})

    def _reference(self, work: Work, plan: Plan, base: Artifact | None) -> dict[str, str]:
        """Write what the rows' labels are compared with: the version before, else what the base learned."""
        now = self._datasets.get(str(plan.data))
        before = f"{now.name}@{now.number - 1}"
        if now.number > 1 and "train" in self._datasets.version(before).splits:
            return {"reference": self._copy(work, "reference", before)}
        taught = () if base is None else self._models.data_of(base)
        for one in (one for one in taught if one.digest != now.digest):
            try:
                if "train" in self._datasets.version(one.ref).splits:
                    return {"learned": self._copy(work, "learned", one.ref)}
            except LOST as error:
                work.log(f"labels are not compared with {one.ref}, which the base learned: {error}")
        return {}

    def _copy(self, work: Work, name: str, data: str) -> str:
        """Write a dataset's training rows as they are; return the file."""
        rows = self._datasets.stream(data, "train", by=work.by, run=work.run_id)
        path = Path(work.folder) / f"{name}.jsonl"
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return str(path)

    def _write(self, work: Work, split: str) -> Path:
        rows = self._datasets.rows(work.inputs["data"], split, by=work.by, run=work.run_id)
        path = Path(work.folder) / f"{split}.jsonl"
        lines = (json.dumps(row.to_dict(), ensure_ascii=False) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def _record(self, work: Work, folder: str) -> dict[str, Any]:
        inputs = work.inputs
        if _mode(inputs) == BUILTIN:
            card = json.loads((Path(folder) / "card.json").read_text(encoding="utf-8"))
            router.settle(Path(folder), card)
            made = self._models.builtin(by=work.by, folder=Path(folder))
            packaged = self._models.builtin(by=work.by).digest == made.digest
            return {"ref": made.ref, "digest": str(made.digest), "as_packaged": packaged}
        parents = [Parent("data", self._datasets.get(inputs["data"]).digest)]
        made_of = [role for role in ("base", "teacher") if role in inputs]
        parents += [Parent(role, self._models.get(inputs[role]).digest) for role in made_of]
        model = self._models.import_trained(
            inputs["name"], Path(folder), parents=parents, made_by=work.run_id, by=work.by
        )
        told = {"ref": model.ref, "digest": str(model.digest)}
        return {**told, "warnings": said} if (said := warnings(model)) else told


def _plan(
    recipe: Path | str | None,
    plan: Mapping[str, Any] | None,
    *,
    data: Ref | str | None,
    steps: int | None,
    seed: int | None,
) -> Plan:
    if (recipe is None) == (plan is None):
        raise BadRecipeError(reason="say a recipe", hint="Name its file with --recipe FILE.")
    found = Plan.from_dict(plan) if plan is not None else Plan.from_yaml(Path(str(recipe)))
    given: dict[str, Any] = {
        "data": None if data is None else str(data),
        "steps": steps,
        "seed": seed,
    }
    return replace(found, **{name: value for name, value in given.items() if value is not None})


def _refused(wrong: list[Finding]) -> BadRecipeError:
    """Return what says all that is wrong; of several, each is followed by what to do about it."""
    if len(wrong) == 1:
        return BadRecipeError(reason=wrong[0].sentence.removesuffix("."), hint=wrong[0].remedy)
    reasons = " ".join(f"{one.sentence} {one.remedy}" for one in wrong)
    return BadRecipeError(reason=reasons.removesuffix("."), hint=AGAIN)


def _mode(inputs: Mapping[str, Any]) -> str:
    """Return how it is trained; a schedule says only what it is of."""
    return str(inputs.get("mode") or ("tune" if "base" in inputs else "scratch"))


def _recipe(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the person asked for; the recipe chooses the others."""
    steps = inputs.get("steps")
    if steps is None:
        return {"seed": inputs.get("seed", 0)}
    if _mode(inputs) == "tune":
        return {"seed": inputs.get("seed", 0), "tuning": {"steps": steps}}
    return {"seed": inputs.get("seed", 0), "steps": steps}
