"""Searching for the smallest that does the job, as a durable Run.

Its steps: `rows` writes what chooses, what recovery learns and what judges;
`search` is a child that tries forms and goes on where it was killed; `make` is
the child that compresses the winner as `model compress` does; `record` keeps it
as a model with its parent, and `report` all that was measured. Then the rows go again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.keeper import Datasets
from volano.data.row import Row
from volano.evals import target as targets
from volano.evals.choice import Choice
from volano.evals.errors import BadTrialsError, NoTestRowsError, NothingToSearchError
from volano.evals.keeping import keep
from volano.evals.search import LEAST
from volano.evals.space import USUAL_CUTS, USUAL_FORMS, USUAL_STEPS, cuts
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.models.compression.forms import form_of
from volano.models.compressor import CHILD as MAKE
from volano.models.doubt import warnings
from volano.models.keeper import KIND as MODEL
from volano.models.keeper import Models
from volano.models.training import require
from volano.store.catalog import Catalog

KIND = "eval.search"
CHILD = "volano.evals.searching"
PACKAGES = ("torch", "transformers", "safetensors", "tokenizers", "gguf", "xllamacpp")
DEV = "dev"
MEASURED = ("score", "size", "speed", "memory", "agreement", "flips", "slices")
SET_ASIDE = 400
"""At most so many train rows are set aside to choose on, where there is no split `dev`."""


NO_DEV = (
    "The dataset has no split `dev`: it was chosen on train rows, which the parent may have "
    "learned. Recovery did not see them."
)


UNFIT = "Nothing is recommended:"


class Searcher:
    """Starts searches, and is what such a Run does. `tools` is a folder for converters."""

    def __init__(
        self, runs: Runs, models: Models, datasets: Datasets, catalog: Catalog, tools: Path
    ):
        self._runs = runs
        self._models = models
        self._datasets = datasets
        self._catalog = catalog
        self._tools = tools
        runs.register(KIND, self._work)

    def search(
        self,
        ref: Ref | str,
        *,
        data: Ref | str,
        target: str,
        name: str,
        trials: int | None = None,
        forms: Sequence[str] = USUAL_FORMS,
        prune: Sequence[str] = USUAL_CUTS,
        recovery: Sequence[str | int] = (USUAL_STEPS,),
        slices: str | None = None,
        seed: int = 0,
        by: Principal,
    ) -> Run:
        """Try forms of a model and make the one that keeps the target best, as `name`.

        `trials` is a third of all configurations unless said. `slices` is the
        field of labels whose values are looked at one by one.

        Raises:
            BadTargetError, UnknownFormError, NothingToSearchError, BadTrialsError: what is asked.
            UnknownArtifactError: there is no such model or dataset.
            ModelNotUsableError: the model's trained weights are not here.
            NotInstalledError: a package that a form needs is not installed.
        """
        chosen = [form_of(form) for form in forms]
        require(tuple(dict.fromkeys([*PACKAGES, *(p for form in chosen for p in form.needs)])))
        if trials is not None and trials < LEAST:
            raise BadTrialsError(least=LEAST, given=trials)
        steps = _steps(recovery)
        cuts(prune, steps)
        wanted = targets.within(targets.parse(target), MEASURED)
        inputs = {
            "model": self._models.tunable(self._models.get(ref)).ref,
            "data": self._datasets.get(data).ref,
            "target": wanted.to_dict(),
            "name": check_name(name),
            "trials": trials,
            "forms": [form.name for form in chosen],
            "cuts": list(prune),
            "steps": steps,
            "by": slices,
            "seed": seed,
        }
        return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        """What the Run does. Each step's result is durable; the search resumes by itself."""
        spec = work.step("rows", self._prepare, work)
        found = work.child(CHILD, spec, step="search")
        model: dict[str, Any] = {}
        if found["winner"] is not None:
            made = work.child(MAKE, self._making(work, spec, found["winner"]), step="make")
            model = work.step("record", self._record, work, made)
        told = work.step("report", self._report, work, found["choice"], model)
        work.tidy("train.jsonl", "dev.jsonl", "test.jsonl")
        return cast(dict[str, Any], told)

    def _prepare(self, work: Work) -> dict[str, Any]:
        inputs = work.inputs
        notes = warnings(self._models.get(inputs["model"]))
        for note in notes:
            work.log(f"warning: {note}")
        splits = self._datasets.version(inputs["data"]).splits
        train = self._rows(work, "train")
        if DEV in splits:
            dev, dev_split = self._rows(work, DEV), DEV
        else:
            train, dev = _aside(train)
            dev_split = "train, set aside"
            notes.append(NO_DEV)
        if not dev:
            raise NoTestRowsError(ref=inputs["data"], split=DEV)
        test = self._rows(work, "test") if "test" in splits else []
        return {
            **{key: value for key, value in inputs.items() if key != "name"},
            "folder": str(self._models.folder(inputs["model"])),
            "train": _write(work, "train", train),
            "dev": _write(work, DEV, dev),
            "dev_split": dev_split,
            "test": _write(work, "test", test),
            "notes": notes,
        }

    def _rows(self, work: Work, split: str) -> list[Row]:
        return self._datasets.rows(work.inputs["data"], split, by=work.by, run=work.run_id)

    def _making(self, work: Work, spec: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        return {
            **settings, "folder": spec["folder"], "name": work.inputs["name"],
            "seed": spec["seed"], "rows": spec["train"], "check": spec["test"] or spec["dev"],
            "tools": str(self._tools),
        }  # fmt: skip

    def _record(self, work: Work, made: dict[str, Any]) -> dict[str, Any]:
        """Keep the winner as a model whose parent is the one that was searched."""
        inputs, folder, meta = work.inputs, Path(made["folder"]), dict(made["meta"])
        recipe = folder / "recipe.json"
        if recipe.is_file():
            meta["recipe"] = json.loads(recipe.read_text(encoding="utf-8"))
        model = self._catalog.record(
            MODEL, inputs["name"],
            files={name: folder / name for name in made["files"]},
            meta=meta,
            parents=[
                Parent("parent", self._models.get(inputs["model"]).digest),
                Parent("data", self._datasets.get(inputs["data"]).digest),
            ],
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        told = {"ref": model.ref, "digest": str(model.digest)}
        return {**told, "warnings": said} if (said := warnings(model)) else told

    def _report(self, work: Work, path: str, model: dict[str, Any]) -> dict[str, Any]:
        inputs = work.inputs
        choice = Choice.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        parent = self._models.get(inputs["model"])
        if model.get("warnings"):
            verdict = f"{UNFIT} {model['warnings'][0]}"
            choice = replace(choice, winner="", verdict=verdict, proof={})
        subjects = [Parent("subject", parent.digest)]
        if model and choice.winner:
            subjects.append(Parent("winner", self._models.get(model["ref"]).digest))
        report = keep(
            self._catalog, f"{inputs['name']}-search", choice,
            dataset=self._datasets.get(inputs["data"]), subjects=subjects,
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        told = {"report": report.ref, "verdict": choice.verdict, "outcome": choice.outcome}
        said = [*model.get("warnings", ()), *warnings(parent)]
        return {**model, **told, **({"warnings": said} if said else {})}


def _steps(given: Sequence[str | int]) -> list[int]:
    try:
        return [int(number) for number in given]
    except ValueError as error:
        raise NothingToSearchError(reason="steps of recovery are whole numbers") from error


def _aside(train: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Set a fifth of the rows aside, at most `SET_ASIDE`: the same ones whatever their order."""
    ranked = sorted(train, key=lambda row: hashlib.sha256(f"dev:{row.id}".encode()).digest())
    count = min(SET_ASIDE, len(ranked) // 5)
    aside = {row.id for row in ranked[:count]}
    return [row for row in train if row.id not in aside], ranked[:count]


def _write(work: Work, name: str, rows: Sequence[Row]) -> str | None:
    """Write rows into the Run's folder; None where there are none."""
    if not rows:
        return None
    path = Path(work.folder) / f"{name}.jsonl"
    lines = (json.dumps(row.to_dict(), ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)
