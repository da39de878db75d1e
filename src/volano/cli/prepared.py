"""How recipes look: what each step did to a few rows, and how many rows it let through."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from volano.cli.cells import cell, styled, table, talk

_WIDTH = 160


def preview(value: Mapping[str, Any]) -> None:
    """Draw each step with its rows: what came in, what went out or why not."""
    for step in value["steps"]:
        click.echo(styled(_counted(step), sys.stdout, bold=True))
        for row in step["rows"]:
            for line in _row(row):
                click.echo(f"  {line}")
    if any(step["whole"] for step in value["steps"]):
        talk("note:  a step that looks at all rows saw these few only")


def report(value: Mapping[str, Any]) -> None:
    """Draw the counts of all steps as a table, and below it the reasons."""
    click.echo(f"{cell('ref', value['ref'])}  {value['rows']} rows, {value['rejected']} rejected")
    times = dict(enumerate(value.get("times", {}).get("steps", ())))
    rows = []
    for at, step in enumerate(value["steps"]):
        spent = times.get(at, {}).get("seconds")
        rows.append({**{name: step[name] for name in ("step", "in", "out")}, "seconds": spent})
    table(rows, ("step", "in", "out", "seconds"))
    reasons = [
        {"step": step["step"], "what": what, "reason": reason, "rows": count}
        for step in value["steps"]
        for what in ("dropped", "changed")
        for reason, count in step[what].items()
    ]
    if reasons:
        click.echo()
        table(reasons, ("step", "what", "reason", "rows"))


def _counted(step: Mapping[str, Any]) -> str:
    said = [
        f"{reason} × {count}" for reason, count in {**step["dropped"], **step["changed"]}.items()
    ]
    return f"{cell('', step['step'])}  {step['in']} → {step['out']}   {cell('', ', '.join(said)) if said else ''}"


def _row(row: Mapping[str, Any]) -> list[str]:
    before, after = row.get("before"), row.get("after")
    if "reason" in row:
        detail = f" ({row['detail']})" if row.get("detail") else ""
        return [
            _said("-", before),
            styled(f"  dropped: {cell('', row['reason'] + detail)}", sys.stdout, fg="red"),
        ]
    if before is None:
        return [_said("+", after)]
    if before == after:
        return [_said("=", after)]
    assert after is not None, "a row that was not dropped came out"
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    gone = {name: value for name, value in before.items() if name in changed}
    new = {name: value for name, value in after.items() if name in changed}
    return [_said(mark, part) for mark, part in (("<", gone), (">", new)) if part]


def _said(mark: str, row: Any) -> str:
    shown = {k: v for k, v in row.items() if k != "origin"} if isinstance(row, Mapping) else row
    text = json.dumps(shown, ensure_ascii=False)
    return f"{mark} {cell('', text if len(text) <= _WIDTH else text[: _WIDTH - 1] + '…')}"
