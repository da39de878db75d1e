"""Draws what is in a dataset, and the rows that a search found."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell, table, talk, visible
from volano.cli.rows import rows as draw_rows
from volano.core.ports.access import MASK

_SHOWN, _WIDE = 8, 24


def profile(value: Mapping[str, Any]) -> None:
    """Draw a profile: a line for each answer, a bar for each share."""
    ref, looked_at, rows = value["ref"], value["looked_at"], value["rows"]
    click.echo(f"{visible(ref)}  {rows} rows  {_listed(value['splits'], 'split')}")
    if looked_at < rows:
        click.echo(f"looked at {looked_at} rows, spread evenly; counts are of those")
    text = value["text"]
    if not text.get("hidden") and text["bins"]:
        click.echo(
            f"\n{visible(text['column'])}  characters: half up to {text['p50']}, "
            f"nine tenths up to {text['p90']}, the longest about {text['most']}"
        )
        names = ["none" if one["most"] == 0 else f"{one['least']}–{one['most']}" if one["most"] is not None else f"{one['least']}…" for one in text["bins"]]  # fmt: skip
        _bars(names, text["bins"])
    if value["languages"]:
        by = (
            "" if value["languages_by"] == "py3langid" else "  (by script: volano[data] tells more)"
        )
        click.echo(f"\nlanguages{by}")
        _bars([one["language"] for one in value["languages"]], value["languages"])
    for one in value["labels"]:
        click.echo(f"\n{visible(one['column'])}  {_classes(one)}")
        _bars([each["value"] for each in one["classes"]], one["classes"])
    click.echo("")
    _findings(value)
    click.echo("")
    table([_column(one, looked_at) for one in value["columns"]], ())
    talk(f"next:  volano data search {visible(ref)} WORDS")


def found(value: Mapping[str, Any]) -> None:
    """Draw the rows that fit, and say how many were looked at."""
    draw_rows([{k: v for k, v in row.items() if k != "at"} for row in value["rows"]])
    talk(f"{len(value['rows'])} found in {value['looked_at']} rows looked at, of {value['of']}")
    if value["next"] is not None:
        talk(f"next:  the same with --start {value['next']}")


def _bars(names: Sequence[str], counts: Sequence[Mapping[str, Any]]) -> None:
    total = sum(one["rows"] for one in counts) or 1
    width = max((len(visible(name)) for name in names[:_SHOWN]), default=0)
    for name, one in list(zip(names, counts, strict=True))[:_SHOWN]:
        share = one["rows"] / total
        bar = "█" * max(1 if one["rows"] else 0, round(share * _WIDE))
        click.echo(f"  {visible(name):<{width}}  {bar:<{_WIDE}}  {one['rows']}  {share:.1%}")
    if len(counts) > _SHOWN:
        click.echo(f"  and {len(counts) - _SHOWN} more")


def _classes(one: Mapping[str, Any]) -> str:
    """Say how many classes there are, how even, and which is the rarest where it is not in sight."""
    classes = one["classes"]
    said = f"{len(classes)} classes, evenness {one['evenness']:.2f}"
    if len(classes) <= _SHOWN:
        return said
    rarest = classes[-1]
    return f"{said}, the rarest {visible(rarest['value'])} ({rarest['rows']})"


def _findings(value: Mapping[str, Any]) -> None:
    equal, similar = value["duplicates"]["equal"], value["duplicates"]["similar"]
    click.echo(f"equal texts    {equal['repeats']} repeat another row{_such(equal)}")
    click.echo(
        f"similar texts  {similar['groups']} clusters of {similar['rows']} rows{_such(similar)}"
    )
    for kind, name in (("length", "odd lengths  "), ("characters", "odd characters")):
        one = value["outliers"][kind]
        ids = _named(one["found"])
        click.echo(f"{name:<13}  {one['rows']} rows{': ' + ids if ids else ''}")
    for one in value["personal"]:
        ids = _named(one["places"])
        click.echo(
            f"personal       {one['kind']} in {visible(one['column'])}: {one['rows']} rows: {ids}"
        )
    for one in value["rejected"]["reasons"]:
        click.echo(
            f"left out       {one['rows']} by {visible(one['step'])}: {visible(one['reason'])}"
        )


def _such(groups: Mapping[str, Any]) -> str:
    if not groups["found"]:
        return ""
    return ", such as " + _named(groups["found"][0]["places"])


def _named(places: Sequence[Mapping[str, Any]]) -> str:
    """Return the first few rows by their ids, or by where they lie for whom ids are hidden from."""
    return ", ".join(
        f"{each['split']}:{each['at']}" if each["id"] == MASK else each["id"] for each in places[:3]
    )


def _listed(counts: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(f"{one['rows']} {cell('', one[name])}" for one in counts)


def _column(one: Mapping[str, Any], rows: int) -> dict[str, Any]:
    if one.get("hidden"):
        return {"column": one["name"], "types": MASK, "missing": None, "distinct": None}
    about = "" if one["distinct_is"] == "counted" else "about "
    return {
        "column": one["name"], "types": " ".join(one["types"]) or "-",
        "missing": f"{one['missing']['rows'] / max(rows, 1):.1%}",
        "distinct": f"{about}{one['distinct']}",
    }  # fmt: skip
