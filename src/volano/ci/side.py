"""A Side: what the repository says, here or at the base: rules, prompts, flows, suites, rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from volano.ci import rules
from volano.ci.errors import BadRulesError, NoRulesError
from volano.ci.repository import Base, Repository
from volano.ci.rules import Rules
from volano.core.documents import Document, documents
from volano.core.errors import InvalidError
from volano.core.ref import Ref
from volano.core.text import nfc
from volano.declared import MARK
from volano.evals.declared import KIND as SUITE
from volano.flows.written import KIND as FLOW
from volano.flows.written import Written
from volano.prompts.written import KIND as PROMPT

KINDS = (PROMPT, FLOW, SUITE)
ENDINGS = (".yaml", ".yml")
Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Side:
    """One side of a change. `problems` are files of the base that cannot be read, with reasons."""

    read: Read
    rules: Rules | None
    documents: Mapping[tuple[str, str], Document] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def said(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """Return what a document says; None where there is none."""
        found = self.documents.get((kind, name))
        return None if found is None else found.content

    def flow(self, name: str) -> Written | None:
        """Return what a flow joins; None where no file says it.

        Raises:
            BadFlowError, BadRefError: its document is wrong.
        """
        content = self.said(FLOW, name)
        return None if content is None else Written.read(content)

    def meant(self, prompt: Ref) -> Mapping[str, Any] | None:
        """Return the prompt of these files that a name means; None where it means another version."""
        content = self.said(PROMPT, prompt.name)
        if content is None or prompt.number is not None or prompt.digest is not None:
            return None
        own = prompt.label in (None, MARK) or prompt.label in (content.get("labels") or ())
        return content if own else None

    def content(self, path: str) -> list[Any] | None:
        """Return what a YAML file says, whatever its remarks; None where there is no such file."""
        data = self.read(path)
        if data is None:
            return None
        try:
            return [one.content for one in documents(data.decode("utf-8-sig"), path)]
        except (UnicodeDecodeError, InvalidError):
            return [data]

    def place(self, kind: str, name: str) -> str:
        """Return the file of a document."""
        found = self.documents.get((kind, name))
        return "" if found is None else found.file


def here(repository: Repository, place: str) -> Side:
    """Return what the repository says now.

    Raises:
        NoRulesError: it has no rules.
        BadDocumentError, BadRulesError: one of its files cannot be read.
    """
    text = _text(repository.here, place)
    if text is None:
        raise NoRulesError(path=place)
    found = rules.read(text, place)
    said: dict[tuple[str, str], Document] = {}
    for path in _named(repository.paths(), found.files, place):
        _put(said, path, _text(repository.here, path))
    return Side(repository.here, found, said)


def before(repository: Repository, base: Base, place: str, now: Rules) -> Side:
    """Return what the repository said at the base; what cannot be read there is a problem, no end."""

    def read(path: str) -> bytes | None:
        return repository.at(base.commit, path)

    problems: list[str] = []
    old: Rules | None = None
    try:
        text = _text(read, place)
        old = None if text is None else rules.read(text, place)
    except InvalidError as error:
        problems.append(f"at the base, {error.message}")
    said: dict[tuple[str, str], Document] = {}
    for path in _named(repository.paths_at(base.commit), (old or now).files, place):
        try:
            _put(said, path, _text(read, path))
        except InvalidError as error:
            problems.append(f"at the base, {error.message}")
    return Side(read, old, said, tuple(problems))


def _named(paths: Iterable[str], wanted: Iterable[str], place: str) -> list[str]:
    """Return the YAML files that are named, or lie in folders that are."""
    places = tuple(wanted)
    return [
        path for path in map(nfc, paths)
        if path.lower().endswith(ENDINGS) and path != place
        and any(path == one or one == "." or path.startswith(f"{one}/") for one in places)
    ]  # fmt: skip


def _put(said: dict[tuple[str, str], Document], path: str, text: str | None) -> None:
    for one in documents(text or "", path):
        kind, name = one.content.get("kind"), one.content.get("name")
        if kind not in KINDS or not isinstance(name, str):
            why = f"a document has a `name` and a `kind`: {', '.join(KINDS)}"
            raise BadRulesError(place=one.place, why=why)
        if (kind, name) in said:
            other = said[kind, name].place
            raise BadRulesError(place=one.place, why=f"{kind} `{name}` stands at {other}, too")
        said[kind, name] = one


def _text(read: Read, path: str) -> str | None:
    data = read(path)
    try:
        return None if data is None else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRulesError(place=path, why="it is not UTF-8") from error
