"""Two versions side by side: counts, and the changed rows with the changed words marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.core.principal import Principal
from volano.traces.difference import Piece
from volano.traces.difference import words as differing
from volano.web.pages import data_links, words
from volano.web.pages.data_profile import QUICK, WHOLE, plain_text
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, State, Table

LIMIT = 20
_CUT = 4_000
_STATES = {"added": ("added", "good"), "removed": ("removed", "bad"), "changed": ("changed", "wait")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs: what became of it, and its words."""

    state: State
    split: str
    name: str
    words: Sequence[tuple[str, Sequence[Piece]]]
    aside: str


@dataclass(frozen=True, slots=True)
class Diff:
    """The page; `tables` is empty where the two versions are not chosen yet."""

    old: str
    new: str
    headline: Markup
    tables: Sequence[Table]
    changes: Sequence[Change]
    known: Sequence[str]
    following: str | None
    beginning: str | None
    data: Any


def look(app: Any, old: str, new: str, skip: int, by: Principal) -> Diff:
    """Compare, or offer what to compare.

    Raises:
        UnknownArtifactError: one of them does not exist.
    """
    known = [one.ref for one in app.datasets.list(limit=200, by=by)]
    if not old or not new:
        return Diff(
            old, new, escape(_("Which two versions?")), [], [], known, None, None, {"known": known}
        )  # fmt: skip
    found = app.datasets.diff(old, new, rows=LIMIT, skip=skip, by=by)
    counts = {split: one for split, one in found.items() if split != "rows"}
    total = {
        change: sum(one.get(change, 0) for one in counts.values())
        for change in ("changed", "added", "removed", "kept")
    }
    far = skip + LIMIT < total["changed"] + total["added"] + total["removed"]
    profiles = [_profile(app, ref, by) for ref in (old, new)]
    return Diff(
        old, new, _headline(total), [_counts(counts), _numbers(old, new, *profiles)],
        [_change(one) for one in found["rows"]], known,
        data_links.differences(old, new, skip=skip + LIMIT) if far else None,
        data_links.differences(old, new) if skip else None, found,
    )  # fmt: skip


def _headline(total: Mapping[str, int]) -> Markup:
    said = []
    if n := total["changed"]:
        said.append(ngettext("one row changed", "{n} rows changed", n).format(n=words.count(n)))
    if n := total["added"]:
        said.append(ngettext("one was added", "{n} were added", n).format(n=words.count(n)))
    if n := total["removed"]:
        said.append(ngettext("one was removed", "{n} were removed", n).format(n=words.count(n)))
    if not said:
        return escape(_("The two hold the same rows."))
    kept = ngettext("one is the same", "{n} are the same", total["kept"])
    told = f"{words.capital(', '.join(said))}; {kept.format(n=words.count(total['kept']))}."
    return escape(told)


def _counts(counts: Mapping[str, Mapping[str, int]]) -> Table:
    columns = ("kept", "changed", "added", "removed")
    return Table(
        _("Rows by split"),
        (Column(_("Split")), Column(_("The same"), 2, number=True), Column(_("Changed"), number=True),
         Column(_("Added"), number=True), Column(_("Removed"), number=True)),
        [
            Row("", (Cell("text", split),
                     *(Cell("number", words.count(one[n]) if n in one else "–") for n in columns)), one)
            for split, one in counts.items()
        ],
    )  # fmt: skip


def _profile(app: Any, ref: str, by: Principal) -> Mapping[str, Any]:
    kept = app.profiles.kept(ref, by=by)
    if kept is not None:
        return dict(kept)
    version = app.datasets.version(ref)
    total = sum(version.rows(split) for split in version.splits)
    return dict(app.profiles.show(ref, by=by, **({} if total <= WHOLE else {"rows": QUICK})))


def _numbers(old: str, new: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Table:
    """Return what the two profiles say, a question a row."""
    rows = [
        (_("rows"), words.count(a["rows"]), words.count(b["rows"])),
        *(
            (told, *(words.count(one["text"][key]) if one["text"]["bins"] else "–" for one in (a, b)))
            for key, told in (("p50", _("characters: half up to")), ("p90", _("characters: nine tenths up to")))
        ),
        *(
            (_("language {name}").format(name=name), *(_part(one, "languages", "language", name) for one in (a, b)))
            for name in _names(a["languages"], b["languages"], "language")
        ),
        *_labels(a, b),
        (_("repeat another"), *(words.count(one["duplicates"]["equal"]["repeats"]) for one in (a, b))),
        (_("with personal data"), *(words.count(sum(each["rows"] for each in one["personal"])) for one in (a, b))),
    ]  # fmt: skip
    return Table(
        _("What is in them"),
        (Column(_("Question")), Column(old, number=True), Column(new, number=True)),
        [
            Row("", (Cell("text", told), Cell("number", before), Cell("number", after)), None)
            for told, before, after in rows
        ],
    )


def _names(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [*dict.fromkeys(one[key] for one in (*a[:8], *b[:8]))]


def _part(found: Mapping[str, Any], of: str, key: str, name: str) -> str:
    rows = sum(one["rows"] for one in found[of] if one[key] == name)
    return f"{rows / max(found['looked_at'], 1):.1%}".replace("%", "\u202f%")


def _labels(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = []
    for one in b["labels"][:3]:
        column = one["column"]
        before: list[Mapping[str, Any]] = next(
            (each["classes"] for each in a["labels"] if each["column"] == column), []
        )
        for name in _names(before, one["classes"], "value"):
            sides = [
                {"looked_at": side["looked_at"], "classes": classes}
                for side, classes in ((a, before), (b, one["classes"]))
            ]
            told = [_part(side, "classes", "value", name) for side in sides]
            found.append((f"{column} {words.clip(name, 40)}", told[0], told[1]))
    return found


def _change(one: Mapping[str, Any]) -> Change:
    word, tone = _STATES[one["change"]]
    row = one["row"]
    before = one.get("old") or {}
    if one["change"] == "changed":
        told = [(name, differing(_text(before.get(name)), _text(row.get(name)))) for name in one["columns"]]  # fmt: skip
    else:
        side: Any = "b" if one["change"] == "added" else "a"
        name = _longest(row)
        told = [(name, (Piece(side, _text(row.get(name))),))]
    shown = {name for name, _pieces in told}
    aside = ", ".join(
        f"{name}: {words.clip(plain_text(value), 40)}"
        for name, value in row.items()
        if name not in {*shown, "id", "origin", "split", "source_id"} and plain_text(value)
    )
    name = plain_text(row.get("source_id")) or row["id"]
    return Change(State(_(word), tone), one["split"], words.clip(name, 40), told, words.clip(aside, 200))  # type: ignore[arg-type]  # fmt: skip


def _longest(row: Mapping[str, Any]) -> str:
    if isinstance(row.get("text"), str):
        return "text"
    names = [name for name in row if name not in ("id", "origin", "split")]
    return max(names, key=lambda name: len(plain_text(row[name])), default="id")


def _text(value: Any) -> str:
    return words.clip_raw(plain_text(value), _CUT)
