"""The list and the detail page of every kind of artifact; kinds add what only they have."""

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import facts, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import (
    Asked,
    Branch,
    Cell,
    Code,
    Column,
    Facts,
    Item,
    Lineage,
    Listing,
    Row,
    Section,
    State,
    Table,
)

Extra = Callable[[Any, Any], Sequence[Section]]
Telling = Callable[[Any], str]

MAX_PREVIEW_BYTES = 2_000_000
PREVIEW_LINES = 20
_TOLD = frozenset({
    "scores", "template", "messages", "signature", "verdict",
    "units", "states", "warnings", "seen", "format", "cost_nano",
    "gates", "outcome", "why", "lacking",
})  # fmt: skip
_TOLD_OF_MODELS = frozenset({"parity", "guards", "spent", "kept", "exact"})
"""What of `meta` a page says elsewhere, in words."""
_SCANNED_PAGES = 20
"""How many pages a text filter looks through before it stops, so that one request stays short."""


def listing(kind: str, telling: Telling) -> Callable[[Any, Asked, int], Listing]:
    """Return the list function of this kind; `telling` says in a few words what one holds."""

    def rows(app: Any, asked: Asked, now_us: int) -> Listing:
        found = _scan(app, kind, asked)
        shown, more = found[: asked.limit], len(found) > asked.limit
        return Listing(
            headline=_headline(app, kind, now_us),
            columns=(
                Column(_("Name")),
                Column(_("Holds")),
                Column(_("Labels"), 2),
                Column(_("Made by"), 3),
                Column(_("Size"), 3, number=True),
                Column(_("Made")),
            ),
            rows=[_row(kind, each, telling) for each in shown],
            following=str(shown[-1].manifest.created_us) if more and shown else None,
        )

    return rows


def item(kind: str, telling: Telling, extra: Extra) -> Callable[[Any, str, int], Item]:
    """Return the detail function of this kind; `extra` adds the sections only it has."""

    def show(app: Any, key: str, now_us: int) -> Item:
        artifact = app.catalog.get(kind, key)
        manifest = artifact.manifest
        return Item(
            title=artifact.ref,
            headline=escape(_("{holds}, made {when} by {who}.")).format(
                holds=words.capital(telling(artifact) or _("An artifact")),
                when=words.time_tag(manifest.created_us, now_us),
                who=words.visible(artifact.created_by),
            ),
            labels=tuple(artifact.labels),
            state=_state(artifact),
            sections=[
                *extra(app, artifact),
                _lineage(app, artifact),
                *([_files(artifact)] if manifest.files else []),
                *_previews(app, artifact),
            ],
            aside=[_manifest_facts(artifact), *_meta_facts(artifact)],
            data={"ref": artifact.ref, "digest": artifact.digest, "artifact": artifact},
        )

    return show


def _headline(app: Any, kind: str, now_us: int) -> Markup:
    total = app.catalog.counts().get(kind, 0)
    newest = app.catalog.list(kind, limit=1)
    if not newest:
        return escape(_("None yet."))
    return escape(
        ngettext(
            "One version so far: {newest}, made {when}.",
            "{n} versions; the newest is {newest}, made {when}.",
            total,
        )
    ).format(
        n=words.count(total),
        newest=links.link(links.artifact(kind, newest[0].ref), newest[0].ref),
        when=words.time_tag(newest[0].manifest.created_us, now_us),
    )


def _scan(app: Any, kind: str, asked: Asked) -> list[Any]:
    """Return up to limit + 1 artifacts whose name, labels or maker contain the text."""
    wanted, found = asked.q.casefold(), []
    before = asked.cursor
    for _page in range(_SCANNED_PAGES):
        page = app.catalog.list(kind, limit=asked.limit + 1, before_us=before)
        found += [each for each in page if not wanted or wanted in _haystack(each)]
        if len(found) > asked.limit or len(page) <= asked.limit:
            break
        before = page[-1].manifest.created_us
    return found


def _haystack(artifact: Any) -> str:
    return " ".join((artifact.ref, *artifact.labels, str(artifact.created_by))).casefold()


