"""Two models side by side, as `volano model compare` draws them."""

from collections.abc import Mapping
from typing import Any

import click

from volano.cli.cells import cell, heading, table

_FACTS = (
    "format",
    "engine",
    "bytes",
    "parameters",
    "answer_tokens",
    "latency_us",
    "speed",
    "cost",
    "report",
)


def rivals(value: Mapping[str, Any]) -> None:
    """Draw what both are, their scores with the paired differences, and the rows that flipped."""
    a, b = value["a"], value["b"]
    sides = [
        {"": heading(name), "a": cell(name, a[name]), "b": cell(name, b[name])} for name in _FACTS
    ]
    table([{"": "model", "a": a["model"], "b": b["model"]}, *sides], ("", "a", "b"))
    columns = ("name", "a", "b", "difference", "low", "high", "n", "verdict")
    rounded = [
        {k: round(v, 4) if isinstance(v, float) else v for k, v in one.items()}
        for one in value["scores"]
    ]
    table(rounded, columns)
    flips = value["flips"]
    click.echo(
        f"{flips['negative']} rows that a gets right and b wrong, {flips['positive']} the other way "
        f"round ({cell('score', flips['score'])})"
    )
    for row in flips["rows"]:
        click.echo(f"lost  {cell('row', row)}")
