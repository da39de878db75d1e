"""What is in a version: figures, bars and lists, each of which leads to its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.core.principal import Principal
from volano.web.pages import data_links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

WHOLE, QUICK = 5_000, 2_000
"""A version of so many rows is profiled at once; of a greater one a quick sample is."""
BARS, EXAMPLES = 12, 6
_CUT = 140


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it counts, where it leads, and how long it is of the longest."""

    name: str
    href: str
    rows: int
    share: float
    length: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of one question; `upright` ones stand side by side."""

    title: str
    note: str
    bars: Sequence[Bar]
    upright: bool = False
    more: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it says, and its rows."""

    title: str
    value: str
    sub: str
    href: str | None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, with the text of the first."""

    told: str
    href: str
    text: str


@dataclass(frozen=True, slots=True)
class Groups:
    """Examples of one finding; `command` says what can be done about it."""

    title: str
    note: str
    groups: Sequence[Group]
    command: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The profile as it is shown."""

    headline: Markup
    sampled: str
    figures: Sequence[Figure]
    charts: Sequence[Chart]
    findings: Sequence[Groups]
    tables: Sequence[Table]
    data: Any


def look(app: Any, ref: str, total: int, by: Principal) -> Page:
    """Return the profile that was made, else one of a quick sample."""
    found = app.profiles.kept(ref, by=by)
    if found is None:
        found = app.profiles.show(ref, by=by, **({} if total <= WHOLE else {"rows": QUICK}))
    charts = [*_lengths(found), *_languages(found), *_labels(found)]
    return Page(
        _headline(found), _sampled(found), _figures(found), charts,
        _findings(app, found, by), [_columns(found), *_personal(found)], found,
    )  # fmt: skip


def _headline(found: Mapping[str, Any]) -> Markup:
    rows = ngettext("One row", "{n} rows", found["rows"]).format(n=words.count(found["rows"]))
    said, text = [rows], found["text"]
    known = [one for one in found["languages"] if one["language"] not in ("und", "none")]
    if known:
        n = len(known)
        told = ngettext("in one language", "in {n} languages", n).format(n=words.count(n))
        said[0] += f" {told}"
    if text["bins"] and found["rows"] > 1:
        said.append(_("half of them up to {n} characters long").format(n=words.count(text["p50"])))
    again = found["duplicates"]["equal"]["repeats"]
    end = _("none repeats another") if not again else ngettext(
        "one repeats another", "{n} repeat another", again).format(n=words.count(again))  # fmt: skip
    return escape(f"{', '.join(said)}; {end}.")


def _sampled(found: Mapping[str, Any]) -> str:
    if found["looked_at"] == found["rows"]:
        return ""
    return _("Counts are of {n} rows, spread evenly over all {all}.").format(
        n=words.count(found["looked_at"]), all=words.count(found["rows"])
    )


def _figures(found: Mapping[str, Any]) -> list[Figure]:
    ref, looked_at = found["ref"], found["looked_at"]
    equal, similar = found["duplicates"]["equal"], found["duplicates"]["similar"]
    odd = {kind: found["outliers"][kind] for kind in ("length", "characters")}
    strange = sum(one["rows"] for one in odd.values())
    personal = sum(one["rows"] for one in found["personal"])
    missing = found["text"].get("empty", {"rows": 0, "places": []})
    splits = ", ".join(f"{words.count(one['rows'])} {one['split']}" for one in found["splits"])
    return [
        Figure(_("Rows"), words.count(found["rows"]), splits, data_links.rows(ref)),
        Figure(_("Repeat another"), words.count(equal["repeats"]),
               _("{share} of those looked at").format(share=_share(equal["repeats"], looked_at)),
               "#equal" if equal["found"] else None, "wait" if equal["repeats"] else ""),
        Figure(_("Much alike"), words.count(similar["rows"]),
               ngettext("in one cluster", "in {n} clusters", similar["groups"]).format(
                   n=words.count(similar["groups"])) if similar["groups"] else _("no cluster"),
               "#similar" if similar["found"] else None),
        Figure(_("Odd ones"), words.count(strange),
               _("{a} by length, {b} by characters").format(
                   a=odd["length"]["rows"], b=odd["characters"]["rows"]),
               "#odd" if strange else None, "wait" if strange else ""),
        Figure(_("Personal data"), words.count(personal),
               _("kinds: {kinds}").format(kinds=", ".join(dict.fromkeys(
                   one["kind"] for one in found["personal"]))) if personal else _("nothing found"),
               "#personal" if personal else None, "bad" if personal else ""),
        Figure(_("Without a text"), words.count(missing["rows"]),
               _("in the column {name}").format(name=found["text"]["column"]),
               data_links.places(ref, missing["places"]) if missing["rows"] else None,
               "wait" if missing["rows"] else ""),
    ]  # fmt: skip


