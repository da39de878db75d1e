"""Draws what differs between prompts, word by word: in colour, or marked as Git marks words."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import lines, styled, visible

_MARKS = {"-": ("red", "[-", "-]"), "+": ("green", "{+", "+}")}


def difference(value: Mapping[str, Any]) -> None:
    """Draw what differs as written, then what differs in what is sent."""
    if not value["written"]:
        click.echo(f"{visible(value['a'])} and {visible(value['b'])} say the same.")
    parts(value["written"])
    for one in value["rendered"]:
        head = f"sent for {visible(one['of'])}"
        click.echo(styled(head if one["parts"] else f"{head}: the same", sys.stdout, bold=True))
        parts(one["parts"])


def parts(found: Sequence[Mapping[str, Any]]) -> None:
    """Draw each part under its name."""
    for part in found:
        click.echo(styled(visible(part["part"]), sys.stdout, bold=True))
        for line in "".join(_piece(mark, text) for mark, text in part["pieces"]).splitlines():
            click.echo(f"  {line}")


def _piece(mark: str, text: str) -> str:
    text = lines(text)
    if mark not in _MARKS:
        return text
    colour, begin, end = _MARKS[mark]
    if sys.stdout.isatty():
        return "\n".join(styled(line, sys.stdout, fg=colour) for line in text.split("\n"))
    return f"{begin}{text}{end}"
