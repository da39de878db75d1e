"""Suites that files say: `kind: Suite`."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.digest import Digest
from volano.core.documents import Document
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.declared import Change
from volano.declared.change import CHANGED, NEW, SAME
from volano.evals.suite import Suite
from volano.evals.suite_file import from_plain
from volano.evals.suites import KIND as ARTIFACT
from volano.evals.suites import Suites
from volano.store.catalog import Catalog
from volano.store.marked import Marked

KIND = "Suite"


class DeclaredSuites:
    """Compares and saves documents of suites."""

    def __init__(self, suites: Suites, catalog: Catalog):
        self._suites = suites
        self._catalog = catalog
        self._marked = Marked(catalog, ARTIFACT, KIND)
        self.left = self._marked.left
        self.let_go = self._marked.let_go

    def plan(
        self, document: Document, *, by: Principal, earlier: Sequence[Change] = ()  # noqa: ARG002 - as the port has it
    ) -> Change:  # fmt: skip
        """Say what a document would change.

        Raises:
            VolanoError: the suite cannot be saved so, and why.
        """
        suite, name = _suite(document), check_name(document.content["name"])
        self._catalog.get("dataset", suite.data)
        self._suites.check_asked(suite, coming={one.name for one in earlier})
        newest = self._marked.newest(name)
        if newest is None:
            return Change(KIND, name, document.place, NEW)
        kept = self._suites.read(newest.ref)
        if kept == suite:
            return Change(KIND, name, document.place, SAME, newest.ref)
        applied = self._marked.of(name)
        drift = () if applied == newest else (f"{newest.ref} was saved by {newest.created_by}",)
        return Change(
            KIND, name, document.place, CHANGED, newest.ref, (), drift, _parts(kept, suite)
        )

    def apply(self, document: Document, change: Change, *, why: str, by: Principal) -> Change:  # noqa: ARG002 - as the port has it
        """Save what is new or changed, and move the mark."""
        suite, made = _suite(document), self._marked.newest(change.name)
        if made is None or self._suites.read(made.ref) != suite:
            made = self._suites.keep(suite, after=made.ref if made else "", by=by)
        self._marked.put(made, by=by)
        return Change(
            KIND, change.name, change.place, change.action, made.ref, (), change.drift, change.parts
        )


def _suite(document: Document) -> Suite:
    said = {key: one for key, one in document.content.items() if key not in ("kind", "labels")}
    return from_plain(said, name=document.file)


def _parts(old: Suite, new: Suite) -> list[Mapping[str, Any]]:
    """Return the settings that differ, before and after."""
    before, after = old.to_dict(), new.to_dict()
    return [
        {"part": key, "pieces": [["-", _short(before[key])], ["+", _short(after[key])]]}
        for key in after if before.get(key) != after[key]
    ]  # fmt: skip


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:100]}… ({Digest.of(text.encode()).short})"
