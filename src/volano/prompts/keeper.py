"""The verbs on prompts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.prompts.draft import Draft
from volano.prompts.errors import BadPromptError
from volano.prompts.prompt import SLOT, Prompt, Worded
from volano.prompts.written import one_document
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError

KIND = "prompt"
FILE = "prompt.json"
_LONGEST_WHY = 2000


class Prompts:
    """Keeps prompts as artifacts. Examples are rows of datasets."""

    def __init__(self, catalog: Catalog, datasets: Datasets | None = None):
        self._catalog = catalog
        self._datasets = datasets

    def save(
        self,
        name: str,
        *,
        template: str = SLOT,
        system: str = "",
        settings: Mapping[str, Any] | None = None,
        messages: Sequence[Mapping[str, str]] | None = None,
        variables: Mapping[str, Any] | None = None,
        examples: Mapping[str, Any] | None = None,
        schema: Mapping[str, Any] | None = None,
        file: Path | None = None,
        why: str = "",
        by: Principal,
    ) -> Artifact:
        """Save the next version of a prompt, as it is said here or in a YAML file.

        What is as the newest version is that version: it keeps its number and its why.

        Raises:
            BadPromptError, BadTemplateError, BadVariableError, BadSchemaError, BadPickError: it
                cannot be one, and why.
            BadDocumentError: the file is none of one prompt.
            UnknownArtifactError, NoRowsToShowError: the examples are not there.
        """
        said = {
            "template": template, "system": system, "settings": settings, "messages": messages,
            "variables": variables, "examples": examples, "schema": schema,
        }  # fmt: skip
        if file is not None:
            given = [k for k, v in said.items() if v and (k, v) != ("template", SLOT)]
            if given:
                raise BadPromptError(why=f"`{given[0]}` and a file are both given")
            said = one_document(file, name)
        return self.keep(name, Draft.read(said), why=why, by=by)

    def keep(
        self,
        name: str,
        draft: Draft,
        *,
        why: str = "",
        origin: Mapping[str, Any] | None = None,
        by: Principal,
    ) -> Artifact:
        """Save a draft as the next version; `origin` tells where it is kept beside here.

        Raises:
            As `save`.
        """
        if len(why) > _LONGEST_WHY:
            raise BadPromptError(why=f"its why has more than {_LONGEST_WHY} characters")
        prompt, parents = self.drawn(draft, by=by)
        files = {FILE: prompt.to_bytes()}
        newest = self.newest(name)
        if newest is not None and self.same(newest, files[FILE], parents):
            return newest
        meta: dict[str, Any] = {"template": headline(prompt), "settings": dict(prompt.settings)}
        if not prompt.plain:
            meta["variables"] = list(prompt.variables)
        meta |= {"why": why} if why else {}
        meta |= {"origin": dict(origin)} if origin else {}
        return self._catalog.record(KIND, name, files=files, parents=parents, meta=meta, by=by)

    def drawn(self, draft: Draft, *, by: Principal) -> tuple[Prompt, list[Parent]]:
        """Return the prompt of a draft with its examples, and what it is made from.

        Raises:
            UnknownArtifactError, NoRowsToShowError, BadPickError: they cannot be drawn.
            ForbiddenError: this principal may not read the dataset.
        """
        pick = draft.pick
        if pick is None:
            return draft.prompt, []
        if self._datasets is None:
            raise BadPromptError(why="examples need datasets, which are not here")
        source = self._datasets.get(pick.source)
        rows = self._datasets.stream(source.ref, pick.split, by=by, whole=True)
        shown = pick.draw(rows, source.ref)
        return draft.with_examples(shown, source.ref), [Parent("examples", source.digest)]

    def newest(self, name: str) -> Artifact | None:
        """Return the newest version of a name; None where there is none."""
        try:
            return self._catalog.get(KIND, Ref.parse(name))
        except UnknownArtifactError:
            return None

    def same(self, artifact: Artifact, content: bytes, parents: Sequence[Parent]) -> bool:
        """Whether a version says this and was made from these."""
        kept = artifact.manifest
        return kept.files[FILE].digest == Digest.of(content) and set(kept.parents) == set(parents)

    def get(self, ref: Ref | str) -> Artifact:
        """Return a prompt's artifact."""
        return self._catalog.get(KIND, ref)

    def fetch(self, ref: Ref | str) -> Worded:
        """Return what a prompt says, as applications read it.

        Raises:
            UnknownArtifactError: no such prompt, version or label.
        """
        artifact = self.get(ref)
        prompt = self.read(artifact)
        if not prompt.plain:
            *before, last = prompt.messages
            return Worded(
                artifact.ref, str(artifact.digest), artifact.labels, last["content"],
                tuple(before), prompt.settings, prompt.wording.to_dict(), prompt.schema,
            )  # fmt: skip
        return Worded(
            artifact.ref, str(artifact.digest), artifact.labels, prompt.template, prompt.before,
            prompt.settings, schema=prompt.schema,
        )  # fmt: skip

    def label(self, ref: Ref | str, label: str, *, by: Principal) -> Artifact:
        """Let a label name this version, and no other one from now on.

        Raises:
            BadRefError: the label cannot be one.
            UnknownArtifactError: no such prompt.
        """
        return self._catalog.label(KIND, ref, label, by=by)

    def unlabel(self, ref: Ref | str, *, by: Principal) -> Artifact:
        """Take a label away (`support:production`).

        Raises:
            UnknownArtifactError: nothing bears it.
        """
        return self._catalog.unlabel(KIND, ref, by=by)

    def list(self, *, limit: int = 50) -> list[Artifact]:
        """Return the newest prompts first."""
        return self._catalog.list(KIND, limit=limit)

    def read(self, artifact: Artifact) -> Prompt:
        """Return the prompt itself."""
        return Prompt.from_bytes(self._catalog.read(artifact, FILE))


def headline(prompt: Prompt) -> str:
    """Return the template that a list shows: what the user's words are put into."""
    said = [one["content"] for one in prompt.messages if one["role"] == "user"]
    return (
        said[-1] if said else (prompt.template if prompt.plain else prompt.messages[-1]["content"])
    )
