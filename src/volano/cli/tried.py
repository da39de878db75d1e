"""Answers of several to one prompt, as `volano prompt try` draws them; over rows, what they come to."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from volano.cli.cells import cell, lines, table, talk, visible
from volano.core.money import Money


def tried(value: Mapping[str, Any]) -> None:
    """Draw who said what, in how long and for how much; or a line for each player over the rows."""
    if "totals" in value:
        _totals(value)
    else:
        for take in value["takes"]:
            _take(take)
    if not all(one["state"] == "answered" for one in value["takes"]):
        talk(f"{_unanswered(value)} of {len(value['takes'])} calls gave no whole answer")
    talk(f"next:  volano trace list --where 'tag.playground = \"{visible(value['prompt'])}\"'")


def _take(take: Mapping[str, Any]) -> None:
    click.echo("   ".join([visible(take["player"]), *_about(take)]))
    if take["text"]:
        click.echo("".join(f"  {line}\n" for line in lines(take["text"]).splitlines()), nl=False)
    if take["error"]:
        click.echo(f"  {visible(take['error'])}")
        if take["hint"]:
            click.echo(f"  {visible(take['hint'])}")


def _about(take: Mapping[str, Any]) -> Iterator[str]:
    yield take["state"]
    if take["latency_us"] is not None:
        yield cell("latency_us", take["latency_us"])
    if take["completion_tokens"] is not None:
        sent = "?" if take["prompt_tokens"] is None else take["prompt_tokens"]
        yield f"{sent} tokens in, {take['completion_tokens']} out"
    if take["release"]:
        yield visible(take["release"])
    yield _money({take["currency"]: take["cost_nano"]})


def _totals(value: Mapping[str, Any]) -> None:
    rows = [
        {
            "player": name, "score": _score(one["score"]), "unmeasured": one["unmeasured"],
            "states": ", ".join(f"{n} {state}" for state, n in sorted(one["states"].items())),
            "latency_us": one["latency_us"], "cost": _money(one["cost_nano"]),
        }
        for name, one in value["totals"].items()
    ]  # fmt: skip
    table(rows, ("player", "score", "states", "unmeasured", "latency_us", "cost"))
    why: dict[str, dict[str, None]] = {}
    for one in value["takes"]:
        if one["error"]:
            why.setdefault(one["error"], {})[one["player"]] = None
    for error, names in why.items():
        click.echo(f"{', '.join(map(visible, names))}: {visible(error)}")
    talk("single answers: the same with --json")


def _score(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return "unmeasured"
    reach = "" if score["low"] is None else f" [{score['low']:.3f}, {score['high']:.3f}]"
    return f"{score['name']} {score['value']:.3f}{reach}"


def _money(costs: Mapping[str, int | None]) -> str:
    said = [str(Money(nano, currency)) for currency, nano in costs.items() if nano is not None]
    return " + ".join(said) or "cost not known"


def _unanswered(value: Mapping[str, Any]) -> int:
    return sum(one["state"] != "answered" for one in value["takes"])
