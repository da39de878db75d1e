"""What a sample of live calls is worth, drawn: each score, then its slices, then the worst calls."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell, lines, table

_SCORES = ("score", "value", "low", "high", "n", "people would say", "unmeasured")
_SLICES = ("score", "slice", "value_of", "value", "low", "high", "n", "p", "verdict")


def scores(value: Mapping[str, Any]) -> None:
    """Draw the scores of all calls with their intervals, and what must be known to believe them."""
    found: Sequence[Mapping[str, Any]] = value["scores"]
    click.echo(f"{value['evaluator']}   {cell('since_us', value['since_us'])} to "
               f"{cell('until_us', value['until_us'])}")  # fmt: skip
    table([_score(one) for one in found], _SCORES)
    for one in found:
        for note in _notes(one):
            click.echo(lines(f"{one['score']}: {note}"))
    slices = [_slice(one, row) for one in found for row in one["by"] if row["rest"]]
    if slices:
        table(slices, _SLICES)
    for one in found:
        best = float(one["bigger"]) if one["share"] else None
        for row in (row for row in one["worst"] if row["score"] != best):
            click.echo(
                f"worst  {cell('', one['score'])}  {_rounded(row['score'])}  trace {row['trace']}"
            )


def _score(one: Mapping[str, Any]) -> dict[str, Any]:
    people = one["corrected"] or {}
    return {
        **{name: _rounded(one.get(name)) for name in ("score", "value", "low", "high", "n")},
        "people would say": _rounded(people.get("value")),
        "unmeasured": sum(one["unmeasured"].values()),
    }  # fmt: skip


def _notes(one: Mapping[str, Any]) -> list[str]:
    people, poor = one["corrected"] or {}, one["poor"]
    said = []
    if poor:
        side = "below" if one["bigger"] else "above"
        said.append(f"about {poor['calls']:.0f} calls are {side} one half "
                    f"({poor['low']:.0f} to {poor['high']:.0f})")  # fmt: skip
    if people.get("value") is None and people.get("why"):
        said.append(f"not corrected: {people['why']}")
    said += people.get("notes", ())
    if one["lost"]:
        said.append(
            f"{one['lost']} drawn calls were not looked at; others of their hour stand for them"
        )
    if one["dark"]:
        said.append(
            f"of {one['dark']:.0%} of the drawn calls nothing is known: nobody looked in their hours"
        )
    return [*said, *(f"{n} unmeasured: {why}" for why, n in one["unmeasured"].items())]


def _slice(one: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    compared = row["p"] is not None
    verdict = "worse" if row["worse"] else "better" if row["better"] else "undecided"
    return {
        **{name: _rounded(row.get(name)) for name in _SLICES}, "score": one["score"],
        "verdict": verdict if compared else "not enough",
    }  # fmt: skip


def _rounded(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value
