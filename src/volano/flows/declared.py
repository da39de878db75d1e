"""Flows that files say: `kind: Flow`."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.digest import Digest
from volano.core.documents import Document
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.declared import MARK, Change
from volano.declared.change import CHANGED, NEW, SAME
from volano.flows.keeper import KIND as ARTIFACT
from volano.flows.keeper import Flows
from volano.flows.written import KIND, Written
from volano.prompts.written import KIND as PROMPT
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.marked import Marked

AS_FILED = "as in these files"


class DeclaredFlows:
    """Compares and saves documents of flows. Their prompts may stand in the same files."""

    def __init__(self, flows: Flows, catalog: Catalog):
        self._flows = flows
        self._catalog = catalog
        self._marked = Marked(catalog, ARTIFACT, KIND)
        self.left = self._marked.left
        self.let_go = self._marked.let_go

    def plan(
        self, document: Document, *, by: Principal, earlier: Sequence[Change] = ()
    ) -> Change:  # fmt: skip
        """Say what a document would change.

        Raises:
            VolanoError: the flow cannot be composed so, and why.
        """
        del by
        said, name = Written.read(document.content), check_name(document.content["name"])
        waits = _waits(said.prompt, earlier)
        pins = self._flows.pins(said.model, None if waits else said.prompt)
        if waits:
            pins["prompt"] = AS_FILED
        newest = self._marked.newest(name)
        if newest is None:
            return Change(KIND, name, document.place, NEW, "", (), (), self._parts({}, pins))
        kept = _kept(newest)
        if kept == pins:
            return Change(KIND, name, document.place, SAME, newest.ref)
        applied = self._marked.of(name)
        drift = () if applied == newest else (f"{newest.ref} was composed by {newest.created_by}",)
        parts = self._parts(kept, pins)
        return Change(KIND, name, document.place, CHANGED, newest.ref, (), drift, parts)

    def apply(self, document: Document, change: Change, *, why: str, by: Principal) -> Change:
        """Save what is new or changed, and move the mark. The prompts of the files are saved by now."""
        del why
        said = Written.read(document.content)
        made = self._marked.newest(change.name)
        if made is None or _kept(made) != self._flows.pins(said.model, said.prompt):
            after = made.ref if made else ""
            made = self._flows.keep(
                change.name, model=said.model, prompt=said.prompt, after=after, by=by
            )
        self._marked.put(made, by=by)
        return Change(
            KIND, change.name, change.place, change.action, made.ref, (), change.drift, change.parts
        )

    def _parts(
        self, old: Mapping[str, str], new: Mapping[str, str]
    ) -> list[Mapping[str, Any]]:  # fmt: skip
        """Return the pins that differ, before and after, by the names of their versions."""
        found = list[Mapping[str, Any]]()
        for role in sorted({*old, *new}):
            before, after = (self._named(pins.get(role, "")) for pins in (old, new))
            pieces = [[sign, said] for sign, said in (("-", before), ("+", after)) if said]
            if before != after:
                found.append({"part": role, "pieces": pieces})
        return found

    def _named(self, pin: str) -> str:
        return pin if pin in ("", AS_FILED) else self._catalog.by_digest(Digest(pin)).ref


def _waits(prompt: Ref | None, earlier: Sequence[Change]) -> bool:
    """Whether a prompt's version is one that these files make, and is not there yet."""
    if prompt is None or prompt.number is not None or prompt.digest is not None:
        return False
    for one in earlier:
        if (one.kind, one.name) == (PROMPT, prompt.name):
            saved = one.action in (NEW, CHANGED)
            if prompt.label in (None, MARK):
                return saved
            return prompt.label in one.labels
    return False


def _kept(flow: Artifact) -> dict[str, str]:
    return {one.role: str(one.digest) for one in flow.manifest.parents if one.role != "own"}
