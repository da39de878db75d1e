"""Models: the verbs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.models import adapter, builtin, doubt, servable, trained
from volano.models.address import check_model, check_pointer, meta_of, shares_of
from volano.models.errors import BadPointerError, ModelNotUsableError
from volano.models.kinds import KIND
from volano.models.pointer import STRATEGIES, Entry
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

Artifacts = list[Artifact]

MAX_ENTRIES = 64


class Models:
    """Every model of one workspace. `cache` is a folder for files checked out of the store.

    `look_up` raises when there is no target of a name; `alive` raises when a model's life is over.
    """

    def __init__(
        self,
        catalog: Catalog,
        cache: Path,
        look_up: Callable[[str], object] = lambda name: name,
        alive: Callable[[Artifact], object] = lambda model: model,
    ):
        self._catalog = catalog
        self._cache = cache
        self._look_up = look_up
        self._alive = alive

    def import_trained(
        self,
        name: str,
        folder: Path,
        *,
        parents: Sequence[Parent] = (),
        made_by: str | None = None,
        by: Principal,
    ) -> Artifact:
        """Record what a training run left in `folder` as the next version of `name`.

        A model whose parity did not pass is recorded too, for people to look
        at; `usable` and `weights` refuse it.

        Args:
            name: the model's name.
            folder: what the run's output `folder` says.
            parents: usually the dataset (role `data`) and, when tuned, the base model (`base`).
            made_by: the Run's id.
            by: who does it.

        Raises:
            NotAModelError: the folder is not what a training run leaves.
        """
        made = trained.read(Path(folder))
        return self._catalog.record(
            KIND, name, files=made.files, meta=made.meta, parents=parents, made_by=made_by, by=by
        )

    def add_pointer(
        self,
        name: str,
        *,
        at: Sequence[str] = (),
        strategy: str = "ordered",
        weights: Sequence[str | int] = (),
        latency_ms: int | None = None,
        fallback: Sequence[str] = (),
        url: str | None = None,
        model: str | None = None,
        key_env: str | None = None,
        by: Principal,
    ) -> Artifact:
        """Record a model that lives elsewhere.

        `at` says at which targets which models are asked, such as
        `openai:gpt-5`, and `router@1` for a model of our own; `strategy` in
        which order, `weights` a share for each; with `cheapest`, `latency_ms` is
        the slowest first content that will do. `fallback` entries are asked, one after
        the other, when none of those answers. The short form `url`, `model`,
        `key_env` is a single OpenAI-compatible server without a target: its key
        is never stored, `key_env` names the environment variable that holds it.

        Raises:
            BadPointerError: an entry, the address, a name or a weight is no good.
            UnknownTargetError: there is no such target.
            UnknownArtifactError: there is no such model of our own.
            ModelNotUsableError: a model of our own has no weights here, or did not pass parity.
        """
        if at:
            if url or model or key_env:
                raise BadPointerError(reason="say --at, or --url with --model, not both")
            return self._add_pool(
                name, at, strategy=strategy, weights=weights, latency_ms=latency_ms,
                fallback=fallback, by=by,
            )  # fmt: skip
        if url is None or model is None:
            raise BadPointerError(reason="say --at TARGET:MODEL, or --url with --model")
        if weights or latency_ms or fallback or strategy != "ordered":
            raise BadPointerError(reason="a strategy chooses among entries given with --at")
        check_pointer(url, model, key_env)
        meta = {"format": "pointer", "url": url, "model": model, "key_env": key_env}
        return self._catalog.record(KIND, name, files={}, meta=meta, by=by)

    def _add_pool(
        self,
        name: str,
        at: Sequence[str],
        *,
        strategy: str,
        weights: Sequence[str | int],
        latency_ms: int | None,
        fallback: Sequence[str],
        by: Principal,
    ) -> Artifact:
        if strategy not in STRATEGIES:
            raise BadPointerError(reason=f"strategies are {', '.join(STRATEGIES)}")
        if len(at) + len(fallback) > MAX_ENTRIES:
            raise BadPointerError(reason=f"a model has at most {MAX_ENTRIES} entries")
        if latency_ms is not None and (strategy != "cheapest" or latency_ms < 1):
            raise BadPointerError(
                reason="a latency of 1 ms or more goes with the strategy cheapest"
            )
        shares = shares_of(weights, len(at))
        entries = [self._entry(text, share) for text, share in zip(at, shares, strict=True)]
        entries += [replace(self._entry(text, 1), fallback=True) for text in fallback]
        if len({str(entry) for entry in entries}) < len(entries):
            raise BadPointerError(reason="an entry is there twice")
        meta: dict[str, Any] = {
            "format": "pointer",
            "at": list(map(meta_of, entries)),
            "strategy": strategy,
        }
        if latency_ms is not None:
            meta["latency_ms"] = latency_ms
        own = [Parent("own", Digest(entry.digest)) for entry in entries if entry.digest]
        return self._catalog.record(KIND, name, files={}, parents=own, meta=meta, by=by)

    def _entry(self, text: str, weight: int) -> Entry:
        """Read `TARGET:MODEL`, or the ref of a model of our own (`router@1`)."""
        before, colon, model = text.partition(":")
        if "@" in before or not colon:
            own = self.usable(self.get(text))
            if not {trained.WEIGHTS, adapter.SERVED} & set(own.manifest.files):
                raise ModelNotUsableError(model=own.ref, reason="its weights are not here")
            return Entry(None, own.ref, str(own.digest), weight)
        check_model(model)
        self._look_up(before)
        return Entry(before, model, weight=weight)

    def builtin(self, by: Principal, *, folder: Path = builtin.FOLDER) -> Artifact:
        """Record the ticket router that comes with volano; once, however often it is asked.

        `folder` holds one that was made again: the same bits are the same model.

        Raises:
            NotAModelError: the installed package is damaged.
        """
        made = trained.read(folder)
        meta = {**made.meta, "builtin": True}
        return self._catalog.record(KIND, builtin.NAME, files=made.files, meta=meta, by=by)

    def get(self, ref: str | Ref) -> Artifact:
        """Return the model that the ref names.

        Raises:
            UnknownArtifactError: there is none; says what is near it.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return models, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def newest(self) -> Artifacts:
        """Return the newest model of each name."""
        return self._catalog.names(KIND)

    def usable(self, model: Artifact) -> Artifact:
        """Return the model again if it may answer people.

        Raises:
            ModelNotUsableError: it is retired or revoked, or its exported file
                does not answer as its weights do.
        """
        self._alive(model)
        if why := doubt.doubt(model.manifest.meta):
            raise ModelNotUsableError(model=model.ref, reason=why, hint=doubt.remedy(model))
        return model

    def servable(self, model: Artifact) -> Artifact:
        """Return the model again if it may answer people, and something here can have it do so.

        Raises:
            ModelNotUsableError: as in `usable`, or no engine takes it as it is; says what to do.
        """
        self.usable(model)
        digest = adapter.base_of(model)
        return servable.check(model, None if digest is None else self._catalog.by_digest(digest))

    def weights(self, ref: str | Ref) -> Path:
        """Return the path of the model's GGUF file, checked out into the cache.

        Raises:
            UnknownArtifactError: there is no such model.
            ModelNotUsableError: it has no weights here, or did not pass parity.
            CorruptBlobError: the stored bytes are damaged.
        """
        model = self.usable(self.get(ref))
        if model.manifest.meta["format"] in ("pointer", adapter.FORMAT):
            raise ModelNotUsableError(model=model.ref, reason="its weights are not here")
        if trained.WEIGHTS not in model.manifest.files:
            raise ModelNotUsableError(
                model=model.ref, reason="it has no GGUF file",
                hint=servable.CONVERT.format(model=model.ref),
            )  # fmt: skip
        return self._out(model, trained.WEIGHTS)

    def served(self, ref: str | Ref, *, folder: bool) -> Path:
        """Return what an engine is given: the GGUF file, or a folder with all of the model's files.

        Raises:
            UnknownArtifactError: there is no such model.
            ModelNotUsableError: it has no weights here, or did not pass parity.
            CorruptBlobError: the stored bytes are damaged.
        """
        if not folder:
            return self.weights(ref)
        model = self.usable(self.get(ref))
        if model.manifest.meta["format"] == "pointer":
            raise ModelNotUsableError(model=model.ref, reason="its weights are not here")
        for path in model.manifest.files:
            self._out(model, path)
        return self._home(model)

    def based(self, model: Artifact) -> tuple[Artifact, Path | None]:
        """Return the model whose weights are loaded for this one, and its adapter's file if it is one.

        Raises:
            ModelNotUsableError: the adapter or its base did not pass parity.
            CorruptBlobError: the stored bytes are damaged.
        """
        digest = adapter.base_of(model)
        if digest is None:
            return model, None
        return self._catalog.by_digest(digest), self._out(self.usable(model), adapter.SERVED)

    def folder(self, ref: str | Ref) -> Path:
        """Return a folder with all files of a trained model: what tuning starts from.

        Raises:
            UnknownArtifactError: there is no such model.
            ModelNotUsableError: it has no trained weights (a pointer, the built-in model).
        """
        model = self.tunable(self.get(ref))
        for path in model.manifest.files:
            self._out(model, path)
        return self._home(model)

    def file(self, ref: str | Ref, name: str) -> Path:
        """Return the path of one file of a model, checked out into the cache.

        Raises:
            UnknownArtifactError: there is no such model.
            ModelNotUsableError: it has no such file here (a pointer, the built-in model).
            CorruptBlobError: the stored bytes are damaged.
        """
        model = self.get(ref)
        if name not in model.manifest.files:
            raise ModelNotUsableError(
                model=model.ref, reason=f"it has no {name} here",
                hint="Name a model that was trained here.",
            )  # fmt: skip
        return self._out(model, name)

    def data_of(self, model: Artifact) -> Artifacts:
        """Return the datasets that a model was trained on, those of its bases too, newest first."""
        found: Artifacts = []
        while True:
            parents = {one.role: one.digest for one in model.manifest.parents}
            if "data" in parents:
                found += self._catalog.by_digests([str(parents["data"])])
            if "base" not in parents:
                return found
            model = self._catalog.by_digest(str(parents["base"]))

    def tunable(self, model: Artifact) -> Artifact:
        """Return the model again if its trained weights are here.

        Raises:
            ModelNotUsableError: it is a pointer, came without them as the built-in model,
                or is retired or revoked.
        """
        self._alive(model)
        weights = any(name.endswith(".safetensors") for name in model.manifest.files)
        if not weights or model.manifest.meta["format"] == "adapter":
            raise ModelNotUsableError(
                model=model.ref,
                reason="its trained weights are not here",
                hint="Train from scratch, or name a model that was trained here.",
            )
        return model

    def _out(self, model: Artifact, path: str) -> Path:
        home = self._home(model)
        home.mkdir(parents=True, exist_ok=True)
        return self._catalog.checkout(model, path, home / path)

    def _home(self, model: Artifact) -> Path:
        return self._cache / "models" / model.digest.hex
