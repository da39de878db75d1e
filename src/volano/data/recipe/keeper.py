"""Recipes: the verbs. A recipe over its sources becomes a version of a dataset, as a durable Run.

The steps of such a Run: `gather` writes the rows of datasets that the recipe
names where a child can read them, `resolve` does so for what its steps need,
`pass` is a child process that takes the
steps and resumes from the cache, `record` makes the artifacts, `tidy` lets go
of what the Run no longer needs.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.contracts.check import check
from volano.data.contracts.contract import Contract
from volano.data.contracts.errors import ContractBrokenError
from volano.data.errors import NothingLeftError
from volano.data.keeper import KIND as DATASET
from volano.data.keeper import Datasets
from volano.data.kept import Kept
from volano.data.recipe.bundle import Bundle
from volano.data.recipe.cache import Cache
from volano.data.recipe.errors import (
    MissingModelFileError,
    NoRecipeReportError,
    UnknownExecutorError,
    UnreadableRecipeError,
)
from volano.data.recipe.executor import INLINE, PROCESSES, Elsewhere
from volano.data.recipe.needs import asks, pinned, read_whole, resolved
from volano.data.recipe.passing import MODULE
from volano.data.recipe.preview import MOST, preview
from volano.data.recipe.recipe import Recipe
from volano.data.recipe.source import gather
from volano.data.sources.keeper import APPEND, Sources
from volano.data.step import Needs, Record
from volano.data.steps.columns import renamed
from volano.jobs.errors import UnknownRunError
from volano.jobs.keeper import Runs
from volano.jobs.run import Run, good
from volano.jobs.work import Work
from volano.store import Artifact, Catalog

KIND = "data.prepare"
RECIPE = "recipe"
FILE = "recipe.json"
OPENER = "volano.data.sources:open_source"


class Recipes:
    """Prepares datasets by recipes, and tells how they came about."""

    def __init__(
        self,
        *,
        runs: Runs,
        catalog: Catalog,
        datasets: Datasets,
        sources: Sources,
        cache: Path,
        kept: Path | None = None,
        file_of: Callable[[str, str], Path] | None = None,
        opener: str = OPENER,
        executors: Mapping[str, Elsewhere] | None = None,
    ):
        self._runs = runs
        self._catalog = catalog
        self._datasets = datasets
        self._sources = sources
        self._cache = Cache(cache)
        self._kept = (kept or cache / "kept").absolute()
        self._file_of = file_of or _no_files
        self._opener = opener
        self._executors = dict(executors or {})
        runs.register(KIND, self._work)

    def prepare(
        self,
        recipe: Recipe | Path | str,
        *,
        name: str | None = None,
        sample: int | None = None,
        workers: int = 0,
        on: str | None = None,
        ray_address: str | None = None,
        wait: bool = False,
        by: Principal,
    ) -> Run:
        """Make the next version of a dataset by a recipe, as a Run.

        Args:
            recipe: a Recipe, or the path of its YAML; relative paths in it count from its folder.
            name: the dataset; default: what the recipe says.
            sample: take only the first so many rows.
            workers: processes; 0 leaves one core to others, and means all CPUs of a cluster.
            on: where the work is done: inline, processes, or an executor handed in, such as ray.
            ray_address: where that cluster is; default: what the settings say.
            wait: return when the Run is over.
            by: who does it.

        Raises:
            The errors of `Recipe.from_yaml`.
            UnknownArtifactError: a dataset or parent that it names is not there.
            RunStoppedError: rows broke a contract (with `wait`).
            UnknownExecutorError: there is no such `on`.
            The errors of that executor's `check`: nobody answers there.
            RunFailedError: the Run failed otherwise (with `wait`).
        """
        asked = {
            **self.read(recipe), "name": name, "sample": sample, "workers": workers,
            "on": on, "ray_address": ray_address,
        }  # fmt: skip
        inputs = self.plan(asked)
        if (place := self._executors.get(inputs["on"])) is not None:
            place.kind.check(ray_address or place.address)
        run = self._runs.start(KIND, name=inputs["name"], inputs=inputs, by=by, group=by.group)
        if not wait or not self._runs.launched:
            return run
        return good(self._runs.wait(run.id))

    def read(self, recipe: Recipe | Path | str) -> dict[str, Any]:
        """Return a recipe and its folder, as `plan` takes them: what a schedule keeps.

        Raises:
            The errors of `Recipe.from_yaml`.
        """
        found, folder = _read(recipe)
        return {"recipe": found.to_dict(), "folder": str(folder)}

    def plan(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs of a Run: `asked` with its datasets pinned to the versions of now.

        Raises:
            UnreadableRecipeError: it says no dataset, or no sources.
            BadSourceError: a source that cannot be as it is told.
            BadContractError: its contract is none.
            UnknownArtifactError: a dataset, model or parent that it names is not there.
            UnknownExecutorError: there is no such `on`.
        """
        recipe = Recipe.from_dict(asked["recipe"])
        if not recipe.sources:
            raise UnreadableRecipeError(
                where="the recipe", why="it names no sources",
                hint="Add `sources:` and below it where rows come from: `  - files: rows.jsonl`.",
            )  # fmt: skip
        for spec in recipe.sources:  # a word in one that nothing reads is told before any work
            self._sources.open(spec, root=Path(asked["folder"]))
        _contract(recipe)
        steps, used = self._pinned_steps(recipe)
        return {
            "name": check_name(_needed(asked.get("name") or recipe.dataset)),
            "recipe": recipe.to_dict(), "folder": asked["folder"],
            "sources": [self._pinned(spec) for spec in recipe.sources],
            "steps": steps, "used": [str(one.digest) for one in used],
            "parents": [self._catalog.find(ref).digest for ref in recipe.parents],
            "sample": asked.get("sample"), "workers": asked.get("workers", 0),
            "on": self._known(asked.get("on")), "ray_address": asked.get("ray_address"),
        }  # fmt: skip

    def preview(
        self, recipe: Recipe | Path | str, *, rows: int = 20, by: Principal | None = None
    ) -> dict[str, Any]:
        """Return, step by step, what a recipe does to the first rows of its sources; keep nothing.

        Raises:
            The errors of `Recipe.from_yaml`, of the sources and of the steps.
        """
        read, folder = _read(recipe)
        count = max(1, min(rows, MOST))
        specs = [_told(self._pinned(spec)) for spec in read.sources]
        versions = Kept(self._datasets, by)
        sources = [self._sources.open(spec, root=folder, versions=versions) for spec in specs]
        with TemporaryDirectory(prefix="volano-preview-") as own:
            steps: Sequence[Any] = read.steps
            if asks(steps):
                needs = self._needs(folder, versions, Path(own))
                told = resolved(self._pinned_steps(read)[0], needs)
                steps = Recipe.kept({"steps": told}).steps
            return {"steps": preview(sources, steps, rows=count, kept=self._kept)}

    def report(self, ref: str | Ref) -> dict[str, Any]:
        """Return how many rows went into each step of a dataset's recipe, and why rows were left out.

        Raises:
            UnknownArtifactError: there is no such dataset.
            NoRecipeReportError: it was made otherwise.
        """
        artifact = self._catalog.get(DATASET, ref)
        meta = artifact.manifest.meta
        if "report" not in meta:
            raise NoRecipeReportError(ref=artifact.ref)
        times = self._times(artifact)
        facts = {"ref": artifact.ref, "recipe": meta["recipe"]["ref"], **meta["report"]}
        return {**facts, "times": times} if times else facts

    def cache(self) -> dict[str, int]:
        """Return how much the cache of recipes holds."""
        return self._cache.size()

    def clear_cache(self, *, by: Principal) -> dict[str, int]:
        """Throw the cache of recipes away; return what it held. The next run does everything anew.

        Raises:
            CacheBusyError: a recipe runs.
        """
        was = self._cache.clear()
        self._catalog.ledger.append("clear_cache", "data/recipes", (), was, by=by)
        return was

    def _pinned(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return a source with its dataset by number, so that a Run means one version."""
        if "dataset" not in spec:
            return dict(spec)
        artifact = self._catalog.get(DATASET, str(spec["dataset"]))
        return {**spec, "dataset": artifact.ref, "digest": str(artifact.digest)}

    def _pinned_steps(self, recipe: Recipe) -> tuple[list[dict[str, Any]], list[Artifact]]:
        return pinned(recipe.to_dict()["steps"], self._catalog.get)

    def _needs(self, root: Path, versions: Kept, folder: Path) -> Needs:
        """Return what answers steps that need something of the workspace."""

        def rows_of(spec: Mapping[str, Any]) -> Iterator[Record]:
            return read_whole(self._sources.open(spec, root=root, versions=versions))

        return Needs(rows_of, self._file_of, folder)

    def _known(self, on: str | None) -> str | None:
        known = (INLINE, PROCESSES, *self._executors)
        if on is not None and on not in known:
            raise UnknownExecutorError(on=str(on)[:80], known=", ".join(known))
        return on

    def _on(self, inputs: Mapping[str, Any]) -> str | dict[str, str] | None:
        """Return where a Run's child works; a Run of before does not say."""
        on = self._known(inputs.get("on"))
        if on is None or on not in self._executors:
            return on
        return self._executors[on].told(inputs.get("ray_address"))

    def _work(self, work: Work) -> dict[str, Any]:
        """What the Run does."""
        inputs = work.step("gather", self._gather, work)
        steps = work.step("resolve", self._resolve, work)
        spec = {
            "recipe": {**work.inputs["recipe"], "steps": steps}, "inputs": inputs,
            "opener": self._opener,
            "cache": str(self._cache.folder.absolute()), "sample": work.inputs["sample"],
            "workers": work.inputs["workers"], "on": self._on(work.inputs),
            "kept": str(self._kept),
        }  # fmt: skip
        made = work.child(MODULE, spec, step="pass")
        told: dict[str, Any] = work.step("record", self._record, work, made["folder"])
        work.step("tidy", _tidy, work, made["folder"])
        return told

    def _gather(self, work: Work) -> list[dict[str, Any]]:
        """Return each source's key and how a child opens it; write out what only we can read."""
        folder, found = work.inputs["folder"], []
        for at, spec in enumerate(work.inputs["sources"]):
            if not _ours(spec):
                append = bool(spec.get(APPEND))
                key = [spec, folder] if append else spec
                found.append({"key": key, "spec": spec, "folder": folder, "append": append})
                continue
            versions = Kept(self._datasets, work.by, work.run_id)
            source = self._sources.open(_told(spec), root=Path(folder), versions=versions)
            path, name = work.folder / "in" / f"{at}.jsonl", source.fingerprint()
            gather(source, path)
            found.append({"key": spec, "spec": {"gathered": str(path), "digest": name}})
        return found

    def _resolve(self, work: Work) -> list[dict[str, Any]]:
        """Return the steps as a child can build them."""
        folder = work.folder / "in"
        folder.mkdir(parents=True, exist_ok=True)
        versions = Kept(self._datasets, work.by, work.run_id)
        needs = self._needs(Path(work.inputs["folder"]), versions, folder)
        return resolved(work.inputs["steps"], needs)

    def _record(self, work: Work, folder: str) -> dict[str, Any]:
        """Make the artifacts: the recipe, and the dataset, unless this is what its newest version is."""
        inputs, bundle = work.inputs, Bundle.read(Path(folder))
        counts = bundle.told["counts"]
        if not counts["rows"]:
            raise _nothing(counts)
        _keep_contract(work, bundle)
        recipe = self._keep_recipe(inputs, work.by)
        parents = self._parents(inputs, recipe)
        meta = _meta(inputs, recipe, bundle)
        artifact = self._same(inputs["name"], meta, parents)
        told = {"unchanged": artifact is not None}
        with _telling(work):
            if artifact is not None:  # its contract may be newer than it is
                self._datasets.hold(inputs["name"], bundle.rows())
            else:
                artifact = self._datasets.write(
                    inputs["name"], bundle.rows(), rejected=bundle.rejected(), meta=meta,
                    parents=parents, by=work.by, made_by=work.run_id,
                    renamed=renamed(Recipe.kept(inputs["recipe"]).steps),
                )  # fmt: skip
        return {
            "ref": artifact.ref, "digest": str(artifact.digest), "recipe": recipe.ref,
            "content": bundle.told["content"], "rows": counts["rows"],
            "rejected": counts["rejected"], "times": bundle.told["times"],
            "states": bundle.told["states"], **told,
        }  # fmt: skip

    def _keep_recipe(self, inputs: Mapping[str, Any], by: Principal) -> Artifact:
        recipe = Recipe.kept(inputs["recipe"])
        steps = [f"{step.name} {step.version}" for step in recipe.steps]
        files: dict[str, bytes | Path] = {FILE: canonical(recipe.to_dict()) + b"\n"}
        meta = {"steps": steps, "recipe": str(recipe.digest())}
        newest = self._catalog.list(RECIPE, inputs["name"], limit=1)
        if newest and newest[0].manifest.meta == meta:
            return newest[0]
        return self._catalog.record(RECIPE, inputs["name"], files=files, meta=meta, by=by)

    def _parents(self, inputs: Mapping[str, Any], recipe: Artifact) -> list[Parent]:
        sources = [spec["digest"] for spec in inputs["sources"] if "dataset" in spec]
        roles = [("recipe", str(recipe.digest)), *(("source", one) for one in sources),
                 *(("used", one) for one in inputs["used"]),
                 *(("parent", one) for one in inputs["parents"])]  # fmt: skip
        return [Parent(role, Digest(digest)) for role, digest in dict.fromkeys(roles)]

    def _same(
        self, name: str, meta: Mapping[str, Any], parents: Sequence[Parent]
    ) -> Artifact | None:
        """Return the newest version when it is what this Run would make again."""
        newest = self._catalog.list(DATASET, name, limit=1)
        if not newest or tuple(newest[0].manifest.parents) != tuple(parents):
            return None
        known = newest[0].manifest.meta
        return (
            newest[0]
            if all(known.get(part) == meta[part] for part in ("recipe", "report"))
            else None
        )

    def _times(self, artifact: Artifact) -> dict[str, Any]:
        """Return what the Run that made a dataset said of its times; nothing when it is gone."""
        made_by = artifact.manifest.made_by
        if made_by is None:
            return {}
        try:
            run = self._runs.get(made_by)
        except UnknownRunError:
            return {}
        times = (run.outputs or {}).get("times", {})
        return dict(times)


def _read(recipe: Recipe | Path | str) -> tuple[Recipe, Path]:
    if isinstance(recipe, Recipe):
        return recipe, Path.cwd()
    path = Path(recipe).absolute()
    return Recipe.from_yaml(path), path.parent


def _ours(spec: Mapping[str, Any]) -> bool:
    """Whether a child cannot read it by itself: what lies in this workspace."""
    return "dataset" in spec or "traces" in spec


def _told(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec as its source knows it, without the digest that pins it."""
    return {name: value for name, value in spec.items() if name != "digest"}


def _needed(name: str | None) -> str:
    if name is None:
        why = "it does not say which `dataset` it makes; add it, or give --name"
        raise UnreadableRecipeError(where="the recipe", why=why)
    return name


def _meta(inputs: Mapping[str, Any], recipe: Artifact, bundle: Bundle) -> dict[str, Any]:
    """Return what is said of the dataset: nothing that differs from one run to the next."""
    told = {"ref": recipe.ref, "digest": str(recipe.digest), "content": bundle.told["content"]}
    counts = bundle.told["counts"]
    meta: dict[str, Any] = {
        "recipe": told, "report": counts, "counts": {"read": counts["steps"][0]["in"]},
    }  # fmt: skip
    if inputs["sample"] is not None:
        meta["sample"] = inputs["sample"]
    if (contract := inputs["recipe"].get("contract")) is not None:
        meta["contract"] = contract
    return meta


def _contract(recipe: Recipe) -> Contract | None:
    return None if recipe.contract is None else Contract.from_dict(recipe.contract)


def _keep_contract(work: Work, bundle: Bundle) -> None:
    """See that all rows keep the recipe's contract, before anything is recorded.

    Raises:
        ContractBrokenError: some do not.
    """
    contract = _contract(Recipe.kept(work.inputs["recipe"]))
    if contract is not None and (found := check(contract, bundle.rows())).broken:
        with _telling(work):
            raise found.error(work.inputs["name"])


@contextmanager
def _telling(work: Work) -> Iterator[None]:
    """Write the rows that break a contract to the Run's log; the first stands in the message."""
    try:
        yield
    except ContractBrokenError as error:
        work.log(f"{error.message}\n{error.shown}")
        first = " ".join(error.shown.split("\n    ")[:1])
        raise ContractBrokenError(
            f"{error.message} First: {first}",
            hint=f"See the rows with `volano run log {work.run_id}`. {error.advice}",
        ) from error


def _no_files(ref: str, name: str) -> Path:
    raise MissingModelFileError(model=ref, file=name)


def _nothing(counts: Mapping[str, Any]) -> NothingLeftError:
    reasons = [
        f"{n} × {reason}" for step in counts["steps"] for reason, n in step["dropped"].items()
    ]
    return NothingLeftError(
        read=counts["steps"][0]["in"], split="the dataset",
        dropped=", ".join(reasons) or "the sources gave none",
        hint="Look at the steps with `volano data preview RECIPE.yaml`.",
    )  # fmt: skip


def _tidy(work: Work, folder: str) -> dict[str, Any]:
    for path in (Path(folder), work.folder / "in"):
        shutil.rmtree(path, ignore_errors=True)
    return {}
