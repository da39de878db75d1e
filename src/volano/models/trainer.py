"""Training and tuning as durable Runs: the rows in, a checked model out.

The steps of such a Run: `rows` writes what is learned into the Run's folder,
`train` is a child process that checkpoints and resumes, `parity` asks the
engine and the trained weights the same 100 things, `record` makes the artifact.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.keeper import Datasets
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.models.keeper import Models
from volano.models.training import CHILD, require
from volano.models.training.recipe import BadRecipeError

KIND = "model.train"


class Trainer:
    """Starts training Runs, and is what such a Run does."""

    def __init__(self, runs: Runs, models: Models, datasets: Datasets):
        self._runs = runs
        self._models = models
        self._datasets = datasets
        runs.register(KIND, self._work)

    def train(
        self, name: str, *, data: Ref | str, steps: int | None = None, seed: int = 0, by: Principal
    ) -> Run:
        """Train a small model from scratch.

        Raises:
            UnknownArtifactError: there is no such dataset.
            BadRefError, BadRecipeError: a name, or a number of steps, that no model can have.
            NotInstalledError: the `[train]` extra is not installed.
        """
        return self._start("scratch", name, data=data, base=None, steps=steps, seed=seed, by=by)

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

    def _work(self, work: Work) -> dict[str, Any]:
        """What the Run does. Each step's result is durable; the child resumes by itself."""
        spec = work.step("rows", self._prepare, work)
        made = work.child(CHILD, spec, step="train")
        return work.step("record", self._record, work, made["folder"])

    def _prepare(self, work: Work) -> dict[str, Any]:
        """Write what is learned and what is checked into the Run's folder."""
        inputs = work.inputs
        spec = {
            "mode": inputs["mode"],
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

    def _write(self, work: Work, split: str) -> Path:
        rows = self._datasets.rows(work.inputs["data"], split, by=work.by, run=work.run_id)
        path = Path(work.folder) / f"{split}.jsonl"
        lines = (json.dumps(row.to_dict(), ensure_ascii=False) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def _record(self, work: Work, folder: str) -> dict[str, Any]:
        inputs = work.inputs
        parents = [Parent("data", self._datasets.get(inputs["data"]).digest)]
        if "base" in inputs:
            parents.append(Parent("base", self._models.get(inputs["base"]).digest))
        model = self._models.import_trained(
            inputs["name"], Path(folder), parents=parents, made_by=work.run_id, by=work.by
        )
        return {"ref": model.ref, "digest": str(model.digest)}


def _recipe(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the person asked for; the recipe chooses the others."""
    steps = inputs.get("steps")
    if steps is None:
        return {"seed": inputs["seed"]}
    if inputs["mode"] == "tune":
        return {"seed": inputs["seed"], "tuning": {"steps": steps}}
    return {"seed": inputs["seed"], "steps": steps}