def _lengths(found: Mapping[str, Any]) -> list[Chart]:
    text = found["text"]
    if not text["bins"]:
        return []
    bars = _bars(
        [
            (words.short_count(one["least"]), one,
             data_links.rows(found["ref"], least=one["least"], most=one["most"])
             if one["least"] else data_links.places(found["ref"], one["places"]))
            for one in text["bins"]
        ],
        found["looked_at"],
    )  # fmt: skip
    note = _("characters in {name}: half have up to {p50}, nine tenths up to {p90}, the longest about {most}").format(
        name=text["column"], **{key: words.count(text[key]) for key in ("p50", "p90", "most")}
    )  # fmt: skip
    return [Chart(_("Lengths"), note, bars, upright=True)]


def _languages(found: Mapping[str, Any]) -> list[Chart]:
    if not found["languages"]:
        return []
    bars = _bars(
        [(_language(one["language"]), one,
          data_links.rows(found["ref"], language=one["language"]))
         for one in found["languages"]], found["looked_at"],
    )  # fmt: skip
    by = found["languages_by"] == "py3langid"
    note = "" if by else _("by script only: `pip install volano[data]` tells languages")
    return [Chart(_("Languages"), note, bars[:BARS], more=max(0, len(bars) - BARS))]


def _labels(found: Mapping[str, Any]) -> list[Chart]:
    charts = []
    for one in found["labels"][:6]:
        bars = _bars(
            [(each["value"], each,
              data_links.rows(found["ref"], where=f"{one['column']}={each['value']}"))
             for each in one["classes"]], found["looked_at"],
        )  # fmt: skip
        note = _("evenness {n}: 1 is the same number of rows for each").format(
            n=f"{one['evenness']:.2f}"
        )
        if len(bars) > BARS:
            rarest = one["classes"][-1]
            note += " · " + _("{n} classes, the rarest {name} with {rows}").format(
                n=words.count(len(bars)), name=rarest["value"], rows=words.count(rarest["rows"])
            )
        charts.append(Chart(one["column"], note, bars[:BARS], more=max(0, len(bars) - BARS)))
    return charts


def _bars(counted: Sequence[tuple[str, Mapping[str, Any], str]], total: int) -> list[Bar]:
    most = max((one["rows"] for _name, one, _href in counted), default=1) or 1
    return [
        Bar(name, href, one["rows"], one["rows"] / max(total, 1), one["rows"] / most)
        for name, one, href in counted
    ]


def _findings(app: Any, found: Mapping[str, Any], by: Principal) -> list[Groups]:
    """Return examples of repeats, clusters and odd rows, with texts as this reader may see them."""
    ref, column = found["ref"], found["text"]["column"]
    similar, odd = found["duplicates"]["similar"], found["outliers"]
    made = [
        _groups(app, ref, column, by, _("Rows that say the same"),
                _("case, width and spaces do not count"),
                [(ngettext("one row", "{n} rows", one["rows"]).format(n=words.count(one["rows"])), one["places"])
                 for one in found["duplicates"]["equal"]["found"][:EXAMPLES]], "equal"),
        _groups(app, ref, column, by, _("Clusters of rows that are much alike"),
                _("at least {share} of their runs in common").format(
                    share=f"{similar.get('threshold', 0.8):.0%}"),
                [(ngettext("one row", "{n} rows", one["rows"]).format(n=words.count(one["rows"])), one["places"])
                 for one in similar["found"][:EXAMPLES]], "similar"),
        _groups(app, ref, column, by, _("Rows unlike the others of their script"),
                _("by how many robust deviations"),
                [*((_("length {z}").format(z=_signed(one["z"])), [one]) for one in odd["length"]["found"][:4]),
                 *((_("characters {z}").format(z=_signed(one["z"])), [one]) for one in odd["characters"]["found"][:4])],
                "odd"),
    ]  # fmt: skip
    return [one for one in made if one.groups]


