"""Compression and conversion as durable Runs: a model in, a form of it out, with its proof.

The steps of such a Run: `rows` writes what is asked (and learned, when
pruned), `compress` is a child process that makes the form and measures it,
`record` makes the artifact, whose parent is the model it came from, and the rows go again.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from volano.core.errors import InvalidError, code_of
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.keeper import Datasets
from volano.jobs.errors import StepFailedError
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.models import adapter
from volano.models.checks.safetensors import check_safetensors
from volano.models.compression.forms import CONVERSIONS, form_of
from volano.models.compression.parts import NEURONS, PARTS, WEIGHTS, NotPrunableError, why_not
from volano.models.doubt import warnings
from volano.models.errors import ModelNotUsableError
from volano.models.export import NotExportableError
from volano.models.keeper import KIND as MODEL
from volano.models.keeper import Models
from volano.models.training import require
from volano.models.wording import META
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND = "model.compress"
CHILD = "volano.models.compression.making"
PACKAGES = ("torch", "transformers", "safetensors", "tokenizers")
WHOLE = ("f32", "onnx")
"""Forms without loss that engines of ours serve, those first that most of them take."""
SHAPE = ("architecture", "parameters", "context_length", "chat_template")
"""What a form has of its parent, where its own card says nothing: models from outside have none."""


class NothingToAskError(InvalidError):
    """{model} cannot be pruned: no rows to recover with and to compare on."""

    hint = "Name a dataset with --data; a model that was made from one is asked that."


class BadCompressionError(InvalidError):
    """This compression cannot be done: {reason}."""

    hint = "See `volano model compress --help`."


class Compressor:
    """Starts such Runs, and is what such a Run does. `tools` is a folder for converters."""

    def __init__(
        self, runs: Runs, models: Models, datasets: Datasets, catalog: Catalog, tools: Path
    ):
        self._runs = runs
        self._models = models
        self._datasets = datasets
        self._catalog = catalog
        self._tools = tools
        runs.register(KIND, self._work)

    def compress(
        self,
        ref: Ref | str,
        *,
        to: str,
        name: str,
        prune: float = 0.0,
        parts: str = "",
        structured: bool = False,
        data: Ref | str | None = None,
        recovery_steps: int = 300,
        seed: int = 0,
        by: Principal,
    ) -> Run:
        """Make a smaller or faster form of a model; pruned first, when asked.

        `parts` is what pruning takes away: weights, neurons, heads or layers. `structured` says
        neurons.

        An adapter is merged into its base first. Without a dataset texts of our own are asked.

        Raises:
            UnknownArtifactError: there is no such model or dataset.
            UnknownFormError, BadShareError, BadCompressionError: a form or share that cannot be.
            ModelNotUsableError: the model's weights are not here.
            NotPrunableError: the network is of a kind whose parts cannot go.
            NothingToAskError: pruning, and no dataset to recover and compare on.
            NotInstalledError: a package that the form needs is not installed.
        """
        form = form_of(to)
        require((*PACKAGES, *form.needs))
        if not 0 <= prune < 1:
            raise BadCompressionError(reason="the share to prune lies from 0 to below 1")
        if recovery_steps < 0:
            raise BadCompressionError(reason="steps are not below 0")
        if (parts or structured) and not prune:
            raise BadCompressionError(reason="what is pruned goes with a share: --prune 0.5")
        if parts not in ("", *PARTS):
            raise BadCompressionError(reason=f"parts are {', '.join(PARTS)}, not `{parts}`")
        if structured and parts not in ("", NEURONS):
            raise BadCompressionError(reason=f"--structured takes neurons away, not {parts}")
        model = self._models.get(ref)
        weights = self._weights(model)
        taken = parts or (NEURONS if structured else WEIGHTS)
        if taken != WEIGHTS:
            self._check_parts(weights, taken)
        asked = self._data(model, data, needed=bool(prune))
        inputs = {
            "model": model.ref, "form": form.name, "name": check_name(name), "data": asked,
            "prune": prune, "parts": taken,
            "recovery_steps": recovery_steps, "seed": seed,
        }  # fmt: skip
        return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)

    def convert(
        self, ref: Ref | str, *, to: str, name: str, data: Ref | str | None = None, by: Principal
    ) -> Run:
        """Write a model in another engine's format, in floats, and prove that it answers the same.

        Raises:
            BadCompressionError: there is no such format.
            UnknownArtifactError, ModelNotUsableError, NothingToAskError, NotInstalledError: as in
                `compress`.
        """
        if to not in CONVERSIONS:
            raise BadCompressionError(reason=f"formats are {', '.join(CONVERSIONS)}, not `{to}`")
        return self.compress(ref, to=CONVERSIONS[to], name=name, data=data, by=by)

    def _weights(self, model: Artifact) -> Artifact:
        """Return the model whose weights are read: the base's, for an adapter.

        Raises:
            ModelNotUsableError: they are not here.
        """
        digest = adapter.base_of(model)
        return self._models.tunable(model if digest is None else self._catalog.by_digest(digest))

    def _check_parts(self, weights: Artifact, parts: str) -> None:
        """Refuse parts that a network of this kind cannot lose.

        Raises:
            NotPrunableError: says why.
        """
        folder = self._models.folder(weights.ref)
        said = folder / "config.json"
        config = json.loads(said.read_text(encoding="utf-8")) if said.is_file() else {}
        names = {
            name
            for path in folder.glob("*.safetensors")
            for name in check_safetensors(path, numbers=False).shapes
        }
        if reason := why_not(config, names, parts):
            raise NotPrunableError(parts=parts, reason=reason)

    def _data(self, model: Artifact, data: Ref | str | None, *, needed: bool) -> str | None:
        """Return the dataset's ref: the one said, else the one the model was made from."""
        if data is not None:
            return self._datasets.get(data).ref
        made_from = [p.digest for p in model.manifest.parents if p.role == "data"]
        for found in self._catalog.by_digests(made_from[:1]):
            return found.ref
        if needed:
            raise NothingToAskError(model=model.ref)
        return None

    def made_within(self, work: Work, ref: Ref | str, *, name: str, step: str) -> str:
        """Return the ref of a form of a model that an engine here takes: one that is there, else made now.

        For Runs of others that want to ask a model which no engine takes as it is. It is in
        floats: GGUF, or ONNX where GGUF has no words for the network. The steps' names begin with `step`.

        Raises:
            StepFailedError, ChildFailedError: it cannot be made; says why.
        """
        failed: StepFailedError | None = None
        for form in WHOLE:
            inputs = {"model": str(ref), "form": form, "name": f"{name}-{form}", "data": None}
            try:
                found = work.step(f"{step}-{form}-find", self._find, work, inputs)
                if "ref" in found:
                    return str(found["ref"])
                made = work.child(CHILD, found["spec"], step=f"{step}-{form}-make")
            except StepFailedError as error:
                failed = failed or error
                if failed.code != code_of(NotExportableError):
                    break
                continue
            told = work.step(f"{step}-{form}-record", self._record, work, made, inputs)
            return str(told["ref"])
        raise failed or StepFailedError

    def _find(self, work: Work, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ref of a form that is there and proven, else what the child is told to make it."""
        model = self._models.get(inputs["model"])
        for one in reversed(self._catalog.children(str(model.digest))):
            if one.kind != MODEL or one.manifest.meta.get("form") != inputs["form"]:
                continue
            if "pruned" not in one.manifest.meta and Parent("parent", model.digest) in (
                one.manifest.parents
            ):
                with suppress(ModelNotUsableError):
                    return {"ref": self._models.usable(one).ref}
        form = form_of(inputs["form"])
        require(tuple(dict.fromkeys((*PACKAGES, *form.needs))))
        return {"spec": self._prepare(work, {"recovery_steps": 0, "seed": 0, **inputs})}

    def _work(self, work: Work) -> dict[str, Any]:
        """What the Run does. Each step's result is durable."""
        spec = work.step("rows", self._prepare, work, work.inputs)
        made = work.child(CHILD, spec, step="compress")
        told = work.step("record", self._record, work, made, work.inputs)
        work.tidy("train.jsonl", "test.jsonl")
        return cast(dict[str, Any], told)

    def _prepare(self, work: Work, inputs: Mapping[str, Any]) -> dict[str, Any]:
        asked = ("model", "form", "name", "prune", "parts", "recovery_steps", "seed")
        spec = {name: inputs[name] for name in asked if name in inputs}
        if inputs.get("structured"):  # a Run from before there were other parts, tried again
            spec["parts"] = NEURONS
        model = self._models.get(inputs["model"])
        weights = self._weights(model)
        spec |= {"folder": str(self._models.folder(weights.ref)), "tools": str(self._tools)}
        if weights is not model:
            spec["adapter"] = str(self._models.served(model.ref, folder=True))
        if inputs["data"] is None:
            return spec
        return {**spec, "rows": self._write(work, "train"), "check": self._write(work, "test")}

    def _write(self, work: Work, split: str) -> str | None:
        rows = self._datasets.rows(work.inputs["data"], split, by=work.by, run=work.run_id)
        path = Path(work.folder) / f"{split}.jsonl"
        with path.open("w", encoding="utf-8") as out:
            count = sum(
                out.write(json.dumps(row.to_dict(), ensure_ascii=False) + "\n") > 0 for row in rows
            )
        return str(path) if count else None

    def _record(
        self, work: Work, made: dict[str, Any], inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        folder, parent = Path(made["folder"]), self._models.get(inputs["model"])
        known = self._weights(parent).manifest.meta
        meta = {**{key: known[key] for key in SHAPE if key in known}, **made["meta"]}
        parents = [Parent("parent", parent.digest)]
        if META in parent.manifest.meta:
            meta[META] = parent.manifest.meta[META]
        if inputs["data"] is not None:
            parents.append(Parent("data", self._datasets.get(inputs["data"]).digest))
        for key in ("recipe", "plan"):
            file = folder / f"{key}.json"
            if file.is_file():
                meta[key] = json.loads(file.read_text(encoding="utf-8"))
        files = {name: folder / name for name in made["files"]}
        model = self._catalog.record(
            MODEL, inputs["name"], files=files, meta=meta, parents=parents,
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        told = {"ref": model.ref, "digest": str(model.digest), "parity": meta["parity"]}
        return {**told, "warnings": said} if (said := warnings(model)) else told
