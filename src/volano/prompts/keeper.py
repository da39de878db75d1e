"""The verbs on prompts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.core.documents import written
from volano.core.errors import VolanoError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.keeper import Datasets
from volano.declared import MARK
from volano.prompts.compare import Difference, as_rendered, as_written, values_of
from volano.prompts.draft import Draft, said_of
from volano.prompts.errors import BadPromptError
from volano.prompts.prompt import SLOT, Prompt, Worded
from volano.prompts.told import Told, told
from volano.prompts.written import document, one_document
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError
from volano.store.ledger import Event

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
        again: bool = False,
        by: Principal,
    ) -> Artifact:
        """Save a draft as the next version; `origin` tells where it is kept beside here.

        What an older version said is a new version where it is said `again`.

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
        if again and newest is not None:
            meta["after"] = newest.ref
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

    def marked(self, label: str) -> Iterator[Artifact]:
        """Yield the versions that bear a label, of whatever name."""
        yield from self._catalog.labelled(KIND, label)

    def moved(self, name: str, label: str) -> Event | None:
        """Return how a label came to be where it is, or was taken away, last; who did it."""
        return self._catalog.moved(KIND, name, label)

    def same(self, artifact: Artifact, content: bytes, parents: Sequence[Parent]) -> bool:
        """Whether a version says this and was made from these, in whichever order it was written.

        One that cannot be read (a newer volano wrote it, its file is gone) is another.
        """
        kept = artifact.manifest
        if set(kept.parents) != set(parents):
            return False
        if kept.files[FILE].digest == Digest.of(content):
            return True
        try:
            return self.read(artifact).to_bytes() == content
        except VolanoError:
            return False

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

    def list(self, *, name: str | None = None, limit: int = 50) -> list[Told]:
        """Return the newest versions first, each with who made it and why; or those of one name."""
        found = (
            self._catalog.list(KIND, limit=limit) if name is None else self.versions(name, limit)
        )
        return [told(one) for one in found]

    def diff(
        self,
        a: Ref | str,
        b: Ref | str,
        *,
        values: Mapping[str, Any] | None = None,
        over: Ref | str | None = None,
        split: str = "test",
        rows: int = 3,
        by: Principal,
    ) -> Difference:
        """Say what differs between two versions, word by word, in any script.

        Also as they are rendered: for these `values`, and for the first rows of a dataset,
        whose columns are variables and whose `text` is `input`.

        Raises:
            UnknownArtifactError: there is no such prompt, or dataset.
            ForbiddenError: this principal may not read the rows.
        """
        old, new = self.get(a), self.get(b)
        was, now = self.read(old), self.read(new)
        rendered = [as_rendered(was, now, values, "the values")] if values is not None else []
        if over is not None and self._datasets is not None:
            found = self._datasets.stream(over, split, limit=rows, by=by)
            rendered += [
                as_rendered(was, now, values_of(row), str(row.get("id", ""))[:12]) for row in found
            ]
        return Difference(old.ref, new.ref, as_written(was, now), rendered)

    def export(self, ref: Ref | str) -> str:
        """Return a prompt as a YAML document, as `volano apply` reads it.

        Raises:
            UnknownArtifactError: there is no such prompt.
        """
        artifact = self.get(ref)
        said = said_of(self.read(artifact))
        labels = [label for label in artifact.labels if label != MARK]
        return written([document(artifact.name, labels, said)])

    def versions(self, name: str, limit: int = 10_000) -> Iterator[Artifact]:
        """Yield the versions of one name, the newest first."""
        yield from self._catalog.list(KIND, check_name(name), limit=limit)

    def read(self, artifact: Artifact) -> Prompt:
        """Return the prompt itself."""
        return Prompt.from_bytes(self._catalog.read(artifact, FILE))


def headline(prompt: Prompt) -> str:
    """Return the template that a list shows: what the user's words are put into."""
    said = [one["content"] for one in prompt.messages if one["role"] == "user"]
    return (
        said[-1] if said else (prompt.template if prompt.plain else prompt.messages[-1]["content"])
    )
