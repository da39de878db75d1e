"""The row browser: rows at some places, rows that fit, rows that were left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from starlette.datastructures import QueryParams

from volano.core.principal import Principal
from volano.data.profile.column import flattened
from volano.web.pages import data_links, words
from volano.web.pages.data_profile import plain_text
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Facts, Row, Table

LIMIT = 25
MOST_SIDE = 4
_CUT, _LONGEST = 260, 20_000


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition that holds, and the address without it."""

    told: str
    without: str


@dataclass(frozen=True, slots=True)
class Card:
    """One row in full."""

    title: str
    text: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Browser:
    """The page: what was found, the fields as they are filled, where it goes on."""

    headline: Markup
    asked: Mapping[str, str]
    splits: Sequence[str]
    chips: Sequence[Chip]
    hidden: Sequence[tuple[str, str]]
    table: Table | None = None
    cards: Sequence[Card] = ()
    looked_at: str = ""
    following: str | None = None
    beginning: str | None = None
    clear: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The page of rows that were left out."""

    headline: Markup
    reasons: Sequence[tuple[str, str, int, float, bool]]
    table: Table | None
    following: str | None
    beginning: str | None
    clear: str | None
    data: Any


def look(app: Any, version: Any, query: QueryParams, by: Principal) -> Browser:
    """Show rows; everything that narrows them is in the address."""
    ref = version.artifact.ref
    if query.get("at"):
        return _picked(app, ref, query["at"][:4_000], version, by)
    asked = {name: query.get(name, "").strip()[:200] for name in ("q", "split", "language", "personal")}  # fmt: skip
    where = [one[:400] for one in query.getlist("where") if one.strip()][:8]
    least, most = data_links.number(query.get("least")), query.get("most") or ""
    start = data_links.number(query.get("start"))
    found = app.profiles.search(
        ref, asked["q"], split=asked["split"] or None, where=where, least=least,
        most=data_links.number(most) if most else None, language=asked["language"],
        personal=asked["personal"], start=start, limit=LIMIT, by=by,
    )  # fmt: skip
    here = {**asked, "where": where, "least": least or "", "most": most}
    narrowed = any(here.values())
    following = found["next"]
    return Browser(
        _headline(found, narrowed=narrowed, start=start),
        asked, version.splits, _chips(ref, here),
        [*(("where", one) for one in where),
         *((name, str(here[name])) for name in ("least", "most") if here[name])],
        _table(ref, found, asked["q"]) if found["rows"] else None,
        looked_at=_looked_at(found, start),
        following=data_links.rows(ref, **here, start=following) if following else None,
        beginning=data_links.rows(ref, **here) if start else None,
        clear=data_links.rows(ref) if narrowed else None,
        data=found,
    )  # fmt: skip


def rejected(app: Any, version: Any, query: QueryParams, by: Principal) -> Rejected:
    """Show what was left out, by reason."""
    ref = version.artifact.ref
    step, reason = query.get("step") or None, query.get("reason") or None
    start = data_links.number(query.get("start"))
    found = app.datasets.rejected(
        ref, step=step, reason=reason, start=start, limit=LIMIT + 1, by=by
    )  # fmt: skip
    kept = app.profiles.kept(ref, by=by) or {}
    counts = kept.get("rejected", {}).get("reasons", [])
    most = max((one["rows"] for one in counts), default=1)
    reasons = [
        (f"{one['step']}: {one['reason']}",
         data_links.page(ref, view="rejected", step=one["step"], reason=one["reason"]),
         one["rows"], one["rows"] / most, (one["step"], one["reason"]) == (step, reason))
        for one in counts
    ]  # fmt: skip
    total = sum(one["rows"] for one in counts)
    here = {"view": "rejected", "step": step or "", "reason": reason or ""}
    return Rejected(
        _left_out(found, reasons, total), reasons,
        _rejected_table(found[:LIMIT]) if found else None,
        data_links.page(ref, **here, start=start + LIMIT) if len(found) > LIMIT else None,
        data_links.page(ref, **here) if start else None,
        data_links.page(ref, view="rejected") if step or reason else None,
        {"rows": found[:LIMIT], "reasons": counts},
    )  # fmt: skip


def _left_out(found: Sequence[Any], reasons: Sequence[Any], total: int) -> Markup:
    if not found:
        return escape(_("Nothing was left out here."))
    if not reasons:
        return escape(_("These rows were left out, each with its reason."))
    return escape(
        ngettext("One row was left out; most often: {why}.",
                 "{n} rows were left out; most often: {why}.", total)
    ).format(n=words.count(total), why=words.visible(reasons[0][0]))  # fmt: skip


def _rejected_table(found: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        _("Left out"),
        (Column(_("Row")), Column(_("Why")), Column(_("By"), 2), Column(_("Instead of it"), 3)),
        [
            Row("", (Cell("text", words.clip(plain_text(_content(one["row"])), _CUT)),
                     Cell("text", one["reason"] or "–", sub=words.clip(one["detail"], 80) or None),
                     Cell("text", one["step"] or "–"),
                     Cell("text", words.clip(plain_text(one["of"]), 60) or "–")), one)
            for one in found
        ],
    )  # fmt: skip


def _content(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    told = {name: value for name, value in row.items() if name not in ("id", "origin", "split")}
    return told.get("text") if isinstance(told.get("text"), str) else told


def _picked(app: Any, ref: str, at: str, version: Any, by: Principal) -> Browser:
    rows = app.profiles.pick(ref, at.split(",")[:50], by=by)
    n = len(rows)
    said = ngettext("One row of {ref}.", "{n} rows of {ref}.", n) if n else _("There is no such row in {ref}.")  # fmt: skip
    return Browser(
        escape(said).format(n=n, ref=ref),
        dict.fromkeys(("q", "split", "language", "personal"), ""), version.splits, (), (),
        cards=[_card(row) for row in rows], clear=data_links.rows(ref), data={"rows": rows},
    )  # fmt: skip


def _card(row: Mapping[str, Any]) -> Card:
    shown = {name: value for name, value in row.items() if name not in ("id", "split", "at", "origin")}  # fmt: skip
    longest = max(shown, key=lambda name: len(plain_text(shown[name])), default="")
    text = shown.pop("text" if isinstance(shown.get("text"), str) else longest, "")
    facts = [(name, Cell("text", words.clip_raw(plain_text(value), 2_000) or "–"))
             for name, value in flattened(shown).items()]  # fmt: skip
    if row.get("origin"):
        facts += [(_("from"), Cell("text", words.clip(plain_text(row["origin"]), 300)))]
    facts += [("id", Cell("code", row["id"]))]
    title = _("{split}, row {n}").format(split=row["split"], n=words.count(row["at"] + 1))
    return Card(title, words.clip_raw(plain_text(text), _LONGEST), Facts("", facts))


def _table(ref: str, found: Mapping[str, Any], q: str) -> Table:
    rows, column = found["rows"], found["column"]
    names = dict.fromkeys(name for row in rows for name in row)
    aside = [n for n in names if n not in ("id", "origin", "split", "at", "source_id", column)]
    aside.sort(key=lambda name: name != "label")
    aside = aside[:MOST_SIDE]
    columns = (
        Column(column),
        *(Column(name, 1 if n == 0 else 2 if n < 3 else 3) for n, name in enumerate(aside)),
        Column(_("Where"), 2),
    )
    return Table(_("Rows"), columns, [_row(ref, row, column, aside, q) for row in rows])


def _row(ref: str, row: Mapping[str, Any], column: str, aside: Sequence[str], q: str) -> Row:
    href = data_links.rows(ref, at=f"{row['split']}:{row['at']}")
    text = plain_text(row.get(column))
    shown = marked(around(text, q), q) if text.strip() else escape(_("no text"))
    lead = Markup('<div class="clamp three"><a href="{}" dir="auto">{}</a></div>').format(href, shown)  # fmt: skip
    return Row(
        href,
        (
            Cell("markup", lead),
            *(Cell("text", words.clip(plain_text(row.get(name)), 60) or "–") for name in aside),
            Cell("text", f"{row['split']} {words.count(row['at'] + 1)}"),
        ),
        row,
    )  # fmt: skip


def around(text: str, q: str) -> str:
    """Return the part of a text where the words stand, else its beginning."""
    text = " ".join(text.split())
    at = text.casefold().find(q.casefold()) if q else -1
    begin = max(0, at - 80) if at > _CUT - len(q) else 0
    return ("…" if begin else "") + words.clip(text[begin:], _CUT)


def marked(text: str, q: str) -> Markup:
    """Return a text with the words in it marked, where they stand as they were asked."""
    folded, wanted = text.casefold(), q.casefold()
    if not wanted or len(folded) != len(text):
        return words.visible(text)
    parts, here = [], 0
    while (at := folded.find(wanted, here)) >= 0:
        parts += [words.visible(text[here:at]),
                  Markup("<mark>{}</mark>").format(words.visible(text[at : at + len(wanted)]))]  # fmt: skip
        here = at + len(wanted)
    return Markup("").join([*parts, words.visible(text[here:])])


def _chips(ref: str, here: Mapping[str, Any]) -> list[Chip]:
    chips = []
    for one in here["where"]:
        name, _eq, value = one.partition("=")
        told = f"{name} = {words.clip(value, 40)}" if value else _("{name} is missing").format(name=name)  # fmt: skip
        rest = [each for each in here["where"] if each != one]
        chips.append(Chip(told, data_links.rows(ref, **{**here, "where": rest})))
    if here["least"] or here["most"]:
        told = _("{least} to {most} characters").format(least=here["least"] or 0, most=here["most"] or "…")  # fmt: skip
        chips.append(Chip(told, data_links.rows(ref, **{**here, "least": "", "most": ""})))
    return chips


def _headline(found: Mapping[str, Any], *, narrowed: bool, start: int) -> Markup:
    n, total = len(found["rows"]), words.count(found["of"])
    if not narrowed:
        return escape(
            ngettext("One row.", "{total} rows, in the order they were given.", found["of"])
        ).format(total=total)
    if not n:
        return escape(_("No row fits, of {n} looked at.")).format(n=words.count(found["looked_at"]))
    if found["next"] is None and not start:
        return escape(ngettext("One row fits.", "{n} rows fit.", n)).format(n=words.count(n))
    return escape(
        ngettext(
            "One row fits, of {all} looked at; there may be more.",
            "{n} rows fit, of {all} looked at; there may be more.",
            n,
        )
    ).format(n=words.count(n), all=words.count(found["looked_at"]))


def _looked_at(found: Mapping[str, Any], start: int) -> str:
    return _("looked at rows {a} to {b} of {all}").format(
        a=words.count(start + 1 if found["looked_at"] else start),
        b=words.count(start + found["looked_at"]), all=words.count(found["of"]),
    )  # fmt: skip
