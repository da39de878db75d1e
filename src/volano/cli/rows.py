"""Draws rows of a dataset, and what differs between two of its versions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell, facts, table, visible

HIDDEN = ("origin", "split")
MARKS = {"added": "+", "removed": "-", "changed": "~"}


def rows(value: Sequence[Mapping[str, Any]]) -> None:
    """Draw rows as a table of their id and columns."""
    names = dict.fromkeys(name for row in value for name in row if name not in HIDDEN)
    table(value, tuple(names))


def difference(value: Mapping[str, Any]) -> None:
    """Draw the counts of each split, then the changes, one a line."""
    facts({split: counts for split, counts in value.items() if split != "rows"})
    for change in value.get("rows", ()):
        click.echo(f"{MARKS[change['change']]} {visible(change['split'])}  {_told(change)}")


def _told(change: Mapping[str, Any]) -> str:
    row = change["row"]
    if change["change"] != "changed":
        shown = {name: item for name, item in row.items() if name not in HIDDEN}
        return visible(json.dumps(shown, ensure_ascii=False))
    said = [
        f"{visible(name)}: {_value(change['old'], name)} → {_value(row, name)}"
        for name in change["columns"]
    ]
    return f"{row['id']}  " + ", ".join(said)


def _value(row: Mapping[str, Any], name: str) -> str:
    return cell("", row[name]) if name in row else "(none)"
