"""Exchange: the verbs. Models come in from elsewhere, checked, and go out as others read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.manifest import Parent
from volano.core.noted import Noted
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.data.exchange.place import MARK, new_folder
from volano.models.checks.pickles import refuse_pickle
from volano.models.checks.tree import files_of
from volano.models.errors import NotExportableError, UnknownSourceError
from volano.models.exchange import hub, mlflow, ollama, writing
from volano.models.exchange.fitting import check_fit
from volano.models.exchange.found import Found, is_wanted, look
from volano.models.exchange.modelfile import MODELFILE, Modelfile
from volano.models.exchange.staging import copied, staging
from volano.models.exchange.takeover import take_over
from volano.models.keeper import Models
from volano.models.kinds import KIND
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Exported:
    """What lies where now."""

    ref: str
    to: str
    form: str
    files: int
    bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    """Files in our own place by name, what lay beside them, where all came from, and what it said."""

    files: Mapping[str, Path]
    others: Mapping[str, Path]
    source: dict[str, Any]
    said: Modelfile | None = None


class ModelExchange:
    """Imports and exports of models. `card` writes the card of one; `revoked` says what stays."""

    def __init__(
        self,
        catalog: Catalog,
        models: Models,
        cache: Path,
        *,
        card: Callable[[Artifact], str],
        revoked: Callable[[Artifact], bool],
    ):
        self._catalog = catalog
        self._models = models
        self._cache = cache
        self._card = card
        self._revoked = revoked

    def read(
        self, name: str, source: Mapping[str, str] | str | Path, *, base: str = "", by: Principal
    ) -> Noted:
        """Check a model from elsewhere, and keep it as the next version.

        `source` is a folder or file, `hf:org/name@revision` or `ollama:name:tag`;
        `base` is the model here that an adapter belongs to.

        Raises:
            UnknownSourceError: there is no model.
            RefusedFileError: a file is hostile, broken, of a kind that can run code, or an adapter
                that does not go with its base.
            HubError: the hub does not answer.
            UnknownArtifactError: there is no such base.
        """
        check_name(name)
        said, here = _said(source)
        on = self._models.get(base) if base else None
        parents = [Parent("base", on.digest)] if on else []
        with staging(self._cache) as folder:
            taken = self._take(said, here, folder)
            found = look(taken.files, said, taken.others)
            if MODELFILE in taken.files:
                words = taken.said or Modelfile.read(taken.files[MODELFILE])
                take_over(words, folder, found, name)
            _check_base(found, said, base)
            if on is not None:
                check_fit(found, on, self._models)
            found.meta["source"] = {**taken.source, **found.meta.get("source", {})}
            made = self._catalog.record(
                KIND, name, files=dict(found.files), meta=found.meta, parents=parents, by=by
            )
        self._catalog.ledger.append("import", str(made), [made.digest], taken.source, by=by)
        return Noted(made, tuple(found.notes))

    def write(
        self, ref: str, to: Path | str, *, form: str = "folder", force: bool = False, by: Principal
    ) -> Exported:
        """Write a model as others read it: a folder, a GGUF, or as Hugging Face, Ollama or MLflow do.

        It appears complete or not at all.

        Raises:
            UnknownArtifactError: there is no such model.
            NotExportableError: it is revoked, lives elsewhere, or lacks what this form needs.
            InTheWayError: something is there that no export wrote.
            UnwritablePlaceError: it cannot be written.
        """
        model, to = self._models.get(ref), Path(to).absolute()
        if self._revoked(model):
            raise NotExportableError(
                model=model.ref, form=form, reason="it is revoked",
                hint=f"It stays so; `volano model history {model.ref}` says why. "
                "Export another one of `volano model list`.",
            )  # fmt: skip
        writing.check_form(model, form)
        with new_folder(to, force=force) as folder:
            for file in writing.files_for(model, form):
                place = folder / file
                place.parent.mkdir(parents=True, exist_ok=True)
                self._catalog.checkout(model, file, place)
            notes = writing.finish(model, form, folder, self._card(model))
            written = [path for path in folder.rglob("*") if path.is_file()]
            done = Exported(
                model.ref, str(to), form, len(written), sum(p.stat().st_size for p in written),
                notes,
            )  # fmt: skip
        said = {"to": str(to), "form": form}
        self._catalog.ledger.append("export", str(model), [model.digest], said, by=by)
        return done

    def _take(self, said: str, here: Path, folder: Path) -> _Taken:
        """Bring the files of a source into our own folder."""
        if said.startswith(hub.PREFIX):
            files, source, left = hub.take(said.removeprefix(hub.PREFIX), folder)
            return _Taken(files, {name: folder / name for name in left}, source)
        if said.startswith(ollama.PREFIX):
            name = said.removeprefix(ollama.PREFIX)
            files, source, words = ollama.take(name, folder, ollama.store())
            return _Taken(files, {}, source, words)
        place = here / Path(said).expanduser()
        source = {"folder" if place.is_dir() else "file": place.name}
        if place.is_file():
            if not is_wanted(place.name, ()):
                refuse_pickle(place)
            given = {place.name: place}
        elif place.is_dir():
            given = files_of(place)
        else:
            raise UnknownSourceError(source=said[:200], reason="nothing lies there")
        if mlflow.FILE in given:
            given, told = mlflow.take(given)
            source |= told
        wanted = {name: path for name, path in given.items() if is_wanted(name, given)}
        ours = {*wanted, MARK}  # the list of what an export of ours wrote is no file of the model
        others = {name: path for name, path in given.items() if name not in ours}
        return _Taken(copied(wanted, folder), others, source)


def _said(source: Mapping[str, str] | str | Path) -> tuple[str, Path]:
    """Return what was said, and the folder it was said in."""
    if isinstance(source, Mapping):
        return source["said"], Path(source["folder"])
    return str(source), Path.cwd()


def _check_base(found: Found, said: str, base: str) -> None:
    adapter = found.meta["format"] == "adapter"
    if adapter and not base:
        reason = "it is an adapter, and what it belongs to was not said"
        hint = "Import its base first, then say `--base NAME`."
        raise UnknownSourceError(source=said, reason=reason, hint=hint)
    if base and not adapter:
        reason = "it is no adapter, so that no base belongs to it"
        raise UnknownSourceError(source=said, reason=reason, hint="Leave `--base` out.")