def _groups(
    app: Any, ref: str, column: str, by: Principal, title: str, note: str,
    found: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], anchor: str,
) -> Groups:  # fmt: skip
    firsts = [f"{one[0]['split']}:{one[0]['at']}" for _told, one in found]
    rows = app.profiles.pick(ref, firsts, by=by) if firsts else []
    groups = [
        Group(told, data_links.places(ref, places), words.clip(plain_text(row.get(column)), _CUT))
        for (told, places), row in zip(found, rows, strict=False)
    ]
    return Groups(title, note, groups, anchor)


def _columns(found: Mapping[str, Any]) -> Table:
    return Table(
        _("Columns"),
        (Column(_("Column")), Column(_("Types"), 2), Column(_("Missing"), number=True),
         Column(_("Distinct"), number=True), Column(_("Often")), ),
        [_column(found, one) for one in found["columns"]],
        empty=_("The rows have no columns."),
    )  # fmt: skip


def _column(found: Mapping[str, Any], one: Mapping[str, Any]) -> Row:
    ref, name = found["ref"], one["name"]
    if one.get("hidden"):
        hidden = (Cell("text", name), Cell("text", _("not for you to see")))
        return Row("", (*hidden, Cell("number", "–"), Cell("number", "–"), Cell("text", "–")), one)
    missing = one["missing"]["rows"]
    gone: Markup | str = _share(missing, found["looked_at"])
    if missing:
        gone = Markup('<a href="{}">{}</a>').format(data_links.rows(ref, where=f"{name}="), gone)
    about = "" if one["distinct_is"] == "counted" else "≈\u202f"
    often = Markup(" · ").join(
        Markup('<a href="{}"><bdi>{}</bdi></a>\u202f<span class="sub num">{}</span>').format(
            data_links.rows(ref, where=f"{name}={each['value']}"),
            words.visible(words.clip(each["value"], 28)), words.short_count(each["rows"]))
        for each in one.get("values", ())[:3]
    )  # fmt: skip
    span: Markup | str = often
    if not often and "least" in one:
        span = _("{least} to {most}").format(
            least=words.number(one["least"]), most=words.number(one["most"])
        )
    elif not often and "characters" in one:
        span = _("texts of about {n} characters").format(n=words.count(one["characters"]["p50"]))
    return Row(
        "",
        (
            Cell("text", name), Cell("text", ", ".join(one["types"])),
            Cell("markup", Markup('<span class="num">{}</span>').format(gone)),
            Cell("number", about + words.count(one["distinct"])),
            Cell("markup", escape(span or "–")),
        ),
        one,
    )  # fmt: skip


def _personal(found: Mapping[str, Any]) -> list[Table]:
    if not found["personal"]:
        return []
    return [
        Table(
            _("What looks personal or secret"),
            (Column(_("Kind")), Column(_("Column")), Column(_("Rows"), number=True),
             Column(_("Places"), 2, number=True)),
            [
                Row("", (Cell("ref", one["kind"],
                              href=data_links.rows(found["ref"], personal=one["kind"])),
                         Cell("text", one["column"]), Cell("number", words.count(one["rows"])),
                         Cell("number", words.count(one["found"]))), one)
                for one in found["personal"]
            ],
        )
    ]  # fmt: skip


def plain_text(value: Any) -> str:
    """Return a value as a reader reads it: texts as they are, of a conversation what was said."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(plain_text(one) for one in value)
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return f"{value.get('role', '')}: {value['content']}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plain_text(one)}" for name, one in value.items())
    if isinstance(value, float):
        return f"{value:.5g}"
    return "" if value is None else str(value)


def _language(code: str) -> str:
    return {"und": _("not told"), "none": _("no letters")}.get(code, code)


def _share(n: int, total: int) -> str:
    share = n / total * 100 if total else 0
    return f"{share:.{0 if share >= 10 or not n else 1}f}\u202f%"


def _signed(z: float) -> str:
    return f"{z:+.1f}".replace("-", "−")
