"""How results look: tables on a terminal, tab-separated when piped, sentences after changes.

Results go to stdout, talk goes to stderr.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli import drawings
from volano.cli.cells import cell, facts, lines, table, talk, visible
from volano.web.api.verb import Verb


def result(verb: Verb, value: Any) -> None:
    """Show what a verb returned."""
    drawing = drawings.DRAWINGS.get((verb.noun, verb.name))
    if drawing is not None and value is not None:
        drawing(value)
    elif verb.done and isinstance(value, Mapping):
        click.echo(fill(verb.done, value).rstrip())
        for note in value.get("notes", ()):
            talk(f"note:  {visible(str(note))}", dim=False)
        if verb.next:
            talk(f"next:  {fill(verb.next, value)}")
    elif isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        table(value, verb.columns)
        _tell_broken(value)
    elif isinstance(value, list):
        click.echo("\n".join(cell("", item) for item in value))
    elif isinstance(value, Mapping):
        facts(value)
    elif isinstance(value, str) and value:
        click.echo(lines(value).rstrip("\n"))
    elif value is None or value == "":
        talk("nothing yet")
    else:
        click.echo(json.dumps(value, ensure_ascii=False))


def _tell_broken(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say which artifacts of a list are not what was recorded, and why."""
    for row in rows:
        if row.get("state") == "broken" and row.get("problem"):
            talk(f"{visible(str(row['ref']))} is broken: {visible(str(row['problem']))}", dim=False)


def fill(template: str, value: Mapping[str, Any]) -> str:
    """Fill `{a}` and `{a[b][c]}` from a result; lists are joined with commas, objects are JSON."""

    def part(match: re.Match[str]) -> str:
        found: Any = value
        for name in re.findall(r"[^\[\]]+", match[1]):
            found = found.get(name, "?") if isinstance(found, Mapping) else "?"
        if isinstance(found, Mapping):
            return cell("", found)
        return visible(", ".join(map(str, found)) if isinstance(found, list) else str(found))

    return re.sub(r"\{([\w\[\]]+)\}", part, template)
