"""Prompts that files say: `kind: Prompt`."""

from collections.abc import Sequence
from dataclasses import asdict

from volano.core.documents import Document
from volano.core.principal import Principal
from volano.core.ref import Ref, check_label, check_name
from volano.declared import MARK, Change
from volano.declared.change import CHANGED, LEFT, NEW, SAME
from volano.prompts.compare import as_written
from volano.prompts.draft import Draft
from volano.prompts.errors import BadPromptError
from volano.prompts.keeper import Prompts
from volano.prompts.written import KIND, said
from volano.store.artifact import Artifact
from volano.store.errors import UnknownArtifactError

MOST_LABELS = 32


class DeclaredPrompts:
    """Compares and saves documents of prompts."""

    def __init__(self, prompts: Prompts):
        self._prompts = prompts

    def plan(
        self, document: Document, *, by: Principal, earlier: Sequence[Change] = ()  # noqa: ARG002 - as the port has it
    ) -> Change:  # fmt: skip
        """Say what a document would change.

        Raises:
            VolanoError: the prompt cannot be saved so, and why.
        """
        name, labels = check_name(document.content["name"]), _labels(document)
        prompt, parents = self._prompts.drawn(Draft.read(said(document.content)), by=by)
        newest = self._prompts.newest(name)
        if newest is None:
            parts = [asdict(part) for part in as_written(None, prompt)]
            return Change(KIND, name, document.place, NEW, "", labels, (), parts)
        applied = self._at(name, MARK)
        same = self._prompts.same(newest, prompt.to_bytes(), parents)
        drift = []
        if not same and applied != newest:
            since = f"after {applied.ref}, which the files said" if applied else "not from files"
            drift.append(f"{newest.ref} was saved by {newest.created_by}, {since}")
        wanted = []
        for label in labels:
            holder = self._at(name, label)
            if same and holder == newest:
                continue
            wanted.append(label)
            if holder != applied and (how := self._moved(name, label, holder, applied)):
                drift.append(f"the label {label} was {how}")
        parts = [] if same else [asdict(p) for p in as_written(self._prompts.read(newest), prompt)]
        action = SAME if same else CHANGED
        return Change(
            KIND, name, document.place, action, newest.ref, tuple(wanted), tuple(drift), parts
        )

    def apply(self, document: Document, change: Change, *, why: str, by: Principal) -> Change:
        """Save what is new or changed, move its labels and the mark."""
        draft = Draft.read(said(document.content))
        made = self._prompts.keep(
            change.name, draft, why=why, origin={"file": document.file}, again=True, by=by
        )
        for label in (*change.labels, MARK):
            if self._at(change.name, label) != made:
                self._prompts.label(made.ref, label, by=by)
        return Change(
            KIND, change.name, change.place, change.action, made.ref, change.labels, change.drift,
            change.parts,
        )  # fmt: skip

    def left(self, names: set[str]) -> list[Change]:
        """Return prompts that files said before and no longer do."""
        marked = self._prompts.marked(MARK)
        return [
            Change(KIND, one.name, "", LEFT, one.ref, self._all_labels(one))
            for one in marked
            if one.name not in names
        ]

    def let_go(self, change: Change, *, by: Principal) -> None:
        """Take all labels of a name away."""
        for label in change.labels:
            self._prompts.unlabel(f"{change.name}:{label}", by=by)

    def _moved(
        self, name: str, label: str, holder: Artifact | None, applied: Artifact | None
    ) -> str:
        """Say what somebody did with a label since files were applied; nothing: it is as it was then.

        Files may say a version first, and a label of it later: that overwrites nothing. The
        order is the ledger's, not a clock's.
        """
        last, mark = self._prompts.moved(name, label), self._prompts.moved(name, MARK)
        if last is None or (applied and mark and last.seq < mark.seq):
            return ""
        if holder is not None:
            return f"moved to {holder.ref} by {last.principal}"
        return f"taken away by {last.principal}" if applied else ""

    def _all_labels(self, artifact: Artifact) -> tuple[str, ...]:
        found = self._prompts.versions(artifact.name)
        return tuple(sorted({label for one in found for label in one.labels}))

    def _at(self, name: str, label: str) -> Artifact | None:
        try:
            return self._prompts.get(Ref(name, label=label))
        except UnknownArtifactError:
            return None


def _labels(document: Document) -> tuple[str, ...]:
    raw = document.content.get("labels") or ()
    listed = isinstance(raw, Sequence) and not isinstance(raw, str) and len(raw) <= MOST_LABELS
    if not listed or not all(isinstance(label, str) for label in raw):
        raise BadPromptError(
            why=f"its labels are a list of at most {MOST_LABELS} texts, such as [production]"
        )
    if MARK in raw:
        raise BadPromptError(why=f"the label `{MARK}` is set by itself")
    return tuple(dict.fromkeys(check_label(label) for label in raw))
