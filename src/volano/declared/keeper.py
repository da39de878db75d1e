"""The verbs on what files say: plan, apply."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.documents import Document, documents
from volano.core.errors import InvalidError
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.declared.change import Change, Plan
from volano.declared.errors import NoFilesError, TwiceError, UnknownKindError, WrongDocumentError
from volano.declared.kind import Kind


class Declarations:
    """Keeps the registry in step with files. `kinds` know how, by the word after `kind:`.

    They are planned and applied in their order, so that what pins another comes after it.
    """

    def __init__(self, kinds: Mapping[str, Kind]):
        self._kinds = kinds

    def plan(
        self, files: Sequence[Mapping[str, str]], *, prune: bool = False, by: Principal
    ) -> Plan:
        """Say what files (`path`, `text`) would change; change nothing.

        With `prune`, what was applied before and stands in no file any more is told too.

        Raises:
            BadDocumentError, UnknownKindError, TwiceError, WrongDocumentError, NoFilesError: where
                and why they cannot be applied.
        """
        return self._plan(_read(files, self._kinds), prune=prune, by=by)

    def apply(
        self,
        files: Sequence[Mapping[str, str]],
        *,
        why: str = "",
        overwrite: bool = False,
        prune: bool = False,
        by: Principal,
    ) -> Plan:
        """Save a new version of what differs, and set labels. All is read before anything is saved.

        Where the registry holds something newer than the files, nothing is saved and the plan
        is not `ok`, unless `overwrite` says that the files are right. `prune` takes the labels of
        what stands in no file any more; no version is ever deleted.

        Raises:
            As `plan`.
        """
        found = _read(files, self._kinds)
        plan = self._plan(found, prune=prune, by=by)
        if not (plan.ok or overwrite):
            return plan
        done = []
        for document, change in zip(found, plan.changes, strict=False):
            kind = self._kinds[change.kind]
            done.append(kind.apply(document, change, why=why, by=by))
        for change in plan.changes[len(found) :]:
            self._kinds[change.kind].let_go(change, by=by)
            done.append(change)
        return Plan(tuple(done), applied=True, overwrite=overwrite)

    def _plan(self, found: Sequence[Document], *, prune: bool, by: Principal) -> Plan:
        changes: list[Change] = []
        for document in found:
            changes.append(self._change(document, changes, by))
        if prune:
            for word, kind in self._kinds.items():
                changes += kind.left({one.name for one in changes if one.kind == word})
        return Plan(tuple(changes))

    def _change(self, document: Document, earlier: Sequence[Change], by: Principal) -> Change:
        kind = self._kinds[document.content["kind"]]
        try:
            return kind.plan(document, by=by, earlier=earlier)
        except InvalidError as error:
            why = f"{error.message}"
            raise WrongDocumentError(place=document.place, why=why, hint=error.advice) from error


_NAMED = 'It says `name:` and a text; what looks like a number stands in quotes: name: "42".'


def _unnamed(name: Any) -> str:
    return "It has no name." if name is None else f"Its name `{str(name)[:40]}` is no text."


def _read(files: Any, kinds: Mapping[str, Kind]) -> list[Document]:
    found: list[Document] = []
    seen: dict[tuple[Any, str], str] = {}
    for file in files if isinstance(files, list | tuple) else ():
        if not isinstance(file, Mapping) or not {"path", "text"} <= set(file):
            raise NoFilesError
        for document in documents(str(file["text"]), str(file["path"])):
            kind, name = document.content.get("kind"), document.content.get("name")
            if not isinstance(kind, str) or kind not in kinds:
                said = f"{document.place}: it does not say its `kind`." if kind is None else None
                raise UnknownKindError(
                    said, place=document.place, kind=str(kind)[:40], known=", ".join(kinds)
                )
            if not isinstance(name, str):
                raise WrongDocumentError(place=document.place, why=_unnamed(name), hint=_NAMED)
            name = nfc(name)
            if (kind, name) in seen:
                raise TwiceError(kind=kind, name=name, place=document.place, other=seen[kind, name])
            seen[kind, name] = document.place
            found.append(document)
    if not found:
        raise NoFilesError
    order = list(kinds)
    return sorted(found, key=lambda one: order.index(one.content["kind"]))
