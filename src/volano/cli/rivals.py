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


_UNITS = {
    "tokens_per_s": "tokens/s",
    "latency_ms": "ms",
    "ttft_ms": "ms",
    "cost_per_1k": "per 1,000",
    "energy_wh": "Wh",
}


def _fact(name: str, value: Any) -> str:
    """Return a fact as text; speed and cost with their units, or that nobody measured them."""
    if name not in ("speed", "cost"):
        return cell(name, value)
    said = [f"{_plain(one)} {_UNITS.get(key, '')}".strip() for key, one in (value or {}).items()]
    return ", ".join(said) or "not measured"


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cell("", value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def rivals(value: Mapping[str, Any]) -> None:
    """Draw what both are, their scores with the paired differences, and the rows that flipped."""
    a, b = value["a"], value["b"]
    sides = [
        {"": heading(name), "a": _fact(name, a[name]), "b": _fact(name, b[name])} for name in _FACTS
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
