"""A Recipe: which sources, which steps, in which order; from YAML or from objects.

    dataset: support
    seed: 7
    sources:
      - files: tickets.jsonl
    steps:
      - rename: {columns: {body: text}}
      - step: map-labels
        table: {Bill: billing}

A step is `name`, `name: {settings}` or `step: name` with its settings beside.
Whatever is not known is refused, with the line and what was probably meant.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.ref import Ref, check_name
from volano.data import steps as _ours  # noqa: F401 - they register themselves
from volano.data.errors import BadStepError
from volano.data.recipe.errors import (
    RecipeNotFoundError,
    RecipeTooLargeError,
    SecretInRecipeError,
    UnknownKeyError,
    UnknownSettingError,
    UnknownStepError,
    UnreadableRecipeError,
    UnregisteredStepError,
)
from volano.data.recipe.yaml_text import MAX_BYTES, Lines, read
from volano.data.sources.secret import holds_secret
from volano.data.step import STEPS, settings_of

MAX_STEPS = 200
MAX_SOURCES = 1000
_WHOLE = ("dataset", "rows", "traces")
"""Kinds of sources that are always read as a whole."""
_KEYS = ("dataset", "seed", "sources", "steps", "contract", "parents")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is read and what is done with it.

    `steps` are step objects; `sources` are specs as `open_source` takes them;
    `contract` is what all rows must be (see `volano.data.contracts`); `parents` are refs of
    artifacts that the dataset is made from besides its sources.
    """

    steps: tuple[Any, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    dataset: str | None = None
    seed: int = 0
    contract: Any = None
    parents: tuple[str, ...] = field(default=())

    @classmethod
    def from_yaml(cls, source: Path | str, *, name: str | None = None) -> "Recipe":
        """Read a recipe from a file (a Path), or from its text.

        Raises:
            RecipeNotFoundError: no such file.
            RecipeTooLargeError, UnreadableRecipeError: what it is.
            UnknownKeyError, UnknownStepError, UnknownSettingError: a word in it.
            BadStepError: a setting that the step cannot have.
        """
        said = name or (source.name if isinstance(source, Path) else "the recipe")
        text = _text(source) if isinstance(source, Path) else source
        raw, lines = read(text, said)
        return _Reader(said, lines).recipe(raw)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, name: str = "the recipe") -> "Recipe":
        """Read a recipe from plain values, as `to_dict` gives them.

        Raises:
            As `from_yaml`, but for the file.
        """
        return _Reader(name, {}).recipe(dict(raw))

    @classmethod
    def kept(cls, raw: Mapping[str, Any]) -> "Recipe":
        """Read back a recipe that a Run holds: secrets were looked for when it was given.

        What counts as one may have changed since, and the Run goes on.

        Raises:
            As `from_dict`, but for secrets.
        """
        return _Reader("the recipe", {}, given=False).recipe(dict(raw))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; each step with all its settings, so that nothing is implied.

        Raises:
            UnregisteredStepError: a step whose class is not in `STEPS`.
        """
        found: dict[str, Any] = {
            "seed": self.seed,
            "sources": [dict(spec) for spec in self.sources],
            "steps": [{_registered(step): plain_settings(step)} for step in self.steps],
        }
        for name in ("dataset", "contract"):
            if (value := getattr(self, name)) is not None:
                found[name] = value
        return {**found, "parents": list(self.parents)} if self.parents else found

    def digest(self) -> Digest:
        """Name the recipe by its content."""
        versions = [type(step).version for step in self.steps]
        return Digest.of(canonical([self.to_dict(), versions]))


def plain_settings(step: Any) -> dict[str, Any]:
    """Return a step's settings as JSON has them: tuples are lists."""
    return {name: _plain(value) for name, value in settings_of(step).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _registered(step: Any) -> str:
    name = str(step.name)
    if name not in STEPS or STEPS.get(name) is not type(step):
        raise UnregisteredStepError(step=name)
    return name


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            size = f"{path.stat().st_size} bytes"
            raise RecipeTooLargeError(where=path.name, size=size, limit=f"{MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise RecipeNotFoundError(path=path, why=error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise UnreadableRecipeError(where=path.name, why="it is not UTF-8") from error


class _Reader:
    """Checks plain values, and knows where each stands."""

    def __init__(self, name: str, lines: Lines, *, given: bool = True):
        self._name = name
        self._lines = lines
        self._given = given

    def recipe(self, raw: Any) -> Recipe:
        raw = {} if raw is None else raw
        if not isinstance(raw, dict):
            raise self._no((), "a recipe is an object with `sources` and `steps`")
        for key in raw:
            if key not in _KEYS:
                raise UnknownKeyError(where=self._at(key), key=key, **_near(key, _KEYS))
        seed = raw.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool) or abs(seed) >= 2**53:
            raise self._no(("seed",), "the seed is a whole number")
        return Recipe(
            steps=tuple(
                self._step(item, at, seed) for at, item in enumerate(self._list(raw, "steps"))
            ),
            sources=self._sources(raw),
            dataset=self._dataset(raw.get("dataset")),
            seed=seed,
            contract=raw.get("contract"),
            parents=self._parents(raw),
        )

    def _list(self, raw: Mapping[str, Any], key: str) -> Sequence[Any]:
        given = raw.get(key)
        given = [] if given is None else given
        if not isinstance(given, list | tuple):
            raise self._no((key,), f"`{key}` is a list")
        most = MAX_SOURCES if key == "sources" else MAX_STEPS
        if len(given) > most:
            raise self._no((key,), f"`{key}` has {len(given)} entries; the limit is {most}")
        return given

    def _sources(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        found = []
        for at, spec in enumerate(self._list(raw, "sources")):
            if not isinstance(spec, Mapping) or not spec:
                why = "a source is an object, such as `files: rows.jsonl`"
                raise self._no(("sources", at), why)
            if self._given and holds_secret(spec):
                raise SecretInRecipeError(where=self._at("sources", at))
            if not isinstance(append := spec.get("append", False), bool) or (
                append and not spec.keys().isdisjoint(_WHOLE)
            ):
                why = f"`append` is true or false, and not of {', '.join(_WHOLE)}"
                raise self._no(("sources", at), why)
            found.append(dict(spec))
        return tuple(found)

    def _dataset(self, name: Any) -> str | None:
        if name is None:
            return None
        if not isinstance(name, str):
            raise self._no(("dataset",), "`dataset` is a name")
        try:
            return check_name(name)
        except VolanoError as error:
            raise self._no(("dataset",), error.message.rstrip(".")) from error

    def _parents(self, raw: Mapping[str, Any]) -> tuple[str, ...]:
        parents = self._list(raw, "parents")
        for at, ref in enumerate(parents):
            if not isinstance(ref, str):
                raise self._no(("parents", at), "a parent is the ref of an artifact")
            if not ref.startswith("sha256:"):
                try:
                    Ref.parse(ref)
                except VolanoError as error:
                    raise self._no(("parents", at), error.message.rstrip(".")) from error
        return tuple(parents)

    def _step(self, item: Any, at: int, seed: int) -> Any:
        name, settings = self._said(item, ("steps", at))
        if self._given and holds_secret(settings):
            raise SecretInRecipeError(where=self._at("steps", at))
        if name not in STEPS:
            where = self._at("steps", at)
            raise UnknownStepError(where=where, step=name, **_near(name, STEPS))
        return self._built(STEPS.get(name), name, settings, at, seed)

    def _said(self, item: Any, at: tuple[str | int, ...]) -> tuple[str, dict[str, Any]]:
        if isinstance(item, str):
            return item, {}
        if isinstance(item, Mapping) and isinstance(item.get("step"), str):
            return item["step"], {key: value for key, value in item.items() if key != "step"}
        if isinstance(item, Mapping) and len(item) == 1:
            ((name, settings),) = item.items()
            if isinstance(name, str) and (settings is None or isinstance(settings, Mapping)):
                return name, dict(settings or {})
        raise self._no(
            at, "a step is `name`, `name: {settings}`, or `step: name` with its settings"
        )

    def _built(self, kind: Any, name: str, settings: dict[str, Any], at: int, seed: int) -> Any:
        known = [one.name for one in fields(kind) if one.init]
        needed = [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]
        for key in settings:
            if key not in known:
                where = self._at("steps", at, name, key)
                raise UnknownSettingError(
                    where=where, step=name, setting=key, **_near(str(key), known)
                )
        for key in needed:
            if key not in settings:
                raise self._no(("steps", at), f"the step `{name}` needs the setting `{key}`")
        if "seed" in known:
            settings.setdefault("seed", seed)
        where = self._at("steps", at)
        try:
            return kind(**settings)
        except BadStepError as error:
            raise BadStepError(
                f"{where}: {error.message}", hint=error.advice, **error.facts
            ) from error
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            raise self._no(("steps", at), f"the step `{name}` cannot be made: {error}") from error

    def _no(self, at: tuple[str | int, ...], why: str) -> UnreadableRecipeError:
        return UnreadableRecipeError(where=self._at(*at), why=why)

    def _at(self, *at: str | int) -> str:
        """Say where a value stands: its line, or the way to it where there are no lines."""
        for path in (at, (*at[:2], *at[3:]), at[:2], at[:1]):
            if path in self._lines:
                return f"{self._name}, line {self._lines[path]}"
        way = "".join(f" {part + 1}" if isinstance(part, int) else f", {part}" for part in at[:2])
        return f"{self._name}{way.replace('steps', 'step').replace('sources', 'source')}"


def _near(word: str, known: Iterable[str]) -> dict[str, str]:
    names = list(known)
    near = difflib.get_close_matches(str(word), names, n=1)
    return {
        "meant": f"Did you mean `{near[0]}`? " if near else "",
        "known": ", ".join(names) or "nothing",
    }