def _row(kind: str, artifact: Any, telling: Telling) -> Row:
    href = links.artifact(kind, artifact.ref)
    return Row(
        href=href,
        cells=(
            Cell("ref", artifact.ref, href=href),
            Cell("text", _holds(artifact, telling)),
            Cell("text", ", ".join(artifact.labels)),
            Cell("text", artifact.created_by),
            Cell("number", words.size(artifact.manifest.size) if artifact.manifest.files else "–"),
            Cell("time", artifact.manifest.created_us),
        ),
        data=artifact,
    )


def _holds(artifact: Any, telling: Telling) -> str:
    """Say what it holds, or why it is broken."""
    if artifact.state == "broken":
        return _("broken: {why}").format(why=artifact.problem)
    return telling(artifact)


def _state(artifact: Any) -> State | None:
    if artifact.state in ("", "ready"):
        return None
    return State(
        artifact.state, "bad" if artifact.state in ("retired", "bad", "erased") else "wait"
    )


def _lineage(app: Any, artifact: Any) -> Lineage:
    top = app.catalog.lineage(artifact.digest)
    return Lineage(
        _("Lineage"),
        up=_branches(top.parents, set()),
        down=[
            Branch(each.ref, each.kind, links.artifact(each.kind, each.ref), "",
                   each.manifest.created_us)
            for each in app.catalog.children(artifact.digest)
        ],
    )  # fmt: skip


def _branches(nodes: Sequence[Any], told: set[str]) -> list[Branch]:
    """Return the tree, each ancestor with its own parents once: later it is `as above`."""
    branches = []
    for node in nodes:
        one = node.artifact
        again = bool(node.parents) and one.digest in told
        told.add(one.digest)
        above = [] if again else _branches(node.parents, told)
        href = links.artifact(one.kind, one.ref)
        at_us = one.manifest.created_us
        branches.append(Branch(one.ref, one.kind, href, node.role or "", at_us, again, above))
    return branches


def _files(artifact: Any) -> Table:
    return Table(
        _("Files"),
        (Column(_("Path")), Column(_("Size"), number=True), Column(_("Digest"), 2)),
        [
            Row("", (Cell("code", path), Cell("number", words.size(file.size)),
                     Cell("code", str(file.digest)[:19] + "…")), file)
            for path, file in sorted(artifact.manifest.files.items())
        ],
    )  # fmt: skip


def _previews(app: Any, artifact: Any) -> list[Code]:
    """Return the beginnings of small text files; what is no text is left out."""
    made: list[Code] = []
    if artifact.state == "dropped":
        return made
    for path, file in sorted(artifact.manifest.files.items()):
        if file.size > MAX_PREVIEW_BYTES or not path.endswith((".jsonl", ".json", ".txt", ".md")):
            continue
        text = app.catalog.read(artifact, path).decode("utf-8", "replace")
        lines = text.splitlines()
        cut = "\n".join(words.clip_raw(line, 400) for line in lines[:PREVIEW_LINES])
        note = (
            _("first {n} of {all} lines").format(n=PREVIEW_LINES, all=words.count(len(lines)))
            if len(lines) > PREVIEW_LINES
            else ""
        )
        made.append(Code(path, cut, note=note))
    return made


def _manifest_facts(artifact: Any) -> Facts:
    manifest = artifact.manifest
    made_by = manifest.made_by
    run = Cell("ref", made_by[:8], href=links.item("runs", made_by)) if made_by else None
    return Facts(
        _("Manifest"),
        [
            (_("digest"), Cell("code", str(artifact.digest))),
            (_("kind"), Cell("text", artifact.kind)),
            (_("made"), Cell("time", manifest.created_us)),
            (_("by"), Cell("text", artifact.created_by)),
            *([(_("in run"), run)] if run else []),
            *([(_("size"), Cell("number", words.size(manifest.size)))] if manifest.files else []),
        ],
    )


def _meta_facts(artifact: Any) -> list[Facts]:
    meta = artifact.manifest.meta
    shown = facts.of(
        meta, skip=_TOLD | (_TOLD_OF_MODELS if artifact.kind == "model" else frozenset())
    )
    return [Facts(_("Card"), shown)] if shown else []
