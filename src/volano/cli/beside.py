"""Pairs of answers beside each other, as `volano release pairs` draws them."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import styled, talk, visible


def pairs(value: Mapping[str, Any]) -> None:
    """Draw pairs: what was asked, what users got, what the candidate answered, scores and cost."""
    click.echo(
        f"{value['candidate']} in the shadow of {value['channel']}: rollout {value['rollout']}"
    )
    if value["silent"]:
        talk(f"Its judge gives no scores: {value['silent']}")
    for one in value["pairs"]:
        head = f"{one['copy']}  copies {one['copied']}  differs {one['differs']:.2f}"
        click.echo(styled(head, sys.stdout, bold=True))
        for name, key in (("asked", "asked"), ("served", "original"), ("candidate", "answer")):
            click.echo(f"  {name:<10} {visible(one[key]) or '–'}")
        facts = [*_scores(one["scores"]), *_measures(one)]
        if one["note"]:
            facts.append(visible(one["note"]))
        if facts:
            click.echo(f"  {'; '.join(facts)}")


def _scores(scores: Mapping[str, Sequence[float]]) -> Sequence[str]:
    return [f"{visible(name)} {a:g} → {b:g}" for name, (a, b) in scores.items()]


def _measures(one: Mapping[str, Any]) -> Sequence[str]:
    found = []
    if one["cost"] is not None and one["cost"][0]:
        found.append(f"cost × {one['cost'][1] / one['cost'][0]:.2f}")
    if one["latency_us"] is not None:
        before, after = (f"{us / 1000:.0f}" for us in one["latency_us"])
        found.append(f"{before} → {after} ms")
    return found
