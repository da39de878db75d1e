"""Lineage as trees: what a thing came from above it, what came of it below."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell, talk

_WORDS = {"source": "source", "run": "Run", "channel": "channel"}


def graph(value: Mapping[str, Any]) -> None:
    """Draw a graph as two trees around its root."""
    nodes = {node["id"]: node for node in value["nodes"]}
    for title, here, there in (
        ("came from", "target", "source"),
        ("came of it", "source", "target"),
    ):
        below: dict[str, list[tuple[str, str]]] = {}
        for edge in value["edges"]:
            below.setdefault(edge[here], []).append((edge[there], edge["role"]))
        if below.get(value["root"]):
            click.echo(f"{title}")
            click.echo("\n".join(tree(value["root"], nodes, below, set())))
    if not value["edges"]:
        click.echo(_line(nodes[value["root"]], ""))
        talk("Nothing is known to have come of it, or before it.")
    if value.get("truncated"):
        talk("note:  there is more than is shown; ask for a part of it.", dim=False)


def tree(
    at: str,
    nodes: Mapping[str, Mapping[str, Any]],
    below: Mapping[str, Sequence[tuple[str, str]]],
    seen: set[str],
    role: str = "",
) -> list[str]:
    """Return the lines of a tree; what was drawn once is only named again."""
    again = at in seen and bool(below.get(at))
    seen.add(at)
    found = [_line(nodes[at], role) + (" (above)" if again else "")]
    items = [] if again else list(below.get(at, ()))
    for n, (one, its_role) in enumerate(items):
        last = n == len(items) - 1
        lines = tree(one, nodes, below, seen, its_role)
        found.append(("└─ " if last else "├─ ") + lines[0])
        found += [("   " if last else "│  ") + line for line in lines[1:]]
    return found


def fate(value: Mapping[str, Any]) -> None:
    """Draw what a row came from and ended up in."""
    click.echo(f"row {cell('', value['row'].get('id'))}   first in {cell('', value['first'])}")
    for name, item in value["row"].items():
        if name not in ("id", "origin"):
            click.echo(f"  {cell('', name)}: {cell('', item)[:200]}")
    click.echo(f"origin  {cell('', value['origin']) if value['origin'] else 'not told'}")
    click.echo(f"held by  {', '.join(cell('', one['ref']) for one in value['held_by'])}")
    for kind, names in value["came_of_it"].items():
        click.echo(f"{cell('', kind)}  {', '.join(cell('', name) for name in names)}")


def json_lines(value: Sequence[Mapping[str, Any]]) -> None:
    """Print each object as JSON in a line of its own."""
    for item in value:
        click.echo(json.dumps(item, ensure_ascii=True))


def _line(node: Mapping[str, Any], role: str) -> str:
    what = _WORDS.get(node["type"], node["kind"])
    kind = f" {cell('', node['kind'])}" if node["type"] in ("source", "run") else ""
    told = node["told"]
    said = [told["digest"][7:19]] if "digest" in told else []
    said += [node["id"][4:12], told["state"]] if node["type"] == "run" and "state" in told else []
    said += [f"by {told['by']}"] if told.get("by") else []
    said += [cell("at_us", node["at_us"])] if node.get("at_us") else []
    more = f"   {' · '.join(cell('', one) for one in said)}" if said else ""
    prefix = f"{cell('', role)}: " if role else ""
    return f"{prefix}{cell('', what)}{kind} {cell('', node['name'])}{more}"
