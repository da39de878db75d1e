"""Candidates by name: a model or a flow of ours, or TARGET:MODEL at a provider."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.core.errors import NotFoundError, VolanoError
from volano.core.principal import Principal
from volano.evals.errors import NoCandidateError, UnknownCandidateError
from volano.flows.keeper import Flows
from volano.models.errors import ModelNotUsableError
from volano.models.keeper import Models
from volano.models.pointer import pointer_of, pool_of
from volano.models.wording import prompt_of, wording_of
from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact

MOST = 64
FLOW, MODEL, FAR = "flow", "model", "target"


@dataclass(frozen=True, slots=True)
class Named:
    """A candidate that is there: what it was called, what it is, its ref (`TARGET:MODEL` for FAR)."""

    name: str
    kind: str
    ref: str

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return {"name": self.name, "kind": self.kind, "ref": self.ref}


@dataclass(frozen=True, slots=True)
class Askable:
    """A candidate ready to be asked. `target` and `far` name it at a provider; empty for our own."""

    subject: Artifact
    model: Artifact
    prompt: Prompt
    target: str = ""
    far: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether an engine of ours runs its weights."""
        return not self.far


class Candidates:
    """Finds candidates. `look_up` raises when there is no target of a name."""

    def __init__(
        self, models: Models, flows: Flows, prompts: Prompts, look_up: Callable[[str], object]
    ):
        self._models = models
        self._flows = flows
        self._prompts = prompts
        self._look_up = look_up

    def read(self, names: Sequence[str]) -> list[Named]:
        """Return what the names mean, each once.

        A name is first taken for TARGET:MODEL (unless an `@` stands before the
        colon), then for a model, then for a flow.

        Raises:
            NoCandidateError: fewer than two, or too many.
            UnknownCandidateError: nothing has this name.
        """
        split = [part.strip() for name in names for part in name.split(",")]
        found = [self.named(name) for name in dict.fromkeys(filter(None, split))]
        found = list({(one.kind, one.ref): one for one in found}.values())
        if not 2 <= len(found) <= MOST:
            raise NoCandidateError(reason=f"candidates are 2 to {MOST}, not {len(found)}")
        return found

    def askable(self, named: Named, prompt: str | None, by: Principal) -> Askable:
        """Return the candidate ready to be asked; `prompt` is for models that know no wording.

        A model at a target is recorded as a pointer, so that its report has a subject.

        Raises:
            UnknownArtifactError, ModelNotUsableError: it is gone, or cannot be asked.
        """
        if named.kind == FLOW:
            flow = self._flows.get(named.ref)
            compiled = self._flows.compile(flow)
            return self._askable(flow, compiled.model, compiled.prompt)
        if named.kind == FAR:
            target, _, name = named.ref.partition(":")
            model = self._models.add_pointer(plain(named.ref), at=[named.ref], by=by)
            return Askable(model, model, self._prompt(model, prompt), target, name)
        model = self._models.get(named.ref)
        return self._askable(model, model, self._prompt(model, prompt))

    def unserved(self, named: Named) -> str:
        """Return why no engine here takes a model of ours as it is; empty where one does.

        Also empty where it may not be asked at all: asking it says so.
        """
        if named.kind != MODEL:
            return ""
        try:
            model = self._models.usable(self._models.get(named.ref))
        except VolanoError:
            return ""
        try:
            self._models.servable(model)
        except ModelNotUsableError as error:
            return error.message
        return ""

    def far(self, name: str) -> bool:
        """Whether a name says TARGET:MODEL, with a target that is there."""
        before, colon, _ = name.partition(":")
        if not colon or "@" in before:
            return False
        try:
            self._look_up(before)
        except NotFoundError:
            return False  # a label of ours is written in the same way
        return True

    def get(self, kind: str, name: str) -> Artifact:
        """Return a flow or a model of ours.

        Raises:
            UnknownArtifactError: there is none of this name.
        """
        return self._flows.get(name) if kind == FLOW else self._models.get(name)

    def _askable(self, subject: Artifact, model: Artifact, prompt: Prompt) -> Askable:
        pool, pointer = pool_of(model), pointer_of(model)
        if pool is not None and pool.entries[0].target is not None:
            return Askable(subject, model, prompt, pool.entries[0].target, pool.entries[0].model)
        if pointer is not None:
            return Askable(subject, model, prompt, "", pointer.model)
        if pool is not None:
            model = self._models.get(pool.entries[0].model)
        return Askable(subject, model, prompt)

    def _prompt(self, model: Artifact, given: str | None) -> Prompt:
        """Return the wording a model was trained with, else the prompt that was given."""
        trained = wording_of(model)
        if given is not None and not (trained and trained.only):
            return self._prompts.read(self._prompts.get(given))
        wording = prompt_of(model)
        system = wording.get("system")
        before = ({"role": "system", "content": system},) if system else ()
        return Prompt(wording["template"], before, settings=wording["settings"])

    def named(self, name: str) -> Named:
        """Return what one name means.

        Raises:
            UnknownCandidateError: nothing has this name.
        """
        if self.far(name):
            return Named(name, FAR, name)
        for kind in (MODEL, FLOW):
            try:
                return Named(name, kind, self.get(kind, name).ref)
            except NotFoundError:
                continue
        raise UnknownCandidateError(candidate=name)


def plain(ref: str) -> str:
    """Return a name that an artifact can have."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in ref.lower())
    return "-".join(filter(None, kept.split("-")))[:60] or "far"
