"""How two releases differ, as `volano release diff` draws it."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell, heading, table, visible

_SCORES = ("name", "a", "b", "difference", "low", "high", "verdict")


def releases(value: Mapping[str, Any], words: Any) -> None:
    """Draw each part that differs; `words` draws pieces of text."""
    click.echo(f"a  {value['a']}\nb  {value['b']}")
    if value["same"]:
        click.echo("They pin the same.")
        return
    table(value["pins"], ("role", "a", "b"))
    if value["words"]:
        words("prompt", value["words"])
    for name in ("settings", "price"):
        _part(name, [_changed(one) for one in value[name]])
    _part("weights", [_made(one) for one in value["weights"]])
    for one in value["data"]:
        click.echo(f"data: {one['a'] or '–'} → {one['b'] or '–'}{_rows(one.get('rows'))}")
    for one in value["scores"]:
        click.echo(f"scores on the same {one['n']} rows: {one['a']} → {one['b']}")
        table([_rounded(score) for score in one["scores"]], _SCORES)
    for note in value["notes"]:
        click.echo(f"note: {visible(note)}")


def _part(name: str, sentences: Sequence[str]) -> None:
    if sentences:
        click.echo(heading(name))
        for sentence in sentences:
            click.echo(f"  {visible(sentence)}")


def _changed(one: Mapping[str, Any]) -> str:
    a, b = (cell("", one[side]) if one[side] is not None else "–" for side in "ab")
    return f"{one['name']}: {a} → {b}"


def _made(one: Mapping[str, Any]) -> str:
    facts = [f"{name} {one[name]}" for name in ("parameters", "format", "bytes") if one.get(name)]
    made = f", from {', '.join(one['made_from'])}" if one["made_from"] else ""
    return f"{one['of']}: {one['model']} ({', '.join(facts) or 'a pointer'}){made}"


def _rows(splits: Mapping[str, Any] | None) -> str:
    if not splits:
        return ""
    said = [
        f"{split} +{one.get('added', 0)} −{one.get('removed', 0)}"
        for split, one in splits.items()
        if isinstance(one, Mapping) and (one.get("added") or one.get("removed"))
    ]
    return f" ({', '.join(said) or 'the same rows'})"


def _rounded(score: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in score.items()}
